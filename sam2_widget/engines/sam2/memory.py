"""What the model remembers of each scope: prompted frames, and the running pass."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from sam2_widget.annotations import FramePrompts

Output = dict[str, Any]
"""What is kept of one object on one frame: logits, memory features, pointer, score."""

POINTERS = 15
"""Past frames whose object pointers SAM 2 reads (max_obj_ptrs_in_encoder - 1)."""
EVERY = 16
"""Frames of a pass from one place where it can be taken up again to the next."""


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
        Outputs of prompted frames as the last pass read them, memory features included; never
        changed in place.
    window : dict
        Of the frames that the running pass tracked last, what the model reads.
    read : dict
        `cond` of the last pass forward (False) and of the last one backward (True): what a
        correction of a frame tracked that way reads.
    bases : dict
        Of frames that lost their prompts: what those refined, should undo bring them back.
    stretch : Stretch or None
        What the running pass tracks since it began.
    """

    prompted: dict[int, Prompted] = field(default_factory=dict)
    cond: dict[int, Output] = field(default_factory=dict)
    window: dict[int, Output] = field(default_factory=dict)
    reverse: bool = False
    run: str = ""
    read: dict[bool, dict[int, Output]] = field(default_factory=dict)
    bases: dict[int, Base] = field(default_factory=dict)
    stretch: Stretch | None = None

    def keep(self, frame: int, output: Output, reach: int) -> None:
        """Add a tracked frame to the window and drop what the model will not read again."""
        self.window[frame] = output
        self.window = readable(self.window, frame + (-1 if self.reverse else 1), reach)


def readable(outputs: dict[int, Output], frame: int, reach: int) -> dict[int, Output]:
    """Return of tracked outputs what the model reads at a frame: near ones whole, else pointers.

    Parameters
    ----------
    outputs : dict
        Outputs by frame.
    frame : int
        The frame that is tracked next, or corrected.
    reach : int
        How many frames away memory features are read.
    """
    read = {}
    for at, output in outputs.items():
        distance = abs(at - frame)
        if distance <= POINTERS:
            features = output["maskmem_features"] if distance <= reach else None
            read[at] = {"maskmem_features": features, "obj_ptr": output["obj_ptr"]}
    return read


@dataclass(eq=False, slots=True)
class Stretch:
    """Frames that were tracked one after the other, and what it takes to track them again.

    Attributes
    ----------
    cond : dict
        Outputs of the prompted frames.
    window : dict or None
        What the model read of frames before the first; None when that was dropped.
    first : int
        The frame it begins with.
    reverse : bool
        Whether it goes back in time.
    reach : int
        How many frames away memory features are read.
    """

    cond: dict[int, Output]
    window: dict[int, Output] | None
    first: int
    reverse: bool
    reach: int

    @property
    def nbytes(self) -> int:
        """Bytes of the window's tensors."""
        return sum(nbytes(output) for output in (self.window or {}).values())

    def place(self, frame: int) -> int:
        """Return how many frames of the stretch come before a frame."""
        return self.first - frame if self.reverse else frame - self.first

    def at(self, place: int) -> int:
        """Return the frame at a place; places before the first are negative."""
        return self.first - place if self.reverse else self.first + place

    def is_key(self, frame: int) -> bool:
        """Tell whether the next place where the pass can be taken up reads its memory features."""
        return self.place(frame) % EVERY >= EVERY - self.reach


def nbytes(output: Output) -> int:
    """Return the bytes of an output's tensors."""
    return sum(v.nbytes for v in output.values() if isinstance(v, torch.Tensor))


def move(output: Output, device: torch.device) -> Output:
    """Return the output with its tensors on a device; on the same device nothing is copied."""
    moved = {k: v.to(device) if isinstance(v, torch.Tensor) else v for k, v in output.items()}
    if moved.get("pred_masks") is not None:
        # What was kept in fewer bits is computed with as it was made.
        moved["pred_masks"] = moved["pred_masks"].float()
    return moved


def separate(outputs: Output) -> list[Output]:
    """Return the outputs of a batch one by one; none keeps the tensors of the others alive."""
    count = len(outputs["obj_ptr"])
    if count == 1:
        return [outputs]
    return [{k: v[i : i + 1].clone() for k, v in outputs.items()} for i in range(count)]
