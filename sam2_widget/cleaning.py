"""Cleans masks of a model: fills small holes, removes small regions; OpenCV, on any device."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from sam2_widget.bits import Mask, bounds
from sam2_widget.errors import PromptError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sam2_widget.annotations import Point

    Places = Sequence[tuple[float, float]]
    """(x, y) each, in pixels of the mask."""

_CONNECTIVITY = 8
"""Pixels that touch at a corner belong together, in holes and in regions alike.

It is what sam2's CUDA code (``csrc/connected_components.cu``) and SAM's automatic mask generator
do: a hole whose border is open at a corner is none, and a region that hangs at a corner is part of
the object.
"""


@dataclass(frozen=True, slots=True)
class Cleaning:
    """How masks are cleaned; by default not at all.

    Attributes
    ----------
    fill_hole_area : int
        Holes of at most this many pixels of the mask are filled. What touches the frame's border
        is no hole: the object may end there.
    min_mask_region_area : int
        Regions of fewer pixels are removed, after holes were filled; the largest always stays.

    Notes
    -----
    Named as in sam2's video predictor and in SAM's automatic mask generator. sam2 counts pixels of
    its low-resolution mask (256 x 256 for models of 1024 pixels), fills at the border too, and
    fills nothing where its CUDA extension is missing.
    """

    fill_hole_area: int = 0
    min_mask_region_area: int = 0

    def __call__(self, mask: Mask, inside: Places = (), outside: Places = ()) -> Mask:
        """Return a mask cleaned; the very same one where there is nothing to clean.

        Parameters
        ----------
        mask : ndarray
            (H, W) bool; it is not changed.
        inside, outside : sequence of (float, float)
            The user's positive and negative points. A region that holds one of the former is not
            removed, a hole that holds one of the latter not filled: who clicks has the last word.

        Returns
        -------
        ndarray
            (H, W) bool.
        """
        box = bounds(mask) if self.fill_hole_area or self.min_mask_region_area > 1 else None
        if box is None:
            return mask
        x0, y0, x1, y1 = box
        # All of an object lies in its box, and what is open there is open to the frame's border.
        inner = mask[y0:y1, x0:x1]
        given = inner
        if self.fill_hole_area:
            inner = _fill(inner, self.fill_hole_area, _within(outside, box))
        if self.min_mask_region_area > 1:
            inner = _remove(inner, self.min_mask_region_area, _within(inside, box))
        if inner is given:
            return mask
        cleaned = mask.copy()
        cleaned[y0:y1, x0:x1] = inner
        return cleaned


NOTHING = Cleaning()
"""Leaves masks as they are."""


def points_by_label(points: Iterable[Point]) -> tuple[Places, Places]:
    """Return where the positive and where the negative points are."""
    listed = list(points)
    inside, outside = ([(p.x, p.y) for p in listed if bool(p.label) is k] for k in (True, False))
    return inside, outside


def check_cleaning(fill_hole_area: object, min_mask_region_area: object) -> Cleaning:
    """Return how masks are to be cleaned.

    Raises
    ------
    PromptError
        If an area is no whole number from 0 on.
    """
    return Cleaning(
        _area("fill_hole_area", fill_hole_area),
        _area("min_mask_region_area", min_mask_region_area),
    )


def _area(name: str, value: object) -> int:
    try:
        area = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        area = -1
    if area < 0:
        raise PromptError(f"{name} is {value!r}; pass a whole number of pixels, 0 for none.")
    return area


def _fill(mask: Mask, area: int, open_at: list[tuple[int, int]]) -> Mask:
    labels, stats = _components(~mask)
    left, top = stats[:, cv2.CC_STAT_LEFT], stats[:, cv2.CC_STAT_TOP]
    right, bottom = left + stats[:, cv2.CC_STAT_WIDTH], top + stats[:, cv2.CC_STAT_HEIGHT]
    enclosed = (left > 0) & (top > 0) & (right < mask.shape[1]) & (bottom < mask.shape[0])
    chosen = enclosed & (stats[:, cv2.CC_STAT_AREA] <= area)
    return mask | chosen[labels] if _choose(chosen, labels, open_at) else mask


def _remove(mask: Mask, area: int, kept_at: list[tuple[int, int]]) -> Mask:
    labels, stats = _components(mask)
    areas = stats[:, cv2.CC_STAT_AREA]
    chosen = areas < area
    chosen[1 + int(np.argmax(areas[1:]))] = False
    return mask & ~chosen[labels] if _choose(chosen, labels, kept_at) else mask


def _components(mask: Mask) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return the number of each pixel's component, 0 outside the mask, and OpenCV's statistics."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask.view(np.uint8), connectivity=_CONNECTIVITY
    )
    return labels, stats  # type: ignore[return-value]


def _choose(
    chosen: npt.NDArray[np.bool_], labels: npt.NDArray[np.int32], spared: list[tuple[int, int]]
) -> bool:
    """Take out of the chosen components those at the spared places; tell whether any is left."""
    chosen[0] = False
    for row, column in spared:
        chosen[labels[row, column]] = False
    return bool(chosen.any())


def _within(places: Places, box: tuple[int, int, int, int]) -> list[tuple[int, int]]:
    """Return the (row, column) in a box of the places that lie in it."""
    x0, y0, x1, y1 = box
    return [(int(y) - y0, int(x) - x0) for x, y in places if x0 <= x < x1 and y0 <= y < y1]
