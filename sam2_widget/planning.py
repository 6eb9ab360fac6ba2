"""What a tracking run has to do: its passes, and its frames in the order they are tracked."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sam2_widget.annotations import Annotations, Scope
    from sam2_widget.masks import MaskStore

Direction = Literal["both", "forward", "backward"]
REACH = 15
"""Frames whose memory SAM 2 reads at most (object pointers; memories reach 6)."""


class FrameSet:
    """A set of the first frames of a video, at a byte for each frame there is.

    Parameters
    ----------
    flags : ndarray
        (N,) bool: whether a frame is in it.
    """

    def __init__(self, flags: npt.NDArray[np.bool_]) -> None:
        self._flags = bytearray(flags.tobytes())

    def __contains__(self, frame: int) -> bool:
        """Tell whether a frame is in it."""
        return 0 <= frame < len(self._flags) and self._flags[frame] != 0

    def add(self, frame: int) -> None:
        """Add a frame, one of the first N."""
        self._flags[frame] = 1

    @property
    def frames(self) -> npt.NDArray[np.intp]:
        """The frames in it, in order."""
        return np.flatnonzero(np.frombuffer(bytes(self._flags), np.uint8))


@dataclass(slots=True)
class Pass:
    """What is to be tracked of one scope in one direction.

    Attributes
    ----------
    frames : FrameSet
        Frames to track.
    fresh : FrameSet
        Frames of this pass, not prompted, whose masks may be read as memory.
    at : int or None
        The frame tracked last.
    """

    scope: Scope
    reverse: bool
    frames: FrameSet
    fresh: FrameSet
    revision: str
    at: int | None = None

    def wants(self, frame: int, reverse: bool) -> bool:
        """Tell whether a step of the run is one of this pass."""
        return self.reverse == reverse and frame in self.frames

    def neighbours(self, frame: int) -> list[int]:
        """Return the fresh frames whose memory a pass that begins at `frame` reads."""
        sign = 1 if self.reverse else -1
        return [f for f in (frame + sign * k for k in range(REACH, 0, -1)) if f in self.fresh]


class Steps:
    """The steps of a run that are left, each (frame, whether backward): 4 bytes each."""

    def __init__(self, passes: Sequence[Pass]) -> None:
        # The last is the next; of a step backward the complement of the frame.
        self._codes = array("i")
        for reverse in (True, False):
            frames = [each.frames.frames for each in passes if each.reverse == reverse]
            wanted = np.unique(np.concatenate([np.zeros(0, np.intp), *frames]))
            self._codes.extend((~wanted if reverse else wanted[::-1]).tolist())

    def __len__(self) -> int:
        """Return how many are left."""
        return len(self._codes)

    @property
    def next(self) -> tuple[int, bool]:
        """The next step."""
        return _step(self._codes[-1])

    def advance(self) -> None:
        """Go on to the step after the next."""
        self._codes.pop()

    def keep(self, wanted: Callable[[tuple[int, bool]], bool]) -> bool:
        """Leave out all steps that are not wanted; tell whether there were any."""
        before = len(self._codes)
        self._codes = array("i", [code for code in self._codes if wanted(_step(code))])
        return len(self._codes) < before


def _step(code: int) -> tuple[int, bool]:
    return (code, False) if code >= 0 else (~code, True)


@dataclass(slots=True)
class Plan:
    """The passes of a run, and its frames in the order they are tracked."""

    passes: list[Pass]
    steps: Steps


def plan(
    annotations: Annotations,
    masks: MaskStore,
    scopes: Sequence[Scope],
    frames: range,
    length: int,
    direction: Direction,
    force: bool,
) -> Plan:
    """Return what a run has to do.

    Parameters
    ----------
    annotations, masks
        The state the run starts from.
    scopes : sequence of Scope
        Scopes with prompts.
    frames : range
        Frames to track, with step 1.
    length : int
        Number of frames of the video.
    direction : str
        "both", "forward" or "backward", each scope from its earliest prompted frame.
    force : bool
        Whether to track fresh frames anew.
    """
    passes = []
    for reverse in (False, True):
        if direction != ("forward" if reverse else "backward"):
            passes += [
                _plan_pass(annotations, masks, scope, frames, length, reverse, force)
                for scope in scopes
            ]
    return Plan(passes, Steps(passes))


def _plan_pass(
    annotations: Annotations,
    masks: MaskStore,
    scope: Scope,
    frames: range,
    length: int,
    reverse: bool,
    force: bool,
) -> Pass:
    prompted = annotations.of(scope)
    first, revision = min(prompted), annotations.revision(scope)
    # A file that announces too few frames can have prompts beyond them.
    size = max(length, first)
    side = np.zeros(size, dtype=bool)
    side[slice(0, first) if reverse else slice(first, length)] = True
    side[[frame for frame in prompted if frame < size]] = False
    made = masks.table(scope).frames_of(revision)
    fresh = np.zeros(size, dtype=bool)
    fresh[made[made < size]] = True
    fresh &= side
    wanted = np.zeros(size, dtype=bool)
    wanted[frames.start : max(frames.start, frames.stop)] = True
    wanted &= side
    if force:
        fresh &= ~wanted
    return Pass(scope, reverse, FrameSet(wanted & ~fresh), FrameSet(fresh), revision)
