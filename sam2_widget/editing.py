"""The order of things: annotation, engine, masks, saved, told.

Every change of a prompt goes through `Editor.commit`, every undo and redo through
`Versions.switch`, all on the worker thread, so that changes never overlap.
"""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sam2_widget import bits, brush
from sam2_widget.annotations import FramePrompts, MaskPrompt, Point, Scope, make_point
from sam2_widget.durable import write_file
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
from sam2_widget.making import Maker
from sam2_widget.planning import Direction, Plan, plan
from sam2_widget.rollback import all_or_nothing
from sam2_widget.tracking import Tracked, TrackJob, TrackRun
from sam2_widget.versions import Shown, Versions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sam2_widget.engines.base import Mask
    from sam2_widget.keypoints import FrameKeypoints, Skeleton
    from sam2_widget.labels import Labels
    from sam2_widget.live import Live
    from sam2_widget.masks import EncodedMask
    from sam2_widget.records import MaskRecord


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
        self._versions = Versions(live)
        self._maker = Maker(live)

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
        if prompts and self._maker.was_tracked(scope, frame):
            prompts = replace(prompts, corrects=True)
        prompts = prompts or None
        made = self._maker.made(scope, frame, prompts) if prompts else None
        folder = live.history.folder()
        before = self._versions.of(scope, frame, kept_png(folder, "before", scope, frame))
        record = made[1] if made else None
        after = Version(prompts, record, kept_png(folder, "after", scope, frame))
        step = Step(text, scope, frame, [FrameChange(scope, frame, before, after)])
        with self._versions.all_or_nothing(step.changes):
            if before.record is not None:
                live.masks.keep_copy(scope, frame, before.png)
            self._versions.put_prompts(scope, {frame: prompts})
            if made is None:
                live.masks.restore(scope, frame, None, None)
            else:
                self._save_mask(scope, *made, shown)
        if prompts is None:
            self._versions.forget(scope, frame, None)
        live.history.push(step)
        live.queue.drop(scope)
        if made is None or shown is None:
            self._versions.tell(scope, frame)
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
        self._versions.switch(step, back=False)
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
        self._versions.switch(step, back=False)
        live.history.push(step)

    def _save_mask(self, scope: Scope, mask: Mask, record: MaskRecord, shown: Shown | None) -> None:
        live, frame = self._live, record.frame_index
        live.masks.stage(scope, mask, record)
        live.unsaved += 1
        try:
            if shown is not None:
                # Who clicked waits; the state that all views get would only be in the way.
                self._versions.tell(scope, frame, first=shown)
            live.masks.save(scope, frame)
        finally:
            live.unsaved -= 1

    def _write_mask(
        self, scope: Scope, mask: Mask, record: MaskRecord, encoded: EncodedMask | None = None
    ) -> None:
        """Save a mask whose prompts are saved already."""
        live, frame = self._live, record.frame_index
        project = live.project
        with all_or_nothing(self._versions.mask_files(scope, frame), project.undo, project.watch):
            live.masks.write(scope, mask, record, encoded)
        live.tell(Change("masks", scope, (frame,)), (frame,))

    def _save_tracked(
        self, step: Step, changes: TrackedChanges, scope: Scope, tracked: Tracked
    ) -> None:
        """Save a mask of a run, and what it replaces for undo; the saver calls it.

        The worker does nothing else than tracking meanwhile: see `Worker`.
        """
        record, frame = tracked.record, tracked.record.frame_index
        before = self._versions.of(scope, frame, kept_png(changes.folder, "before", scope, frame))
        if before.record is not None:
            self._live.masks.keep_copy(scope, frame, before.png)
        self._write_mask(scope, tracked.mask, record, tracked.encoded)
        if not changes:
            self._live.history.push(step)
        changes.add(scope, frame, before)

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
        self._write_mask(scope, *self._maker.made(scope, frame, prompts))

    def undo(self) -> Step | None:
        """Take back the last step and return it, None if there is none."""
        history = self._live.history
        if not history.done:
            return None
        step = history.done[-1]
        self._versions.switch(step, back=True)
        history.undo()
        self._reshow(step, back=True)
        return step

    def redo(self) -> Step | None:
        """Do the last undone step again and return it, None if there is none."""
        history = self._live.history
        if not history.undone:
            return None
        step = history.undone[-1]
        self._versions.switch(step, back=False)
        history.redo()
        self._reshow(step, back=False)
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
        skeleton: Skeleton | None = None,
        *,
        from_file: bool = False,
    ) -> None:
        """Change many frames, keypoints, labels and lines between keypoints as one step.

        `from_file` where masks that come with corrections are not of the tracks that are here.
        """
        live = self._live
        folder = live.history.folder()
        try:
            changes = [self._to(new, folder, from_file) for new in frames]
            scope = changes[0].scope if changes else Scope(1, live.regions[0])
            step = Step(text, scope, None, changes, keypoints=list(keypoints))
            if labels != live.labels:
                step.labels = live.labels, labels
            if skeleton not in (None, live.skeleton):
                step.skeleton = live.skeleton, skeleton
            if not (changes or keypoints or step.labels or step.skeleton):
                return
            self._versions.switch(step, back=False)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        live.history.push(step)
        self._reshow(step, back=False)

    def _to(self, new: NewFrame, folder: Path, from_file: bool) -> FrameChange:
        """Return the change that makes a frame a new one, its PNG in the folder of the step."""
        scope, frame, record, png = new.scope, new.frame, new.record, new.png
        path = kept_png(folder, "after", scope, frame)
        if png is None and new.prompts:
            self._live.video.wait_for(frame)
            mask, record = self._maker.made(scope, frame, new.prompts)
            png = bits.to_png(mask)
        if png is not None:
            write_file(path, png)
        before = self._versions.of(scope, frame, kept_png(folder, "before", scope, frame))
        given = new.png is not None and new.prompts is not None and new.prompts.corrects
        loaded = from_file and given and (new.prompts, record) != (before.prompts, before.record)
        return FrameChange(scope, frame, before, Version(new.prompts, record, path), loaded)

    def _reshow(self, step: Step, *, back: bool) -> None:
        """Have further prompts refine the masks of corrections whose origin undo does not know.

        As after reopening: these masks show all of their prompts.
        """
        for change in step.changes if isinstance(step.changes, list) else ():
            place = change.scope, change.frame
            _, now = change.versions(back=back)
            if not now.prompts or not now.prompts.corrects:
                continue
            if (change.loaded and not back) or self._maker.refines_saved(*place):
                self._live.slot.shown[place] = now.prompts
                self._versions.forget(*place, change.before.record)

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
            before = self._versions.of(each, at, kept_png(folder, "before", each, at))
            if before.prompts or before.record:
                gone = Version(None, None, kept_png(folder, "after", each, at))
                changes.append(FrameChange(each, at, before, gone))
        if step.changes or step.keypoints or step.labels:
            self._versions.switch(step, back=False)
            self._live.history.push(step)

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
        # It may have ended where the disk was full.
        live.video.start()
        # What was undone belongs to masks that the run may replace.
        live.history.undone.clear()
        what = str(chosen[0]) if len(chosen) == 1 else f"{len(chosen)} scopes"
        job = TrackJob(f"Tracking {what}", live.queue.wake)
        changes = TrackedChanges(live.history.folder(), live.masks.record)
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
            self._maker.inputs,
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
