"""Rows of numbers by frame, packed: memory goes with how many there are, not with the frames."""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_FRAME = 2**31 - 1
"""The largest frame that has room."""


class FrameRows:
    """A row of numbers for each of some frames; 8 bytes and those of the numbers each.

    Frames lie in order beside the places of their rows. A row stays where it was written first,
    so that one that comes in between moves the 8 bytes alone.

    Not safe to use from several threads at once.

    Parameters
    ----------
    layout : str
        What a row holds, as `struct` writes it, without padding: it begins with ``<``.
    """

    def __init__(self, layout: str) -> None:
        self._layout = struct.Struct(layout)
        self._frames = array("i")
        self._places = array("I")
        self._free = array("I")
        self._data = bytearray()

    def __len__(self) -> int:
        """Return how many frames have a row."""
        return len(self._frames)

    def __contains__(self, frame: object) -> bool:
        """Tell whether a frame has a row."""
        return isinstance(frame, int | np.integer) and self._find(int(frame))[1]

    def __iter__(self) -> Iterator[int]:
        """Iterate over the frames as they are now, in order."""
        return iter(self._frames[:])

    @property
    def frames(self) -> npt.NDArray[np.int32]:
        """The frames, (N,) int32, in order; a copy."""
        return np.array(self._frames, dtype=np.int32)

    def get(self, frame: int) -> tuple[Any, ...] | None:
        """Return the numbers of a frame, None where it has none."""
        at, there = self._find(frame)
        if not there:
            return None
        return self._layout.unpack_from(self._data, self._places[at] * self._layout.size)

    def put(self, frame: int, *numbers: float) -> None:
        """Give a frame a row, in the place of its old one.

        Raises
        ------
        struct.error
            If a number has no room in the layout; nothing is changed.
        """
        row = self._layout.pack(*numbers)
        at, there = self._find(frame)
        if there:
            place = self._places[at]
        else:
            place = self._free[-1] if self._free else len(self._data) // len(row)
            self._frames.insert(at, frame)
            self._places.insert(at, place)
            if self._free:
                self._free.pop()
        # At the end this makes it longer.
        self._data[place * len(row) : (place + 1) * len(row)] = row

    def drop(self, frame: int) -> None:
        """Take the row of a frame away, if it has one."""
        at, there = self._find(frame)
        if not there:
            return
        self._free.append(self._places[at])
        del self._frames[at], self._places[at]
        if not self._frames:
            del self._free[:], self._data[:]

    def copy(self) -> FrameRows:
        """Return a copy that does not change with this one."""
        other = FrameRows(self._layout.format)
        other._frames, other._places = self._frames[:], self._places[:]
        other._free, other._data = self._free[:], self._data[:]
        return other

    def column(self, dtype: npt.DTypeLike, name: str) -> npt.NDArray[Any]:
        """Return one of the numbers of all rows in the order of `frames`, (N,); a copy.

        Parameters
        ----------
        dtype : dtype
            What a row holds, as numpy says it; with the same bytes as the layout.
        name : str
            A field of it.
        """
        places = np.array(self._places)
        # Bytes that are not there are no array.
        rows = np.frombuffer(self._data, dtype) if self._frames else np.zeros(0, dtype)
        column: npt.NDArray[Any] = rows[name][places]
        return column

    def _find(self, frame: int) -> tuple[int, bool]:
        """Return where a frame is, or belongs, and whether it is there."""
        frames = self._frames
        # Most come in order.
        at = len(frames) if not frames or frame > frames[-1] else bisect_left(frames, frame)
        return at, at < len(frames) and frames[at] == frame
