"""Notices files that another program changed, so that they are never overwritten unseen."""

from __future__ import annotations

import contextlib
import os
import re
import struct
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from sam2_widget.errors import ChangedFileError
from sam2_widget.framerows import FrameRows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Signature = tuple[int, int, int]
"""What tells one state of a file from another: time of change in ns, size, and inode."""
_ROW = "<qIQ"
# The one way to write a frame: 1.png is no mask, nor is 000001.png.
_MASK = re.compile(r"(?:[0-9]{5}|[1-9][0-9]{5,8})\.png")
# What the view was like: whoever writes it last may win.
_UNWATCHED = frozenset({"ui.json"})


class Watch:
    """The files as this process read or wrote them last; one that it does not know is not there.

    Masks are many: of those, a few numbers by folder and frame are kept, 28 bytes each.
    """

    def __init__(self) -> None:
        # A run saves on a thread of its own.
        self._lock = threading.Lock()
        self._masks: dict[str, FrameRows] = {}
        self._others: dict[str, Signature] = {}

    def note(self, path: Path) -> None:
        """Remember a file as it is now; before it is read, or after it was written."""
        self._note(os.fspath(path), _signature(path))

    def note_folder(self, folder: Path) -> list[str]:
        """Remember all files of a folder as they are now, and return their names."""
        try:
            with os.scandir(folder) as entries:
                listed = [(entry, entry.stat()) for entry in entries if entry.is_file()]
        except OSError:
            return []
        for entry, status in listed:
            self._note(entry.path, (status.st_mtime_ns, status.st_size, status.st_ino))
        return [entry.name for entry, _ in listed]

    def newer_masks(self, folder: Path, journal: Path) -> list[int]:
        """Return the frames whose masks were changed after a journal, as both were noted last."""
        with self._lock:
            than = self._others.get(os.fspath(journal))
            rows = self._masks.get(os.fspath(folder))
            if than is None or rows is None:
                return []
            return [frame for frame in rows if (rows.get(frame) or than)[0] > than[0]]

    def changed_masks(self, folder: Path, now: Watch | None = None) -> list[int]:
        """Return the frames whose masks are other files now than those that were noted here.

        `now` is a watch that noted them since; without it the folder is looked at.
        """
        if now is None:
            now = Watch()
            now.note_folder(folder)
        with self._lock, now._lock:
            noted, rows = self._masks.get(os.fspath(folder)), now._masks.get(os.fspath(folder))
            if noted is None or rows is None:
                return []
            return [frame for frame in rows if noted.get(frame) not in (None, rows.get(frame))]

    def is_known(self, path: Path) -> bool:
        """Tell whether a file is as it was when it was noted last."""
        if path.name in _UNWATCHED:
            return True
        return _signature(path) == self._known(os.fspath(path))

    def check(self, paths: Iterable[Path]) -> None:
        """Refuse to go on where another program made, changed or removed a file.

        Raises
        ------
        ChangedFileError
            If one is not as it was noted; the text names it.
        """
        for path in paths:
            if not self.is_known(path):
                # Enough to tell the project and the file.
                name = "/".join(path.parts[-3:])
                raise ChangedFileError(
                    f"{name} was changed by another program since it was read; "
                    "press Load (Session.reload()) to take it over."
                )

    def check_all(self) -> None:
        """Refuse as `check` does, for every file that is known."""
        self.check(map(Path, self._names()))

    @contextlib.contextmanager
    def writing(self, path: Path) -> Iterator[None]:
        """Check a file before the block, which writes or removes it, and note it afterwards.

        Raises
        ------
        ChangedFileError
            If another program changed it; the block is not entered.
        """
        self.check([path])
        try:
            yield
        finally:
            self.note(path)

    def _note(self, name: str, signature: Signature | None) -> None:
        folder, frame = _mask_place(name)
        with self._lock:
            self._others.pop(name, None)
            if frame is not None:
                rows = self._masks.setdefault(folder, FrameRows(_ROW))
                if signature is not None:
                    # Some file systems number files with more than 64 bits.
                    with contextlib.suppress(struct.error):
                        rows.put(frame, *signature)
                        return
                rows.drop(frame)
            if signature is not None:
                self._others[name] = signature

    def _known(self, name: str) -> Signature | None:
        folder, frame = _mask_place(name)
        with self._lock:
            row = None
            if frame is not None and folder in self._masks:
                row = self._masks[folder].get(frame)
            return self._others.get(name) if row is None else (row[0], row[1], row[2])

    def _names(self) -> Iterator[str]:
        """Yield the files that are known."""
        with self._lock:
            others = list(self._others)
            masks = [(folder, iter(rows)) for folder, rows in self._masks.items()]
        yield from others
        for folder, frames in masks:
            for frame in frames:
                yield os.path.join(folder, f"{frame:05d}.png")


def _mask_place(name: str) -> tuple[str, int | None]:
    """Return the folder and the frame that a path names, None if it is no name of a mask."""
    folder, file = os.path.split(name)
    return folder, int(file[:-4]) if _MASK.fullmatch(file) else None


def _signature(path: Path) -> Signature | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
