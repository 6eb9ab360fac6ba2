"""Session: annotation without a browser, and the one place that knows the order of things.

Annotation, engine, masks, saved, told: every change of a prompt goes through `Session._commit` in
that order, on the worker thread, so that changes never overlap.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeVar

import numpy as np
import numpy.typing as npt

from sam2_widget import models, tracking, views
from sam2_widget.annotations import Box, FramePrompts, Point, Scope, make_point, tidy
from sam2_widget.engines.base import Engine, FrameInput, Mask, Neighbour, Segmentation
from sam2_widget.errors import ClosedError, FrameIndexError, ProjectError, PromptError, SaveError
from sam2_widget.events import Change
from sam2_widget.history import Step, Version
from sam2_widget.live import Live, Model, Options, attach, release
from sam2_widget.masks import MaskRecord, measure
from sam2_widget.project import DEFAULT_REGIONS, check_name, check_regions
from sam2_widget.sources import VideoLike, open_source
from sam2_widget.tracking import Direction, TrackJob, TrackRun
from sam2_widget.video import Video

if TYPE_CHECKING:
    import pandas as pd

_T = TypeVar("_T")
Shown = Callable[[], None]
"""Called on the worker once a change can be shown: its prompts are saved, its PNG not yet."""


class Session:
    """Annotate a video with SAM 2: prompts in, masks out, everything on disk at once.

    A project lives in ``<output_dir>/<name>/``. A second session on the same project in one process
    shares its state, its model and a running track.

    Parameters
    ----------
    video : str, Path, ndarray or sequence of ndarray
        Video file (mp4, mov, avi, mkv, webm), folder of images, (T, H, W, 3) uint8 RGB array, or
        list of (H, W, 3) uint8 RGB frames.
    name : str, optional
        Project name; by default the file's or folder's stem, ``array-<8 hex of content>`` for
        arrays.
    output_dir : str or Path
        Where projects are kept.
    model : str, Path or Engine
        ``"auto"`` (a SAM 2.1 checkpoint found in ``./checkpoints`` or the user's cache, else nano),
        ``"nano"``, an official name, a path to weights, or an engine of your own.
    config : str or Path, optional
        Model config for a path to weights: a yaml file or the name of one that sam2 ships.
    device : str
        ``"auto"`` takes CUDA, else MPS, else the CPU.
    regions : sequence of str
        Region ids; a project that exists keeps its own and gains new ones.
    frame_step : int
        Take every n-th frame of the video.
    max_side : int, optional
        Shrink frames whose longer side has more pixels.

    Raises
    ------
    VideoError
        If the video cannot be used.
    ProjectError
        If the folder holds another video, or is open with other arguments.
    ModelError
        If there is no such model.
    SaveError
        If the folder cannot be written.
    """

    def __init__(
        self,
        video: VideoLike,
        name: str | None = None,
        output_dir: str | Path = "outputs",
        model: str | Path | Engine = "auto",
        config: str | Path | None = None,
        device: str = "auto",
        regions: Sequence[str] = DEFAULT_REGIONS,
        frame_step: int = 1,
        max_side: int | None = None,
    ) -> None:
        chosen: Model = model if isinstance(model, Engine) else models.resolve(model, config)
        wanted = check_regions(regions)
        source = open_source(video)
        root = Path(output_dir).expanduser().resolve() / check_name(name or source.default_name)
        options = Options(frame_step, max_side, device)
        # The default regions mean: whatever the project has.
        given = None if wanted == DEFAULT_REGIONS else wanted
        self._closed = False
        self._live = attach(
            root,
            lambda: Live(root, source, given, options),
            lambda live: _check_same(live, source.fingerprint, given, options),
        )
        if not self._live.model or (chosen != self._live.model and model != "auto"):
            self._live.open_engine(chosen)
            self._live.worker.submit(self._make_unmade)

    # -- what there is ------------------------------------------------------------------------

    @property
    def video(self) -> Video:
        """The video: ``len()``, ``[i]`` -> (H, W, 3) uint8 RGB, fps, times, width, height."""
        return self._open.video

    @property
    def name(self) -> str:
        """Name of the project."""
        return self._live.root.name

    @property
    def folder(self) -> Path:
        """Folder of the project."""
        return self._live.root

    @property
    def regions(self) -> tuple[str, ...]:
        """Region ids, in order."""
        return self._live.regions

    @property
    def scopes(self) -> list[Scope]:
        """The (instance, region) pairs that hold prompts or masks, in order."""
        return self._live.scopes()

    @property
    def masks(self) -> views.Masks:
        """``masks[instance, region]`` is a lazy (T, H, W) bool `MaskTrack`."""
        return views.Masks(self._live)

    @property
    def points(self) -> views.Points:
        """``points[instance, region]`` is ``{frame: (N, 3) float64 array of x, y, label}``."""
        return views.Points(self._live)

    @property
    def live(self) -> Live:
        """What all sessions on this project share; for the widget.

        Raises
        ------
        ClosedError
            If the session is closed.
        """
        return self._open

    @property
    def ui(self) -> dict[str, Any]:
        """What the view was like last: frame_index, instance, region; only those that still fit."""
        return self._live.ui

    @ui.setter
    def ui(self, state: Mapping[str, Any]) -> None:
        self._live.remember_ui(state)

    @property
    def job(self) -> TrackJob | None:
        """The tracking run at work, or None."""
        return self._live.queue.job

    @property
    def read_only(self) -> bool:
        """Whether another process has the project open, so that this one only reads."""
        return self._live.read_only

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def to_dataframe(self) -> pd.DataFrame:
        """Return a table of all masks, one row per frame and scope.

        Returns
        -------
        pandas.DataFrame
            Columns frame, time (s), instance, region, area (pixels), x0, y0, x1, y1 (edges of the
            bounding box, pixels), centroid_x, centroid_y, score (a logit), source, stale, model.
        """
        return views.to_dataframe(self._live)

    def is_stale(self, frame: int, instance: int = 1, region: str | None = None) -> bool:
        """Tell whether a tracked mask no longer follows from the prompts as they are now."""
        return views.is_stale(self._live, self._scope(instance, region), frame)

    # -- prompts ------------------------------------------------------------------------------

    def add_point(
        self,
        frame: SupportsIndex,
        x: float,
        y: float,
        label: int = 1,
        instance: int = 1,
        region: str | None = None,
    ) -> Mask:
        """Add a point and return the mask it gives.

        Parameters
        ----------
        frame : int
            Frame index; negative ones count from the end.
        x, y : float
            Pixels of the stored frame, origin at the top-left corner of the top-left pixel.
        label : int
            1 for inside the object, 0 for outside.
        instance : int
            Instance number, 1 or more.
        region : str, optional
            Region id, by default the first.

        Returns
        -------
        ndarray
            (H, W) bool mask of that frame. It is saved.

        Raises
        ------
        PromptError
            If the point lies outside the frame.
        FrameIndexError
            If there is no such frame.
        """
        return self.add_points(frame, [(x, y, label)], instance, region)

    def add_points(
        self,
        frame: SupportsIndex,
        points: Iterable[tuple[float, float, int]] | npt.NDArray[Any],
        instance: int = 1,
        region: str | None = None,
    ) -> Mask:
        """Add points (x, y, label) in order, as one step of undo; see `add_point`."""
        scope, index = self._scope(instance, region), self._frame(frame)
        return self._do(lambda: self._add_points(scope, index, list(points)))

    def add_point_soon(
        self, frame: int, x: float, y: float, label: int, scope: Scope, shown: Shown
    ) -> Future[Mask]:
        """Add a point without waiting; `shown` is called before the PNG is saved."""
        scope = self._scope(*scope)
        index = self._frame(frame)
        return self._submit(lambda: self._add_points(scope, index, [(x, y, label)], shown))

    def move_point(
        self,
        frame: SupportsIndex,
        index: int,
        x: float,
        y: float,
        instance: int = 1,
        region: str | None = None,
    ) -> Mask:
        """Move point number `index` of a frame and return the mask; see `add_point`."""
        scope, at = self._scope(instance, region), self._frame(frame)

        def act() -> Mask:
            points = list(self._points_at(scope, at, index))
            video = self._live.video
            points[index] = make_point(x, y, points[index].label, video.width, video.height)
            return self._change_points(scope, at, points, "move of a point")

        return self._do(act)

    def remove_point(
        self, frame: SupportsIndex, index: int, instance: int = 1, region: str | None = None
    ) -> Mask:
        """Remove point number `index` of a frame and return the mask; see `add_point`."""
        scope, at = self._scope(instance, region), self._frame(frame)

        def act() -> Mask:
            points = list(self._points_at(scope, at, index))
            del points[index]
            return self._change_points(scope, at, points, "removal of a point")

        return self._do(act)

    def set_box(
        self,
        frame: SupportsIndex,
        box: tuple[float, float, float, float],
        instance: int = 1,
        region: str | None = None,
    ) -> Mask:
        """Give a box (x0, y0, x1, y1) in the place of the frame's prompts and return the mask.

        Raises
        ------
        PromptError
            If the box is empty or not inside the frame.
        """
        scope, at = self._scope(instance, region), self._frame(frame)
        x0, y0, x1, y1 = (tidy(edge) for edge in box)
        width, height = self._live.video.width, self._live.video.height
        if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
            raise PromptError(
                f"The box ({x0:g}, {y0:g}, {x1:g}, {y1:g}) is not a box (x0, y0, x1, y1) inside "
                f"the frame of {width} x {height} pixels."
            )
        given = FramePrompts((), Box(x0, y0, x1, y1))
        return self._do(lambda: self._commit(scope, at, given, "box"))

    def clear_box(
        self, frame: SupportsIndex, instance: int = 1, region: str | None = None
    ) -> Mask:
        """Remove the box of a frame and return the mask of the points that are left."""
        scope, at = self._scope(instance, region), self._frame(frame)

        def act() -> Mask:
            before = self._live.annotations.at(scope, at)
            if before is None or before.box is None:
                return self._live.masks.read(scope, at)
            return self._commit(scope, at, replace(before, box=None), "removal of the box")

        return self._do(act)

    def clear_frame(
        self, frame: SupportsIndex, instance: int = 1, region: str | None = None
    ) -> None:
        """Remove the prompts and the mask of a scope on a frame."""
        scope, at = self._scope(instance, region), self._frame(frame)

        def act() -> None:
            live = self._live
            if live.annotations.at(scope, at) or live.masks.record(scope, at):
                self._commit(scope, at, None, "clearing of the frame")

        self._do(act)

    def undo(self) -> str | None:
        """Take back the last step and return what it was, None if there is none."""
        step = self._do(lambda: self._step_back())
        return step.text if step else None

    def redo(self) -> str | None:
        """Do the last undone step again and return what it was, None if there is none."""
        step = self._do(lambda: self._step_forward())
        return step.text if step else None

    def undo_soon(self) -> Future[Step | None]:
        """Undo without waiting."""
        return self._submit(self._step_back)

    def redo_soon(self) -> Future[Step | None]:
        """Redo without waiting."""
        return self._submit(self._step_forward)

    # -- tracking -----------------------------------------------------------------------------

    def track(
        self,
        scopes: Iterable[tuple[int, str]] | None = None,
        start: int | None = None,
        stop: int | None = None,
        direction: Direction = "both",
        force: bool = False,
    ) -> TrackJob:
        """Track scopes through the video in the background.

        Each scope is tracked from its own earliest prompted frame: forward to the end and backward
        to frame 0. Masks that are fresh are skipped, so that calling it again after a cancel goes
        on where it stopped.

        Parameters
        ----------
        scopes : iterable of (int, str), optional
            Which scopes; by default every scope with prompts.
        start, stop : int, optional
            Frames to track, `stop` exclusive. Prompts outside the range still count.
        direction : {"both", "forward", "backward"}
            Which way from the earliest prompted frame.
        force : bool
            Whether to track fresh frames anew.

        Returns
        -------
        TrackJob
            Iterate over it, ``wait()`` for it or ``cancel()`` it.

        Raises
        ------
        PromptError
            If a scope has no prompts.
        FrameIndexError
            If the range is outside the video.
        """
        chosen = self._trackable(scopes)
        length = len(self.video)
        frames = _frame_range(start, stop, length)
        if direction not in ("both", "forward", "backward"):
            raise PromptError(f"direction is 'both', 'forward' or 'backward', not {direction!r}.")
        return self._do(lambda: self._start_track(chosen, frames, length, direction, force))

    def track_soon(
        self,
        scopes: Sequence[tuple[int, str]] | None,
        start: int | None,
        stop: int | None,
        direction: Direction,
        force: bool,
    ) -> Future[TrackJob]:
        """Start tracking without waiting for the worker; see `track`."""
        return self._submit(lambda: self.track(scopes, start, stop, direction, force))

    def cancel(self) -> None:
        """Cancel all tracking; what is done stays."""
        self._open.queue.cancel()

    # -- listening ----------------------------------------------------------------------------

    def on_change(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Have a function called after every change, on a thread of its own.

        Returns
        -------
        callable
            Call it to stop listening.
        """
        return self._open.dispatcher.listen(listener)

    def on_progress(self, listener: Callable[[TrackJob], None]) -> Callable[[], None]:
        """Have a function called with the job as a track moves on; see `on_change`."""

        def hear(change: Change) -> None:
            job = self._live.queue.job
            if change.kind == "job" and job is not None:
                listener(job)

        return self._open.dispatcher.listen(hear)

    # -- end ----------------------------------------------------------------------------------

    def close(self) -> None:
        """Let go of the project; the last session on it stops its track and frees its model."""
        if not self._closed:
            self._closed = True
            release(self._live)

    def __enter__(self) -> Session:
        """Return the session."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the session."""
        self.close()

    def __repr__(self) -> str:
        """Return a line that says what is open."""
        state = "closed" if self._closed else f"{len(self.scopes)} scopes"
        return f"<Session {self.name}: {state}>"

    # -- the order of things, on the worker ---------------------------------------------------

    def _add_points(
        self,
        scope: Scope,
        frame: int,
        points: Sequence[tuple[float, float, int]],
        shown: Shown | None = None,
    ) -> Mask:
        size = self._live.video.width, self._live.video.height
        new = tuple(make_point(x, y, int(label), *size) for x, y, label in points)
        if not new:
            return self._live.masks.read(scope, frame)
        before = self._live.annotations.at(scope, frame) or FramePrompts()
        text = "points" if len(new) > 1 else ("positive" if new[0].label else "negative") + " point"
        return self._commit(scope, frame, before.with_points(new), text, shown)

    def _change_points(
        self, scope: Scope, frame: int, points: Sequence[Point], text: str
    ) -> Mask:
        before = self._live.annotations.at(scope, frame) or FramePrompts()
        return self._commit(scope, frame, replace(before, points=tuple(points)), text)

    def _commit(
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
        live.project.write_prompts(scope, annotations.of(scope))
        live.annotations = annotations
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
        engine = self._live.ready_engine()
        if prompts is None:
            return None
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
        self._live.ready_engine().forget(step.scope, step.frame)

    def _take_back(self, step: Step) -> None:
        """Put the prompts back that were saved before the mask could not be."""
        live = self._live
        annotations = live.annotations.put(step.scope, step.frame, step.before.prompts)
        live.annotations = annotations
        self._tell(step.scope, step.frame)
        live.project.write_prompts(step.scope, annotations.of(step.scope))

    def _make_unmade(self) -> None:
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

    def _step_back(self) -> Step | None:
        history = self._live.history
        if not history.done:
            return None
        step = history.done[-1]
        self._restore(step, now=step.after, then=step.before)
        history.undo()
        return step

    def _step_forward(self) -> Step | None:
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
        annotations = live.annotations.put(scope, frame, then.prompts)
        live.project.write_prompts(scope, annotations.of(scope))
        live.annotations = annotations
        live.masks.restore(scope, frame, then.record, then.png)
        if then.prompts is None and live.engine is not None:
            live.engine.forget(scope, frame)
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

    def _start_track(
        self,
        scopes: Sequence[Scope],
        frames: range,
        length: int,
        direction: Direction,
        force: bool,
    ) -> TrackJob:
        live = self._live
        engine = live.ready_engine()
        todo = tracking.plan(
            live.annotations, live.masks, scopes, frames, length, direction, force
        )
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

    # -- small ones ---------------------------------------------------------------------------

    @property
    def _open(self) -> Live:
        if self._closed:
            raise ClosedError("The session is closed; open the video again.")
        return self._live

    def _do(self, task: Callable[[], _T]) -> _T:
        return self._open.worker.run(lambda: self._writing(task))

    def _submit(self, task: Callable[[], _T]) -> Future[_T]:
        return self._open.worker.submit(lambda: self._writing(task))

    def _writing(self, task: Callable[[], _T]) -> _T:
        if self._live.read_only:
            raise ProjectError(
                f"{self._live.root} is open in another process; close it there, "
                "then close and open it here."
            )
        return task()

    def _scope(self, instance: int, region: str | None) -> Scope:
        live = self._open
        return views.scope_of(live, (instance, live.regions[0] if region is None else region))

    def _frame(self, frame: SupportsIndex) -> int:
        """Return the index from 0 on, once the frame is extracted."""
        video = self._open.video
        index = operator.index(frame)
        if index < 0:
            index += len(video)
        video.wait_for(index)
        return index

    def _points_at(self, scope: Scope, frame: int, index: int) -> tuple[Point, ...]:
        prompts = self._live.annotations.at(scope, frame) or FramePrompts()
        if not 0 <= index < len(prompts.points):
            raise PromptError(
                f"There is no point {index} on frame {frame} of {scope}; it has "
                f"{len(prompts.points)}."
            )
        return prompts.points

    def _trackable(self, scopes: Iterable[tuple[int, str]] | None) -> list[Scope]:
        live = self._open
        prompted = list(live.annotations)
        chosen = prompted if scopes is None else [self._scope(*scope) for scope in scopes]
        if not chosen:
            raise PromptError("There is nothing to track; click an object first.")
        for scope in chosen:
            if scope not in prompted:
                raise PromptError(f"There is nothing to track in {scope}; click the object first.")
        return sorted(set(chosen))


def _check_same(
    live: Live, fingerprint: str, regions: tuple[str, ...] | None, options: Options
) -> None:
    if live.fingerprint != fingerprint:
        raise ProjectError(
            f"{live.root} holds another video; give name= to keep this one in a folder of its own."
        )
    different = [
        key
        for key in ("frame_step", "max_side", "device")
        if getattr(live.options, key) != getattr(options, key)
    ]
    if regions is not None and regions != live.regions:
        different.append("regions")
    if different:
        raise ProjectError(
            f"{live.root} is open with another {different[0]}; close it first (.close()), give the "
            "same arguments, or give another name=."
        )


def _frame_range(start: int | None, stop: int | None, length: int) -> range:
    first = 0 if start is None else operator.index(start)
    end = length if stop is None else operator.index(stop)
    if not 0 <= first < length or not first < end <= length:
        raise FrameIndexError(
            f"The frames {first} to {end} are no range of this video; give "
            f"0 <= start < stop <= {length}."
        )
    return range(first, end)


def _begins_with(prompts: FramePrompts, start: FramePrompts) -> bool:
    return prompts.box == start.box and prompts.points[: len(start.points)] == start.points


def _saved(live: Live, scope: Scope, frame: int) -> None:
    live.tell(Change("masks", scope, (frame,)), (frame,))
