"""Downloads a checkpoint: goes on after breaks, verifies it, and puts it in place in one step."""

from __future__ import annotations

import contextlib
import errno
import re
import shutil
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sam2_widget.errors import DownloadError
from sam2_widget.partfile import PartFile, part_of
from sam2_widget.room import amount
from sam2_widget.transfer import (
    Answer,
    BrokenError,
    SlowError,
    Slowest,
    UnreachableError,
    host,
    request,
)
from sam2_widget.turns import in_turn
from sam2_widget.verifying import check_existing, known_hash, remember_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sam2_widget.catalogue import Entry

_BUSY = (408, 425, 429, 500, 502, 503, 504)
"""Answers after which a server asks to be tried again."""
_FULL = (errno.ENOSPC, errno.EDQUOT)
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a download keeps trying.

    Attributes
    ----------
    tries : int
        Tries in a row that bring nothing.
    most : int
        Tries in all.
    pause : float
        Seconds before the second try; doubled with each that brings nothing.
    timeout : float
        Seconds without a byte after which a connection counts as stalled.
    slowest : Slowest
        What counts as stalled, and brings nothing, although some bytes come.
    """

    tries: int = 5
    most: int = 100
    pause: float = 0.5
    timeout: float = 30
    slowest: Slowest = field(default_factory=Slowest)


def fetch(
    entry: Entry,
    folder: Path,
    progress: Callable[[int, int], None] | None = None,
    cancel: threading.Event | None = None,
    patience: Patience | None = None,
) -> Path:
    """Download a checkpoint into a folder and return its path; one that is there is only checked.

    It grows in ``<file>.part`` beside its place. A download that breaks, is cancelled or killed
    goes on from there; whatever else goes wrong leaves nothing behind. Several processes or
    threads that want the same file wait for the one that fetches it.

    Parameters
    ----------
    entry : Entry
        What to download, its size in bytes and its hash.
    folder : Path
        Where to; made if it does not exist.
    progress : callable, optional
        Called with (bytes there, bytes in all) as they come, on this thread.
    cancel : threading.Event, optional
        Ends the download soon after it is set.
    patience : Patience, optional
        How long to keep trying.

    Raises
    ------
    DownloadError
        If it was not downloaded; the message says why, what to do, and what is kept.
    """
    target = folder.expanduser().absolute() / entry.file
    fetching = _Fetching(
        entry, target, progress or _silent, cancel or threading.Event(), patience or Patience()
    )
    with _saving(entry, target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with in_turn(target, fetching.wait):
            return fetching.run()


class _Fetching:
    """One download."""

    def __init__(
        self,
        entry: Entry,
        target: Path,
        progress: Callable[[int, int], None],
        cancel: threading.Event,
        patience: Patience,
    ) -> None:
        self._entry = entry
        self._target = target
        self._progress = progress
        self._cancel = cancel
        self._patience = patience
        self._reached = False

    def wait(self) -> None:
        """Tell how far another is that downloads this file."""
        self._check()
        with contextlib.suppress(OSError):
            self._progress(part_of(self._target).stat().st_size, self._entry.size)

    def run(self) -> Path:
        """Download the file, if it is not there."""
        if self._target.exists():
            check_existing(self._entry, self._target, self._check)
        else:
            # Where the beginning of an earlier download spoils it, once more from the start.
            while not self._download():
                pass
        self._progress(self._entry.size, self._entry.size)
        return self._target

    def _download(self) -> bool:
        part = PartFile(self._entry, self._target)
        try:
            self._fill(part)
            found, folder = part.sha256(self._check), self._target.parent
            if found is None:
                part.remove()
                raise DownloadError(
                    f"Another process wrote to {part.path} at the same time; it was deleted, try "
                    "again once the other has ended."
                )
            if known_hash(self._entry, folder) in (None, found):
                part.finish(self._target)
                remember_hash(self._entry, folder, found)
                return True
            part.remove()
            if part.resumed:
                return False
            raise DownloadError(
                f"What {self._server} sent is not the published {self._entry.file} (another "
                f"SHA-256), and was deleted; {self._elsewhere}."
            )
        except OSError as error:
            if error.errno in _FULL:
                part.remove()
            raise
        finally:
            part.close()

    def _fill(self, part: PartFile) -> None:
        """Bring all bytes of the file, in as many tries as it takes and patience allows."""
        self._check_room(part)
        idle, tries = 0, 0
        while part.received < self._entry.size:
            before, reason, slow = part.received, "the connection broke", False
            try:
                self._try(part)
            except BrokenError as error:
                reason, slow = str(error), isinstance(error, SlowError)
                if isinstance(error, UnreachableError) and not self._reached:
                    raise DownloadError(
                        f"{self._server} cannot be reached ({reason}); check the network and the "
                        f"variable https_proxy, or {self._elsewhere}{self._kept()}"
                    ) from error
            if part.received == self._entry.size:
                return
            tries += 1
            idle = 0 if part.received > before and not slow else idle + 1
            if idle >= self._patience.tries or tries >= self._patience.most:
                raise DownloadError(
                    f"The download of {self._entry.file} from {self._server} does not get on "
                    f"({reason}); try again later, or {self._elsewhere}{self._kept()}"
                )
            self._cancel.wait(self._patience.pause * 2**idle)
            self._check()

    def _try(self, part: PartFile) -> None:
        """Send one request, and append what it brings."""
        url, patience = self._entry.url, self._patience
        answer = request(url, part.headers(), patience.timeout, patience.slowest, self._check)
        self._reached = True
        with contextlib.closing(answer.pieces):
            if not self._accept(answer, part):
                return
            for piece in answer.pieces:
                room = self._entry.size - part.received
                if len(piece) > room:
                    part.remove()
                    raise self._wrong_size("more")
                part.write(piece)
                self._progress(part.received, self._entry.size)

    def _accept(self, answer: Answer, part: PartFile) -> bool:
        """Tell whether an answer brings what was asked for; False if another try will."""
        status, headers = answer.status, answer.headers
        if status in _BUSY:
            raise BrokenError(f"the server is busy, HTTP {status}")
        if status == 416 or (status == 206 and not self._continues(answer, part)):
            # Not the file that the beginning is of: from the start next time.
            part.start(headers)
            return False
        if status not in (200, 206):
            raise DownloadError(
                f"{self._server} does not give {self._entry.file} (HTTP {status}); "
                f"{self._elsewhere}{self._kept()}"
            )
        if headers.get("Content-Encoding", "identity") != "identity":
            raise DownloadError(
                f"{self._server} gives {self._entry.file} compressed although it was asked not "
                f"to; {self._elsewhere}{self._kept()}"
            )
        length = headers.get("Content-Length", "")
        if status == 200 and length.isdecimal() and int(length) != self._entry.size:
            # What came earlier may be right: the login page of a network answers like this.
            raise self._wrong_size(f"{int(length):,}")
        if status == 200:
            # Also where only the rest was asked for: the file changed, or the server cannot.
            part.start(headers)
        return True

    def _continues(self, answer: Answer, part: PartFile) -> bool:
        found = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if found is None or not part.received or not part.is_of(answer.headers):
            return False
        return int(found[1]) == part.received and found[3] in ("*", str(self._entry.size))

    def _wrong_size(self, words: str) -> DownloadError:
        return DownloadError(
            f"{self._server} gives {words} bytes where {self._entry.file} has "
            f"{self._entry.size:,}; check whether the network wants a login, or "
            f"{self._elsewhere}{self._kept()}"
        )

    def _check_room(self, part: PartFile) -> None:
        needed = self._entry.size - part.received
        free = shutil.disk_usage(self._target.parent).free
        if needed > free:
            raise DownloadError(
                f"There is no room for {self._entry.file} in {self._target.parent}: it needs "
                f"{amount(needed)} and {amount(free)} are free; free some space or give another "
                f"folder{self._kept()}"
            )

    def _check(self) -> None:
        """End the download if that is wanted."""
        if self._cancel.is_set():
            raise DownloadError(f"The download of {self._entry.file} was cancelled{self._kept()}")

    @property
    def _server(self) -> str:
        return host(self._entry.url)

    @property
    def _elsewhere(self) -> str:
        return f"get the file by other means and put it into {self._target.parent}"

    def _kept(self) -> str:
        """Return the end of a sentence: where what came is kept, if anything is."""
        path = part_of(self._target)
        try:
            size = path.stat().st_size
        except OSError:
            size = 0
        if not size:
            return "."
        return (
            f"; {amount(size)} of {amount(self._entry.size)} are kept in {path}, from where "
            "downloading again goes on."
        )


@contextlib.contextmanager
def _saving(entry: Entry, target: Path) -> Iterator[None]:
    """Turn the errors of the file system into one sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            text = (
                f"The disk is full, {entry.file} ({amount(entry.size)}) was not saved and nothing"
            )
            text += " of it is left; free some space and download again."
        elif isinstance(error, PermissionError | FileExistsError | NotADirectoryError) or (
            error.errno == errno.EROFS
        ):
            text = f"{target.parent} cannot be written; make it a writable folder or give another"
            text += " folder."
        else:
            text = (
                f"{entry.file} was not saved in {target.parent} ({error.strerror or error}); mend"
            )
            text += " that and download again."
        raise DownloadError(text) from error


def _silent(done: int, total: int) -> None:
    """Tell nobody."""
