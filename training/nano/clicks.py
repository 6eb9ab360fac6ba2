"""Where clicks go: into the middle of an object, and into the middle of what is still wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Mask = npt.NDArray[np.bool_]


def depth(mask: Mask) -> npt.NDArray[np.float32]:
    """Return (H, W) float32: how far each pixel of a mask is from its edge, in pixels.

    The border of the picture is an edge.
    """
    framed = cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    return np.asarray(cv2.distanceTransform(framed, cv2.DIST_L2, 5)[1:-1, 1:-1], np.float32)


def middle(mask: Mask) -> tuple[float, float]:
    """Return the point (x, y) of a mask that is farthest from its edge, in pixels."""
    y, x = np.unravel_index(int(depth(mask).argmax()), mask.shape)
    return float(x) + 0.5, float(y) + 0.5


def inside(rng: np.random.Generator, mask: Mask) -> tuple[float, float]:
    """Return a point (x, y) that a person might click: half of all times the middle."""
    if rng.random() < 0.5:
        return middle(mask)
    deep = depth(mask)
    least = deep.max() * (0.5 if rng.random() < 0.6 else 0.1)
    rows, columns = np.nonzero(deep >= max(float(least), 0.5))
    chosen = rng.integers(len(rows))
    return float(columns[chosen]) + 0.5, float(rows[chosen]) + 0.5


def correction(target: Mask, answer: Mask) -> tuple[float, float, int] | None:
    """Return the next click (x, y, label): the middle of the largest region that is wrong.

    The rule of the interactive benchmarks: the region is a connected one, missing (label 1) or
    too much (label 0). None if nothing is wrong.
    """
    best: tuple[int, Mask, int] | None = None
    for wrong, label in ((target & ~answer, 1), (answer & ~target, 0)):
        count, numbers, stats, _ = cv2.connectedComponentsWithStats(wrong.astype(np.uint8))
        if count < 2:
            continue
        largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
        area = int(stats[largest, cv2.CC_STAT_AREA])
        if best is None or area > best[0]:
            best = area, numbers == largest, label
    if best is None:
        return None
    return *middle(best[1]), best[2]
