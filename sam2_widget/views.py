"""What users read of a session: masks and points by scope, and the table of all masks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from sam2_widget.annotations import Scope, ScopePrompts
from sam2_widget.columns import columns_of
from sam2_widget.confidence import CAUSES, Confidence, assess
from sam2_widget.errors import UnknownRegionError
from sam2_widget.ids import MAX_INSTANCE
from sam2_widget.keypoints import name_order
from sam2_widget.masktrack import MaskTrack

if TYPE_CHECKING:
    import pandas as pd

    from sam2_widget.keypoints import FrameKeypoints
    from sam2_widget.live import Live

_V = TypeVar("_V")


def scope_of(live: Live, key: object) -> Scope:
    """Return the scope of an (instance, region) key.

    Raises
    ------
    UnknownRegionError
        If the key is no such pair, or the project has no such region. It is a KeyError.
    """
    regions = ", ".join(live.regions)
    if not isinstance(key, tuple) or len(key) != 2:
        raise UnknownRegionError(
            f"Give instance and region, for example [1, {live.regions[0]!r}]; the regions are "
            f"{regions}."
        )
    number, region = instance_of(key[0]), key[1]
    if region not in live.regions:
        raise UnknownRegionError(f"There is no region {region!r:.60}; the regions are {regions}.")
    return Scope(number, region)


def instance_of(key: object) -> int:
    """Return the number of an instance.

    Raises
    ------
    UnknownRegionError
        If the key is no such number. It is a KeyError.
    """
    number = int(key) if isinstance(key, int | np.integer) and not isinstance(key, bool) else 0
    if not 1 <= number <= MAX_INSTANCE:
        raise UnknownRegionError(
            f"An instance is a number from 1 on, at most {MAX_INSTANCE}, not {key!r:.60}."
        )
    return number


class _ByScope(Mapping[Any, _V]):
    """What there is of each scope, under the key (instance, region)."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def __iter__(self) -> Iterator[Scope]:
        """Iterate over the scopes that hold anything."""
        return iter(self._live.scopes())

    def __len__(self) -> int:
        """Return the number of scopes that hold anything."""
        return len(self._live.scopes())

    def __contains__(self, key: object) -> bool:
        """Tell whether a scope holds anything."""
        return isinstance(key, tuple) and key in self._live.scopes()

    def __repr__(self) -> str:
        """Return the scopes."""
        return f"<{type(self).__name__} of {[tuple(scope) for scope in self]}>"


class Masks(_ByScope[MaskTrack]):
    """The masks of every scope: ``masks[1, "overall"]`` is a lazy `MaskTrack`."""

    def __getitem__(self, key: object) -> MaskTrack:
        """Return the masks of a scope, all False where it has none."""
        scope = scope_of(self._live, key)
        return MaskTrack(self._live.masks, scope, len(self._live.video))


class Points(_ByScope[dict[int, npt.NDArray[np.float64]]]):
    """The points of every scope: ``points[1, "overall"]`` is ``{frame: (N, 3) x, y, label}``."""

    def __getitem__(self, key: object) -> dict[int, npt.NDArray[np.float64]]:
        """Return the points of a scope by frame, in the order they were placed."""
        return _arrays(self._live.annotations.of(scope_of(self._live, key)))


def _arrays(prompts: ScopePrompts) -> dict[int, npt.NDArray[np.float64]]:
    return {
        frame: np.array([(p.x, p.y, p.label) for p in given.points], dtype=np.float64)
        for frame, given in prompts.items()
        if given.points
    }


class Keypoints(Mapping[Any, list[dict[str, Any]]]):
    """The keypoints of every instance.

    ``keypoints[1]`` is a list of dicts with frame_index, x, y, name and visible, sorted by frame
    and name.
    """

    def __init__(self, live: Live) -> None:
        self._live = live

    def __getitem__(self, key: object) -> list[dict[str, Any]]:
        """Return the keypoints of an instance, an empty list where it has none."""
        frames = self._live.keypoints.of(instance_of(key))
        return [
            {"frame_index": frame, "x": k.x, "y": k.y, "name": k.name, "visible": k.visible}
            for frame, listed in frames.items()
            for k in listed
        ]

    def __iter__(self) -> Iterator[int]:
        """Iterate over the instances that have keypoints."""
        return iter(self._live.keypoints)

    def __len__(self) -> int:
        """Return the number of instances that have keypoints."""
        return len(self._live.keypoints.instances)

    def __contains__(self, key: object) -> bool:
        """Tell whether an instance has keypoints."""
        return key in self._live.keypoints.instances

    def __repr__(self) -> str:
        """Return the instances."""
        return f"<{type(self).__name__} of {list(self)}>"

    def at(self, instance: int, frame: int) -> FrameKeypoints:
        """Return the keypoints of an instance on one frame as values, sorted by name."""
        return self._live.keypoints.at(instance_of(instance), frame)

    def array(self, instance: int = 1) -> tuple[list[str], npt.NDArray[np.float64]]:
        """Return the keypoints of an instance as one array.

        Parameters
        ----------
        instance : int
            Instance number, 1 or more.

        Returns
        -------
        names : list of str
            The K names that occur on any frame, sorted.
        values : ndarray
            (T, K, 3) float64: x and y in pixels of the stored frame, and 1 for visible or 0 for
            occluded; NaN where a frame lacks the keypoint.
        """
        frames = self._live.keypoints.of(instance_of(instance))
        names = sorted({k.name for listed in frames.values() for k in listed}, key=name_order)
        column = {name: index for index, name in enumerate(names)}
        values = np.full((len(self._live.video), len(names), 3), np.nan)
        for frame, listed in frames.items():
            # A file can speak of frames that the video does not have.
            for k in listed if frame < len(values) else ():
                values[frame, column[k.name]] = k.x, k.y, k.visible
        return names, values


COLUMNS = (
    "frame", "time", "instance", "region", "area", "x0", "y0", "x1", "y1",
    "centroid_x", "centroid_y", "score", "source", "stale", "model",
    "area_change", "centroid_jump", "suspicion", "cause", "run",
)  # fmt: skip


def to_dataframe(live: Live) -> pd.DataFrame:
    """Return one row per mask; see `Session.to_dataframe`."""
    import pandas as pd  # it takes half a second, and few sessions need it

    times = live.video.times
    rows = []
    for scope in live.masks.scopes():
        confidence = confidence_of(live, scope)
        for frame in live.masks.frames(scope):
            seconds = float(times[frame]) if frame < len(times) else np.nan
            row = _row(live, scope, frame, seconds)
            record = live.masks.record(scope, frame)
            rows.append(row and record and (*row, *_doubts(confidence, frame), record.run))
    table = pd.DataFrame([row for row in rows if row is not None], columns=list(COLUMNS))
    return table.sort_values(["frame", "instance", "region"], ignore_index=True)


def _row(live: Live, scope: Scope, frame: int, seconds: float) -> tuple[Any, ...] | None:
    record = live.masks.record(scope, frame)
    if record is None:
        return None
    box = record.bbox or (np.nan,) * 4
    centroid = record.centroid or (np.nan, np.nan)
    score = np.nan if record.score is None else record.score
    stale = is_stale(live, scope, frame)
    return (
        frame, seconds, *scope, record.area, *box, *centroid, score, record.source, stale,
        record.model,
    )  # fmt: skip


def confidence_of(live: Live, scope: Scope) -> Confidence:
    """Return how far each mask of a scope can be trusted, on all frames that are known of."""
    return assess(columns_of(live.masks.table(scope), live.video.known_length).track())


def _doubts(confidence: Confidence, frame: int) -> tuple[float, float, float, str]:
    # A file can speak of frames that the video does not have.
    if frame >= len(confidence.cause):
        return np.nan, np.nan, 0.0, CAUSES[0]
    numbers = confidence.area_change, confidence.centroid_jump, confidence.suspicion
    change, jump, suspicion = (float(each[frame]) for each in numbers)
    return change, jump, suspicion, CAUSES[confidence.cause[frame]]


def is_stale(live: Live, scope: Scope, frame: int, revision: str | None = None) -> bool:
    """Tell whether a mask no longer follows from the scope's prompts as they are now.

    `revision` is what the scope's prompts have now, if the caller knows it.
    """
    record = live.masks.record(scope, frame)
    if record is None or live.annotations.at(scope, frame):
        return False
    return record.revision != (revision or live.annotations.revision(scope))
