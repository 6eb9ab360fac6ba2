"""Names and finds the stored frames of a video: ``00000.jpg``, ``00001.jpg``, ..."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sam2_widget.durable import TEMPORARY, saving, write_file

if TYPE_CHECKING:
    from pathlib import Path


class FrameFiles:
    """The folder of the stored frames; the number in a name is the zero-based frame index.

    A file with a frame's name is whole, even after a kill.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, index: int) -> Path:
        """Return where a frame is or will be."""
        return self.folder / f"{index:05d}.jpg"

    def count_whole(self, start: int = 0) -> int:
        """Return how many frames are there without a gap from frame 0 on.

        Parameters
        ----------
        start
            Number of leading frames that are known to be there.
        """
        # A power cut can leave empty files, since frames are not fsynced.
        while _size(self.path(start)) > 0:
            start += 1
        return start

    def prepare(self) -> None:
        """Create the folder and remove what a kill left half-written.

        Raises
        ------
        SaveError
            If the folder cannot be created or written to.
        """
        with saving(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            for leftover in self.folder.glob(f"*.jpg{TEMPORARY}"):
                leftover.unlink()

    def check_room(self) -> None:
        """Write and remove a file that is larger than most frames.

        Raises
        ------
        SaveError
            If the disk is full or the folder cannot be written to.
        """
        probe = self.folder / f"room.jpg{TEMPORARY}"
        with saving(probe):
            try:
                probe.write_bytes(bytes(1 << 20))
            finally:
                probe.unlink(missing_ok=True)

    def write(self, index: int, jpeg: bytes) -> None:
        """Store a frame.

        Raises
        ------
        SaveError
            If the disk is full or the folder cannot be written to.
        """
        write_file(self.path(index), jpeg)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
