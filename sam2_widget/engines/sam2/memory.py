"""What the model remembers of each scope: prompted frames, the running pass, past passes."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Hashable

    from sam2_widget.annotations import FramePrompts

Output = dict[str, Any]
"""What is kept of one object on one frame: logits, memory features, pointer, score."""

POINTERS = 15
"""Past frames whose object pointers SAM 2 reads (max_obj_ptrs_in_encoder - 1)."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What the model may read of one object: outputs by frame.

    Attributes
    ----------
    cond : dict
        Of prompted frames.
    tracked : dict
        Of tracked frames.
    count : int
        Number of frames of the video.
    reverse : bool
        Whether the pass goes back in time.
    """

    cond: dict[int, Output]
    tracked: dict[int, Output]
    count: int
    reverse: bool = False


@dataclass(slots=True)
class Base:
    """What a frame was before its first prompt, where it had been tracked.

    Attributes
    ----------
    output : dict
        The tracked output that the prompts refine.
    memory : Memory or None
        The memory the model read there; None where only the saved mask was left.
    run
        The run it was tracked in.
    """

    output: Output
    memory: Memory | None = None
    run: str = ""


@dataclass(slots=True)
class Prompted:
    """The replay of a prompted frame: the output after each call made so far."""

    base: Base | None
    calls: list[tuple[FramePrompts, Output]] = field(default_factory=list)

    @property
    def output(self) -> Output:
        """The output after the last call, of the base where there was none."""
        if self.calls:
            return self.calls[-1][1]
        assert self.base is not None
        return self.base.output


@dataclass(slots=True)
class ScopeMemory:
    """The model's memory of one scope.

    Attributes
    ----------
    prompted : dict
        Prompted frames, each with its replay.
    cond : dict
        Outputs of prompted frames as the last pass read them, memory features included.
    window : dict
        Outputs of the frames that the running pass tracked last.
    """

    prompted: dict[int, Prompted] = field(default_factory=dict)
    cond: dict[int, Output] = field(default_factory=dict)
    window: dict[int, Output] = field(default_factory=dict)
    reverse: bool = False
    run: str = ""

    def keep(self, frame: int, output: Output) -> None:
        """Add a tracked frame to the window and drop what the model will not read again."""
        self.window[frame] = output
        self.window = {f: out for f, out in self.window.items() if abs(f - frame) <= POINTERS}


@dataclass(slots=True)
class Past:
    """A tracked output kept for corrections and for passes that begin beside it."""

    output: Output
    run: str
    reverse: bool
    size: int


class Archive:
    """Past tracked outputs of all scopes in host memory, the oldest dropped over `budget` bytes.

    A correction of a tracked frame, or a pass that resumes beside it, reads them; where they are
    gone the saved mask takes their place.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.size = 0
        self._items: OrderedDict[tuple[Hashable, int], Past] = OrderedDict()

    def __len__(self) -> int:
        """Return how many outputs are kept."""
        return len(self._items)

    def put(self, scope: Hashable, frame: int, output: Output, run: str, reverse: bool) -> None:
        """Keep an output, replacing what was kept of that frame."""
        self.drop(scope, frame)
        stored = move(output, torch.device("cpu"))
        size = sum(t.nbytes for t in stored.values() if isinstance(t, torch.Tensor))
        self._items[scope, frame] = Past(stored, run, reverse, size)
        self.size += size
        while self.size > self.budget and self._items:
            _, oldest = self._items.popitem(last=False)
            self.size -= oldest.size

    def get(self, scope: Hashable, frame: int) -> Past | None:
        """Return what is kept of a frame."""
        return self._items.get((scope, frame))

    def drop(self, scope: Hashable, frame: int | None = None) -> None:
        """Forget a frame of a scope, or all of them."""
        keys = [(scope, frame)] if frame is not None else [k for k in self._items if k[0] == scope]
        for key in keys:
            past = self._items.pop(key, None)
            self.size -= past.size if past else 0


def move(output: Output, device: torch.device) -> Output:
    """Return the output with its tensors on a device; on the same device nothing is copied."""
    return {k: v.to(device) if isinstance(v, torch.Tensor) else v for k, v in output.items()}
