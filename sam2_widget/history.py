"""The one stack of steps that undo takes back and redo does again."""

from __future__ import annotations

import shutil
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, overload

from sam2_widget.recordtable import RecordTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sam2_widget.annotations import FramePrompts, Scope
    from sam2_widget.keypoints import FrameKeypoints, Skeleton
    from sam2_widget.labels import Labels
    from sam2_widget.records import MaskRecord


@dataclass(frozen=True, slots=True)
class Version:
    """A frame of a scope at one time: its prompts, its mask's record, and a name for its PNG."""

    prompts: FramePrompts | None
    record: MaskRecord | None
    png: Path


@dataclass(frozen=True, slots=True)
class FrameChange:
    """A frame of a scope before and after a step.

    `loaded` where it came with a corrected mask, of which nobody knows what was corrected.
    """

    scope: Scope
    frame: int
    before: Version
    after: Version
    loaded: bool = False

    def versions(self, *, back: bool) -> tuple[Version, Version]:
        """Return what the frame is and what it becomes when the step is undone, or redone."""
        return (self.after, self.before) if back else (self.before, self.after)


def kept_png(folder: Path, when: str, scope: Scope, frame: int) -> Path:
    """Return the name for what a step replaces ("before") or brings ("after")."""
    return folder / when / f"{scope.instance}-{scope.region}-{frame:05d}.png"


class TrackedChanges(Sequence[FrameChange]):
    """The changes of a tracking run by scope and frame: many, so that each is made when asked for.

    What the run made is what the store holds, as long as no later step is done: so it is kept only
    while the run is undone.

    Parameters
    ----------
    folder : Path
        Where the step keeps what it replaces.
    record : callable
        Returns the record that the store has of a scope on a frame.
    """

    def __init__(self, folder: Path, record: Callable[[Scope, int], MaskRecord | None]) -> None:
        self.folder = folder
        self._record = record
        self._frames: dict[Scope, array[int]] = {}
        self._prompts: dict[tuple[Scope, int], FramePrompts] = {}
        self._before: dict[Scope, RecordTable] = {}
        self._made: dict[Scope, RecordTable] = {}

    @property
    def scopes(self) -> list[Scope]:
        """The scopes that were tracked, in order."""
        return sorted(self._frames)

    def frames(self, scope: Scope) -> tuple[int, ...]:
        """Return the frames of a scope that were tracked, in order."""
        return tuple(self._frames[scope])

    def add(self, scope: Scope, frame: int, before: Version) -> None:
        """Add a frame that was tracked, once the store has its mask; the first time counts."""
        frames = self._frames.setdefault(scope, array("i"))
        at = bisect_left(frames, frame)
        if frames[at : at + 1] == array("i", [frame]):
            return
        frames.insert(at, frame)
        if before.prompts is not None:
            self._prompts[scope, frame] = before.prompts
        if before.record is not None:
            self._before.setdefault(scope, RecordTable()).put(before.record)

    def keep_made(self) -> None:
        """Keep what the run made: it is undone now, and the store will not have it."""
        for scope, frames in self._frames.items():
            made = self._made[scope] = RecordTable()
            for frame in frames:
                record = self._record(scope, frame)
                if record is not None:
                    made.put(record)

    def drop_made(self) -> None:
        """Leave what the run made to the store, which has it again."""
        self._made.clear()

    def of(self, scope: Scope, frame: int) -> Iterator[FrameChange]:
        """Yield the change of a frame, if it was tracked."""
        frames = self._frames.get(scope, ())
        at = bisect_left(frames, frame)
        if at < len(frames) and frames[at] == frame:
            yield self._change(scope, frame)

    def __len__(self) -> int:
        """Return how many there are."""
        return sum(map(len, self._frames.values()))

    def __iter__(self) -> Iterator[FrameChange]:
        """Iterate over all changes."""
        for scope, frames in self._frames.items():
            for frame in frames:
                yield self._change(scope, frame)

    @overload
    def __getitem__(self, index: int) -> FrameChange: ...

    @overload
    def __getitem__(self, index: slice) -> list[FrameChange]: ...

    def __getitem__(self, index: int | slice) -> FrameChange | list[FrameChange]:
        """Return a change, or some of them."""
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        at = range(len(self))[index]
        for scope, frames in self._frames.items():
            if at < len(frames):
                return self._change(scope, frames[at])
            at -= len(frames)
        raise IndexError(index)

    def _change(self, scope: Scope, frame: int) -> FrameChange:
        old, new = self._before.get(scope), self._made.get(scope)
        before = Version(
            self._prompts.get((scope, frame)),
            None if old is None else old.get(frame),
            kept_png(self.folder, "before", scope, frame),
        )
        made = self._record(scope, frame) if new is None else new.get(frame)
        after = Version(None, made, kept_png(self.folder, "after", scope, frame))
        return FrameChange(scope, frame, before, after)


@dataclass(frozen=True, slots=True)
class KeypointChange:
    """The keypoints of an instance on a frame before and after a step."""

    instance: int
    frame: int
    before: FrameKeypoints
    after: FrameKeypoints

    def version(self, *, back: bool) -> FrameKeypoints:
        """Return what the keypoints become when the step is undone, or redone."""
        return self.before if back else self.after


@dataclass(slots=True)
class Step:
    """What one action of the user changed, both ways.

    Attributes
    ----------
    text : str
        What it was, for the user: "positive point".
    scope, frame
        Where the view goes when it is undone; frame None where it stays.
    changes : sequence of FrameChange
        What changed; a tracking run adds to it as it goes.
    stop : callable or None
        Ends the run that adds to it.
    keypoints : list of KeypointChange
        What changed of keypoints.
    labels : pair of Labels or None
        Regions, names and colours before and after, where they changed.
    skeleton : pair of tuples of (str, str) or None
        Lines between keypoints before and after, where they changed.
    """

    text: str
    scope: Scope
    frame: int | None
    changes: Sequence[FrameChange] = field(default_factory=list)
    stop: Callable[[], None] | None = None
    keypoints: list[KeypointChange] = field(default_factory=list)
    labels: tuple[Labels, Labels] | None = None
    skeleton: tuple[Skeleton, Skeleton] | None = None

    @property
    def scopes(self) -> list[Scope]:
        """The scopes it changed, in order."""
        if isinstance(self.changes, TrackedChanges):
            return self.changes.scopes
        return sorted({change.scope for change in self.changes})

    def frames(self, scope: Scope) -> tuple[int, ...]:
        """Return the frames of a scope that it changed."""
        if isinstance(self.changes, TrackedChanges):
            return self.changes.frames(scope)
        return tuple(change.frame for change in self.changes if change.scope == scope)

    def keep_made(self) -> None:
        """Keep all that it takes to do it again, before it is undone."""
        if isinstance(self.changes, TrackedChanges):
            self.changes.keep_made()

    def drop_made(self) -> None:
        """Drop what is only needed while it is undone."""
        if isinstance(self.changes, TrackedChanges):
            self.changes.drop_made()

    def of(self, scope: Scope, frame: int) -> Iterator[FrameChange]:
        """Yield the changes of a frame."""
        if isinstance(self.changes, TrackedChanges):
            yield from self.changes.of(scope, frame)
            return
        for change in self.changes:
            if (change.scope, change.frame) == (scope, frame):
                yield change


class History:
    """Steps done and steps undone; a new step drops those undone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self.done: list[Step] = []
        self.undone: list[Step] = []

    def folder(self) -> Path:
        """Return a new folder for what the next step replaces."""
        self._count += 1
        return self._folder / f"{self._count:06d}"

    def latest(self, scope: Scope, frame: int) -> list[FrameChange]:
        """Return the changes of a frame that are done, the latest first."""
        return [change for step in reversed(self.done) for change in step.of(scope, frame)]

    def forget(self) -> None:
        """Drop all steps, and the files kept for them."""
        self.done.clear()
        self.undone.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    def push(self, step: Step) -> None:
        """Add a step that was just done."""
        self.done.append(step)
        self.undone.clear()

    def undo(self) -> None:
        """Move the last step done to the steps undone."""
        self.undone.append(self.done.pop())

    def redo(self) -> None:
        """Move the last step undone to the steps done."""
        self.done.append(self.undone.pop())
        self.done[-1].drop_made()
