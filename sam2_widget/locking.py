"""Keeps two processes from writing to one project."""

from __future__ import annotations

import errno
import warnings
from typing import TYPE_CHECKING

import filelock

if TYPE_CHECKING:
    from pathlib import Path


class ProjectLock:
    """A lock file that the system releases when the process ends, even by a kill.

    Attributes
    ----------
    held : bool
        Whether this process may write.
    """

    def __init__(self, path: Path) -> None:
        self._lock = filelock.FileLock(path, thread_local=False)
        self.held = False

    def try_again(self) -> bool:
        """Take the lock if it is free; return whether it is held.

        Raises
        ------
        OSError
            If the folder is not writable.
        """
        if self.held:
            return True
        try:
            self._lock.acquire(timeout=0)
        except filelock.Timeout:
            return False
        except (NotImplementedError, OSError) as error:
            if isinstance(error, PermissionError) or getattr(error, "errno", None) == errno.EROFS:
                raise
            # Drive and some NFS have no locks: working without beats not working.
            warnings.warn(
                f"This file system has no locks ({error}); open the project in one process only.",
                stacklevel=2,
            )
        self.held = True
        return True

    def release(self) -> None:
        """Let others write."""
        if self.held:
            self._lock.release()
            self.held = False
