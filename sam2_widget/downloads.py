"""Keeps the file that a browser is fetching in chunks, and lets go of it afterwards."""

from __future__ import annotations

import contextlib
import secrets
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from sam2_widget.durable import saving
from sam2_widget.errors import Sam2WidgetError

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK = 1 << 20
"""Bytes of the largest chunk."""


@dataclass(frozen=True, slots=True)
class Download:
    """A file of `size` bytes that can be fetched under its token."""

    token: str
    name: str
    size: int


class Downloads:
    """One file at a time: the next takes its place. Calls may come on any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._file: IO[bytes] | None = None
        self._offer: Download | None = None
        self._left: set[int] = set()

    def offer(self, name: str, folder: Path | None, write: Callable[[IO[bytes]], None]) -> Download:
        """Make a file to be fetched.

        Parameters
        ----------
        name : str
            What it is called.
        folder : Path or None
            Where it lies meanwhile, without a name, so that no kill leaves it behind; None is the
            system's folder for temporary files.
        write : callable
            Writes it.

        Raises
        ------
        SaveError
            If it cannot be written.
        """
        place = Path(tempfile.gettempdir()) if folder is None else folder
        with saving(place / name), contextlib.ExitStack() as undo:
            file = undo.enter_context(tempfile.TemporaryFile(dir=place))
            write(file)
            size = file.tell()
            undo.pop_all()
        offer = Download(secrets.token_hex(8), name, size)
        with self._lock:
            self._drop()
            self._file, self._offer = file, offer
            self._left = set(range(0, size, CHUNK))
        return offer

    def chunk(self, token: str, offset: int) -> bytes:
        """Return the bytes from a multiple of `CHUNK` on; with the last one left the file goes.

        Raises
        ------
        Sam2WidgetError
            If there is no such file any more, or no such place in it.
        """
        with self._lock:
            if self._file is None or self._offer is None or self._offer.token != token:
                raise Sam2WidgetError("This export is no longer kept; press Export again.")
            if offset not in self._left:
                raise Sam2WidgetError(f"There is no part at byte {offset}; press Export again.")
            self._file.seek(offset)
            data = self._file.read(CHUNK)
            self._left.discard(offset)
            if not self._left:
                self._drop()
            return data

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
        self._file = self._offer = None
