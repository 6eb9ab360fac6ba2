"""How far a track can be trusted, frame by frame: pure functions of what is known of its masks.

A tracker that loses its object does so suddenly: from one frame to the next the mask leaps to
something alike, grows over the background, or vanishes; or the model itself doubts that the object
is there. Each of these is compared with what is usual for the same object, since a bird moves
faster than a house. Usual is the median of all frames, and far from it is measured in median
absolute deviations, which a few lost frames do not change.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

CAUSES = ("", "low score", "area", "jump", "presence")
"""What makes a frame suspect, by the numbers in `Confidence.cause`."""

_HALF_SCORE, _SCORE_WIDTH = 1.0, 0.75
# The model calls the object absent below 0. On sam2's scale, +6 to +8 on a frame that is tracked
# well, 1 is next to that.

_HALF_Z = 8.0
# Of 10 000 frames of Gaussian noise one is 4 deviations off; its evidence is 0.06.

_LEAST_AREA_CHANGE, _LEAST_JUMP = 0.06, 0.1
# However steady the rest is, so much from one frame to the next is nothing: 6 % of the area, a
# tenth of the object's size. To both comes the jitter of the outline, a third of a pixel.

_STILL = 5
# Frames without any change that are added to each scope's own, so that a track of a few frames
# has something to differ from.

_SMALL = 0.15
# A mask of this part of the usual area may well be an object that is going.

_VANISHED, _BACK = 0.95, 0.7
# One that comes back does so of its own accord more often.

_NAMED = 0.1
# Below this suspicion no cause is named.


@dataclass(frozen=True, slots=True)
class Track:
    """What is known of the masks of one scope: arrays of one element per frame.

    Attributes
    ----------
    known : ndarray of bool
        Whether the frame has a mask, be it empty. What the others say elsewhere does not count.
    by_user : ndarray of bool
        Whether the user made it: by clicks, by hand or by import.
    area : ndarray of float64
        Pixels; 0 is an empty mask: the object is absent.
    x, y : ndarray of float64
        Centroid in pixels; of empty masks it does not count.
    score : ndarray of float64
        The model's object score, a logit: about +6 to +8 where sam2 tracks well, negative where
        it says that the object is absent; NaN where it is not known.
    """

    known: Flags
    by_user: Flags
    area: Floats
    x: Floats
    y: Floats
    score: Floats


@dataclass(frozen=True, slots=True)
class Confidence:
    """How far each mask of a scope can be trusted: arrays of one element per frame.

    A frame is compared with the one that the track came from: the last frame before it that has a
    mask, on the frames before the first one that the user made the first after it.

    Attributes
    ----------
    area_change : ndarray of float64
        Natural logarithm of the area over that of the frame it came from, divided by the frames
        between: 0.69 is twice as large, -0.69 half. NaN where either is empty or missing.
    centroid_jump : ndarray of float64
        How far the centroid moved from that frame per frame between, in sizes of the object: the
        square root of the larger of the two areas. NaN where either is empty or missing.
    suspicion : ndarray of float64
        How probably the mask is wrong, 0 to 1, an estimate and no frequency: 0.5 where one of the
        causes is as likely a fault as not. 0 on frames that the user made or that have no mask.
    cause : ndarray of uint8
        What speaks against the mask most, an index into `CAUSES`; 0 where next to nothing does.

        1. Low score: the object score is near 0, or denies what the mask says.
        2. Area: a change that is unusual for this object.
        3. Jump: a movement that is unusual for this object.
        4. Presence: the object vanished, or came back, while it was of its usual size.
    """

    area_change: Floats
    centroid_jump: Floats
    suspicion: Floats
    cause: npt.NDArray[np.uint8]


def assess(track: Track) -> Confidence:
    """Tell how far each mask of a scope can be trusted.

    Frames that the user made are never suspect. Where such a frame differs from the one that the
    track came from, that one is.
    """
    length = len(track.known)
    present = track.known & (track.area > 0)
    area_change, jump = np.full(length, np.nan), np.full(length, np.nan)
    evidence = np.zeros((len(CAUSES), length))
    evidence[1] = _score_evidence(track, present)
    came_from, to, gap = _steps(present, track)
    if len(to):
        before, after = track.area[came_from], track.area[to]
        size = np.sqrt(np.maximum(before, after))
        moved = np.hypot(track.x[to] - track.x[came_from], track.y[to] - track.y[came_from])
        area_change[to] = np.log(after / before) / gap
        jump[to] = moved / size / gap
        jitter = 1 / np.sqrt(np.minimum(before, after))
        unusual = (
            _deviations(area_change[to], _LEAST_AREA_CHANGE + jitter),
            np.maximum(_deviations(jump[to], _LEAST_JUMP + 1 / size), 0),
        )
        # A correction says that the track was wrong before it, not that the correction is.
        blamed = np.where(track.by_user[to], came_from, to)
        for row, deviations in zip(evidence[2:4], unusual, strict=True):
            np.maximum.at(row, blamed, _doubt(deviations))
    evidence[4] = _presence_evidence(track, present)
    evidence[:, track.by_user | ~track.known] = 0
    suspicion = 1 - np.prod(1 - evidence, axis=0)
    cause = np.where(suspicion >= _NAMED, np.argmax(evidence, axis=0), 0)
    return Confidence(area_change, jump, suspicion, cause.astype(np.uint8))


def peaks(suspicion: Floats, threshold: float) -> list[int]:
    """Return the worst frame of each run of frames that reach a threshold, in order."""
    edges = np.flatnonzero(np.diff(np.r_[False, suspicion >= threshold, False]))
    return [
        int(start + np.argmax(suspicion[start:stop]))
        for start, stop in zip(edges[::2], edges[1::2], strict=True)
    ]


def _steps(
    there: Flags, track: Track
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return from which of these frames to which the track went, and how many frames on."""
    frames = np.flatnonzero(there)
    left, right = frames[:-1], frames[1:]
    made = np.flatnonzero(track.known & track.by_user)
    backward = right <= (made[0] if len(made) else -1)
    return np.where(backward, right, left), np.where(backward, left, right), right - left


def _deviations(values: Floats, least: Floats) -> Floats:
    """Return how far values are from their median, in deviations that are usual for them."""
    padded = np.append(values, np.zeros(_STILL))
    median = np.median(padded)
    # Times 1.4826 it is the standard deviation, where values are normally distributed.
    usual = 1.4826 * np.median(np.abs(padded - median))
    deviations: Floats = (values - median) / np.maximum(usual, least)
    return deviations


def _doubt(deviations: Floats) -> Floats:
    """Return how likely a deviation is a fault: next to 0 up to 4, a half at 8, next to 1 at 20."""
    power = (np.abs(deviations) / _HALF_Z) ** 4
    doubt: Floats = power / (1 + power)
    return doubt


def _score_evidence(track: Track, present: Flags) -> Floats:
    """Return how likely the score says that a mask is wrong."""
    # An empty mask with a score far below 0 is as sure as a full one with a score far above.
    agreed = np.where(present, track.score, -track.score)
    doubt = 1 / (1 + np.exp(np.clip((agreed - _HALF_SCORE) / _SCORE_WIDTH, -50, 50)))
    evidence: Floats = np.where(np.isnan(track.score), 0.0, doubt)
    return evidence


def _presence_evidence(track: Track, present: Flags) -> Floats:
    """Return how likely it is a fault that the object vanished or came back on a frame."""
    evidence = np.zeros(len(present))
    came_from, to, gap = _steps(track.known, track)
    vanished = present[came_from] & ~present[to]
    back = ~present[came_from] & present[to]
    # That the user says where it is absent is no sign of a fault.
    changed = (vanished | back) & ~track.by_user[to]
    if changed.any():
        area = np.maximum(track.area[came_from], track.area[to]) / np.median(track.area[present])
        weight = np.where(vanished, _VANISHED, _BACK) / gap
        evidence[to[changed]] = (weight * area / (area + _SMALL))[changed]
    return evidence
