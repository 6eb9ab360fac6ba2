"""Receives files in chunks, written before they are acknowledged, and goes on with broken ones."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import threading
import time
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from sam2_widget.errors import SaveError, UploadError
from sam2_widget.room import amount
from sam2_widget.turns import user_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Bytes: TypeAlias = "bytes | bytearray | memoryview"

CHUNK = 1 << 20
"""Bytes of the largest chunk."""
MAX_SIZE = 1 << 40
"""Bytes of the largest file: a tebibyte."""
MAX_NAME = 150
"""Bytes of the longest name: it leaves room for what a ``.part`` file's name adds."""

_MAX_SUFFIX = 16
_FORBIDDEN = frozenset('<>:"|?*')
"""What Windows allows in no file name, so that a folder can be moved there."""
_DEVICE = re.compile(
    r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9¹²³]) *(\..*)?", re.IGNORECASE
)
_PART = re.compile(r"\..+\.\d+--?\d+\.part")
_UNKNOWN = "This upload is no longer known; choose the file again to go on."
_FORGOTTEN = 30 * 24 * 3600
"""Seconds after which nobody will go on with a broken upload."""


@dataclass(frozen=True, slots=True)
class Upload:
    """How much of a file has come.

    Attributes
    ----------
    token : str
        Names the upload in `Uploads`.
    name : str
        Name of the file: the wanted one, and once all of it is there the one it has.
    size, received : int
        Bytes of the file, and how many of them are written, from the first on.
    path : Path or None
        Where the file is, once all of it is there.
    """

    token: str
    name: str
    size: int
    received: int
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class _File:
    """A file that is coming; how much of it is there the ``.part`` file itself tells."""

    folder: Path
    name: str
    size: int
    modified: int

    @property
    def part(self) -> Path:
        return self.folder / f".{self.name}.{self.size}-{self.modified}.part"


class Uploads:
    """Receives files in chunks, in order, and gives each a name that nothing else has.

    A file grows in ``.<name>.<size>-<modified>.part`` beside its place: what is there is what was
    acknowledged, also after the process was killed, and the same file goes on from there. Two
    senders of one file join: they write the same bytes to the same places. Calls may come on any
    thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Two kernels may receive one file: between a look at its size and the write that follows,
        # the other must not finish it or begin it anew.
        self._kernels = user_lock("uploads")
        self._files: dict[str, _File] = {}
        self._complete: dict[str, Upload] = {}

    def begin(
        self, folder: Path, name: str, size: int, modified: int, fallback: str = "video"
    ) -> Upload:
        """Begin to receive a file, or go on with it where it was broken off.

        Parameters
        ----------
        folder : Path
            Where it goes; made if it does not exist.
        name : str
            What the sender calls it: hostile, see `safe_name`.
        size : int
            Bytes.
        modified : int
            Its time in ms since 1970; with name and size it tells whether it is the same file.
        fallback : str
            Its name where nothing of `name` can be used.

        Raises
        ------
        UploadError
            If the size cannot be.
        SaveError
            If the folder cannot be written or has no room for it.
        """
        safe = safe_name(name, fallback)
        if size <= 0:
            raise UploadError(f"{safe} is empty; choose a file that holds something.")
        if size > MAX_SIZE:
            raise UploadError(f"{safe} cannot be {amount(size)}; {amount(MAX_SIZE)} is the most.")
        file = _File(folder, safe, size, modified)
        with self._alone(), _writing(file):
            _forget_old(folder)
            received = _received(file)
            _check_room(file, size - received)
            folder.mkdir(parents=True, exist_ok=True)
            with file.part.open("ab"):
                pass
            token = next((t for t, other in self._files.items() if other == file), None)
            if token is None:
                token = secrets.token_hex(8)
                self._files[token] = file
            return self._moved(token, file)

    def chunk(self, token: str, offset: int, data: Bytes) -> Upload:
        """Write a chunk; it is acknowledged by returning.

        Parameters
        ----------
        token : str
            Of the upload.
        offset : int
            Place of its first byte in the file: the number of bytes received. One that was received
            before is acknowledged again.
        data : bytes-like
            At most `CHUNK` bytes.

        Raises
        ------
        UploadError
            If it does not follow on what was received, is too large, or no such upload is known.
        SaveError
            If it cannot be written; the upload goes on once it can.
        """
        bytes_ = memoryview(data).cast("B")
        with self._alone():
            if token in self._complete:
                return self._complete[token]
            file = self._file(token)
            end = offset + len(bytes_)
            if not bytes_ or len(bytes_) > CHUNK or offset < 0 or end > file.size:
                raise UploadError(
                    f"The bytes {offset} to {end} are no chunk of {file.name}, which has "
                    f"{file.size}; reload the page and choose the file again."
                )
            with _writing(file):
                received = _received(file)
                if offset > received:
                    raise UploadError(
                        f"Of {file.name} {received} bytes have come, so that byte {offset} cannot "
                        "be next; choose the file again to go on."
                    )
                if end > received:
                    _write_at(file.part, received, bytes_[received - offset :])
                return self._moved(token, file)

    def cancel(self, token: str) -> None:
        """Throw away what came of a file; what is not known is none to throw away."""
        with self._alone():
            file = self._files.pop(token, None)
            upload = self._complete.pop(token, None)
            path = file.part if file else upload.path if upload else None
            if path is not None:
                with contextlib.suppress(OSError):
                    path.unlink()

    def file(self, token: str) -> Path:
        """Return where a file is, all of which has come.

        Raises
        ------
        UploadError
            If it has not.
        """
        with self._lock:
            upload = self._complete.get(token)
        if upload is None or upload.path is None:
            raise UploadError("The file is not there yet; wait for its end, or upload it again.")
        return upload.path

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other threads and other kernels from what uploads change."""
        with self._lock, contextlib.ExitStack() as stack:
            # Where there are no locks, one kernel alone is still served.
            with contextlib.suppress(NotImplementedError, OSError):
                stack.enter_context(self._kernels)
            yield

    def _file(self, token: str) -> _File:
        file = self._files.get(token)
        if file is None or not file.part.exists():
            self._files.pop(token, None)
            raise UploadError(_UNKNOWN)
        return file

    def _moved(self, token: str, file: _File) -> Upload:
        """Return how much is there; all of it takes its name."""
        received = _received(file)
        if received < file.size:
            return Upload(token, file.name, file.size, received)
        path = _named(file)
        upload = Upload(token, path.name, file.size, received, path)
        del self._files[token]
        self._complete[token] = upload
        return upload


def safe_name(name: str, fallback: str = "video") -> str:
    """Return a file name made of what may be used of a name: no folder, nothing hidden or special.

    Parameters
    ----------
    name : str
        Any text.
    fallback : str
        What to call it where nothing is left before the suffix.

    Returns
    -------
    str
        At most `MAX_NAME` bytes as UTF-8; a short suffix is kept.
    """
    base = re.split(r"[/\\]", name)[-1]
    plain = unicodedata.normalize("NFC", "".join(map(_plain, base)))
    stem, _, suffix = plain.rpartition(".")
    suffix = suffix.strip()
    if "." not in plain or len(suffix.encode()) > _MAX_SUFFIX:
        stem, suffix = plain, ""
    ending = f".{suffix}" if suffix else ""
    room = MAX_NAME - len(ending.encode()) - 1
    stem = _cut(stem.strip(". "), room).rstrip(". ") or fallback
    return f"{'_' if _DEVICE.fullmatch(stem) else ''}{stem}{ending}"


def _plain(character: str) -> str:
    category = unicodedata.category(character)
    if category[0] == "C" or category in ("Zl", "Zp"):
        return ""
    return " " if category == "Zs" else "_" if character in _FORBIDDEN else character


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore")


def _received(file: _File) -> int:
    try:
        size = file.part.stat().st_size
    except FileNotFoundError:
        return 0
    if size > file.size:
        # Not written by us: nothing in it can be relied on.
        file.part.unlink()
        return 0
    return size


def _write_at(path: Path, offset: int, data: memoryview) -> None:
    """Write to a place of a file; where it fails half-way, what was written is right and stays."""
    with path.open("r+b", buffering=0) as file:
        file.seek(offset)
        while data:
            written = file.write(data)
            if not written:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            data = data[written:]


def _named(file: _File) -> Path:
    """Give a file that is whole the first free of its names, and return the path."""
    with file.part.open("r+b") as whole:
        os.fsync(whole.fileno())
    stem, dot, suffix = file.name.rpartition(".")
    stem, ending = (stem, dot + suffix) if dot else (file.name, "")
    number = 1
    while True:
        path = file.folder / (file.name if number == 1 else f"{stem}-{number}{ending}")
        if _claim(file.part, path):
            return path
        number += 1


def _claim(part: Path, path: Path) -> bool:
    """Rename a file unless the name is taken; two that want it cannot both get it."""
    try:
        os.link(part, path)
    except FileExistsError:
        # A kill may have come between the link and the end of the other name.
        if not path.samefile(part):
            return False
    except FileNotFoundError:
        raise
    except OSError:
        return _claim_without_links(part, path)
    part.unlink()
    return True


def _claim_without_links(part: Path, path: Path) -> bool:
    try:
        path.open("xb").close()
    except FileExistsError:
        return False
    try:
        part.replace(path)
    except OSError:
        path.unlink()
        raise
    return True


def _check_room(file: _File, needed: int) -> None:
    there = next(folder for folder in (file.folder, *file.folder.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise SaveError(
            f"There is no room for {file.name} in {file.folder}: it needs {amount(needed)} and "
            f"{amount(free)} are free; free some space and choose it again."
        )


def _forget_old(folder: Path) -> None:
    """Remove what broken uploads left long ago: hidden files would fill the disk unseen."""
    for path in folder.glob(".*.part"):
        with contextlib.suppress(OSError):
            old = time.time() - path.stat().st_mtime > _FORGOTTEN
            if old and _PART.fullmatch(path.name):
                path.unlink()


@contextlib.contextmanager
def _writing(file: _File) -> Iterator[None]:
    """Turn the errors of the file system into one sentence."""
    try:
        yield
    except SaveError:
        raise
    except FileNotFoundError as error:
        # The same file was uploaded from elsewhere too, and that one was whole first.
        raise UploadError(_UNKNOWN) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            text = f"The disk is full, so that {file.name} is not complete; free some space and"
            text += " choose it again: it goes on from there."
        elif isinstance(error, PermissionError) or error.errno == errno.EROFS:
            text = f"{file.folder} cannot be written; make the folder writable and upload again."
        else:
            text = f"{file.name} was not saved ({error.strerror or error}); mend that and upload"
            text += " it again."
        raise SaveError(text) from error
