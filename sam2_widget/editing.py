"""The order of things: annotation, engine, masks, saved, told.

Every change of a prompt goes through `Editor.commit`, every undo and redo through one other method,
all on the worker thread, so that changes never overlap.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sam2_widget import bits
from sam2_widget.annotations import FramePrompts, Point, Scope, make_point
from sam2_widget.engines.base import FrameInput, Mask, Neighbour, Segmentation
from sam2_widget.errors import PromptError, Sam2WidgetError
from sam2_widget.events import Change
from sam2_widget.history import Step, Version
from sam2_widget.masks import MaskRecord, measure
from sam2_widget.rollback import all_or_nothing
from sam2_widget.tracking import Direction, Plan, TrackJob, TrackRun, plan

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
        new = tuple(make_point(x, y, label, *size) for x, y, label in points)
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
        record = self._record(frame, result, prompts)
        folder = live.history.folder()
        before = self._version(scope, frame, folder / "before.png")
        step = Step(text, scope, frame, before, Version(prompts, record, folder / "after.png"))
        with self._all_or_nothing(scope, frame):
            if before.record is not None:
                live.masks.keep_copy(scope, frame, before.png)
            self._put_prompts(scope, frame, prompts)
            if result is None or record is None:
                live.masks.restore(scope, frame, None, None)
            else:
                self._save_mask(scope, result.mask, record, shown)
        if prompts is None:
            self._forget(scope, frame)
        live.history.push(step)
        self._changed(scope, frame)
        return live.masks.read(scope, frame) if result is None else result.mask.copy()

    @contextlib.contextmanager
    def _all_or_nothing(self, scope: Scope, frame: int) -> Iterator[None]:
        """Leave prompts and mask of a frame as they were if the change fails."""
        live = self._live
        annotations, record = live.annotations, live.masks.record(scope, frame)
        paths = [live.project.points_path(scope), *self._mask_files(scope, frame)]
        try:
            with all_or_nothing(paths, live.project.undo):
                yield
        except BaseException:
            live.annotations = annotations
            live.masks.unstage(scope, frame, record)
            self._tell(scope, frame)
            raise

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

    def _mask_files(self, scope: Scope, frame: int) -> list[Path]:
        """Return the files that saving a mask may leave changed when it fails."""
        project = self._live.project
        journal = project.track_path(scope)
        # A journal that is there is cut to its old length by who appends to it.
        return [project.mask_path(scope, frame), *([] if journal.exists() else [journal])]

    def _save_mask(self, scope: Scope, mask: Mask, record: MaskRecord, shown: Shown | None) -> None:
        live, frame = self._live, record.frame_index
        live.masks.stage(scope, mask, record)
        live.unsaved += 1
        try:
            if shown is not None:
                self._tell(scope, frame)
                shown()
            live.masks.save(scope, frame)
        finally:
            live.unsaved -= 1

    def _write_mask(self, scope: Scope, mask: Mask, record: MaskRecord) -> None:
        """Save a mask whose prompts are saved already."""
        live, frame = self._live, record.frame_index
        with all_or_nothing(self._mask_files(scope, frame), live.project.undo):
            live.masks.write(scope, mask, record)
        live.tell(Change("masks", scope, (frame,)), (frame,))

    def _forget(self, scope: Scope, frame: int) -> None:
        if self._live.engine is not None:
            self._live.engine.forget(scope, frame)

    def make_unmade(self) -> None:
        """Make the masks anew that a kill kept from the disk, from their saved prompts."""
        live = self._live
        if live.read_only or live.engine is None:
            return
        try:
            for scope in live.annotations:
                for frame, prompts in live.annotations.of(scope).items():
                    if live.is_unmade(scope, frame):
                        self._make(scope, frame, prompts)
        except Sam2WidgetError as error:  # nobody waits for this
            live.notify("error", str(error))

    def _make(self, scope: Scope, frame: int, prompts: FramePrompts) -> None:
        self._live.video.wait_for(frame)
        result = self._segment(scope, frame, prompts)
        record = self._record(frame, result, prompts)
        if result is not None and record is not None:
            self._write_mask(scope, result.mask, record)

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
        with self._all_or_nothing(scope, frame):
            self._put_prompts(scope, frame, then.prompts)
            live.masks.restore(scope, frame, then.record, then.png)
        if then.prompts is None:
            self._forget(scope, frame)
        self._changed(scope, frame)

    def _put_prompts(self, scope: Scope, frame: int, prompts: FramePrompts | None) -> None:
        annotations = self._live.annotations.put(scope, frame, prompts)
        self._live.project.write_prompts(scope, annotations.of(scope))
        self._live.annotations = annotations

    def _changed(self, scope: Scope, frame: int) -> None:
        """Take the scope out of a run that tracks it, and tell."""
        self._live.queue.drop(scope)
        self._tell(scope, frame)

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
        step = self._first_correction(scope, frame)
        if step is not None:
            return FrameInput(prompts, self._kept(step))
        live = self._live
        record = live.masks.record(scope, frame)
        saved = Neighbour(
            frame, record.run if record else "", lambda: live.masks.read(scope, frame)
        )
        shown = live.shown.get((scope, frame))
        # What was corrected before the engine was opened is in the saved mask already.
        included = len(shown) if shown and _begins_with(prompts, shown) else 0
        return FrameInput(prompts, saved, included)

    def _first_correction(self, scope: Scope, frame: int) -> Step | None:
        """Return the step that gave a tracked frame its first prompt, if undo still knows it."""
        if self._live.annotations.at(scope, frame) is None:
            return None
        steps = (
            s for s in reversed(self._live.history.done) if (s.scope, s.frame) == (scope, frame)
        )
        return next((step for step in steps if not step.before.prompts), None)

    def _kept(self, step: Step) -> Neighbour:
        """Return the mask that a correction replaced."""
        video, before = self._live.video, step.before

        def load() -> Mask:
            mask = bits.from_png(before.png.read_bytes(), video.height, video.width)
            return np.zeros((video.height, video.width), dtype=bool) if mask is None else mask

        return Neighbour(step.frame, before.record.run if before.record else "", load)

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
        scopes: Sequence[Scope] | None,
        frames: range,
        length: int,
        direction: Direction,
        force: bool,
    ) -> TrackJob:
        """Plan a run and queue it; `scopes` None is every scope with prompts.

        Raises
        ------
        PromptError
            If there is nothing to track.
        """
        live = self._live
        prompted = list(live.annotations)
        for scope in scopes or ():
            if scope not in prompted:
                raise PromptError(f"There is nothing to track in {scope}; click the object first.")
        chosen = prompted if scopes is None else sorted(set(scopes))
        if not chosen:
            raise PromptError("There is nothing to track; click an object first.")
        engine = live.ready_engine()
        # What was undone belongs to masks that the run may replace.
        live.history.undone.clear()
        what = str(chosen[0]) if len(chosen) == 1 else f"{len(chosen)} scopes"
        job = TrackJob(f"Tracking {what}", live.queue.wake)

        def make() -> Plan:
            left = [scope for scope in chosen if live.annotations.of(scope)]
            return plan(live.annotations, live.masks, left, frames, length, direction, force)

        live.queue.add(TrackRun(job, make, engine, live.masks, self._inputs, self._write_mask))
        live.tell(Change("job"))
        return job


def _begins_with(prompts: FramePrompts, start: FramePrompts) -> bool:
    return prompts.box == start.box and prompts.points[: len(start.points)] == start.points
