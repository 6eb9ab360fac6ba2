"""Masks drawn by hand: checks one that is given whole, and paints one stroke by stroke."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sam2_widget.errors import PromptError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sam2_widget.bits import Mask

Floats = npt.NDArray[np.float64]

Stroke = list[tuple[float, float]]
"""The places (x, y) that a line goes through, in pixels; some may lie outside the frame."""
FAR = 1e6
"""Pixels from the frame beyond which no place makes sense."""


def check_mask(mask: object, height: int, width: int) -> Mask:
    """Return a mask as a (H, W) bool array of its own.

    Raises
    ------
    PromptError
        If it has another shape, or is neither bool nor integer.
    """
    try:
        given = np.asarray(mask)
    except ValueError as error:  # rows of different lengths
        raise _no_mask("rows of different lengths", height, width) from error
    if given.dtype.kind not in "bui" or given.shape != (height, width):
        raise _no_mask(f"{given.dtype} of shape {given.shape}", height, width)
    return given.astype(bool)


def _no_mask(what: str, height: int, width: int) -> PromptError:
    return PromptError(
        f"A mask is an array of shape {(height, width)}, height and width of the frame, of bool or "
        f"of integers where nonzero is inside, not {what}."
    )


def check_stroke(stroke: Iterable[Any], radius: float, width: int, height: int) -> Stroke:
    """Return a stroke as a list of (x, y).

    Raises
    ------
    PromptError
        If it has no place, a place is no pair of finite numbers near the frame, or the radius is
        not above 0 and at most the frame's longer side.
    """
    try:
        places = [(float(x), float(y)) for x, y in stroke]
        thick = float(radius)
    except (TypeError, ValueError, OverflowError) as error:
        raise _no_stroke() from error
    if not places or not all(abs(value) <= FAR for place in places for value in place):
        raise _no_stroke()
    if not 0 < thick <= max(width, height):
        raise PromptError(
            f"The radius of a brush is above 0 and at most {max(width, height)} pixels, the "
            f"frame's longer side, not {radius!r:.30}."
        )
    return places


def _no_stroke() -> PromptError:
    return PromptError(
        "A stroke is a list of one or more pairs (x, y) of finite numbers, in pixels of the frame."
    )


def paint(mask: Mask, stroke: Stroke, radius: float, *, erase: bool = False) -> Mask:
    """Return a mask with a stroke added, or taken away.

    Parameters
    ----------
    mask : ndarray
        (H, W) bool; it is not changed.
    stroke : list of (float, float)
        Places (x, y) of a line in pixels, as `check_stroke` returns them.
    radius : float
        Half the thickness of the line in pixels.
    erase : bool
        Whether to take away.

    Returns
    -------
    ndarray
        (H, W) bool. The stroke covers the pixels whose centre lies within `radius` of the line.
    """
    result = mask.copy()
    height, width = mask.shape
    xs, ys = zip(*stroke, strict=True)
    top, bottom = _centres(min(ys) - radius, max(ys) + radius, height)
    left, right = _centres(min(xs) - radius, max(xs) + radius, width)
    if top >= bottom or left >= right:
        return result
    # How many pieces of the line begin to cover a row at a column, less how many end there.
    steps = np.zeros((bottom - top, right - left + 1), dtype=np.int32)
    pieces = pairwise(stroke) if len(stroke) > 1 else [(stroke[0], stroke[0])]
    for start, end in pieces:
        first, last = _centres(
            min(start[1], end[1]) - radius, max(start[1], end[1]) + radius, height
        )
        rows = np.arange(first, last)
        x0, x1 = _reach(start, end, radius, np.arange(first, last, dtype=np.float64) + 0.5)
        met = x0 <= x1  # rounding can make the outermost row miss the line, which gives NaN
        rows = rows[met] - top
        begin = np.clip(np.ceil(x0[met] - 0.5), left, right).astype(np.intp) - left
        finish = np.clip(np.floor(x1[met] + 0.5), left, right).astype(np.intp) - left
        steps[rows, begin] += 1
        steps[rows, np.maximum(begin, finish)] -= 1
    covered = np.cumsum(steps[:, :-1], axis=1, out=steps[:, :-1]) > 0
    part = result[top:bottom, left:right]
    if erase:
        part &= ~covered
    else:
        part |= covered
    return result


def _centres(low: float, high: float, size: int) -> tuple[int, int]:
    """Return the range of the pixels whose centres lie from low to high."""
    return max(0, math.ceil(low - 0.5)), min(size, math.floor(high + 0.5))


def _reach(
    start: tuple[float, float], end: tuple[float, float], radius: float, y: Floats
) -> tuple[Floats, Floats]:
    """Return from where to where a straight piece with round ends reaches along rows.

    It is convex, so that this is the outermost of what its two discs and its two sides reach.
    """
    (ax, ay), (bx, by) = start, end
    reached = []
    # Of a disc or a side that a row does not meet comes NaN, which the outermost leaves out.
    with np.errstate(over="ignore", invalid="ignore"):
        for x, centre in ((ax, ay), (bx, by)):
            half = np.sqrt(radius**2 - (y - centre) ** 2)
            reached += [x - half, x + half]
        if ay != by:
            length = math.hypot(bx - ax, by - ay)
            nx, ny = (ay - by) / length * radius, (bx - ax) / length * radius
            for sign in (-1, 1):
                along = (y - ay - sign * ny) / (by - ay)
                side = ax + sign * nx + along * (bx - ax)
                reached.append(np.where((along >= 0) & (along <= 1), side, np.nan))
    return np.fmin.reduce(reached), np.fmax.reduce(reached)
