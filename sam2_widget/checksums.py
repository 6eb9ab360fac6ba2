"""SHA-256 of large files, computed once for each state of a file."""

from __future__ import annotations

import hashlib
import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK = 1 << 22
_known: dict[tuple[str, int, int], str] = {}
# One at a time: two that want the same file read it once, and the disk has one reader.
_lock = threading.Lock()


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hex digits; 900 MB take a second or two the first time.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    status = path.stat()
    key = os.path.realpath(path), status.st_size, status.st_mtime_ns
    with _lock:
        if key not in _known:
            digest = hashlib.sha256()
            with path.open("rb", buffering=0) as file:
                while data := file.read(_CHUNK):
                    digest.update(data)
            _known[key] = digest.hexdigest()
        return _known[key]
