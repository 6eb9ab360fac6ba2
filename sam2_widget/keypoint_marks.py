"""Draws keypoints and the lines between them on a picture, as the widget does."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sam2_widget.blending import WHITE, Pixels, blend, covered, rgb_of

if TYPE_CHECKING:
    from sam2_widget.keypoints import FrameKeypoints, Keypoint, Skeleton

Distances = npt.NDArray[np.floating[Any]]

_PURPLE = rgb_of("#8b3fd9")
_HALF = 5.5
"""From the middle of a mark to its side, in pixels."""
_LINE = 2.5
_RIM = 1.25
# Pixels from a place to where its mark surely ends.
_REACH = 9


def draw_keypoints(image: Pixels, keypoints: FrameKeypoints, skeleton: Skeleton) -> None:
    """Draw the keypoints of one instance and its lines, in place.

    Parameters
    ----------
    image : ndarray
        (H, W, 3) uint8 RGB.
    keypoints : tuple of Keypoint
        Those outside the picture are left out, and so are their lines.
    skeleton : tuple of (str, str)
        Pairs of names; a line is dashed where one of its ends is occluded.
    """
    height, width = image.shape[:2]
    inside = {k.name: k for k in keypoints if 0 <= k.x < width and 0 <= k.y < height}
    for first, second in skeleton:
        if first in inside and second in inside:
            _draw_line(image, inside[first], inside[second])
    for keypoint in inside.values():
        _draw_mark(image, keypoint)


def _draw_line(image: Pixels, start: Keypoint, end: Keypoint) -> None:
    left, right = sorted((start.x, end.x))
    top, bottom = sorted((start.y, end.y))
    part, dx, dy = _around(image, left, top, right, bottom, start)
    length = math.hypot(end.x - start.x, end.y - start.y)
    if length == 0:
        return
    # How far along the line and beside it each pixel lies.
    ux, uy = (end.x - start.x) / length, (end.y - start.y) / length
    along, beside = dx * ux + dy * uy, np.abs(dy * ux - dx * uy)
    beyond = np.abs(along - length / 2) - length / 2
    edge = np.maximum(beside - _LINE / 2, beyond)
    blend(part, WHITE, covered(edge - _RIM))
    if not (start.visible and end.visible):
        period = 4 * _LINE
        edge = np.maximum(edge, np.abs(along % period - period / 2) - _LINE)
    blend(part, _PURPLE, covered(edge))


def _draw_mark(image: Pixels, keypoint: Keypoint) -> None:
    """Draw a square, hollow and dashed where the keypoint is occluded, with a dot for the place."""
    x, y = keypoint.x, keypoint.y
    part, dx, dy = _around(image, x, y, x, y, keypoint)
    square = np.maximum(np.abs(dx), np.abs(dy)) - _HALF
    dot = covered(np.hypot(dx, dy) - 1.75)
    if keypoint.visible:
        blend(part, (0, 0, 0), np.float32(0.55) * covered(square - 2.25))
        blend(part, WHITE, covered(square - 1.5))
        blend(part, _PURPLE, covered(square))
        blend(part, WHITE, dot)
        return
    border = np.abs(square)
    blend(part, WHITE, covered(border - 2))
    # The corners, and a gap in the middle of each side.
    gap = np.minimum(np.abs(dx), np.abs(dy)) < 1.5
    blend(part, _PURPLE, covered(np.where(gap, 1.0, border - 1)))
    blend(part, _PURPLE, dot)


def _around(
    image: Pixels, left: float, top: float, right: float, bottom: float, origin: Keypoint
) -> tuple[Pixels, Distances, Distances]:
    """Return a picture's part round a box, and how far its columns and rows are from a place."""
    x0, y0 = max(0, int(left) - _REACH), max(0, int(top) - _REACH)
    part = image[y0 : int(bottom) + _REACH + 1, x0 : int(right) + _REACH + 1]
    height, width = part.shape[:2]
    dx = np.arange(width) + (x0 + 0.5 - origin.x)
    dy = np.arange(height) + (y0 + 0.5 - origin.y)
    return part, dx[None, :], dy[:, None]
