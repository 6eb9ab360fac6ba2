"""Records of the masks of one scope as columns of numbers: 48 bytes each, made when asked for."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sam2_widget.framerows import FrameRows
from sam2_widget.records import MaskRecord

# The maker's number, area, score, centroid, and the edges: no JPEG, as which all frames are stored,
# has more than 65535 pixels a side. Where there is no score, no centroid or no box there is NaN, or
# a box of no width.
_LAYOUT = "<IIddd4H"
ROW = np.dtype(
    [("maker", "<u4"), ("area", "<u4"), ("score", "<f8"), ("x", "<f8"), ("y", "<f8")]
    + [(edge, "<u2") for edge in ("x0", "y0", "x1", "y1")]
)
"""A row: `score`, `x` and `y` are NaN where there is none, `maker` is a place in `makers`."""
_versions = count(1)


class Maker(NamedTuple):
    """What masks of one run, or of one click, have in common; see `MaskRecord`."""

    source: str
    run: str
    revision: str
    model: str


class Records(Mapping[int, MaskRecord]):
    """The records of a scope by frame, in order; an equal one each time it is asked for.

    Attributes
    ----------
    makers : list of Maker
        What made them.
    """

    def __init__(self) -> None:
        self.makers: list[Maker] = []
        self._rows = FrameRows(_LAYOUT)

    def __getitem__(self, frame: int) -> MaskRecord:
        """Return the record of a frame.

        Raises
        ------
        KeyError
            If it has none.
        """
        row = self._rows.get(frame)
        if row is None:
            raise KeyError(frame)
        number, area, score, x, y, *edges = row
        source, run, revision, model = self.makers[number]
        return MaskRecord(
            frame,
            source,
            run,
            None if math.isnan(score) else score,
            area,
            (edges[0], edges[1], edges[2], edges[3]) if edges[2] else None,
            None if math.isnan(x) else (x, y),
            revision,
            model,
        )

    def __iter__(self) -> Iterator[int]:
        """Iterate over the frames, in order."""
        return iter(self._rows)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._rows)

    def __contains__(self, frame: object) -> bool:
        """Tell whether a frame has a record."""
        return frame in self._rows

    @property
    def frames(self) -> npt.NDArray[np.int32]:
        """The frames, (N,) int32, in order."""
        return self._rows.frames

    def column(self, name: str) -> npt.NDArray[Any]:
        """Return what is known of these frames, (N,): a field of `ROW`."""
        return self._rows.column(ROW, name)

    def frames_of(self, revision: str) -> npt.NDArray[np.int32]:
        """Return the frames whose masks were made from prompts of this revision, (N,) int32."""
        of_it = np.array([maker.revision == revision for maker in self.makers], dtype=bool)
        frames: npt.NDArray[np.int32] = self.frames[of_it[self.column("maker")]]
        return frames


class RecordTable(Records):
    """The records of a scope, to be changed; not from several threads at once.

    Attributes
    ----------
    version : int
        Another one after every change, never again that of any table.
    """

    def __init__(self) -> None:
        super().__init__()
        self.version = next(_versions)
        self._numbers: dict[Maker, int] = {}
        self._tracked: Counter[str] = Counter()
        self._all_tracked = 0

    def put(self, record: MaskRecord) -> None:
        """Take over a record, in the place of the frame's old one."""
        maker = Maker(record.source, record.run, record.revision, record.model)
        number = self._numbers.setdefault(maker, len(self.makers))
        if number == len(self.makers):
            self.makers.append(maker)
        before = self._maker(record.frame_index)
        self._rows.put(
            record.frame_index,
            number,
            record.area,
            math.nan if record.score is None else record.score,
            *(record.centroid or (math.nan, math.nan)),
            *(record.bbox or (0, 0, 0, 0)),
        )
        self._count(before, -1)
        self._count(maker, 1)
        self.version = next(_versions)

    def drop(self, frame: int) -> None:
        """Take the record of a frame away, if it has one."""
        self._count(self._maker(frame), -1)
        self._rows.drop(frame)
        self.version = next(_versions)
        if not self._rows:
            self.makers, self._numbers, self._tracked = [], {}, Counter()

    def count_stale(self, revision: str) -> int:
        """Return how many masks of tracks and imports were made from another revision."""
        return self._all_tracked - self._tracked[revision]

    def copy(self) -> Records:
        """Return a copy that does not change with this one."""
        other = Records()
        other.makers, other._rows = self.makers[:], self._rows.copy()
        return other

    def _maker(self, frame: int) -> Maker | None:
        row = self._rows.get(frame)
        return None if row is None else self.makers[row[0]]

    def _count(self, maker: Maker | None, by: int) -> None:
        """Count a mask, or no longer, if it is one that can be stale."""
        if maker is not None and maker.source in ("track", "import"):
            self._tracked[maker.revision] += by
            self._all_tracked += by
