"""What an engine must do: the few methods between the session and any model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
    from pathlib import Path

    from sam2_widget.annotations import FramePrompts

Mask = npt.NDArray[np.bool_]
"""(H, W) bool in pixels of the stored frame."""
BatchObjects = bool | Literal["auto"]
"""Whether objects are tracked in batches: wherever that is possible, never, or where it pays."""

PRECISIONS = ("auto", "float32", "bfloat16", "float16")
"""What numbers an engine may be asked to compute in."""


class Frames(Protocol):
    """The frames an engine reads: stored JPEG files, some of them perhaps not written yet."""

    @property
    def width(self) -> int:
        """Width of every frame in pixels."""

    @property
    def height(self) -> int:
        """Height of every frame in pixels."""

    def __len__(self) -> int:
        """Return the number of frames of the video."""

    def is_ready(self, index: int, /) -> bool:
        """Tell whether a frame is written."""

    def path(self, index: int, /) -> Path:
        """Return the JPEG file of a frame; waits until it is written."""


class Segmentation:
    """What an engine says of an object on a frame.

    Parameters
    ----------
    mask : ndarray or callable
        (H, W) bool in pixels of the stored frame; all False where the object is absent. Or what
        returns it: the large mask is then made by the thread that saves it.
    score : float or callable
        The model's object score (a logit): positive where it sees the object. Or what returns it:
        to wait for a number would hold the device up at every frame.
    """

    def __init__(self, mask: Mask | Callable[[], Mask], score: float | Callable[[], float]) -> None:
        self._mask = mask
        self._score = score

    @property
    def mask(self) -> Mask:
        """The mask; for one thread at a time."""
        if callable(self._mask):
            self._mask = self._mask()
        return self._mask

    @property
    def score(self) -> float:
        """The object score; for one thread at a time."""
        if callable(self._score):
            self._score = self._score()
        return self._score


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A saved mask next to where a tracking pass begins; the pass reads it as its memory.

    Attributes
    ----------
    frame : int
        Frame index.
    run : str
        The run that made the mask; an engine that still holds that run's memory uses it as it is.
    load : callable
        Reads the saved mask, for an engine that does not.
    """

    frame: int
    run: str
    load: Callable[[], Mask]


@dataclass(frozen=True, slots=True)
class FrameInput:
    """The prompts of a frame and, where they correct a tracked mask, that mask.

    Attributes
    ----------
    prompts : FramePrompts
        Ordered prompts.
    tracked : Neighbour or None
        The mask the frame had before its first prompt, where it had been tracked.
    included : int
        How many of the prompts that mask shows already: after reopening, the saved mask is the
        corrected one, and only later prompts come on top.
    """

    prompts: FramePrompts
    tracked: Neighbour | None = None
    included: int = 0


@runtime_checkable
class Engine(Protocol):
    """A model that segments and tracks. One thread, the session's worker, calls all of it.

    Every method is told the whole input it depends on, so that an engine may forget anything at
    any time: what it keeps is a cache of work done, never the only copy of an annotation.

    An engine may have a method ``describe()``, called once it is open, and again from any thread
    for what it has found out since, that returns a dict for the record of where masks come from:
    config, checkpoint (path), device, device_name, precision, batch_objects (as asked for), batched
    (bool, once that is decided), versions (of its libraries, by name); see `provenance`.
    """

    name: str
    device: str

    def open(self, frames: Frames) -> None:
        """Load the model, if that has not been done, and take these frames as the video."""

    def segment(self, scope: Hashable, frame: int, given: FrameInput) -> Segmentation:
        """Segment a frame from its prompts: each in turn, as if given one call at a time."""

    def begin(
        self,
        scope: Hashable,
        prompted: Mapping[int, FrameInput],
        *,
        reverse: bool,
        run: str,
        neighbours: Sequence[Neighbour],
    ) -> None:
        """Begin a tracking pass from the memory of the prompted frames and the neighbours."""

    def steps(
        self, scopes: Sequence[Hashable], frame: int
    ) -> Iterator[tuple[Hashable, Segmentation]]:
        """Track scopes into the next frame of their passes, which go the same way.

        Each is yielded once, in any order, as soon as its mask is known.
        """

    def end(self, scope: Hashable) -> None:
        """End the scope's pass; what it learned may still serve corrections."""

    def forget(self, scope: Hashable, frame: int | None = None, run: str = "") -> None:
        """Drop what is known of a scope, or of one frame of it, which has no prompts any more.

        What the tracking run of that name knew of the frame stays: the frame has its mask again.
        """

    def close(self) -> None:
        """Release the model."""
