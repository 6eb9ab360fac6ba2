"""Notices files that another program changed, so that they are never overwritten unseen."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from sam2_widget.errors import ChangedFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Signature = tuple[int, int, int]
"""What tells one state of a file from another: time of change in ns, size, and inode."""
# What the view was like: whoever writes it last may win.
_UNWATCHED = frozenset({"ui.json"})


class Watch:
    """The files as this process read or wrote them last; one that it does not know is not there."""

    def __init__(self) -> None:
        self._known: dict[str, Signature] = {}

    def note(self, path: Path) -> None:
        """Remember a file as it is now; before it is read, or after it was written."""
        signature = _signature(path)
        if signature is None:
            self._known.pop(os.fspath(path), None)
        else:
            self._known[os.fspath(path)] = signature

    def note_folder(self, folder: Path) -> list[str]:
        """Remember all files of a folder as they are now, and return their names."""
        try:
            with os.scandir(folder) as entries:
                listed = [(entry, entry.stat()) for entry in entries if entry.is_file()]
        except OSError:
            return []
        for entry, status in listed:
            self._known[entry.path] = (status.st_mtime_ns, status.st_size, status.st_ino)
        return [entry.name for entry, _ in listed]

    def is_known(self, path: Path) -> bool:
        """Tell whether a file is as it was when it was noted last."""
        if path.name in _UNWATCHED:
            return True
        return _signature(path) == self._known.get(os.fspath(path))

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
        self.check([Path(name) for name in list(self._known)])

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


def _signature(path: Path) -> Signature | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
