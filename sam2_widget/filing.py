"""Answers the requests that are about files: save, read again, export, and load."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import IO, TYPE_CHECKING

from sam2_widget import answers, requests
from sam2_widget.annotations import Scope
from sam2_widget.answering import Aside
from sam2_widget.downloads import Downloads
from sam2_widget.errors import LoadError, UploadError
from sam2_widget.exports import json_export
from sam2_widget.library import printable
from sam2_widget.loading import MAX_BYTES
from sam2_widget.receiving import Receiver
from sam2_widget.uploads import safe_name

if TYPE_CHECKING:
    from sam2_widget.answering import Handlers, Respond
    from sam2_widget.session import Session


class Filing(Aside):
    """Saves, reads, sends and takes the files of one session for its views.

    Files take long to read and write: neither the kernel's thread nor the frames wait.

    Parameters
    ----------
    session : Session
        What the requests are about.
    respond : callable
        Answers a request with what a function returns, or with why it does not.
    """

    def __init__(self, session: Session, respond: Respond) -> None:
        super().__init__(respond, "sam2-widget-files")
        self._session = session
        self._downloads = Downloads()
        self._receiver = Receiver(respond, self._upload_folder, "annotations.json")

    @property
    def handlers(self) -> Handlers:
        """What answers each of the requests."""
        return {
            requests.Save: lambda request: self._soon(request, self._save),
            requests.Reload: lambda request: self._soon(request, self._session.reload),
            requests.TryLock: lambda request: self._soon(request, self._session.try_again),
            requests.Export: lambda request: self._soon(request, lambda: self._export(request)),
            requests.GetChunk: lambda request: self._soon(request, lambda: self._chunk(request)),
            requests.PreviewLoad: lambda request: self._soon(
                request, lambda: self._preview(request)
            ),
            requests.ApplyLoad: lambda request: self._soon(request, lambda: self._apply(request)),
            **self._receiver.handlers,
        }

    def close(self) -> None:
        """Take no more, and remove what was being fetched."""
        super().close()
        self._receiver.close()
        self._downloads.close()

    def _save(self) -> answers.Answer:
        folder = self._session.save()
        with contextlib.suppress(ValueError):
            # As the user wrote it, where it lies below the notebook.
            folder = folder.relative_to(Path.cwd())
        return answers.Saved(printable(str(folder)))

    # -- export -------------------------------------------------------------------------------

    def _export(self, request: requests.Export) -> answers.Answer:
        session = self._session
        scope = None
        name = f"{session.name}.json"
        if request.instance is not None and request.region is not None:
            scope = Scope(request.instance, request.region)
            name = json_export.scope_file_name(session.name, scope)

        def write(file: IO[bytes]) -> None:
            session.write_export(file, scope)

        # The folder of the project has room for what is in it; the system's may be in memory.
        folder = None if session.read_only else session.folder
        offer = self._downloads.offer(safe_name(name, "project"), folder, write)
        return answers.Download(offer.token, offer.name, offer.size)

    def _chunk(self, request: requests.GetChunk) -> answers.Answer:
        data = self._downloads.chunk(request.token, request.offset)
        return answers.Chunk(request.offset, buffers=(data,))

    # -- load ---------------------------------------------------------------------------------

    def _upload_folder(self, request: requests.BeginUpload) -> Path:
        self._session.live.check_writable()
        if request.purpose != "annotations":
            raise UploadError("A video is open already; call Annotator() without one to upload.")
        if request.size > MAX_BYTES:
            raise LoadError("The file is larger than 2 GiB; load a part of it.")
        return self._session.live.project.uploads

    def _preview(self, request: requests.PreviewLoad) -> answers.Answer:
        try:
            preview = self._session.preview_load(self._receiver.uploads.file(request.token))
        except BaseException:
            self._forget(request.token)
            raise
        return answers.LoadPreview(preview.title, preview.merge, preview.replace)

    def _apply(self, request: requests.ApplyLoad) -> None:
        try:
            self._session.load(self._receiver.uploads.file(request.token), request.how)
        finally:
            self._forget(request.token)

    def _forget(self, token: str) -> None:
        self._receiver.uploads.cancel(token)
        with contextlib.suppress(OSError):
            self._session.live.project.uploads.rmdir()
