"""Records of masks as arrays of one element per frame, kept up to date frame by frame."""

from __future__ import annotations

from itertools import compress
from operator import is_not
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sam2_widget.confidence import Track
from sam2_widget.masks import SOURCES, MaskRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MADE = {source: number for number, source in enumerate(SOURCES, 1)}
_TRACKED = _MADE["track"]


class Columns:
    """What the records of one scope say, by frame.

    Attributes
    ----------
    source : ndarray of uint8
        What made the mask: 0 where there is none, else its place in `masks.SOURCES`, from 1 on.
    """

    def __init__(self, length: int = 0) -> None:
        self._records: list[MaskRecord | None] = []
        self._revisions: dict[str, int] = {}
        self.source = np.zeros(0, dtype=np.uint8)
        self._revision = np.zeros(0, dtype=np.int32)
        self._numbers = np.zeros((4, 0))
        self.resize(length)

    def resize(self, length: int) -> None:
        """Have this many frames; new ones have no mask yet."""
        more = max(0, length - len(self._records))
        self._records = [*self._records[:length], *([None] * more)]
        self.source = np.append(self.source[:length], np.zeros(more, np.uint8))
        self._revision = np.append(self._revision[:length], np.zeros(more, np.int32))
        self._numbers = np.append(self._numbers[:, :length], np.zeros((4, more)), axis=1)

    def put(self, records: Mapping[int, MaskRecord], frames: Iterable[int] | None = None) -> bool:
        """Take over the records of these frames, None for all; tell whether any is another one."""
        known = self._records
        # The store never changes a record, so that the same one says the same.
        if frames is None:
            frames = range(len(known))
            other = map(is_not, map(records.get, frames), known)
            changed = list(compress(frames, other))
        else:
            changed = [frame for frame in frames if records.get(frame) is not known[frame]]
        if not changed:
            return False
        there, gone = [], []
        for frame in changed:
            record = known[frame] = records.get(frame)
            if record is None:
                gone.append(frame)
            else:
                there.append(record)
        self.source[gone] = 0
        if there:
            self._write([record.frame_index for record in there], there)
        return True

    def stale(self, revision: str, prompted: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Return which masks do not follow from prompts of this revision; see `views.is_stale`."""
        fresh = self._revision == self._revisions.get(revision, -1)
        stale: npt.NDArray[np.bool_] = (self.source > 0) & ~fresh & ~prompted
        return stale

    def track(self) -> Track:
        """Return what there is to judge the masks by."""
        area, x, y, score = self._numbers
        known = self.source > 0
        return Track(known, known & (self.source != _TRACKED), area, x, y, score)

    def _write(self, frames: list[int], records: list[MaskRecord]) -> None:
        number = self._revisions
        self.source[frames] = [_MADE[record.source] for record in records]
        self._revision[frames] = [
            number.setdefault(record.revision, len(number)) for record in records
        ]
        self._numbers[:, frames] = np.transpose(
            [
                (
                    record.area,
                    *(record.centroid or (0.0, 0.0)),
                    np.nan if record.score is None else record.score,
                )
                for record in records
            ]
        )


def columns_of(records: Mapping[int, MaskRecord], length: int) -> Columns:
    """Return the records of a scope as arrays of this length."""
    columns = Columns(length)
    columns.put(records)
    return columns
