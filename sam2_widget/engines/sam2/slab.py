"""A large file without a name: written and read at any place, gone with its process."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
from pathlib import Path


class SlabFile:
    """A file that nobody else sees and that no kill leaves behind.

    On Linux and macOS it has no name from the start; Windows deletes it as soon as it is closed.
    One thread may write while another reads.

    Parameters
    ----------
    folder : Path, optional
        Where it takes its space; by default `slab_folder`.

    Raises
    ------
    OSError
        By each method, if the disk is full or fails.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or slab_folder()
        self._file = tempfile.TemporaryFile(  # noqa: SIM115, `close` closes it
            buffering=0, prefix="sam2-widget-", dir=self.folder
        )
        # For systems that cannot read at a place without going there.
        self._lock = threading.Lock()

    def write(self, data: memoryview, at: int) -> None:
        """Write all of the bytes at an offset."""
        while data:
            if sys.platform != "win32":
                count = os.pwrite(self._file.fileno(), data, at)
            else:
                with self._lock:
                    self._file.seek(at)
                    count = self._file.write(data)
            data, at = data[count:], at + count

    def read(self, data: memoryview, at: int) -> None:
        """Fill a buffer with what stands at an offset."""
        while data:
            if hasattr(os, "preadv"):
                count = os.preadv(self._file.fileno(), [data], at)
            else:
                with self._lock:
                    self._file.seek(at)
                    count = self._file.readinto(data)
            if not count:
                raise OSError("the file is shorter than what was written to it")
            data, at = data[count:], at + count

    def room(self) -> int:
        """Return the bytes that are left on its disk."""
        return shutil.disk_usage(self.folder).free

    def empty(self) -> None:
        """Give its space back and stay open."""
        self._file.truncate(0)

    def close(self) -> None:
        """Give its space back."""
        self._file.close()


def slab_folder() -> Path:
    """Return the folder for large files: that of ``TMPDIR``, else ``/var/tmp``, else the system's.

    ``/tmp`` is memory on many systems, and memory is what the disk is to spare.
    """
    lasting = Path("/var/tmp")
    if "TMPDIR" not in os.environ and os.access(lasting, os.W_OK):
        return lasting
    return Path(tempfile.gettempdir())
