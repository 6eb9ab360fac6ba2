"""Answers the requests of the views of one Annotator; knows the session, not the widget."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from sam2_widget import answers, requests, snapshot, views
from sam2_widget.annotations import Scope
from sam2_widget.answering import Answering
from sam2_widget.errors import FrameIndexError, Sam2WidgetError
from sam2_widget.filing import Filing
from sam2_widget.modelling import Modelling

if TYPE_CHECKING:
    from collections.abc import Callable

    from sam2_widget.answering import Send
    from sam2_widget.events import Change
    from sam2_widget.history import Step
    from sam2_widget.session import Session
    from sam2_widget.versions import Shown

# Frames and overlays are read here, so that the kernel's thread never waits for the disk.
_readers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="sam2-widget-read")


class Responder(Answering):
    """Answers requests: each with one result, or with one error that the user sees.

    Messages may come on two threads at once. Answers leave from whatever thread has the result.

    Parameters
    ----------
    session : Session
        What the requests are about.
    send : callable
        Sends content and buffers to all views.
    changed : callable, optional
        Called after every change while the responder listens, on the thread of the listeners.
    """

    def __init__(
        self, session: Session, send: Send, changed: Callable[[Change], None] | None = None
    ) -> None:
        super().__init__(send)
        self._session = session
        self._tell = changed
        self._live = session.live
        self._lock = threading.Lock()
        self._views: set[str] = set()
        self._listening: dict[str, requests.Listen] = {}
        self._unsubscribe: Callable[[], None] | None = None
        self._filing = Filing(session, self._respond)
        self._modelling = Modelling(session, self._respond)
        self._handlers = {
            requests.Hello: self.welcome,
            requests.Listen: self._listen,
            requests.Bye: self._bye,
            requests.Ping: lambda request: self._answer(request, answers.Done()),
            requests.GetFrame: self._frame,
            requests.GetTimes: self._times,
            requests.GetOverlay: self._overlay,
            requests.GetLanes: self._lanes,
            requests.AddPoint: self._add_point,
            requests.MovePoint: lambda r: self._edit(
                r, lambda s: s.move_point(r.frame, r.index, r.x, r.y, r.instance, r.region)
            ),
            requests.RemovePoint: lambda r: self._edit(
                r, lambda s: s.remove_point(r.frame, r.index, r.instance, r.region)
            ),
            requests.SetBox: lambda r: self._edit(
                r, lambda s: s.set_box(r.frame, (r.x0, r.y0, r.x1, r.y1), r.instance, r.region)
            ),
            requests.Brush: self._brush,
            requests.ClearFrame: lambda r: self._edit(
                r, lambda s: s.clear_frame(r.frame, r.instance, r.region)
            ),
            requests.DeleteScope: lambda r: self._edit(
                r, lambda s: s.delete_scope(r.instance, r.region)
            ),
            requests.AddRegion: lambda r: self._edit(r, lambda s: s.add_region(r.region)),
            requests.RenameRegion: lambda r: self._edit(
                r, lambda s: s.rename_region(r.region, r.name)
            ),
            requests.RenameInstance: lambda r: self._edit(
                r, lambda s: s.rename_instance(r.instance, r.name)
            ),
            requests.SetColor: lambda r: self._edit(
                r, lambda s: s.set_color(r.instance, r.region, r.color)
            ),
            requests.DeleteInstance: lambda r: self._edit(
                r, lambda s: s.delete_instance(r.instance)
            ),
            requests.AddKeypoint: lambda r: self._edit(
                r, lambda s: s.add_keypoint(r.frame, r.x, r.y, r.name, instance=r.instance)
            ),
            requests.MoveKeypoint: lambda r: self._edit(
                r, lambda s: s.move_keypoint(r.frame, r.name, r.x, r.y, r.instance)
            ),
            requests.RemoveKeypoint: lambda r: self._edit(
                r, lambda s: s.remove_keypoint(r.frame, r.name, r.instance)
            ),
            requests.SetKeypointVisible: lambda r: self._edit(
                r, lambda s: s.set_keypoint_visible(r.frame, r.name, r.visible, r.instance)
            ),
            requests.ClearKeypoints: lambda r: self._edit(
                r, lambda s: s.clear_keypoints(r.frame, r.instance)
            ),
            requests.CopyKeypoints: lambda r: self._edit(
                r, lambda s: s.copy_keypoints(r.frame, r.instance)
            ),
            requests.NextGap: self._next_gap,
            requests.Undo: lambda request: self._step(request, self._session.undo_soon(), "Undone"),
            requests.Redo: lambda request: self._step(request, self._session.redo_soon(), "Redone"),
            requests.Track: self._track,
            requests.Cancel: self._cancel,
            **self._filing.handlers,
            **self._modelling.handlers,
        }

    def listen(self) -> None:
        """Listen to the session until the last view is gone."""
        with self._lock:
            if self._unsubscribe is None:
                self._unsubscribe = self._session.on_change(self._changed)

    def close(self) -> None:
        """Stop listening to the session."""
        with self._lock:
            self._views.clear()
            self._listening.clear()
            self._stop_listening()
        self._filing.close()
        self._modelling.close()

    def _stop_listening(self) -> None:
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    # -- views --------------------------------------------------------------------------------

    def welcome(self, request: requests.Hello | requests.Listen) -> None:
        """Take in a view and show it everything."""
        with self._lock:
            self._views.add(request.view)
        self.listen()
        self._answer(request, snapshot.state(self._live))

    def _listen(self, request: requests.Listen) -> None:
        with self._lock:
            before = self._listening.pop(request.view, None)
            self._listening[request.view] = request
        if before is not None:
            self._answer(before, snapshot.state(self._live, before.since))
        if self._live.changes.revision > request.since:
            self._push(request.view)

    def _bye(self, request: requests.Bye) -> None:
        with self._lock:
            self._views.discard(request.view)
            self._listening.pop(request.view, None)
            if not self._views:
                # Nobody looks: a widget that was drawn over must not go on listening.
                self._stop_listening()
        self._answer(request, answers.Done())

    def _changed(self, change: Change) -> None:
        if self._tell is not None:
            self._tell(change)
        with self._lock:
            views = list(self._listening)
        for view in views:
            self._push(view)

    def _push(self, view: str) -> None:
        with self._lock:
            request = self._listening.get(view)
            if request is None or self._live.changes.revision <= request.since:
                return
            del self._listening[view]
        self._answer(request, snapshot.state(self._live, request.since))

    # -- pictures -----------------------------------------------------------------------------

    def _frame(self, request: requests.GetFrame) -> None:
        def read() -> None:
            with self._reporting(request):
                self._answer(request, self._picture(request))

        _readers.submit(read)

    def _picture(self, request: requests.GetFrame) -> answers.Answer:
        video = self._live.video
        if not video.is_ready(request.frame):
            self._check_exists(request.frame)
            return answers.NotReady(request.frame, video.ready)
        width = min(video.width, max(16, request.max_width))
        jpeg = video.jpeg(request.frame, width)
        height = max(1, round(video.height * width / video.width))
        overlay = snapshot.overlay(self._live, request.frame) if request.overlay else None
        return answers.Frame(request.frame, width, height, overlay, buffers=(jpeg,))

    def _check_exists(self, frame: int) -> None:
        """Refuse a frame that no waiting will bring."""
        length = self._live.video.known_length
        if frame < 0 or (self._live.video.complete and frame >= length):
            raise FrameIndexError(f"There is no frame {frame}; the video has {length} frames.")

    def _times(self, request: requests.GetTimes) -> None:
        times = np.asarray(self._live.video.times, dtype="<f8")
        self._answer(request, answers.Times(len(times), buffers=(times.tobytes(),)))

    def _overlay(self, request: requests.GetOverlay) -> None:
        def read() -> None:
            with self._reporting(request):
                self._answer(request, snapshot.overlay(self._live, request.frame))

        _readers.submit(read)

    def _lanes(self, request: requests.GetLanes) -> None:
        def read() -> None:
            with self._reporting(request):
                self._answer(request, snapshot.lanes(self._live, request.since))

        _readers.submit(read)

    def _next_gap(self, request: requests.NextGap) -> None:
        gap = self._live.keypoints.next_gap(views.instance_of(request.instance), request.frame)
        frame = gap if gap < self._live.video.known_length else request.frame

        def read() -> None:
            with self._reporting(request):
                self._answer(request, snapshot.overlay(self._live, frame))

        _readers.submit(read)

    # -- actions ------------------------------------------------------------------------------

    def _edit(self, request: requests.Request, act: Callable[[Session], object]) -> None:
        """Do something that ends with the overlay of the request's frame, if it has one."""
        frame: int | None = getattr(request, "frame", None)
        if frame is not None:
            self._check_ready(frame)

        def done(ended: Future[object]) -> None:
            with self._reporting(request):
                ended.result()
                answer = answers.Done() if frame is None else snapshot.overlay(self._live, frame)
                self._answer(request, answer)

        self._session.soon(act).add_done_callback(done)

    def _check_ready(self, frame: int) -> None:
        if not self._live.video.is_ready(frame):
            self._check_exists(frame)
            # Goes on where a full disk ended it, or says that it is full still.
            self._live.video.start()
            raise Sam2WidgetError(f"Frame {frame} is not extracted yet; try again in a moment.")

    def _add_point(self, request: requests.AddPoint) -> None:
        self._check_ready(request.frame)
        scope = Scope(request.instance, request.region)
        self._show(
            request,
            request.frame,
            lambda shown: self._session.add_point_soon(
                request.frame, request.x, request.y, request.label, scope, shown
            ),
        )

    def _brush(self, request: requests.Brush) -> None:
        self._check_ready(request.frame)
        scope = Scope(request.instance, request.region)
        self._show(
            request,
            request.frame,
            lambda shown: self._session.paint_soon(
                request.frame, request.stroke, request.radius, request.erase, scope, shown
            ),
        )

    def _show(
        self, request: requests.Request, frame: int, begin: Callable[[Shown], Future[Any]]
    ) -> None:
        """Begin an edit that is answered as soon as it can be shown, before its PNG is saved."""
        answered = False

        def shown() -> None:
            nonlocal answered
            answered = True
            with self._reporting(request):
                self._answer(request, snapshot.overlay(self._live, frame))

        def done(ended: Future[Any]) -> None:
            error = ended.exception()
            if answered and error is not None:
                # The view has its answer and takes no other: the user hears of it all the same.
                self._live.notify("error", str(error))
                return
            with self._reporting(request):
                ended.result()
                if not answered:
                    # It changed nothing.
                    self._answer(request, snapshot.overlay(self._live, frame))

        begin(shown).add_done_callback(done)

    def _step(self, request: requests.Request, future: Future[Step | None], verb: str) -> None:
        def done(ended: Future[Step | None]) -> None:
            with self._reporting(request):
                step = ended.result()
                if step is None:
                    raise Sam2WidgetError(
                        "There is nothing to undo."
                        if verb == "Undone"
                        else "There is nothing to redo."
                    )
                item = snapshot.step_item(self._live, step, verb)
                self._answer(request, snapshot.overlay(self._live, self._frame_of(step), item))

        future.add_done_callback(done)

    def _frame_of(self, step: Step) -> int:
        """Return a frame that a step changed; any will do where it changed none."""
        if step.frame is not None:
            return step.frame
        frame: int = self._live.ui.get("frame_index", 0)
        return step.changes[0].frame if step.changes else frame

    def _track(self, request: requests.Track) -> None:
        future = self._session.track_soon(
            request.scopes, request.start, request.stop, request.direction, request.force
        )

        def done(ended: Future[Any]) -> None:
            with self._reporting(request):
                ended.result()
                self._answer(request, answers.Done())

        future.add_done_callback(done)

    def _cancel(self, request: requests.Cancel) -> None:
        self._session.cancel()
        self._answer(request, answers.Done())
