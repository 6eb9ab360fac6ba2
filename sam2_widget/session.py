"""Session: the public API, annotation without a browser."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeVar

from sam2_widget import models, plots, render, views
from sam2_widget.cleaning import check_cleaning
from sam2_widget.cleaning_session import CleaningSession
from sam2_widget.confidence import peaks
from sam2_widget.editing import Editor
from sam2_widget.engines.base import PRECISIONS, BatchObjects, Engine
from sam2_widget.errors import ModelError, ProjectError, PromptError, SaveError
from sam2_widget.file_session import FileSession
from sam2_widget.ids import DEFAULT_REGIONS, check_name, check_regions
from sam2_widget.importing import import_project, imported_path, is_original_project
from sam2_widget.keypoint_session import KeypointSession
from sam2_widget.keypoints import check_skeleton
from sam2_widget.label_session import LabelSession
from sam2_widget.live import Live
from sam2_widget.model_session import ModelSession
from sam2_widget.options import Options
from sam2_widget.prompt_session import PromptSession
from sam2_widget.registry import attach, release
from sam2_widget.room import parse_size
from sam2_widget.sources import VideoLike, open_source
from sam2_widget.track_session import TrackSession
from sam2_widget.video import Video, positive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from concurrent.futures import Future

    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    from matplotlib.figure import Figure

    from sam2_widget.annotations import Scope
    from sam2_widget.engine_slot import Model
    from sam2_widget.events import Change
    from sam2_widget.history import Step

_T = TypeVar("_T")


class Session(
    PromptSession,
    TrackSession,
    KeypointSession,
    LabelSession,
    ModelSession,
    CleaningSession,
    FileSession,
):
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
        ``"auto"`` (a SAM 2.1 checkpoint found in the folder that ``SAM2_WIDGET_CHECKPOINTS`` names,
        in ``./checkpoints`` or the user's cache, else nano),
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
        frame_step = positive("frame_step", frame_step)
        if max_side is not None:
            max_side = positive("max_side", max_side)
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
            lambda live: _join(live, source.fingerprint, given, options),
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
        """Return a frame with masks, points and keypoints drawn on it, in the widget's colours.

        What is hidden in the widget is drawn too; boxes are not.

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
        """Write an mp4 of all frames with masks and keypoints; see `render.export_video`.

        What is hidden in the widget is in it too: `scopes` chooses.
        """
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

    # -- listening ----------------------------------------------------------------------------

    def on_change(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Have a function called after every change, on a thread of its own.

        Returns
        -------
        callable
            Call it to stop listening.
        """
        return self._open.dispatcher.listen(listener)

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


def _join(live: Live, fingerprint: str, regions: tuple[str, ...] | None, options: Options) -> None:
    """Let a session have a project that is open already."""
    _check_same(live, fingerprint, regions, options)
    # Goes on where a full disk or a file that was away ended it.
    with contextlib.suppress(SaveError):
        live.video.start()


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
    different += [
        key
        for key, given, there in (
            ("feature_cache", options.feature_bytes, live.options.feature_bytes),
            (
                "feature_cache_disk",
                options.feature_disk_bytes or None,
                live.options.feature_disk_bytes,
            ),
        )
        if given not in (None, there)
    ]
    if regions is not None and live.merge_regions(regions) != live.regions:
        different.append("regions")
    if different:
        raise ProjectError(
            f"{live.root} is open with other arguments ({', '.join(different)}); close it first "
            "(.close()), give the same arguments, or give another name=."
        )
