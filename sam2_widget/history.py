"""The one stack of steps that undo takes back and redo does again."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
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
    changes : list of FrameChange
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
    changes: list[FrameChange] = field(default_factory=list)
    stop: Callable[[], None] | None = None
    keypoints: list[KeypointChange] = field(default_factory=list)
    labels: tuple[Labels, Labels] | None = None

    @property
    def scopes(self) -> list[Scope]:
        """The scopes it changed, in order."""
        return sorted({change.scope for change in self.changes})


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
        return [
            change
            for step in reversed(self.done)
            for change in step.changes
            if (change.scope, change.frame) == (scope, frame)
        ]

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
