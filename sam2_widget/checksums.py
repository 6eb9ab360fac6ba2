"""SHA-256 of large files, computed once for each state of a file."""

from __future__ import annotations

import hashlib
import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

State = tuple[int, int]
"""What tells one state of a file from another: size, and time of change in ns."""

_CHUNK = 1 << 22
_known: dict[tuple[str, int, int], str] = {}
# One at a time: two that want the same file read it once, and the disk has one reader.
_lock = threading.Lock()


def state_of(path: Path) -> State:
    """Return the state of a file.

    Raises
    ------
    OSError
        If it is not there.
    """
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hex digits; 900 MB take a second or two the first time.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    key = os.path.realpath(path), *state_of(path)
    with _lock:
        if key not in _known:
            digest = hashlib.sha256()
            with path.open("rb", buffering=0) as file:
                while data := file.read(_CHUNK):
                    digest.update(data)
            _known[key] = digest.hexdigest()
        return _known[key]
