"""Checks a checkpoint against its size and hash, and remembers the hash where none is known."""

from __future__ import annotations

import contextlib
import hashlib
import json
from typing import TYPE_CHECKING, Any

from sam2_widget.durable import write_file
from sam2_widget.errors import DownloadError, SaveError
from sam2_widget.room import amount

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sam2_widget.catalogue import Entry

MEMORY = "checkpoints.json"
"""File beside the checkpoints that remembers hashes: ``{file: {"size": bytes, "sha256": hex}}``."""

_BLOCK = 1 << 20


def hash_of(path: Path, size: int, check: Callable[[], None] = lambda: None) -> Any:
    """Return a running SHA-256 of the first `size` bytes of a file.

    Parameters
    ----------
    path : Path
        The file.
    size : int
        Bytes to read.
    check : callable
        Called for every MiB; what it raises ends the reading.

    Raises
    ------
    OSError
        If the file cannot be read or is shorter.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while size:
            check()
            block = file.read(min(size, _BLOCK))
            if not block:
                raise OSError(f"{path} is shorter than expected")
            digest.update(block)
            size -= len(block)
    return digest


def known_hash(entry: Entry, folder: Path) -> str | None:
    """Return the published hash of a checkpoint, else that of its first download, else None."""
    if entry.sha256 is not None:
        return entry.sha256
    found = _remembered(folder).get(entry.file)
    if not isinstance(found, dict) or found.get("size") != entry.size or "sha256" not in found:
        return None
    return str(found["sha256"])


def remember_hash(entry: Entry, folder: Path, sha256: str) -> None:
    """Remember the hash of a first download; where that cannot be written nothing is lost."""
    if known_hash(entry, folder) is None:
        content = {**_remembered(folder), entry.file: {"size": entry.size, "sha256": sha256}}
        with contextlib.suppress(SaveError):
            write_file(folder / MEMORY, json.dumps(content, indent=2).encode() + b"\n")


def check_existing(entry: Entry, path: Path, check: Callable[[], None]) -> None:
    """Refuse a file that lies where a checkpoint would be downloaded to and is another.

    Raises
    ------
    DownloadError
        If it has another size or hash, or cannot be read; it is left as it is.
    """
    advice = "move it away, or use it by its path, and download again"
    try:
        size = path.stat().st_size
        if size != entry.size:
            raise DownloadError(
                f"{path} is there already but is not the published file: it has {amount(size)}, "
                f"not {amount(entry.size)} ({size:,} and {entry.size:,} bytes); {advice}."
            )
        expected = known_hash(entry, path.parent)
        if expected is not None and hash_of(path, size, check).hexdigest() != expected:
            raise DownloadError(
                f"{path} is there already but its content is not the published one (another "
                f"SHA-256); {advice}."
            )
    except OSError as error:
        raise DownloadError(
            f"{path} is there already but cannot be read ({error.strerror or error}); {advice}."
        ) from error


def _remembered(folder: Path) -> dict[str, Any]:
    try:
        content = json.loads((folder / MEMORY).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
