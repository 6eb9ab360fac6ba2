"""Answers the requests of uploads, in the order they come, off the kernel's thread."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from sam2_widget import answers, requests
from sam2_widget.errors import UploadError
from sam2_widget.uploads import Uploads

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sam2_widget.answering import Handlers
    from sam2_widget.uploads import Upload


class Receiver:
    """Writes the files that views upload.

    Parameters
    ----------
    respond : callable
        Answers a request with what a function returns, or with why it does not.
    folder : callable
        Tells where a file goes that is about to come, or raises why it may not.
    fallback : str
        What to call a file whose name cannot be used.

    Attributes
    ----------
    uploads : Uploads
        The files that come and came.
    """

    def __init__(
        self,
        respond: Callable[[requests.Request, Callable[[], answers.Answer]], None],
        folder: Callable[[requests.BeginUpload], Path],
        fallback: str,
    ) -> None:
        self.uploads = Uploads()
        self._respond = respond
        self._folder = folder
        self._fallback = fallback
        # One thread: the chunks of a file must not overtake each other.
        self._thread = ThreadPoolExecutor(1, "sam2-widget-upload")

    @property
    def handlers(self) -> Handlers:
        """What answers each of the requests."""
        return {
            requests.BeginUpload: lambda request: self._soon(request, self._begin),
            requests.UploadChunk: lambda request: self._soon(request, self._chunk),
            requests.CancelUpload: lambda request: self._soon(request, self._cancel),
        }

    def close(self) -> None:
        """Take no more; what came stays, and goes on when the same file is uploaded again."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _soon(self, request: requests.Request, act: Callable[..., answers.Answer]) -> None:
        self._thread.submit(self._respond, request, lambda: act(request))

    def _begin(self, request: requests.BeginUpload) -> answers.Answer:
        folder = self._folder(request)
        uploads, fallback = self.uploads, self._fallback
        return _told(uploads.begin(folder, request.name, request.size, request.modified, fallback))

    def _chunk(self, request: requests.UploadChunk) -> answers.Answer:
        if len(request.buffers) != 1:
            raise UploadError("A chunk came without its bytes; choose the file again to go on.")
        return _told(self.uploads.chunk(request.token, request.offset, request.buffers[0]))

    def _cancel(self, request: requests.CancelUpload) -> answers.Answer:
        self.uploads.cancel(request.token)
        return answers.Done()


def _told(upload: Upload) -> answers.Upload:
    return answers.Upload(upload.token, upload.name, upload.received)
