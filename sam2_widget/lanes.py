"""Keeps a few bytes for every frame of every scope, for the timeline, up to date step by step.

What changed is told by the log of changes; of that, only records and prompts that are other ones
are read. What is relative to a whole scope (its suspicion, its largest area, what is stale) is
computed anew for the scopes concerned, in numpy.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from sam2_widget.columns import Columns
from sam2_widget.confidence import assess

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sam2_widget.annotations import Annotations, FramePrompts, Scope, ScopePrompts
    from sam2_widget.events import ChangeLog
    from sam2_widget.keypoints import InstanceKeypoints, Keypoints
    from sam2_widget.masks import MaskRecord, MaskStore
    from sam2_widget.video import Video

Bytes = npt.NDArray[np.uint8]
Ranges = list[tuple[int, int]]

STALE, POSITIVE, NEGATIVE, BOX, DRAWN = (1 << bit for bit in range(3, 8))
"""Bits of a frame's flags, above the three that say what made its mask."""
PLANES = 5
"""Planes of a scope: flags, suspicion, cause, score, area; see `answers.Lanes`."""

_GAP = 16
"""Frames told in vain, a few bytes each when deflated, cost less than a range more."""


class Results(Protocol):
    """What lanes are made of: a `Live` is one."""

    annotations: Annotations
    keypoints: Keypoints
    masks: MaskStore
    changes: ChangeLog
    video: Video


@dataclass(frozen=True, slots=True)
class Reading:
    """What changed, as of a revision.

    Attributes
    ----------
    revision : int
        What to ask from the next time.
    length : int
        Number of frames of the video.
    ranges : list of (int, int)
        The frames told, each [start, stop).
    scopes : list of (Scope, ndarray)
        Of every scope that holds anything (5, N) uint8: its planes on the N frames told.
    keypoints : list of (int, ndarray)
        Of every instance that has keypoints (N,) uint8: how many on the frames told.
    """

    revision: int
    length: int
    ranges: Ranges
    scopes: list[tuple[Scope, Bytes]]
    keypoints: list[tuple[int, Bytes]]


class Lanes:
    """The bytes of all frames of a live project; safe to use from any thread.

    Nothing is kept before they are asked for.
    """

    def __init__(self, results: Results) -> None:
        self._results = results
        self._lock = threading.Lock()
        self._length = 0
        self._scopes: dict[Scope, _ScopeLane] = {}
        self._keypoints: dict[int, _KeypointLane] = {}
        self._began: int | None = None
        self._revision = 0
        # The revision at which any byte of a frame changed last.
        self._stamps = np.zeros(0, dtype=np.int64)

    def read(self, since: int = 0) -> Reading:
        """Return the bytes of the frames on which any changed after a revision.

        A revision that was never told of, such as 0 or one of an earlier kernel, means all frames.
        """
        with self._lock:
            self._update()
            if self._began is not None and self._began <= since <= self._revision:
                ranges = _runs(self._stamps > since)
            else:
                ranges = [(0, self._length)] if self._length else []
            return Reading(
                self._revision,
                self._length,
                ranges,
                [(s, _pick(self._scopes[s].planes, ranges)) for s in sorted(self._scopes)],
                [(i, _pick(self._keypoints[i].counts, ranges)) for i in sorted(self._keypoints)],
            )

    def _update(self) -> None:
        results = self._results
        # The revision first: what is read after it may be newer, never older.
        revision = results.changes.revision
        if revision == self._revision:
            # What is not told of yet waits for its own revision: this one has been given out.
            return
        annotations, keypoints = results.annotations, results.keypoints
        scopes = {*annotations, *results.masks.scopes()}
        changed = results.changes.since(self._revision) if self._began is not None else None
        length = results.video.known_length
        differs = np.zeros(length, dtype=bool)
        fresh = range(self._length, length)
        differs[fresh.start :] = True
        self._length = length
        for scope in self._scopes.keys() - scopes:
            _note(differs, self._scopes.pop(scope).flags > 0)
        known = None if changed is None else _frames(changed, fresh, length)
        for scope in scopes:
            frames = known if scope in self._scopes else None
            lane = self._scopes.setdefault(scope, _ScopeLane())
            records = results.masks.records(scope, frames)
            _note(differs, lane.update(length, annotations, scope, records, frames))
        instances = keypoints.instances
        for instance in self._keypoints.keys() - instances.keys():
            _note(differs, self._keypoints.pop(instance).counts > 0)
        for instance, given in instances.items():
            lane_of = self._keypoints.setdefault(instance, _KeypointLane())
            _note(differs, lane_of.update(length, given))
        stamps = np.zeros(length, dtype=np.int64)
        kept = min(length, len(self._stamps))
        stamps[:kept] = self._stamps[:kept]
        stamps[differs] = revision
        self._stamps, self._revision = stamps, revision
        if self._began is None:
            self._began = revision


@dataclass(slots=True)
class _ScopeLane:
    """What a scope has on each frame: (5, length) uint8 planes, and what they are made from."""

    planes: Bytes = field(default_factory=lambda: np.zeros((PLANES, 0), np.uint8))
    _columns: Columns = field(default_factory=Columns)
    _prompts: ScopePrompts | None = None
    _prompt_flags: Bytes = field(default_factory=lambda: np.zeros(0, np.uint8))
    _prompted: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    _revision: str = ""

    @property
    def flags(self) -> Bytes:
        """The first plane: where it is 0 there is nothing on the frame, and all others are 0."""
        flags: Bytes = self.planes[0]
        return flags

    def update(
        self,
        length: int,
        annotations: Annotations,
        scope: Scope,
        records: Mapping[int, MaskRecord],
        frames: Sequence[int] | None,
    ) -> npt.NDArray[np.bool_] | None:
        """Take over prompts, and the records of these frames; return where any byte changed."""
        prompts = annotations.of(scope)
        resized = length != self.planes.shape[1]
        if resized:
            self._columns.resize(length)
        prompted = prompts != self._prompts or resized
        if not self._columns.put(records, frames) and not prompted:
            return None
        if prompted:
            self._prompts, self._revision = prompts, annotations.revision(scope)
            self._prompt_flags = np.zeros(length, np.uint8)
            self._prompted = np.zeros(length, bool)
            for frame, given in prompts.items():
                if frame < length:
                    self._prompted[frame] = True
                    self._prompt_flags[frame] = _flags_of(given)
        before = np.zeros((PLANES, length), np.uint8)
        kept = min(length, self.planes.shape[1])
        before[:, :kept] = self.planes[:, :kept]
        self.planes = self._made()
        changed: npt.NDArray[np.bool_] = (self.planes != before).any(axis=0)
        return changed

    def _made(self) -> Bytes:
        columns = self._columns
        track = columns.track()
        confidence = assess(track)
        stale = columns.stale(self._revision, self._prompted)
        scored = track.known & ~np.isnan(track.score)
        # Far from 0 the exponential would overflow, and the byte does not change any more.
        logits = np.clip(np.where(scored, track.score, 0.0), -100, 100)
        area = np.where(track.known, track.area, 0.0)
        largest = max(1.0, float(area.max(initial=0.0)))
        return np.stack(
            [
                columns.source | np.where(stale, STALE, 0).astype(np.uint8) | self._prompt_flags,
                np.rint(255 * confidence.suspicion).astype(np.uint8),
                confidence.cause,
                np.where(scored, np.rint(1 + 254 / (1 + np.exp(-logits / 4))), 0).astype(np.uint8),
                np.ceil(255 * area / largest).astype(np.uint8),
            ]
        )


@dataclass(slots=True)
class _KeypointLane:
    """How many keypoints an instance has on each frame, at most 255."""

    counts: Bytes = field(default_factory=lambda: np.zeros(0, np.uint8))
    _given: InstanceKeypoints | None = None

    def update(self, length: int, given: InstanceKeypoints) -> npt.NDArray[np.bool_] | None:
        """Take over the keypoints of the instance; return where their number changed."""
        if given is self._given and length == len(self.counts):
            return None
        self._given = given
        before = np.zeros(length, np.uint8)
        kept = min(length, len(self.counts))
        before[:kept] = self.counts[:kept]
        counts = np.zeros(length, np.uint8)
        frames = np.fromiter(given, np.int64, len(given))
        numbers = np.fromiter(map(len, given.values()), np.int64, len(given))
        inside = frames < length
        counts[frames[inside]] = np.minimum(numbers[inside], 255)
        self.counts = counts
        changed: npt.NDArray[np.bool_] = counts != before
        return changed


def _flags_of(given: FramePrompts) -> int:
    flags = BOX if given.box else 0
    flags |= DRAWN if given.mask else 0
    for point in given.points:
        flags |= POSITIVE if point.label else NEGATIVE
    return flags


def _frames(ranges: Ranges, fresh: range, length: int) -> list[int]:
    """Return the frames of ranges and those that are new, as far as there are any."""
    changed = [f for start, stop in ranges for f in range(start, min(stop, length))]
    return changed if not fresh else sorted({*changed, *fresh})


def _note(differs: npt.NDArray[np.bool_], changed: npt.NDArray[np.bool_] | None) -> None:
    """Add to the frames that differ; a lane that went may have been longer or shorter."""
    if changed is not None:
        kept = min(len(differs), len(changed))
        differs[:kept] |= changed[:kept]


def _runs(told: npt.NDArray[np.bool_]) -> Ranges:
    """Return the frames to tell as ranges, with those between that are fewer than a range costs."""
    frames = np.flatnonzero(told)
    if not len(frames):
        return []
    breaks = np.flatnonzero(np.diff(frames) > _GAP) + 1
    return [(int(run[0]), int(run[-1]) + 1) for run in np.split(frames, breaks)]


def _pick(planes: Bytes, ranges: Ranges) -> Bytes:
    return np.concatenate([planes[..., :0], *(planes[..., a:b] for a, b in ranges)], axis=-1)
