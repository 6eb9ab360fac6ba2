"""The order of things: annotation, engine, masks, saved, told.

Every change of a prompt goes through `Editor.commit`, every undo and redo through one other method,
all on the worker thread, so that changes never overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sam2_widget import tracking
from sam2_widget.annotations import Annotations, FramePrompts, Point, Scope, make_point
from sam2_widget.engines.base import FrameInput, Mask, Neighbour, Segmentation
from sam2_widget.errors import SaveError
from sam2_widget.events import Change
from sam2_widget.history import Step, Version
from sam2_widget.masks import MaskRecord, measure
from sam2_widget.tracking import Direction, TrackJob, TrackRun

if TYPE_CHECKING:
    from pathlib import Path

    from sam2_widget.live import Live

Shown = Callable[[], None]
"""Called on the worker once a change can be shown: its prompts are saved, its PNG not yet."""


class Editor:
    """Changes a live project; the worker calls it, and nobody else."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def add_points(
        self,
        scope: Scope,
        frame: int,
        points: Sequence[tuple[float, float, int]],
        shown: Shown | None = None,
    ) -> Mask:
        """Add points (x, y, label) to a frame, in order.

        Raises
        ------
        PromptError
            If one lies outside the frame; none is added.
        """
        size = self._live.video.width, self._live.video.height
        new = tuple(make_point(x, y, int(label), *size) for x, y, label in points)
        if not new:
            return self._live.masks.read(scope, frame)
        before = self._live.annotations.at(scope, frame) or FramePrompts()
        text = "points" if len(new) > 1 else ("positive" if new[0].label else "negative") + " point"
        return self.commit(scope, frame, before.with_points(new), text, shown)

    def change_points(self, scope: Scope, frame: int, points: Sequence[Point], text: str) -> Mask:
        """Give a frame other points in the place of its own."""
        before = self._live.annotations.at(scope, frame) or FramePrompts()
        return self.commit(scope, frame, replace(before, points=tuple(points)), text)

    def commit(
        self,
        scope: Scope,
        frame: int,
        prompts: FramePrompts | None,
        text: str,
        shown: Shown | None = None,
    ) -> Mask:
        """Give a frame other prompts: annotation, engine, masks, saved, told."""
        live = self._live
        if prompts and self._was_tracked(scope, frame):
            prompts = replace(prompts, corrects=True)
        prompts = prompts or None
        result = self._segment(scope, frame, prompts)
        folder = live.history.folder()
        before = self._version(scope, frame, folder / "before.png")
        annotations = live.annotations.put(scope, frame, prompts)
        record = self._record(frame, result, prompts)
        after = Version(prompts, record, folder / "after.png")
        step = Step(text, scope, frame, before, after)
        if before.record is not None:
            live.masks.keep_copy(scope, frame, before.png)
        self._put_prompts(annotations, scope)
        if result is None or record is None:
            self._drop_mask(step)
        else:
            self._save_mask(step, result, record, shown)
        live.history.push(step)
        self._tell(scope, frame)
        return live.masks.read(scope, frame) if result is None else result.mask.copy()

    def _segment(
        self, scope: Scope, frame: int, prompts: FramePrompts | None
    ) -> Segmentation | None:
        if prompts is None:
            return None
        engine = self._live.ready_engine()
        return engine.segment(scope, frame, self._input(scope, frame, prompts))

    def _record(
        self, frame: int, result: Segmentation | None, prompts: FramePrompts | None
    ) -> MaskRecord | None:
        if result is None or prompts is None:
            return None
        return measure(
            result.mask,
            frame,
            "click",
            score=result.score,
            revision=prompts.revision,
            model=self._live.ready_engine().name,
        )

    def _save_mask(
        self, step: Step, result: Segmentation, record: MaskRecord, shown: Shown | None
    ) -> None:
        live, scope, frame = self._live, step.scope, step.frame
        live.masks.stage(scope, result.mask, record)
        live.unsaved += 1
        try:
            if shown is not None:
                self._tell(scope, frame)
                shown()
            live.masks.save(scope, frame)
        except SaveError:
            live.masks.unstage(scope, frame, step.before.record)
            self._take_back(step)
            raise
        finally:
            live.unsaved -= 1

    def _drop_mask(self, step: Step) -> None:
        try:
            self._live.masks.restore(step.scope, step.frame, None, None)
        except SaveError:
            self._take_back(step)
            raise
        self._forget(step.scope, step.frame)

    def _forget(self, scope: Scope, frame: int) -> None:
        if self._live.engine is not None:
            self._live.engine.forget(scope, frame)

    def _take_back(self, step: Step) -> None:
        """Put the prompts back that were saved before the mask could not be."""
        live = self._live
        annotations = live.annotations.put(step.scope, step.frame, step.before.prompts)
        live.annotations = annotations
        self._tell(step.scope, step.frame)
        live.project.write_prompts(step.scope, annotations.of(step.scope))

    def make_unmade(self) -> None:
        """Make the masks anew that a kill kept from the disk, from their saved prompts."""
        live = self._live
        unmade = [
            (scope, frame)
            for scope in live.annotations
            for frame in live.annotations.of(scope)
            if live.is_unmade(scope, frame)
        ]
        if live.read_only or live.engine is None:
            return
        for scope, frame in unmade:
            prompts = live.annotations.at(scope, frame)
            live.video.wait_for(frame)
            result = self._segment(scope, frame, prompts)
            record = self._record(frame, result, prompts)
            if result is not None and record is not None:
                live.masks.write(scope, result.mask, record)
                self._tell(scope, frame)

    def undo(self) -> Step | None:
        """Take back the last step and return it, None if there is none."""
        history = self._live.history
        if not history.done:
            return None
        step = history.done[-1]
        self._restore(step, now=step.after, then=step.before)
        history.undo()
        return step

    def redo(self) -> Step | None:
        """Do the last undone step again and return it, None if there is none."""
        history = self._live.history
        if not history.undone:
            return None
        step = history.undone[-1]
        self._restore(step, now=step.before, then=step.after)
        history.redo()
        return step

    def _restore(self, step: Step, now: Version, then: Version) -> None:
        """Put a frame back to another version, bytes and all; nothing is inferred."""
        live, scope, frame = self._live, step.scope, step.frame
        if now.record is not None and not now.png.exists():
            live.masks.keep_copy(scope, frame, now.png)
        before = live.annotations
        self._put_prompts(before.put(scope, frame, then.prompts), scope)
        try:
            live.masks.restore(scope, frame, then.record, then.png)
        except SaveError:
            self._put_prompts(before, scope)
            raise
        if then.prompts is None:
            self._forget(scope, frame)
        self._tell(scope, frame)

    def _put_prompts(self, annotations: Annotations, scope: Scope) -> None:
        self._live.project.write_prompts(scope, annotations.of(scope))
        self._live.annotations = annotations

    def _version(self, scope: Scope, frame: int, png: Path) -> Version:
        live = self._live
        return Version(live.annotations.at(scope, frame), live.masks.record(scope, frame), png)

    def _was_tracked(self, scope: Scope, frame: int) -> bool:
        """Tell whether the frame had a tracked mask before its first prompt."""
        before = self._live.annotations.at(scope, frame)
        if before is not None:
            return before.corrects
        record = self._live.masks.record(scope, frame)
        return record is not None and record.source in ("track", "import")

    def _input(self, scope: Scope, frame: int, prompts: FramePrompts) -> FrameInput:
        if not prompts.corrects:
            return FrameInput(prompts)
        live = self._live
        record = live.masks.record(scope, frame)
        tracked = Neighbour(
            frame, record.run if record else "", lambda: live.masks.read(scope, frame)
        )
        shown = live.shown.get((scope, frame))
        # What was corrected before the engine was opened is in the saved mask already.
        included = len(shown) if shown and _begins_with(prompts, shown) else 0
        return FrameInput(prompts, tracked, included)

    def _inputs(self, scope: Scope) -> Mapping[int, FrameInput]:
        prompted = self._live.annotations.of(scope)
        return {f: self._input(scope, f, prompts) for f, prompts in prompted.items()}

    def _tell(self, scope: Scope, frame: int) -> None:
        """Tell of a changed frame; with tracked masks, all may have become stale or fresh."""
        tracked = self._live.masks.count(scope) > len(self._live.annotations.of(scope))
        frames = None if tracked else (frame,)
        self._live.tell(Change("prompts", scope, (frame,)), frames)

    def start_track(
        self,
        scopes: Sequence[Scope],
        frames: range,
        length: int,
        direction: Direction,
        force: bool,
    ) -> TrackJob:
        """Plan a run and queue it."""
        live = self._live
        # What was undone belongs to masks that the run may replace.
        live.history.undone.clear()
        engine = live.ready_engine()
        todo = tracking.plan(live.annotations, live.masks, scopes, frames, length, direction, force)
        what = str(scopes[0]) if len(scopes) == 1 else f"{len(scopes)} scopes"
        job = TrackJob(f"Tracking {what}", len(todo.steps))
        run = TrackRun(
            job,
            todo,
            engine,
            live.masks,
            self._inputs,
            lambda scope: live.annotations.revision(scope),
            lambda scope, frame: _saved(live, scope, frame),
        )
        live.queue.add(run)
        live.tell(Change("job"))
        return job


def _begins_with(prompts: FramePrompts, start: FramePrompts) -> bool:
    return prompts.box == start.box and prompts.points[: len(start.points)] == start.points


def _saved(live: Live, scope: Scope, frame: int) -> None:
    live.tell(Change("masks", scope, (frame,)), (frame,))
