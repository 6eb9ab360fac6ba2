"""Annotator: the widget. Traits, display, and the way of each message to the session and back."""

from __future__ import annotations

import inspect
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex

import anywidget
import traitlets
from IPython.display import display

from sam2_widget import still, views
from sam2_widget.errors import FrameIndexError, NoVideoError
from sam2_widget.look import DEFAULT_LOOK, check_look
from sam2_widget.picker import Picker
from sam2_widget.poster import Poster, is_wanted
from sam2_widget.responder import Responder
from sam2_widget.session import Session
from sam2_widget.shortcuts import check_shortcuts
from sam2_widget.ui_state import MODES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    from matplotlib.figure import Figure

    from sam2_widget.annotations import Scope
    from sam2_widget.engines.base import Engine
    from sam2_widget.events import Change
    from sam2_widget.sources import VideoLike
    from sam2_widget.tracking import TrackJob
    from sam2_widget.video import Video

_STATIC = Path(__file__).parent / "static"
_SEEN = ("frame_index", "instance", "region", "mode")


class Annotator(anywidget.AnyWidget):
    """Annotate a video in a notebook cell: click an object, press Track, read the masks.

    Parameters
    ----------
    video : str, Path, ndarray or sequence of ndarray, optional
        What `Session` takes. Without one, the widget lets you choose: a video below `videos`, a
        project that was opened before, or a file to upload.
    videos : str or Path
        Folder of the videos to choose from; uploads go there too.
    shortcuts : dict, optional
        Keys of your own: ``{"undo": "Z", "track": ["T", "Ctrl+Enter"], "clear": None}``. A key that
        belonged to another action is taken from it. The widget shows all keys on ``?``.
    **arguments
        All other arguments of `Session`: name, output_dir, model, config, device, regions,
        frame_step, max_side, skeleton, feature_cache, feature_cache_disk, fill_hole_area,
        min_mask_region_area, batch_objects, precision, compile.

    Attributes
    ----------
    frame_index : int
        The frame on screen; set it to go there.
    instance, region
        The scope that clicks go to.
    mode : str
        What clicks make: ``"segment"`` prompts of the scope, ``"keypoint"`` keypoints of the
        instance.
    hidden : list of (int, str)
        The (instance, region) pairs that the widget does not show.
    look : dict
        How it looks and plays: ``opacity`` of masks (0 to 1), ``outline`` (bool), ``height`` of the
        picture in CSS pixels (None fits the page), ``range`` [first, last] frame (None for all),
        ``speed`` (0.25 to 4), ``loop`` (bool). What is left out is as by default.
    shortcuts : dict
        The actions with keys of your own, and those keys; can be set at any time.
    model : str
        Name of the model in use; set it to use another one: see `Session.set_model`.
    session : Session or None
        Everything the widget does, without a browser; None until a video is open.

    Raises
    ------
    NoVideoError
        By all results, while no video is open.
    ShortcutError
        If an action or a key of `shortcuts` does not exist, or two have the same key.

    Examples
    --------
    >>> ann = Annotator("clip.mp4")  # doctest: +SKIP
    >>> ann.show()  # doctest: +SKIP
    >>> ann.masks[1, "overall"][0]  # (H, W) bool, in the next cell  # doctest: +SKIP
    """

    _esm = _STATIC / "widget.js"
    _css = _STATIC / "widget.css"

    frame_index = traitlets.Int(0).tag(sync=True)
    instance = traitlets.Int(1, min=1).tag(sync=True)
    region = traitlets.Unicode().tag(sync=True)
    mode = traitlets.Enum(MODES, "segment").tag(sync=True)
    hidden: traitlets.List[tuple[int, str]] = traitlets.List().tag(sync=True)
    look: traitlets.Dict[str, Any] = traitlets.Dict(DEFAULT_LOOK).tag(sync=True)
    shortcuts: traitlets.Dict[str, list[str]] = traitlets.Dict().tag(sync=True)

    session: Session | None = None
    _responder: Responder | None = None
    _picker: Picker | None = None
    _closed = False

    def __init__(
        self,
        video: VideoLike | None = None,
        *,
        videos: str | Path = "videos",
        shortcuts: Mapping[str, str | Sequence[str] | None] | None = None,
        **arguments: Any,
    ) -> None:
        self._lock = threading.Lock()
        self._poster = Poster(self._picture)
        self._pictured = 0
        keys = check_shortcuts(shortcuts or {})
        if video is None:
            # Now, not when a video is chosen: a misspelt argument is the cell's error.
            inspect.signature(Session).bind(video, **arguments)
            super().__init__(shortcuts=keys)
            self._picker = Picker(videos, arguments, self._open_chosen, self._to_views)
        else:
            self.session = Session(video, **arguments)
            try:
                super().__init__(shortcuts=keys, **self._seen_last(self.session))
            except BaseException:
                self.session.close()
                raise
            self._begin(self.session)
        self.on_msg(self._on_request)
        _keep_to_subshell(self.comm)

    def _begin(self, session: Session) -> Responder:
        self._responder = Responder(session, self._to_views, self._follow)
        self._responder.listen()
        self.observe(self._remember, [*_SEEN, "hidden", "look"])
        return self._responder

    def _open_chosen(self, video: Path, arguments: dict[str, Any]) -> Responder | None:
        """Open what was chosen in the widget; on a thread of the picker."""
        session = Session(video, **arguments)
        with self._lock:
            if self._closed:
                session.close()
                return None
            self.session = session
        with self.hold_sync():
            for name, value in self._seen_last(session).items():
                setattr(self, name, value)
        return self._begin(session)

    @staticmethod
    def _seen_last(session: Session) -> dict[str, Any]:
        return {"region": session.regions[0], **session.ui}

    @property
    def _opened(self) -> Session:
        if self.session is None:
            raise NoVideoError
        return self.session

    # -- results ------------------------------------------------------------------------------

    @property
    def video(self) -> Video:
        """The video; see `Session.video`."""
        return self._opened.video

    @property
    def masks(self) -> views.Masks:
        """``masks[instance, region]`` is a lazy (T, H, W) bool `MaskTrack`."""
        return self._opened.masks

    @property
    def points(self) -> views.Points:
        """``points[instance, region]`` is ``{frame: (N, 3) float64 array of x, y, label}``."""
        return self._opened.points

    @property
    def keypoints(self) -> views.Keypoints:
        """``keypoints[instance]`` is a list of dicts; see `Session.keypoints`."""
        return self._opened.keypoints

    @property
    def scopes(self) -> list[Scope]:
        """The (instance, region) pairs that hold anything."""
        return self._opened.scopes

    def overlay(
        self,
        frame: SupportsIndex,
        scopes: Iterable[tuple[int, str]] | None = None,
        points: bool = True,
        keypoints: bool = True,
    ) -> npt.NDArray[np.uint8]:
        """Return a frame with what is annotated drawn on it; see `Session.overlay`."""
        return self._opened.overlay(frame, scopes, points, keypoints)

    def export_video(
        self,
        path: str | Path,
        scopes: Iterable[tuple[int, str]] | None = None,
        on_progress: Callable[[int, int], None] | None = None,
        fps: float | None = None,
    ) -> Path:
        """Write an mp4 of all frames with their masks; see `Session.export_video`."""
        return self._opened.export_video(path, scopes, on_progress, fps)

    def plot(self) -> Figure:
        """Plot area, centroid and score over time; see `Session.plot`."""
        return self._opened.plot()

    def to_dataframe(self) -> pd.DataFrame:
        """Return a table of all masks; see `Session.to_dataframe`."""
        return self._opened.to_dataframe()

    # -- model --------------------------------------------------------------------------------

    @property
    def model(self) -> str:
        """Name of the model in use; set it to a name, a path or an engine to use another one."""
        return self._opened.model

    @model.setter
    def model(self, model: str | Path | Engine) -> None:
        self._opened.set_model(model)

    def set_model(
        self,
        model: str | Path | Engine,
        config: str | Path | None = None,
        device: str | None = None,
    ) -> None:
        """Use another model from now on; see `Session.set_model`."""
        self._opened.set_model(model, config, device)

    # -- listening ----------------------------------------------------------------------------

    def on_change(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Have a function called after every change; see `Session.on_change`."""
        return self._opened.on_change(listener)

    def on_progress(self, listener: Callable[[TrackJob], None]) -> Callable[[], None]:
        """Have a function called as a track moves on and ends; see `Session.on_progress`."""
        return self._opened.on_progress(listener)

    # -- display ------------------------------------------------------------------------------

    def show(self, picture: bool = True) -> None:
        """Display the annotator in the cell.

        Parameters
        ----------
        picture : bool
            Whether the saved notebook keeps a picture of the last annotated frame, of at most
            60 KB, for where the widget cannot live: exports, nbviewer, GitHub. It is drawn anew
            whenever you pause for two seconds, and not to be seen beside the widget itself.
        """
        if not is_wanted():
            display(self)  # type: ignore[no-untyped-call]
            return
        data, metadata = self._repr_mimebundle_() or ({}, {})
        name = self.session.live.root.name if self.session is not None else "no video yet"
        text = {"text/plain": f"Annotator of {name}: run this cell to annotate."}
        display({**data, **text}, metadata=metadata, raw=True)  # type: ignore[no-untyped-call]
        if picture:
            self._poster.show()

    def _ipython_display_(self) -> None:
        """Display the annotator, as the last expression of a cell does."""
        if not is_wanted():
            raise NotImplementedError  # IPython then takes the usual way
        self.show()

    def close(self) -> None:
        """Close the widget and the session it made."""
        # Python closes a widget that is thrown away, also one whose video could not be opened.
        with self._lock:
            self._closed = True
        if self._picker is not None:
            self._picker.close()
        self._poster.close()
        if self._responder is not None:
            self._responder.close()
        if self.session is not None:
            self.session.close()
        super().close()

    # -- inside -------------------------------------------------------------------------------

    @traitlets.validate("frame_index")
    def _check_frame(self, proposal: dict[str, Any]) -> int:
        index: int = proposal["value"]
        length = self._opened.video.known_length
        if index < 0 or (length and index >= length):
            raise FrameIndexError(
                f"There is no frame {index}; the video has {length} frames, 0 to {length - 1}."
            )
        return index

    @traitlets.validate("region")
    def _check_region(self, proposal: dict[str, Any]) -> str:
        return views.scope_of(self._opened.live, (1, proposal["value"])).region

    @traitlets.validate("hidden")
    def _check_hidden(self, proposal: dict[str, Any]) -> list[tuple[int, str]]:
        pairs = [tuple(pair) if isinstance(pair, list) else pair for pair in proposal["value"]]
        scopes = [views.scope_of(self._opened.live, pair) for pair in pairs]
        return [(scope.instance, scope.region) for scope in dict.fromkeys(scopes)]

    @traitlets.validate("look")
    def _check_look(self, proposal: dict[str, Any]) -> dict[str, Any]:
        length = self.session.video.known_length if self.session is not None else 0
        return check_look(proposal["value"], length)

    @traitlets.validate("shortcuts")
    def _check_shortcuts(self, proposal: dict[str, Any]) -> dict[str, list[str]]:
        return check_shortcuts(proposal["value"])

    def _remember(self, _change: object) -> None:
        seen = {name: getattr(self, name) for name in _SEEN}
        if self.hidden:
            seen["hidden"] = self.hidden
        if self.look != DEFAULT_LOOK:
            seen["look"] = self.look
        self._opened.ui = seen
        self._poster.touch()

    def _picture(self) -> npt.NDArray[np.uint8] | None:
        """Draw the last annotated frame."""
        if self.session is None:
            return None
        live, hidden = self.session.live, self.hidden
        self._pictured = frame = still.choose(live, self.frame_index, self._pictured, hidden)
        return still.draw(live, frame, hidden) if live.video.is_ready(frame) else None

    def _follow(self, change: Change) -> None:
        """Leave a region that undo took back."""
        self._poster.touch()
        if change.kind != "labels":
            return
        regions = self._opened.regions
        if self.region not in regions:
            self.region = regions[0]
        self.hidden = [(instance, region) for instance, region in self.hidden if region in regions]

    def _on_request(self, _widget: object, content: object, buffers: Iterable[Any]) -> None:
        answering = self._responder or self._picker
        if answering is not None:
            answering.receive(content, buffers)

    def _to_views(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        if self.comm is not None:
            self.send(content, buffers=buffers)


def _keep_to_subshell(comm: Any) -> None:
    """Have requests handled on the subshell that JupyterLab opened for widgets.

    ipykernel 7.4 sends the answer to a message to the thread that published last, so that a click
    after a trait change from a cell would wait for the cell to end. Replies to requests that
    Python made keep their way.
    """
    original = getattr(comm, "_reply_subshell_for", None)
    if original is None:
        return

    def route(data: Any, default: Any) -> Any:
        content = data.get("content") if isinstance(data, dict) else None
        asked = isinstance(content, dict) and isinstance(content.get("id"), str)
        return original(data, default) if asked else default

    comm._reply_subshell_for = route
