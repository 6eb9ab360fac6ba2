"""Session: the public API, annotation without a browser."""

from __future__ import annotations

import operator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeVar

from sam2_widget import brush, models, plots, render, views
from sam2_widget.annotations import Box, FramePrompts, Point, Scope, make_point, tidy
from sam2_widget.cleaning import check_cleaning
from sam2_widget.cleaning_session import CleaningSession
from sam2_widget.confidence import peaks
from sam2_widget.editing import Editor, Shown
from sam2_widget.engines.base import PRECISIONS, BatchObjects, Engine, Mask
from sam2_widget.errors import FrameIndexError, ModelError, ProjectError, PromptError
from sam2_widget.file_session import FileSession
from sam2_widget.ids import DEFAULT_REGIONS, check_name, check_regions
from sam2_widget.importing import import_project, imported_path, is_original_project
from sam2_widget.keypoint_session import KeypointSession
from sam2_widget.keypoints import check_skeleton
from sam2_widget.label_session import LabelSession
from sam2_widget.live import Live
from sam2_widget.model_session import ModelSession
from sam2_widget.options import Options
from sam2_widget.registry import attach, release
from sam2_widget.room import parse_size
from sam2_widget.sources import VideoLike, open_source
from sam2_widget.video import Video, positive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from concurrent.futures import Future

    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    from matplotlib.figure import Figure

    from sam2_widget.engine_slot import Model
    from sam2_widget.events import Change
    from sam2_widget.history import Step
    from sam2_widget.tracking import Direction, TrackJob

_T = TypeVar("_T")


class Session(FileSession, KeypointSession, LabelSession, ModelSession, CleaningSession):
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
        a name of ``models.list()``, a path to weights, or an engine of your own. An open project
        switches to it; `set_model` does so too.
    config : str or Path, optional
        Model config for weights of your own: a yaml file, the name of one in ``./configs``, or of
        one that sam2 ships. By default the one that fits the shapes of the weights.
    device : str
        ``"auto"`` takes CUDA, else MPS, else the CPU.
    regions : sequence of str
        Region ids; a project that exists keeps its own and gains new ones.
    frame_step : int
        Take every n-th frame of the video.
    max_side : int, optional
        Shrink frames whose longer side has more pixels.
    skeleton : sequence of (str, str), optional
        Pairs of keypoint names between which lines are drawn; by default those that the project
        has. They are only drawn, so that other ones may be given at any time: the latest count,
        also where the project is open already.
    feature_cache : str or int, optional
        Memory for what the image encoder made of visited frames, such as ``"8GB"``, or bytes: on
        these a click or another track does not run it again. By default half of what is free when
        the video is opened; masks never depend on it.
    feature_cache_disk : str or int, optional
        Room on the disk for what no longer fits in that memory, such as ``"50GB"``; by default
        none. It is one temporary file without a name, in the folder that ``TMPDIR`` names or in
        ``/var/tmp``, which is gone when the video is closed or the process ends, however it ends.
    fill_hole_area : int
        Holes of at most this many pixels of the stored frame are filled in the masks that the model
        makes, but none that touches the frame's border or holds a negative point. sam2's own
        argument of this name counts pixels of its low-resolution mask: of a 1920 x 1080 frame each
        is about 32 of these. It needs no CUDA, and the model goes on with its own mask: tracking is
        the same with it or without, save where what the model knew of a frame is gone, as after
        reopening, and it starts from the mask that was saved.
    min_mask_region_area : int
        Regions of fewer pixels are removed from such masks, after holes were filled; the largest
        stays, and those that hold a positive point. Pixels that touch at a corner belong together.
        Both apply from now on: masks that are saved stay, undo brings them back as they were, and
        what you draw or load is never changed. ``track(force=True)`` makes tracked ones anew.
    precision : {"auto", "float32", "bfloat16", "float16"}
        The numbers that the model computes in. ``"auto"`` is bfloat16 on CUDA (float16 on GPUs
        older than compute capability 8), together with TF32, which is then on for the whole process
        while the session is open; elsewhere float32.
    compile : bool
        Whether to have PyTorch compile the image encoder beside the work; until that is ready, or
        where it is not possible, the encoder works as it is. Masks may differ in single pixels.
    batch_objects : bool or "auto"
        Whether several objects are tracked in one go. False tracks one by one: each object's masks
        are bit for bit those of SAM 2's own predictor, whatever is tracked beside it. True tracks
        together whatever can be; masks then differ by single pixels (IoU of 0.99 and more).
        ``"auto"`` is False but on CUDA; there the first frames of a track are timed both ways, and
        what was faster is kept for the model and the number of objects, so that the last bits may
        differ from one session to the next. An engine of your own goes its own way.

    Raises
    ------
    VideoError
        If the video cannot be used.
    ProjectError
        If the folder holds another video, or is open with other arguments.
    ModelError
        If there is no such model, a cache is to have a size that is none, `precision` is none of
        these, or `batch_objects` no choice.
    PromptError
        If the skeleton is none, or an area is no number of pixels.
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
        skeleton: Iterable[tuple[str, str]] | None = None,
        feature_cache: str | int | None = None,
        feature_cache_disk: str | int | None = None,
        fill_hole_area: int = 0,
        min_mask_region_area: int = 0,
        precision: str = "auto",
        compile: bool = False,
        batch_objects: BatchObjects = "auto",
    ) -> None:
        chosen: Model = model if isinstance(model, Engine) else models.resolve(model, config)
        wanted = check_regions(regions)
        lines = None if skeleton is None else check_skeleton(skeleton)
        feature_bytes = (
            None if feature_cache is None else parse_size("feature_cache", feature_cache)
        )
        disk_bytes = parse_size("feature_cache_disk", feature_cache_disk or 0)
        if precision not in PRECISIONS:
            raise ModelError(
                f"precision is {', '.join(map(repr, PRECISIONS[:-1]))} or {PRECISIONS[-1]!r}, "
                f"not {precision!r}."
            )
        if batch_objects != "auto" and not isinstance(batch_objects, bool):
            raise ModelError(
                f"batch_objects is {batch_objects!r}; give True, False or 'auto', the default."
            )
        positive("frame_step", frame_step)
        if max_side is not None:
            positive("max_side", max_side)
        source = open_source(video)
        root = Path(output_dir).expanduser().resolve() / check_name(name or source.default_name)
        if is_original_project(root):
            # A project of the original tool is imported once, and its import opened from then on.
            target = imported_path(root, root.parent)
            root = target if target.exists() else import_project(root, video, root.parent)
        cleaning = check_cleaning(fill_hole_area, min_mask_region_area)
        options = Options(
            frame_step,
            max_side,
            device,
            feature_bytes,
            feature_disk_bytes=disk_bytes,
            cleaning=cleaning,
            precision=precision,
            compile=compile,
            batch_objects=batch_objects,
        )
        # The default regions mean: whatever the project has.
        given = None if wanted == DEFAULT_REGIONS else wanted
        self._closed = False
        self._live = attach(
            root,
            lambda: Live(root, source, given, options),
            lambda live: _check_same(live, source.fingerprint, given, options),
        )
        if lines is not None:
            self._draw_lines(lines)
        self._editor = Editor(self._live)
        slot = self._live.slot
        if slot.needs(chosen, model == "auto"):
            slot.open(chosen).add_done_callback(slot.tell_not_switched)
            self._live.worker.submit(self._editor.make_unmade)

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
        """What the view was like last, as the traits of the annotator have it; what fits."""
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
            bounding box, pixels), centroid_x, centroid_y, score (a logit), source, stale, model;
            area_change (natural logarithm of the area over that of the frame the track came from,
            per frame between), centroid_jump (the way of the centroid from there, in sizes of the
            object, per frame between), suspicion (0 to 1: how probably the track is wrong there)
            and cause (what speaks against it most: "low score", "area", "jump", "presence", that
            is, it vanished or came back, or "" for nothing); see `confidence.Confidence`. At the
            end run, the id of the tracking run, of which `provenance` tells more.
        """
        return views.to_dataframe(self._live)

    def suspects(
        self, instance: int = 1, region: str | None = None, threshold: float = 0.5
    ) -> list[int]:
        """Return the frames on which the track was most probably lost, to look at them.

        Parameters
        ----------
        instance : int
            Instance number, 1 or more.
        region : str, optional
            Region id, by default the first.
        threshold : float
            Suspicion from which on a frame counts, above 0 and up to 1; lower finds more.

        Returns
        -------
        list of int
            In order; of frames in a row that count, the worst. Frames that you made, by clicks, by
            hand or by import, never count. ``to_dataframe()`` has the numbers and causes.

        Raises
        ------
        PromptError
            If the threshold makes no sense.
        """
        if not 0 < threshold <= 1:
            raise PromptError(f"The threshold is above 0 and at most 1, not {threshold!r}.")
        return peaks(
            views.confidence_of(self._live, self._scope(instance, region)).suspicion, threshold
        )

    def overlay(
        self,
        frame: SupportsIndex,
        scopes: Iterable[tuple[int, str]] | None = None,
        points: bool = True,
        keypoints: bool = True,
    ) -> npt.NDArray[np.uint8]:
        """Return a frame with masks, points and keypoints drawn on it, as the widget shows it.

        Parameters
        ----------
        frame : int
            Frame index.
        scopes : iterable of (int, str), optional
            Whose masks; by default all.
        points : bool
            Whether to draw the points too.
        keypoints : bool
            Whether to draw the keypoints and the lines of the skeleton too.

        Returns
        -------
        ndarray
            (H, W, 3) uint8, RGB.
        """
        index = self._frame(frame)
        return render.frame_overlay(self, index, scopes, points=points, keypoints=keypoints)

    def export_video(
        self,
        path: str | Path,
        scopes: Iterable[tuple[int, str]] | None = None,
        on_progress: Callable[[int, int], None] | None = None,
        fps: float | None = None,
    ) -> Path:
        """Write an mp4 of all frames with masks and keypoints; see `render.export_video`."""
        return render.export_video(self, path, scopes, on_progress, fps)

    def plot(self) -> Figure:
        """Plot area, centroid and score of every scope over time; needs matplotlib.

        Returns
        -------
        matplotlib.figure.Figure
            Stale and edited frames are marked.
        """
        return plots.plot(self)

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
        return self._do(lambda: self._editor.add_points(scope, index, list(points)))

    def add_point_soon(
        self, frame: int, x: float, y: float, label: int, scope: Scope, shown: Shown
    ) -> Future[Mask]:
        """Add a point without waiting; `shown` is called before the PNG is saved."""
        scope = self._scope(*scope)
        index = self._frame(frame)
        return self._submit(lambda: self._editor.add_points(scope, index, [(x, y, label)], shown))

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
            return self._editor.change_points(scope, at, points, "move of a point")

        return self._do(act)

    def remove_point(
        self, frame: SupportsIndex, index: int, instance: int = 1, region: str | None = None
    ) -> Mask:
        """Remove point number `index` of a frame and return the mask; see `add_point`."""
        scope, at = self._scope(instance, region), self._frame(frame)

        def act() -> Mask:
            points = list(self._points_at(scope, at, index))
            del points[index]
            return self._editor.change_points(scope, at, points, "removal of a point")

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
        return self._do(lambda: self._editor.commit(scope, at, given, "box"))

    def clear_box(self, frame: SupportsIndex, instance: int = 1, region: str | None = None) -> Mask:
        """Remove the box of a frame and return the mask of the points that are left."""
        scope, at = self._scope(instance, region), self._frame(frame)

        def act() -> Mask:
            before = self._live.annotations.at(scope, at)
            if before is None or before.box is None:
                return self._live.masks.read(scope, at)
            return self._editor.commit(scope, at, replace(before, box=None), "removal of the box")

        return self._do(act)

    def set_mask(
        self,
        frame: SupportsIndex,
        mask: npt.ArrayLike,
        instance: int = 1,
        region: str | None = None,
    ) -> Mask:
        """Give a mask drawn or computed elsewhere in the place of the frame's prompts.

        The frame's mask is this one exactly; tracking follows it, points added later refine it. No
        model is needed.

        Parameters
        ----------
        frame : int
            Frame index; negative ones count from the end.
        mask : array_like
            (H, W) bool, or integers where nonzero is inside. All False says that the object is
            absent.
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
            If the mask has another shape or type.
        FrameIndexError
            If there is no such frame.
        """
        scope, at = self._scope(instance, region), self._frame(frame)
        given = brush.check_mask(mask, self._live.video.height, self._live.video.width)
        return self._do(lambda: self._editor.set_mask(scope, at, given, "mask"))

    def paint(
        self,
        frame: SupportsIndex,
        stroke: Iterable[tuple[float, float]] | npt.NDArray[Any],
        radius: float,
        erase: bool = False,
        instance: int = 1,
        region: str | None = None,
    ) -> Mask:
        """Add a brush stroke to the frame's mask, or take it away; the result is a drawn mask.

        Parameters
        ----------
        frame : int
            Frame index; negative ones count from the end.
        stroke : sequence of (float, float)
            One or more places (x, y) that the line goes through, in pixels of the stored frame;
            they may lie outside it.
        radius : float
            Pixels whose centre lies within this distance of the line are covered.
        erase : bool
            Whether to take away.
        instance : int
            Instance number, 1 or more.
        region : str, optional
            Region id, by default the first.

        Returns
        -------
        ndarray
            (H, W) bool mask of that frame. It is saved; see `set_mask`.

        Raises
        ------
        PromptError
            If the stroke or the radius makes no sense.
        FrameIndexError
            If there is no such frame.
        """
        scope, at = self._scope(instance, region), self._frame(frame)
        places = self._stroke(stroke, radius)
        return self._do(lambda: self._editor.paint(scope, at, places, float(radius), erase))

    def paint_soon(
        self,
        frame: int,
        stroke: Iterable[tuple[float, float]],
        radius: float,
        erase: bool,
        scope: Scope,
        shown: Shown,
    ) -> Future[Mask]:
        """Paint without waiting; `shown` is called before the PNG is saved, if anything changes."""
        scope = self._scope(*scope)
        at, places = self._frame(frame), self._stroke(stroke, radius)
        return self._submit(
            lambda: self._editor.paint(scope, at, places, float(radius), erase, shown)
        )

    def clear_frame(
        self, frame: SupportsIndex, instance: int = 1, region: str | None = None
    ) -> None:
        """Remove the prompts and the mask of a scope on a frame."""
        scope, at = self._scope(instance, region), self._frame(frame)
        self._do(lambda: self._editor.clear_frame(scope, at))

    def delete_scope(self, instance: int, region: str) -> None:
        """Remove all prompts and masks of a scope; undo brings them back."""
        scope = self._scope(instance, region)
        self._do(lambda: self._editor.delete_scope(scope))

    # -- undo ---------------------------------------------------------------------------------

    def undo(self) -> str | None:
        """Take back the last step and return what it was, None if there is none."""
        step = self._do(self._editor.undo)
        return step.text if step else None

    def redo(self) -> str | None:
        """Do the last undone step again and return what it was, None if there is none."""
        step = self._do(self._editor.redo)
        return step.text if step else None

    def soon(self, task: Callable[[Session], _T]) -> Future[_T]:
        """Do something with the session without waiting for it; for the widget."""
        return self._submit(lambda: task(self))

    def undo_soon(self) -> Future[Step | None]:
        """Undo without waiting."""
        return self._submit(self._editor.undo)

    def redo_soon(self) -> Future[Step | None]:
        """Redo without waiting."""
        return self._submit(self._editor.redo)

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
        chosen = None if scopes is None else [self._scope(*scope) for scope in scopes]
        length = len(self.video)
        frames = _frame_range(start, stop, length)
        if direction not in ("both", "forward", "backward"):
            raise PromptError(f"direction is 'both', 'forward' or 'backward', not {direction!r}.")
        return self._do(lambda: self._editor.start_track(chosen, frames, length, direction, force))

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
        """Have a function called with the job as a track moves on and ends; see `on_change`."""
        queue = self._open.queue
        told = queue.ended

        def hear(change: Change) -> None:
            nonlocal told
            if change.kind != "job":
                return
            if queue.ended is not None and queue.ended is not told:
                told = queue.ended
                listener(told)
            if (job := queue.job) is not None:
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

    # -- small ones ---------------------------------------------------------------------------

    def _stroke(self, stroke: Iterable[Any], radius: float) -> brush.Stroke:
        video = self._live.video
        return brush.check_stroke(stroke, radius, video.width, video.height)

    def _points_at(self, scope: Scope, frame: int, index: int) -> tuple[Point, ...]:
        prompts = self._live.annotations.at(scope, frame) or FramePrompts()
        if not 0 <= index < len(prompts.points):
            raise PromptError(
                f"There is no point {index} on frame {frame} of {scope}; it has "
                f"{len(prompts.points)}."
            )
        return prompts.points


def _check_same(
    live: Live, fingerprint: str, regions: tuple[str, ...] | None, options: Options
) -> None:
    if live.fingerprint != fingerprint:
        raise ProjectError(
            f"{live.root} holds another video; give name= to keep this one in a folder of its own."
        )
    different = [
        key
        for key in ("frame_step", "max_side", "device", "precision", "compile", "batch_objects")
        if getattr(live.options, key) != getattr(options, key)
    ]
    different += [
        key
        for key in ("fill_hole_area", "min_mask_region_area")
        if getattr(live.options.cleaning, key) != getattr(options.cleaning, key)
    ]
    if regions is not None and live.merge_regions(regions) != live.regions:
        different.append("regions")
    if different:
        raise ProjectError(
            f"{live.root} is open with other arguments ({', '.join(different)}); close it first "
            "(.close()), give the same arguments, or give another name=."
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
