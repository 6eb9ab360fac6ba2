"""What there was before: GrabCut from the same clicks, carried on by dense optical flow."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from sam2_widget.images import Pixels

    Mask = npt.NDArray[np.bool_]

_SIDE = 480
"""GrabCut works on pictures of this longer side: its colour models gain nothing from more."""
_ROUNDS = 5


def grabcut(
    frame: Pixels,
    points: list[tuple[float, float, int]],
    box: tuple[float, float, float, float] | None = None,
) -> Mask:
    """Return the (H, W) bool mask of an object by its colours against those of the rest.

    Parameters
    ----------
    frame
        (H, W, 3) uint8 RGB.
    points
        x, y, label. A small disc round each is fixed as object or ground; a wide one round those
        of the object starts as probable object.
    box
        x0, y0, x1, y1: outside all is ground, inside all starts as probable object.
    """
    high, wide = frame.shape[:2]
    scale = min(1.0, _SIDE / max(high, wide))
    size = round(wide * scale), round(high * scale)
    small = np.ascontiguousarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA)[..., ::-1])
    short = min(size)
    start = np.full(size[::-1], cv2.GC_PR_BGD, np.uint8)
    if box is not None:
        start[:] = cv2.GC_BGD
        x0, y0, x1, y1 = (round(value * scale) for value in box)
        start[y0:y1, x0:x1] = cv2.GC_PR_FGD
    places = [(round(x * scale), round(y * scale), label) for x, y, label in points]
    if box is None:
        for x, y, label in places:
            if label:
                cv2.circle(start, (x, y), round(0.15 * short), cv2.GC_PR_FGD, -1)
    for x, y, label in places:
        sure = cv2.GC_FGD if label else cv2.GC_BGD
        cv2.circle(start, (x, y), max(2, round(0.02 * short)), sure, -1)
    found = _is_thing(start)
    # Colours of a thing and of a ground are learned; a box round everything leaves no ground.
    if found.any() and not found.all():
        ground, thing = np.zeros((1, 65)), np.zeros((1, 65))
        nowhere = 0, 0, 0, 0
        cv2.setRNGSeed(0)
        cv2.grabCut(small, start, nowhere, ground, thing, _ROUNDS, cv2.GC_INIT_WITH_MASK)
        found = _is_thing(start)
    whole = cv2.resize(found.astype(np.uint8), (wide, high), interpolation=cv2.INTER_NEAREST) > 0
    return _clicked(whole, points) if points else whole


def _is_thing(labels: Pixels) -> Mask:
    return np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))


def _clicked(mask: Mask, points: list[tuple[float, float, int]]) -> Mask:
    """Keep the regions with a click on the object: like colours elsewhere are not it."""
    _, numbers = cv2.connectedComponents(mask.astype(np.uint8))
    kept = {int(numbers[int(y), int(x)]) for x, y, label in points if label} - {0}
    return np.asarray(np.isin(numbers, list(kept)))


def carry(frames: Pixels, mask: Mask) -> list[Mask]:
    """Return the masks of all frames, moved on from that of the first by optical flow."""
    flow: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    greys = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    high, wide = mask.shape
    x, y = np.meshgrid(np.arange(wide, dtype=np.float32), np.arange(high, dtype=np.float32))
    soft, masks = mask.astype(np.float32), [mask]
    for before, after in pairwise(greys):
        # From each pixel of the later frame back to where it came from.
        back = flow.calc(after, before, None)
        soft = np.asarray(cv2.remap(soft, x + back[..., 0], y + back[..., 1], cv2.INTER_LINEAR))
        masks.append(soft > 0.5)
    return masks
