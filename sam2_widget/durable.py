"""Writes files so that a kill leaves the old or the new content whole; syncs them afterwards."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import threading
from typing import TYPE_CHECKING

from sam2_widget.errors import SaveError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO
    from pathlib import Path

TEMPORARY = ".writing"
"""Suffix of a file that is being written; readers ignore it and opening a project removes it."""


@contextlib.contextmanager
def saving(path: Path) -> Iterator[None]:
    """Turn the errors of the file system into one sentence.

    Raises
    ------
    SaveError
        If the disk is full, the folder is not writable, or anything else keeps the file from disk.
    """
    try:
        yield
    except SaveError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            text = f"The disk is full, {path} was not saved; free some space and do it again."
        elif isinstance(error, PermissionError) or error.errno == errno.EROFS:
            text = f"{path} cannot be written; make the folder writable or give another output_dir."
        else:
            text = f"{path} was not saved ({error.strerror or error}); mend that and do it again."
        raise SaveError(text) from error


def write_file(path: Path, data: bytes, flusher: Flusher | None = None) -> None:
    """Write a file beside its place, then rename it there.

    Raises
    ------
    SaveError
        If it cannot be written; what was there before is untouched.
    """
    with _replacing(path) as beside:
        beside.write_bytes(data)
    if flusher is not None:
        flusher.add(path)


def append_line(path: Path, line: bytes, flusher: Flusher | None = None) -> None:
    """Append a line to a file; a kill can leave it torn, which readers skip.

    Raises
    ------
    SaveError
        If it cannot be written.
    """
    with saving(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            # A torn last line must not swallow this one too.
            data = (b"" if _ends_line(file, end) else b"\n") + line + b"\n"
            try:
                # One write call, so that lines of two processes cannot mix.
                if file.write(data) < len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError:
                with contextlib.suppress(OSError):
                    file.truncate(end)
                raise
    if flusher is not None:
        flusher.add(path)


def _ends_line(file: FileIO, end: int) -> bool:
    if not end:
        return True
    file.seek(end - 1)
    return file.read(1) == b"\n"


def link_file(source: Path, target: Path, flusher: Flusher | None = None) -> None:
    """Give a file a second name; where the file system has no links, copy it.

    Files are replaced by renaming, never changed in place, so that sharing the bytes is safe.

    Raises
    ------
    SaveError
        If neither works.
    """
    with _replacing(target) as beside:
        try:
            os.link(source, beside)
        except OSError:
            shutil.copyfile(source, beside)
    if flusher is not None:
        flusher.add(target)


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Give the name to write to beside a file; what was written then takes the file's place."""
    # The thread's number keeps two writers of one file apart.
    beside = path.with_name(f"{path.stem}-{threading.get_ident():x}{path.suffix}{TEMPORARY}")
    with saving(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # A leftover may be a link to another file's bytes.
        beside.unlink(missing_ok=True)
        try:
            yield beside
            beside.replace(path)
        finally:
            # Renaming a second name of the same file to it does nothing and leaves both.
            beside.unlink(missing_ok=True)


class Flusher:
    """Syncs written files to the disk within a second, grouped, on a thread of its own.

    A kill of the process loses nothing that was written; a power cut can lose what was not synced.
    """

    def __init__(self, seconds: float = 0.5) -> None:
        self._seconds = seconds
        self._paths: set[Path] = set()
        self._wake = threading.Condition()
        self._syncing = threading.Lock()
        self._closing = False
        self._thread = threading.Thread(target=self._loop, name="sam2-widget-sync", daemon=True)
        self._thread.start()

    def add(self, path: Path) -> None:
        """Have a written file synced."""
        with self._wake:
            self._paths.add(path)
            self._wake.notify_all()

    def flush(self) -> None:
        """Return once all that was written so far is synced."""
        with self._syncing:
            with self._wake:
                paths, self._paths = self._paths, set()
            for path in [*paths, *{path.parent for path in paths}]:
                _sync(path)

    def close(self) -> None:
        """Sync what is left and end the thread."""
        with self._wake:
            self._closing = True
            self._wake.notify_all()
        self._thread.join()

    def _loop(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._paths or self._closing)
                # Gather what one burst writes: one sync serves many changes of a file.
                self._wake.wait_for(lambda: self._closing, timeout=self._seconds)
                closing = self._closing
            self.flush()
            if closing and not self._paths:
                return


def _sync(path: Path) -> None:
    # A file that is gone or a system that cannot sync a folder is no reason to stop.
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
