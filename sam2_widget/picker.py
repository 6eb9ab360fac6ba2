"""Answers the requests of views while no video is open: lists, uploads, and which to open."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sam2_widget import answers, library, requests
from sam2_widget.answering import Answering
from sam2_widget.errors import NoVideoError, ProjectError, UploadError, VideoError
from sam2_widget.library import FoundProject, FoundVideo, printable
from sam2_widget.receiving import Receiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sam2_widget.answering import Send
    from sam2_widget.responder import Responder


class Picker(Answering):
    """Lets the views of one Annotator choose a video, then hands them over.

    Parameters
    ----------
    videos : str or Path
        Folder of videos; uploads go there too.
    arguments : mapping
        What the user gave for `Session`, without the video.
    open_session : callable
        Opens a session on a path with arguments, shows it, and returns who answers from then on, or
        None when the annotator was closed meanwhile.
    send : callable
        Sends content and buffers to all views.
    """

    def __init__(
        self,
        videos: str | Path,
        arguments: Mapping[str, Any],
        open_session: Callable[[Path, dict[str, Any]], Responder | None],
        send: Send,
    ) -> None:
        super().__init__(send)
        self._title = str(videos)
        # Absolute, so that a later change of the working folder moves nothing.
        self._videos = Path(videos).expanduser().absolute()
        self._arguments = dict(arguments)
        output_dir = self._arguments.get("output_dir", "outputs")
        self._output_dir = Path(output_dir).expanduser().resolve()
        self._open_session = open_session
        self._lock = threading.Lock()
        self._listening: dict[str, requests.Listen] = {}
        self._found: dict[str, FoundVideo | FoundProject] = {}
        self._opening = ""
        self._closed = False
        self._successor: Responder | None = None
        self._reader = ThreadPoolExecutor(1, "sam2-widget-read")
        self._receiver = Receiver(self._respond, self._upload_folder, "video")
        self._handlers = {
            requests.Hello: self._list,
            requests.ListVideos: self._list,
            requests.Listen: self._listen,
            requests.Bye: self._bye,
            requests.Ping: lambda request: self._answer(request, answers.Done()),
            requests.OpenVideo: self._open,
            **self._receiver.handlers,
        }

    def receive(self, content: object, buffers: Iterable[Any] = ()) -> None:
        """Take a request from the browser."""
        if self._successor is not None:
            # A message can come here while the session takes over.
            self._successor.receive(content, buffers)
        elif not self._closed:
            super().receive(content, buffers)

    def close(self) -> None:
        """End the threads; what was uploaded in part stays and can be gone on with."""
        with self._lock:
            self._closed = True
            self._listening.clear()
        self._reader.shutdown(wait=False, cancel_futures=True)
        self._receiver.close()

    def _no_handler(self, request: requests.Request) -> None:
        raise NoVideoError

    # -- views --------------------------------------------------------------------------------

    def _listen(self, request: requests.Listen) -> None:
        with self._lock:
            # One that the view sent before, it no longer waits for.
            self._listening[request.view] = request
            successor = self._successor
        if successor is not None:
            successor.welcome(request)

    def _bye(self, request: requests.Bye) -> None:
        with self._lock:
            self._listening.pop(request.view, None)
        self._answer(request, answers.Done())

    # -- lists --------------------------------------------------------------------------------

    def _list(self, request: requests.Hello | requests.ListVideos) -> None:
        self._reader.submit(self._respond, request, self._choices)

    def _choices(self) -> answers.Choices:
        videos = library.find_videos(self._videos)
        projects = library.find_projects(self._output_dir)
        found: dict[str, FoundVideo | FoundProject] = {video.label: video for video in videos}
        found |= {_path_of(project): project for project in projects}
        with self._lock:
            self._found = found
        return answers.Choices(
            folder=printable(self._title),
            videos=[answers.VideoChoice(video.label, video.size) for video in videos],
            projects=[
                answers.ProjectChoice(
                    path=_path_of(project),
                    name=printable(project.folder.name),
                    opened=project.opened,
                    obstacle=printable(project.obstacle),
                )
                for project in projects
            ],
        )

    # -- opening ------------------------------------------------------------------------------

    def _open(self, request: requests.OpenVideo) -> None:
        with self._lock:
            chosen = self._found.get(request.path)
            if chosen is None:
                raise VideoError(f"{request.path[:200]} is not on the list; press Refresh.")
            if self._opening:
                raise VideoError(f"{self._opening} is being opened; wait for it.")
            self._opening = request.path
        # A thread of its own: opening can take seconds, and the kernel must answer others.
        threading.Thread(
            target=self._open_chosen, args=(request, chosen), name="sam2-widget-open", daemon=True
        ).start()

    def _open_chosen(self, request: requests.OpenVideo, chosen: FoundVideo | FoundProject) -> None:
        try:
            with self._reporting(request):
                successor = self._open_session(*self._settled(chosen))
                if successor is not None:
                    self._answer(request, answers.Done())
                    self._hand_over(successor)
        finally:
            with self._lock:
                self._opening = ""

    def _settled(self, chosen: FoundVideo | FoundProject) -> tuple[Path, dict[str, Any]]:
        """Return the path to open, and all arguments."""
        if isinstance(chosen, FoundProject):
            if chosen.source is None:
                raise ProjectError(chosen.obstacle)
            settings = library.settings_of(chosen.folder)
            place = {key: settings[key] for key in ("name", "output_dir")}
            return chosen.source, {**settings, **self._arguments, **place}
        named = "name" in self._arguments
        settings = {} if named else library.settings_for(chosen.path, self._output_dir)
        return chosen.path, {**settings, **self._arguments}

    def _hand_over(self, successor: Responder) -> None:
        with self._lock:
            self._successor = successor
            waiting = list(self._listening.values())
        self.close()
        for request in waiting:
            successor.welcome(request)

    # -- uploads ------------------------------------------------------------------------------

    def _upload_folder(self, request: requests.BeginUpload) -> Path:
        if request.purpose != "video":
            raise NoVideoError
        if os.path.splitext(request.name)[1].lower() not in library.VIDEO_SUFFIXES:
            raise UploadError(
                f"{printable(request.name)[:80]} is no video that can be opened; choose one of "
                f"{', '.join(sorted(library.VIDEO_SUFFIXES))}."
            )
        return self._videos


def _path_of(project: FoundProject) -> str:
    return printable(str(project.folder))
