"""Puts prompts, masks, keypoints and labels to other versions, all or nothing, and tells of it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sam2_widget.events import Change
from sam2_widget.history import FrameChange, KeypointChange, Step, Version
from sam2_widget.rollback import all_or_nothing

if TYPE_CHECKING:
    from pathlib import Path

    from sam2_widget.annotations import FramePrompts, Scope
    from sam2_widget.keypoints import Skeleton
    from sam2_widget.live import Live
    from sam2_widget.records import MaskRecord

Shown = Callable[[], None]
"""Called on the worker once a change can be shown: its prompts are saved, its PNG not yet."""


class Versions:
    """What a live project holds, and what it held; the worker calls it, and nobody else."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def of(self, scope: Scope, frame: int, png: Path) -> Version:
        """Return what a frame of a scope is now; the PNG is where a copy of its mask goes."""
        live = self._live
        return Version(live.annotations.at(scope, frame), live.masks.record(scope, frame), png)

    def switch(self, step: Step, *, back: bool) -> None:
        """Put frames to their other version, bytes and all; nothing is inferred."""
        live = self._live
        if step.stop is not None:
            step.stop()
        for scope in step.scopes:
            live.queue.drop(scope)
        if back:
            step.keep_made()
        changes = list(step.changes)
        for change in changes:
            now, _ = change.versions(back=back)
            if now.record is not None and not now.png.exists():
                live.masks.keep_copy(change.scope, change.frame, now.png)
        instances = {change.instance for change in step.keypoints}
        with self.all_or_nothing(changes, instances):
            for scope in step.scopes:
                then = {c.frame: c.versions(back=back)[1] for c in changes if c.scope == scope}
                self.put_prompts(scope, {f: version.prompts for f, version in then.items()})
                for frame, version in then.items():
                    live.masks.restore(scope, frame, version.record, version.png)
            self._put_keypoints(step.keypoints, back=back)
            if step.labels or step.skeleton:
                # Last, so that nothing can fail once it is saved.
                live.put_drawing(
                    step.labels[0 if back else 1] if step.labels else None,
                    self._lines(step, back=back),
                )
        for change in changes:
            _, now = change.versions(back=back)
            if now.prompts is None:
                self.forget(change.scope, change.frame, now.record)
        self._tell_step(step)

    def put_prompts(self, scope: Scope, prompts: Mapping[int, FramePrompts | None]) -> None:
        """Give frames of a scope other prompts, saved; None takes them away."""
        annotations = self._live.annotations
        for frame, given in prompts.items():
            annotations = annotations.put(scope, frame, given)
        before = self._live.annotations.of(scope)
        if annotations.of(scope) != before:
            self._live.project.write_prompts(scope, annotations.of(scope), before)
        self._live.annotations = annotations

    @contextlib.contextmanager
    def all_or_nothing(
        self, changes: Sequence[FrameChange], instances: Iterable[int] = ()
    ) -> Iterator[None]:
        """Leave prompts and masks of frames, and keypoints, as they were if the change fails."""
        live = self._live
        frames = [(change.scope, change.frame) for change in changes]
        annotations, keypoints = live.annotations, live.keypoints
        records = [live.masks.record(scope, frame) for scope, frame in frames]
        points = {live.project.points_path(scope) for scope, _ in frames}
        points |= {live.project.keypoints_path(instance) for instance in instances}
        masks = {path for scope, frame in frames for path in self.mask_files(scope, frame)}
        masks |= {path for change in changes for path in self._drawn_files(change)}
        journals = {live.project.track_path(scope) for scope, _ in frames}
        lengths = {path: path.stat().st_size for path in journals if path.exists()}
        try:
            with all_or_nothing(sorted(points | masks), live.project.undo, live.project.watch):
                yield
        except BaseException:
            live.annotations, live.keypoints = annotations, keypoints
            for path, length in lengths.items():
                self._cut(path, length)
            for (scope, frame), record in zip(frames, records, strict=True):
                live.masks.unstage(scope, frame, record)
                self.tell(scope, frame)
            raise

    def mask_files(self, scope: Scope, frame: int) -> list[Path]:
        """Return the files that saving a mask may leave changed when it fails."""
        project = self._live.project
        journal = project.track_path(scope)
        # A journal that is there is long: it is cut to its old length.
        return [project.mask_path(scope, frame), *([] if journal.exists() else [journal])]

    def _lines(self, step: Step, *, back: bool) -> Skeleton | None:
        """Return the skeleton of a step, unless the user gave another since."""
        if step.skeleton is None:
            return None
        now, then = reversed(step.skeleton) if back else step.skeleton
        return then if self._live.skeleton == now else None

    def _cut(self, journal: Path, length: int) -> None:
        """Take away the lines of a change that failed: later ones count, also after a kill."""
        watch = self._live.project.watch
        # The error on its way tells the user more than one of this would.
        with contextlib.suppress(OSError):
            if watch.is_known(journal):
                os.truncate(journal, length)
                watch.note(journal)

    def forget(self, scope: Scope, frame: int, left: MaskRecord | None) -> None:
        """Have the engine forget a frame without prompts, but for the run that its mask is of."""
        if self._live.engine is not None:
            self._live.engine.forget(scope, frame, left.run if left else "")

    def tell(self, scope: Scope, frame: int, first: Shown | None = None) -> None:
        """Tell of a changed frame; with tracked masks, all may have become stale or fresh."""
        prompted = self._live.annotations.of(scope)
        # A kill can have left prompts without their masks.
        made = len(self._live.masks.records(scope, prompted))
        frames = None if self._live.masks.count(scope) > made else (frame,)
        self._live.tell(Change("prompts", scope, (frame,)), frames, first)

    def _drawn_files(self, change: FrameChange) -> list[Path]:
        """Return the files of the drawn masks that a change brings or takes away."""
        given = [version.prompts for version in (change.before, change.after)]
        masks = [prompts.mask for prompts in given if prompts]
        place = change.scope, change.frame
        return [self._live.project.prompt_path(*place, mask) for mask in masks if mask]

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
        if step.skeleton is not None:
            self._live.tell(Change("keypoints"))
        if step.labels is not None:
            # Colours are on every frame.
            recoloured = step.labels[0].colors != step.labels[1].colors
            self._live.tell(Change("labels"), None if recoloured else ())
        if len(step.changes) == 1:
            self.tell(step.changes[0].scope, step.changes[0].frame)
            return
        for scope in step.scopes:
            self._live.tell(Change("prompts", scope, step.frames(scope)), None)
