"""One at a time for a file that several threads or processes want to make."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import filelock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LOOK = 0.1
"""Seconds between two calls of who waits."""


@contextlib.contextmanager
def in_turn(target: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the turn for a file while the block runs; the system gives it on after a kill.

    Parameters
    ----------
    target : Path
        The file; it need not exist.
    waiting : callable
        Called again and again while another has the turn; what it raises ends the waiting.
    """
    lock = _lock_of(target)
    while True:
        try:
            lock.acquire(timeout=_LOOK)
            break
        except filelock.Timeout:
            waiting()
    try:
        yield
    finally:
        lock.release()


def user_lock(name: str) -> filelock.FileLock:
    """Return a lock that all processes of this user on this machine share.

    It lies outside the folders it is about, to leave nothing there.
    """
    whose = os.getuid() if hasattr(os, "getuid") else ""
    path = Path(tempfile.gettempdir()) / f"sam2-widget-{name}{whose}.lock"
    return filelock.FileLock(path, thread_local=False)


def _lock_of(target: Path) -> filelock.FileLock:
    """Return one of 256 locks, so that they stay few; of two files that share one, one waits."""
    digest = hashlib.sha256(os.path.realpath(target).encode()).hexdigest()[:2]
    return user_lock(f"turn-{digest}-")
