"""Records of masks as arrays of one element per frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sam2_widget.confidence import Track
from sam2_widget.records import SOURCES

if TYPE_CHECKING:
    from sam2_widget.recordtable import Records

_MADE = {source: number for number, source in enumerate(SOURCES, 1)}
_TRACKED = _MADE["track"]


@dataclass(frozen=True, slots=True)
class Columns:
    """What the records of one scope say, by frame.

    Attributes
    ----------
    source : ndarray of uint8
        What made the mask: 0 where there is none, else its place in `records.SOURCES`, from 1 on.
    revisions : tuple of str
        The revisions of prompts from which masks were made.
    revision : ndarray of int32
        The place in them of that of each mask.
    area, x, y, score : ndarray of float64
        Pixels, centroid and object score: 0, but for a score that is not known, which is NaN.
    """

    source: npt.NDArray[np.uint8]
    revisions: tuple[str, ...]
    revision: npt.NDArray[np.int32]
    area: npt.NDArray[np.float64]
    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    score: npt.NDArray[np.float64]

    def stale(self, revision: str, prompted: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Return which masks do not follow from prompts of this revision; see `views.is_stale`."""
        other = np.array([each != revision for each in self.revisions] or [True])
        stale: npt.NDArray[np.bool_] = (self.source > 0) & other[self.revision] & ~prompted
        return stale

    def track(self) -> Track:
        """Return what there is to judge the masks by."""
        known = self.source > 0
        drawn = known & (self.source != _TRACKED)
        return Track(known, drawn, self.area, self.x, self.y, self.score)


def columns_of(records: Records, length: int) -> Columns:
    """Return the records of a scope as arrays of this length, less those of later frames."""
    # In order, so that the first ones are those of the video.
    frames = records.frames
    frames = frames[: np.searchsorted(frames, length)]

    def spread(name: str, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        column = np.zeros(length, dtype)
        column[frames] = records.column(name)[: len(frames)]
        return column

    source = np.zeros(length, np.uint8)
    revision, x, y = spread("maker", np.int32), spread("x", float), spread("y", float)
    made = np.array([_MADE[maker.source] for maker in records.makers], np.uint8)
    source[frames] = made[revision[frames]]
    # Empty masks have no centroid.
    x[np.isnan(x)] = y[np.isnan(y)] = 0
    revisions = tuple(maker.revision for maker in records.makers)
    return Columns(source, revisions, revision, spread("area", float), x, y, spread("score", float))
