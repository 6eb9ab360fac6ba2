"""The order of things: annotation, engine, masks, saved, told.

Every change of a prompt goes through `Editor.commit`, every undo and redo through one other method,
all on the worker thread, so that changes never overlap.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sam2_widget import bits, brush
from sam2_widget.annotations import FramePrompts, MaskPrompt, Point, Scope, make_point
from sam2_widget.cleaning import points_by_label
from sam2_widget.durable import write_file
from sam2_widget.engines.base import FrameInput, Mask, Neighbour
from sam2_widget.errors import PromptError, Sam2WidgetError, SaveError
from sam2_widget.events import Change
from sam2_widget.history import (
    FrameChange,
    KeypointChange,
    Step,
    TrackedChanges,
    Version,
    kept_png,
)
from sam2_widget.masks import EncodedMask, MaskRecord, measure
from sam2_widget.rollback import all_or_nothing
from sam2_widget.tracking import Direction, Plan, Tracked, TrackJob, TrackRun, plan

if TYPE_CHECKING:
    from pathlib import Path

    from sam2_widget.keypoints import FrameKeypoints
    from sam2_widget.labels import Labels
    from sam2_widget.live import Live

Shown = Callable[[], None]
"""Called on the worker once a change can be shown: its prompts are saved, its PNG not yet."""


@dataclass(frozen=True, slots=True)
class NewFrame:
    """What a frame of a scope becomes: with a PNG and its record, these are written as they are.

    Without them, prompts get their mask from the model, and no prompts mean no mask.
    """

    scope: Scope
    frame: int
    prompts: FramePrompts | None
    record: MaskRecord | None
    png: bytes | None


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

    def set_mask(
        self, scope: Scope, frame: int, mask: Mask, text: str, shown: Shown | None = None
    ) -> Mask:
        """Give a frame a drawn mask in the place of its prompts."""
        given = FramePrompts(mask=MaskPrompt(bits.to_png(mask)))
        before = self._live.annotations.at(scope, frame)
        if before is not None and before.drawn == given.mask:
            return mask.copy()
        return self.commit(scope, frame, given, text, shown)

    def paint(
        self,
        scope: Scope,
        frame: int,
        stroke: brush.Stroke,
        radius: float,
        erase: bool,
        shown: Shown | None = None,
    ) -> Mask:
        """Add what a stroke covers to a frame's mask, or take it away."""
        before = self._live.masks.read(scope, frame)
        after = brush.paint(before, stroke, radius, erase=erase)
        if np.array_equal(before, after):
            return before
        text = "eraser stroke" if erase else "brush stroke"
        return self.set_mask(scope, frame, after, text, shown)

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
        made = self._made(scope, frame, prompts) if prompts else None
        folder = live.history.folder()
        before = self._version(scope, frame, kept_png(folder, "before", scope, frame))
        record = made[1] if made else None
        after = Version(prompts, record, kept_png(folder, "after", scope, frame))
        step = Step(text, scope, frame, [FrameChange(scope, frame, before, after)])
        with self._all_or_nothing(step.changes):
            if before.record is not None:
                live.masks.keep_copy(scope, frame, before.png)
            self._put_prompts(scope, {frame: prompts})
            if made is None:
                live.masks.restore(scope, frame, None, None)
            else:
                self._save_mask(scope, *made, shown)
        if prompts is None:
            self._forget(scope, frame, None)
        live.history.push(step)
        live.queue.drop(scope)
        if made is None or shown is None:
            self._tell(scope, frame)
        else:
            # The frame is as it was shown: its overlay need not be fetched again.
            live.tell(Change("prompts", scope, (frame,)))
        return live.masks.read(scope, frame) if made is None else made[0].copy()

    def commit_keypoints(
        self, instance: int, frame: int, keypoints: FrameKeypoints, text: str
    ) -> None:
        """Give an instance other keypoints on a frame: saved, told."""
        live = self._live
        change = KeypointChange(instance, frame, live.keypoints.at(instance, frame), keypoints)
        if change.after == change.before:
            return
        # Keypoints have no region: the view stays with the one it shows.
        scope = Scope(instance, live.ui.get("region", live.regions[0]))
        step = Step(text, scope, frame, keypoints=[change])
        self._switch(step, back=False)
        live.history.push(step)

    def change_labels(
        self, labels: Labels, text: str, instance: int | None = None, region: str | None = None
    ) -> None:
        """Give the project other regions, names or colours: saved, told.

        `instance` and `region` are those concerned, None where it is any.
        """
        live = self._live
        if labels == live.labels:
            return
        seen = live.ui
        scope = Scope(
            instance or seen.get("instance", 1), region or seen.get("region", live.regions[0])
        )
        step = Step(text, scope, None, labels=(live.labels, labels))
        self._switch(step, back=False)
        live.history.push(step)

    @contextlib.contextmanager
    def _all_or_nothing(
        self, changes: Sequence[FrameChange], instances: Iterable[int] = ()
    ) -> Iterator[None]:
        """Leave prompts and masks of frames, and keypoints, as they were if the change fails."""
        live = self._live
        frames = [(change.scope, change.frame) for change in changes]
        annotations, keypoints = live.annotations, live.keypoints
        records = [live.masks.record(scope, frame) for scope, frame in frames]
        points = {live.project.points_path(scope) for scope, _ in frames}
        points |= {live.project.keypoints_path(instance) for instance in instances}
        masks = {path for scope, frame in frames for path in self._mask_files(scope, frame)}
        masks |= {path for change in changes for path in self._drawn_files(change)}
        try:
            with all_or_nothing(sorted(points | masks), live.project.undo, live.project.watch):
                yield
        except BaseException:
            live.annotations, live.keypoints = annotations, keypoints
            for (scope, frame), record in zip(frames, records, strict=True):
                live.masks.unstage(scope, frame, record)
                self._tell(scope, frame)
            raise

    def _made(self, scope: Scope, frame: int, prompts: FramePrompts) -> tuple[Mask, MaskRecord]:
        """Return the mask that prompts give: a drawn one as it is, without the model."""
        live, revision = self._live, prompts.revision
        if prompts.drawn is not None:
            mask = prompts.drawn.read(live.video.height, live.video.width)
            return mask, measure(mask, frame, "edit", revision=revision)
        engine = live.slot.ready()
        result = engine.segment(scope, frame, self._input(scope, frame, prompts))
        mask = live.options.cleaning(result.mask, *points_by_label(prompts.points))
        record = measure(
            mask,
            frame,
            "click",
            score=result.score,
            revision=revision,
            model=engine.name,
        )
        return mask, record

    def _drawn_files(self, change: FrameChange) -> list[Path]:
        """Return the files of the drawn masks that a change brings or takes away."""
        given = [version.prompts for version in (change.before, change.after)]
        masks = [prompts.mask for prompts in given if prompts]
        place = change.scope, change.frame
        return [self._live.project.prompt_path(*place, mask) for mask in masks if mask]

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
                # Who clicked waits; the state that all views get would only be in the way.
                self._tell(scope, frame, first=shown)
            live.masks.save(scope, frame)
        finally:
            live.unsaved -= 1

    def _write_mask(
        self, scope: Scope, mask: Mask, record: MaskRecord, encoded: EncodedMask | None = None
    ) -> None:
        """Save a mask whose prompts are saved already."""
        live, frame = self._live, record.frame_index
        project = live.project
        with all_or_nothing(self._mask_files(scope, frame), project.undo, project.watch):
            live.masks.write(scope, mask, record, encoded)
        live.tell(Change("masks", scope, (frame,)), (frame,))

    def _save_tracked(
        self, step: Step, changes: TrackedChanges, scope: Scope, tracked: Tracked
    ) -> None:
        """Save a mask of a run, and what it replaces for undo; the saver calls it.

        The worker does nothing else than tracking meanwhile: see `Worker`.
        """
        record, frame = tracked.record, tracked.record.frame_index
        before = self._version(scope, frame, kept_png(changes.folder, "before", scope, frame))
        if before.record is not None:
            self._live.masks.keep_copy(scope, frame, before.png)
        self._write_mask(scope, tracked.mask, record, tracked.encoded)
        if not changes:
            self._live.history.push(step)
        changes.add(scope, frame, before, record)

    def _forget(self, scope: Scope, frame: int, left: MaskRecord | None) -> None:
        """Have the engine forget a frame without prompts, but for the run that its mask is of."""
        if self._live.engine is not None:
            self._live.engine.forget(scope, frame, left.run if left else "")

    def make_unmade(self) -> None:
        """Make the masks anew that a kill kept from the disk, from their saved prompts."""
        live = self._live
        if live.read_only:
            return
        try:
            for scope in live.annotations:
                for frame, prompts in live.annotations.of(scope).items():
                    makes = live.engine is not None or prompts.drawn is not None
                    if makes and live.is_unmade(scope, frame):
                        self._make(scope, frame, prompts)
        except Sam2WidgetError as error:  # nobody waits for this
            live.notify("error", str(error))

    def _make(self, scope: Scope, frame: int, prompts: FramePrompts) -> None:
        self._live.video.wait_for(frame)
        self._write_mask(scope, *self._made(scope, frame, prompts))

    def undo(self) -> Step | None:
        """Take back the last step and return it, None if there is none."""
        history = self._live.history
        if not history.done:
            return None
        step = history.done[-1]
        self._switch(step, back=True)
        history.undo()
        return step

    def redo(self) -> Step | None:
        """Do the last undone step again and return it, None if there is none."""
        history = self._live.history
        if not history.undone:
            return None
        step = history.undone[-1]
        self._switch(step, back=False)
        history.redo()
        return step

    def clear_frame(self, scope: Scope, frame: int) -> None:
        """Remove the prompts and the mask of a frame."""
        self._clear([(scope, frame)], "clearing of the frame", scope, frame)

    def delete_scope(self, scope: Scope) -> None:
        """Remove all prompts and masks of a scope."""
        self._clear(self._frames_of(scope), f"deletion of {scope}", scope, None)

    def delete_instance(self, instance: int) -> None:
        """Remove all prompts, masks and keypoints of an instance, its name and its colours."""
        live = self._live
        scopes = [scope for scope in live.scopes() if scope.instance == instance]
        self._clear(
            [each for scope in scopes for each in self._frames_of(scope)],
            f"deletion of instance {instance}",
            scopes[0] if scopes else Scope(instance, live.ui.get("region", live.regions[0])),
            None,
            [KeypointChange(instance, f, k, ()) for f, k in live.keypoints.of(instance).items()],
            live.labels.without_instance(instance),
        )

    def _frames_of(self, scope: Scope) -> list[tuple[Scope, int]]:
        """Return the frames on which a scope holds anything."""
        live = self._live
        frames = sorted({*live.annotations.of(scope), *live.masks.frames(scope)})
        return [(scope, frame) for frame in frames]

    def load(
        self,
        text: str,
        frames: Sequence[NewFrame],
        keypoints: Sequence[KeypointChange],
        labels: Labels,
    ) -> None:
        """Change many frames, keypoints and labels as one step."""
        live = self._live
        folder = live.history.folder()
        try:
            changes = [self._to(new, folder) for new in frames]
            scope = changes[0].scope if changes else Scope(1, live.regions[0])
            step = Step(text, scope, None, changes, keypoints=list(keypoints))
            if labels != live.labels:
                step.labels = live.labels, labels
            if not (changes or keypoints or step.labels):
                return
            self._switch(step, back=False)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        live.history.push(step)

    def _to(self, new: NewFrame, folder: Path) -> FrameChange:
        """Return the change that makes a frame a new one, its PNG in the folder of the step."""
        scope, frame, record, png = new.scope, new.frame, new.record, new.png
        path = kept_png(folder, "after", scope, frame)
        if png is None and new.prompts:
            self._live.video.wait_for(frame)
            mask, record = self._made(scope, frame, new.prompts)
            png = bits.to_png(mask)
        if png is not None:
            write_file(path, png)
        before = self._version(scope, frame, kept_png(folder, "before", scope, frame))
        return FrameChange(scope, frame, before, Version(new.prompts, record, path))

    def _clear(
        self,
        frames: Sequence[tuple[Scope, int]],
        text: str,
        scope: Scope,
        frame: int | None,
        keypoints: Sequence[KeypointChange] = (),
        labels: Labels | None = None,
    ) -> None:
        folder = self._live.history.folder()
        changes: list[FrameChange] = []
        step = Step(text, scope, frame, changes, keypoints=list(keypoints))
        if labels not in (None, self._live.labels):
            step.labels = self._live.labels, labels
        for each, at in frames:
            before = self._version(each, at, kept_png(folder, "before", each, at))
            if before.prompts or before.record:
                gone = Version(None, None, kept_png(folder, "after", each, at))
                changes.append(FrameChange(each, at, before, gone))
        if step.changes or step.keypoints or step.labels:
            self._switch(step, back=False)
            self._live.history.push(step)

    def _switch(self, step: Step, *, back: bool) -> None:
        """Put frames to their other version, bytes and all; nothing is inferred."""
        live = self._live
        if step.stop is not None:
            step.stop()
        for scope in step.scopes:
            live.queue.drop(scope)
        changes = list(step.changes)
        for change in changes:
            now, _ = change.versions(back=back)
            if now.record is not None and not now.png.exists():
                live.masks.keep_copy(change.scope, change.frame, now.png)
        instances = {change.instance for change in step.keypoints}
        with self._all_or_nothing(changes, instances):
            for scope in step.scopes:
                then = {c.frame: c.versions(back=back)[1] for c in changes if c.scope == scope}
                self._put_prompts(scope, {f: version.prompts for f, version in then.items()})
                for frame, version in then.items():
                    live.masks.restore(scope, frame, version.record, version.png)
            self._put_keypoints(step.keypoints, back=back)
            if step.labels is not None:
                # Last, so that nothing can fail once it is saved.
                self._live.put_labels(step.labels[0 if back else 1])
        for change in changes:
            _, now = change.versions(back=back)
            if now.prompts is None:
                self._forget(change.scope, change.frame, now.record)
        self._tell_step(step)

    def _put_prompts(self, scope: Scope, prompts: Mapping[int, FramePrompts | None]) -> None:
        annotations = self._live.annotations
        for frame, given in prompts.items():
            annotations = annotations.put(scope, frame, given)
        before = self._live.annotations.of(scope)
        if annotations.of(scope) != before:
            self._live.project.write_prompts(scope, annotations.of(scope), before)
        self._live.annotations = annotations

    def _put_keypoints(self, changes: Sequence[KeypointChange], *, back: bool) -> None:
        keypoints = self._live.keypoints
        for instance in sorted({change.instance for change in changes}):
            then = {c.frame: c.version(back=back) for c in changes if c.instance == instance}
            keypoints = keypoints.replace_instance(instance, {**keypoints.of(instance), **then})
            self._live.project.write_keypoints(instance, keypoints.of(instance))
        self._live.keypoints = keypoints

    def _tell_step(self, step: Step) -> None:
        if step.keypoints:
            frames = tuple(sorted({change.frame for change in step.keypoints}))
            self._live.tell(Change("keypoints", None, frames), frames)
        if step.labels is not None:
            # Colours are on every frame.
            recoloured = step.labels[0].colors != step.labels[1].colors
            self._live.tell(Change("labels"), None if recoloured else ())
        if len(step.changes) == 1:
            self._tell(step.changes[0].scope, step.changes[0].frame)
            return
        for scope in step.scopes:
            frames = tuple(change.frame for change in step.changes if change.scope == scope)
            self._live.tell(Change("prompts", scope, frames), None)

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
        first = self._first_correction(scope, frame)
        if first is not None:
            return FrameInput(prompts, self._kept(first))
        if prompts.mask is not None:
            # Drawn before the project was opened: all that came later refines what was drawn.
            return FrameInput(prompts)
        live = self._live
        record = live.masks.record(scope, frame)
        saved = Neighbour(
            frame, record.run if record else "", lambda: live.masks.read(scope, frame)
        )
        shown = live.slot.shown.get((scope, frame))
        # What was corrected before the engine was opened is in the saved mask already.
        included = len(shown) if shown and _begins_with(prompts, shown) else 0
        return FrameInput(prompts, saved, included)

    def _first_correction(self, scope: Scope, frame: int) -> FrameChange | None:
        """Return the change that gave a tracked frame its first prompt, if undo still knows it."""
        if self._live.annotations.at(scope, frame) is None:
            return None
        changes = self._live.history.latest(scope, frame)
        return next((change for change in changes if not change.before.prompts), None)

    def _kept(self, change: FrameChange) -> Neighbour:
        """Return the mask that a correction replaced."""
        video, before = self._live.video, change.before

        def load() -> Mask:
            mask = bits.from_png(before.png.read_bytes(), video.height, video.width)
            return np.zeros((video.height, video.width), dtype=bool) if mask is None else mask

        return Neighbour(change.frame, before.record.run if before.record else "", load)

    def _inputs(self, scope: Scope) -> Mapping[int, FrameInput]:
        prompted = self._live.annotations.of(scope)
        return {f: self._input(scope, f, prompts) for f, prompts in prompted.items()}

    def _tell(self, scope: Scope, frame: int, first: Shown | None = None) -> None:
        """Tell of a changed frame; with tracked masks, all may have become stale or fresh."""
        prompted = self._live.annotations.of(scope)
        # A kill can have left prompts without their masks.
        made = len(self._live.masks.records(scope, prompted))
        frames = None if self._live.masks.count(scope) > made else (frame,)
        self._live.tell(Change("prompts", scope, (frame,)), frames, first)

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
        engine = live.slot.ready()
        # What was undone belongs to masks that the run may replace.
        live.history.undone.clear()
        what = str(chosen[0]) if len(chosen) == 1 else f"{len(chosen)} scopes"
        job = TrackJob(f"Tracking {what}", live.queue.wake)
        changes = TrackedChanges(live.history.folder())
        step = Step(f"tracking of {what}", chosen[0], None, changes, job.cancel)

        def make() -> Plan:
            left = [scope for scope in chosen if live.annotations.of(scope)]
            return plan(live.annotations, live.masks, left, frames, length, direction, force)

        def save(scope: Scope, tracked: Tracked) -> None:
            if not step.changes:
                with _telling(live):
                    live.provenance.run_begins(run.id, chosen, frames, direction, force=force)
            self._save_tracked(step, changes, scope, tracked)

        run = TrackRun(
            job,
            make,
            engine,
            live.masks,
            self._inputs,
            save,
            live.saver,
            live.job_moved,
            live.options.cleaning,
        )
        live.queue.add(run)
        live.tell(Change("job"))
        return job


@contextlib.contextmanager
def _telling(live: Live) -> Iterator[None]:
    """Tell the user what was not saved, and go on without it."""
    try:
        yield
    except SaveError as error:
        live.notify("error", str(error))


def _begins_with(prompts: FramePrompts, start: FramePrompts) -> bool:
    return prompts.box == start.box and prompts.points[: len(start.points)] == start.points
