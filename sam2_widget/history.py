"""The one stack of steps that undo takes back and redo does again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from sam2_widget.annotations import FramePrompts, Scope
    from sam2_widget.masks import MaskRecord


@dataclass(frozen=True, slots=True)
class Version:
    """A frame of a scope at one time: its prompts, its mask's record, and a name for its PNG."""

    prompts: FramePrompts | None
    record: MaskRecord | None
    png: Path


@dataclass(frozen=True, slots=True)
class Step:
    """What one action of the user changed, both ways.

    Attributes
    ----------
    text : str
        What it was, for the user: "positive point".
    scope, frame
        Where.
    before, after : Version
        The frame before and after it.
    """

    text: str
    scope: Scope
    frame: int
    before: Version
    after: Version


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
