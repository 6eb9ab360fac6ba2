"""The beginning of a file that is being downloaded, kept so that another try goes on with it."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from sam2_widget.verifying import hash_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from email.message import Message
    from io import FileIO
    from pathlib import Path

    from sam2_widget.catalogue import Entry


class PartFile:
    """``<file>.part`` beside its place, and ``<file>.part.json``: from where and which version.

    Attributes
    ----------
    path : Path
        The ``.part`` file.
    received : int
        Bytes of it, from the first on.
    resumed : bool
        Whether some of them are of an earlier download.

    Raises
    ------
    OSError
        If it cannot be written: also from every method.
    """

    def __init__(self, entry: Entry, target: Path) -> None:
        self.path = part_of(target)
        self._notes = self.path.with_name(f"{self.path.name}.json")
        self._entry = entry
        self._file: FileIO = self.path.open("ab", buffering=0)
        self._version = self._read_version()
        self.received = min(self._file.tell(), entry.size)
        # Of what file it is the beginning nobody knows; without a hash nobody would notice either.
        if self._version is None and entry.sha256 is None:
            self.received = 0
        self.resumed = self.received > 0
        self._file.truncate(self.received)

    def headers(self) -> dict[str, str]:
        """Return the headers that ask for the rest, if the file is still the same."""
        if not self.received:
            return {}
        version = {"If-Range": self._version} if self._version else {}
        return {"Range": f"bytes={self.received}-", **version}

    def is_of(self, headers: Message) -> bool:
        """Tell whether an answer is of the version that this is the beginning of."""
        return not (self._version and _version(headers)) or self._version == _version(headers)

    def start(self, headers: Message) -> None:
        """Begin anew, with the version of the file that an answer is of."""
        self._file.truncate(0)
        self.received, self.resumed = 0, False
        self._version = _version(headers)
        self._notes.write_text(json.dumps({"url": self._entry.url, "version": self._version}))

    def write(self, piece: bytes) -> None:
        """Append what came."""
        left = memoryview(piece)
        while left:
            count = self._file.write(left)
            self.received += count
            left = left[count:]

    def sha256(self, check: Callable[[], None]) -> str | None:
        """Return the hash of what lies on the disk, None where another wrote to the file as well.

        `check` is called now and then; what it raises ends the reading.
        """
        ours = os.fstat(self._file.fileno())
        # Processes on two machines, or in two containers, do not see each other's turn.
        alone = self.path.exists() and os.path.samestat(ours, self.path.stat())
        if not alone or ours.st_size != self.received:
            return None
        found: str = hash_of(self.path, self.received, check).hexdigest()
        return found

    def finish(self, target: Path) -> None:
        """Give the file its name once all of it is on the disk."""
        os.fsync(self._file.fileno())
        self._file.close()
        self.path.replace(target)
        self._notes.unlink(missing_ok=True)
        _sync_folder(target.parent)

    def close(self) -> None:
        """Keep what came for another try; an empty file is removed."""
        self._file.close()
        if self.path.exists() and not self.received:
            self.remove()

    def remove(self) -> None:
        """Remove it."""
        self._file.close()
        self.path.unlink(missing_ok=True)
        self._notes.unlink(missing_ok=True)

    def _read_version(self) -> str | None:
        """Return what identifies the version of the file that this is the beginning of."""
        try:
            notes = json.loads(self._notes.read_bytes())
        except (OSError, ValueError, RecursionError):
            return None
        if not isinstance(notes, dict) or notes.get("url") != self._entry.url:
            return None
        version = notes.get("version")
        # It becomes a header: one line of plain text.
        plain = isinstance(version, str) and version.isascii() and version.isprintable()
        return str(version) if plain else None


def part_of(target: Path) -> Path:
    """Return where the beginning of a file is kept."""
    return target.with_name(f"{target.name}.part")


def _version(headers: Message) -> str | None:
    """Return what names the version of a file, as If-Range takes it; RFC 9110, section 13.1.5."""
    tag = headers.get("ETag")
    if tag is None:
        return headers.get("Last-Modified")
    # A weak one does not promise the same bytes.
    return tag if tag.startswith('"') else None


def _sync_folder(folder: Path) -> None:
    # Windows cannot open a folder, and some file systems cannot sync one.
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)
