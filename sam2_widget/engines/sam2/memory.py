"""What the model remembers of each scope: prompted frames, the running pass, past passes."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

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


@dataclass(slots=True)
class Past:
    """A tracked output kept for corrections and for passes that begin beside it.

    Its memory features are None where they can be computed from the rest, and its logits where
    the stretch can be tracked again up to here. `arrived` returns once it is there; only who reads
    its numbers on the host has to wait for that.
    """

    output: Output
    arrived: Callable[[], object]
    run: str
    reverse: bool
    stretch: Stretch | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of its tensors."""
        return nbytes(self.output)


def nbytes(output: Output) -> int:
    """Return the bytes of an output's tensors."""
    return sum(v.nbytes for v in output.values() if isinstance(v, torch.Tensor))


class Archive:
    """Past tracked outputs of all scopes in host memory, within `budget` bytes.

    A correction of a tracked frame, or a pass that resumes beside it, reads them. Over the budget,
    the memory features of the oldest go first: they can be computed again from the rest, bit for
    bit. Then logits go, but for those of the frames that are read where a pass can be taken up
    again, which is every 16 frames. Then the oldest outputs go; where they are gone the saved mask
    takes their place.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.size = 0
        self.thin = False
        self._items: OrderedDict[tuple[Hashable, int], Past] = OrderedDict()
        self._whole: OrderedDict[tuple[Hashable, int], None] = OrderedDict()
        self._lean: OrderedDict[tuple[Hashable, int], None] = OrderedDict()

    def __len__(self) -> int:
        """Return how many outputs are kept."""
        return len(self._items)

    def __iter__(self) -> Iterator[Past]:
        """Iterate over what is kept, the oldest first."""
        return iter(self._items.values())

    def items(self) -> Iterator[tuple[tuple[Hashable, int], Past]]:
        """Iterate over scope and frame of what is kept, and what that is."""
        return iter(self._items.items())

    def put(
        self,
        scope: Hashable,
        frame: int,
        output: Output,
        run: str,
        reverse: bool,
        stretch: Stretch | None = None,
    ) -> None:
        """Keep an output, replacing what was kept of that frame."""
        key = scope, frame
        before = self._items.get(key)
        # The same step, done again because memory ran out: its stretch goes on.
        self._pop(key, keep=before is not None and before.stretch is stretch)
        past = Past(*leave(output), run, reverse, stretch)
        self._items[key] = past
        self._whole[key] = None
        self.size += past.nbytes
        if stretch is not None and stretch.first == frame:
            self.size += stretch.nbytes
        self._trim()

    def shed(self) -> bool:
        """Keep nothing that can be computed again from now on; False where it does not anyway."""
        if self.thin:
            return False
        self.thin = True
        self._trim()
        return True

    def _trim(self) -> None:
        while (self.thin or self.size > self.budget) and self._whole:
            key, _ = self._whole.popitem(last=False)
            self._items[key].arrived()
            self._change(key, lean(self._items[key].output))
            self._lean[key] = None
        while (self.thin or self.size > self.budget) and self._lean:
            key, _ = self._lean.popitem(last=False)
            self._change(key, thin(key[1], self._items[key]))
        while self.size > self.budget and self._items:
            self._pop(next(iter(self._items)))

    def get(self, scope: Hashable, frame: int) -> Past | None:
        """Return what is kept of a frame; its memory features may be None, and its logits."""
        return self._items.get((scope, frame))

    def drop(self, scope: Hashable, frame: int | None = None) -> None:
        """Forget a frame of a scope, or all of them."""
        keys = [(scope, frame)] if frame is not None else [k for k in self._items if k[0] == scope]
        for key in keys:
            self._pop(key)

    def _change(self, key: tuple[Hashable, int], output: Output) -> None:
        past = self._items[key]
        self._items[key] = replace(past, output=output)
        self.size += nbytes(output) - past.nbytes

    def _pop(self, key: tuple[Hashable, int], *, keep: bool = False) -> None:
        past = self._items.pop(key, None)
        self._whole.pop(key, None)
        self._lean.pop(key, None)
        if past is None:
            return
        self.size -= past.nbytes
        if past.stretch is not None and past.stretch.first == key[1]:
            self.size -= past.stretch.nbytes
            if not keep:
                past.stretch.window = None


def leave(output: Output) -> tuple[Output, Callable[[], object]]:
    """Return the output in the host's memory, and what waits until it is there.

    From CUDA it is copied behind the work, which would else stop for it at every frame. What is
    done on the device with the copies comes after them by itself.
    """
    device, cpu = output["obj_ptr"].device, torch.device("cpu")
    if device.type != "cuda":
        return move(output, cpu), int
    left = {
        k: v.to(cpu, non_blocking=True) if isinstance(v, torch.Tensor) else v
        for k, v in output.items()
    }
    there: Any = torch.cuda.Event()  # type: ignore[no-untyped-call]
    there.record(torch.cuda.current_stream(device))
    return left, there.synchronize


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


def lean(output: Output) -> Output:
    """Return the output without what can be computed again, in as few bits as lose nothing.

    Under autocast the decoder makes logits of 16 bits, which are float32 only in their type.
    """
    masks = output["pred_masks"]
    for kind in (torch.bfloat16, torch.float16):
        short = masks.to(kind)
        if torch.equal(short.float(), masks):
            masks = short
            break
    return {**output, "maskmem_features": None, "pred_masks": masks}


def thin(frame: int, past: Past) -> Output:
    """Return the output of a frame without what its stretch gives when it is tracked again."""
    output = lean(past.output) if past.output["pred_masks"] is not None else past.output
    if past.stretch is None or past.stretch.is_key(frame):
        return output
    return {**output, "pred_masks": None}
