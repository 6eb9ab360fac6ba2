"""The one stack of steps that undo takes back and redo does again."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sam2_widget.annotations import FramePrompts, Scope
    from sam2_widget.keypoints import FrameKeypoints
    from sam2_widget.labels import Labels
    from sam2_widget.masks import MaskRecord


@dataclass(frozen=True, slots=True)
class Version:
    """A frame of a scope at one time: its prompts, its mask's record, and a name for its PNG."""

    prompts: FramePrompts | None
    record: MaskRecord | None
    png: Path


@dataclass(frozen=True, slots=True)
class FrameChange:
    """A frame of a scope before and after a step."""

    scope: Scope
    frame: int
    before: Version
    after: Version

    def versions(self, *, back: bool) -> tuple[Version, Version]:
        """Return what the frame is and what it becomes when the step is undone, or redone."""
        return (self.after, self.before) if back else (self.before, self.after)


def kept_png(folder: Path, when: str, scope: Scope, frame: int) -> Path:
    """Return the name for what a step replaces ("before") or brings ("after")."""
    return folder / when / f"{scope.instance}-{scope.region}-{frame:05d}.png"


class TrackedChanges(Sequence[FrameChange]):
    """The changes of a tracking run: many, so that each is made when it is asked for.

    Parameters
    ----------
    folder : Path
        Where the step keeps what it replaces.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._rows: list[tuple[Scope, int, FramePrompts | None, MaskRecord | None, MaskRecord]] = []

    def add(self, scope: Scope, frame: int, before: Version, record: MaskRecord) -> None:
        """Add a frame that was tracked."""
        self._rows.append((scope, frame, before.prompts, before.record, record))

    def of(self, scope: Scope, frame: int) -> Iterator[FrameChange]:
        """Yield the changes of a frame."""
        for index, (of, at, *_) in enumerate(self._rows):
            if at == frame and of == scope:
                yield self[index]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> FrameChange: ...

    @overload
    def __getitem__(self, index: slice) -> list[FrameChange]: ...

    def __getitem__(self, index: int | slice) -> FrameChange | list[FrameChange]:
        """Return a change, or some of them."""
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        scope, frame, prompts, record, made = self._rows[index]
        before = Version(prompts, record, kept_png(self.folder, "before", scope, frame))
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
    """

    text: str
    scope: Scope
    frame: int | None
    changes: Sequence[FrameChange] = field(default_factory=list)
    stop: Callable[[], None] | None = None
    keypoints: list[KeypointChange] = field(default_factory=list)
    labels: tuple[Labels, Labels] | None = None

    @property
    def scopes(self) -> list[Scope]:
        """The scopes it changed, in order."""
        return sorted({change.scope for change in self.changes})

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
