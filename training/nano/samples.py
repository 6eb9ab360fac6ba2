"""Makes batches: clips, the objects to find in them, and the prompts that say which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from training.nano.clicks import inside
from training.nano.scenes import SIDE, Clip, draw_clip

if TYPE_CHECKING:
    import numpy.typing as npt

    from sam2_widget.images import Pixels
    from training.nano.clicks import Mask
    from training.nano.figures import Kind
    from training.nano.textures import Textures

_LEAST = 1 / 500  # Of the frame, for an object on its first frame: 8 cells of a taught mask.
_PIECES = 0.45
"""Of all clips, those whose figures are of one piece: they teach edges, the others what goes
together."""
_CARDS = 0.3
"""Of all clips, those of flat cards; the shares above and below are of the others."""
_ALONE, _ALONE_PIECES = 0.35, 0.7
"""Where there are photographs: clips that are drawn without, and of these those of one piece."""


@dataclass(frozen=True)
class Batch:
    """B clips of T frames with N objects among them.

    Parameters
    ----------
    frames
        (B, T, S, S, 3) uint8 RGB.
    owner
        (N,) int64: the clip of each object.
    masks
        (T, N, L, L) uint8, 0 to 255: the share of each cell that the object covers; L is S / 4.
    clicks, beside
        (N, 2) float32 x, y: a point in the object on frame 0, and one near it but outside.
    boxes
        (N, 4) float32 x0, y0, x1, y1 of frame 0, a little off, as people draw them.
    """

    frames: Pixels
    owner: npt.NDArray[np.int64]
    masks: Pixels
    clicks: npt.NDArray[np.float32]
    beside: npt.NDArray[np.float32]
    boxes: npt.NDArray[np.float32]


def make_batch(
    seed: tuple[int, ...],
    textures: Textures,
    clips: int,
    length: int,
    side: int = SIDE,
    objects: int = 3,
) -> Batch:
    """Return the batch of a seed.

    Parameters
    ----------
    seed
        The same numbers give the same batch, whatever was made before.
    textures
        What things are covered with.
    clips, length
        B and T.
    side
        S.
    objects
        The most of one clip.
    """
    rng = np.random.default_rng(seed)
    frames: list[Pixels] = []
    owner, masks, clicks, beside, boxes = [], [], [], [], []
    while len(frames) < clips:
        clip = _drawn(rng, textures, length, side)
        found = _targets(rng, clip)[:objects]
        if not found:
            continue
        pictures = clip.frames
        if length > 2 and rng.random() < 0.08:
            # A cut: the objects are not there any more.
            cut = int(rng.integers(1, length))
            other = draw_clip(rng, textures, length - cut, side)
            pictures = np.concatenate([pictures[:cut], other.frames])
            found = [np.concatenate([mask[:cut], mask[cut:] & False]) for mask in found]
        for mask in found:
            owner.append(len(frames))
            masks.append([_low(one) for one in mask])
            clicks.append(inside(rng, mask[0]))
            beside.append(_outside(rng, mask[0]))
            boxes.append(_box(rng, mask[0]))
        frames.append(pictures)
    return Batch(
        np.ascontiguousarray(np.stack(frames)),
        np.array(owner, np.int64),
        np.stack(masks, 1),
        np.array(clicks, np.float32),
        np.array(beside, np.float32),
        np.array(boxes, np.float32),
    )


def _drawn(rng: np.random.Generator, textures: Textures, length: int, side: int) -> Clip:
    """Return a clip, forward or backward, mirrored or not, its colours exchanged or not."""
    alone = textures.photos is not None and rng.random() < _ALONE
    world, share = (textures.alone(), _ALONE_PIECES) if alone else (textures, _PIECES)
    kind: Kind = "pieces" if rng.random() < share else "figures"
    clip = draw_clip(rng, world, length, side, "cards" if rng.random() < _CARDS else kind)
    times = -1 if rng.random() < 0.5 else 1
    columns = -1 if rng.random() < 0.5 else 1
    order = rng.permutation(3) if rng.random() < 0.25 else [0, 1, 2]
    return Clip(
        clip.frames[::times, :, ::columns][..., order],
        clip.figures[::times, :, ::columns],
        clip.groups[::times, :, ::columns],
        clip.placed[::times, ..., ::columns],
    )


def _targets(rng: np.random.Generator, clip: Clip) -> list[npt.NDArray[np.bool_]]:
    """Return (T, S, S) masks of whole figures, some parts and things behind, in random order."""
    found = [mask for mask in clip.placed.swapaxes(0, 1) if clear(mask[0])]
    for figure in np.unique(clip.figures[0]):
        if figure == 0:
            continue
        whole = clip.mask(int(figure))
        names = np.unique(clip.groups[0][whole[0]])
        if len(names) > 1 and rng.random() < 0.35:
            part = clip.mask(int(figure), int(rng.choice(names)))
            if clear(part[0]):
                found.append(part)
                continue
        if clear(whole[0]):
            found.append(whole)
    order = rng.permutation(len(found))
    return [found[number] for number in order]


def clear(mask: Mask) -> bool:
    """Tell whether an object is large enough to be taught, and mostly one piece."""
    if mask.mean() < _LEAST:
        return False
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    return bool(stats[1:, cv2.CC_STAT_AREA].max() >= 0.6 * mask.sum())


def _low(mask: Mask) -> Pixels:
    few = len(mask) // 4
    small = cv2.resize(mask.astype(np.uint8) * 255, (few, few), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def _outside(rng: np.random.Generator, mask: Mask) -> tuple[float, float]:
    """Return a point near a mask but not in it; the corner if the mask fills the frame."""
    byte = mask.astype(np.uint8)
    near = cv2.dilate(byte, _square(mask, 0.16)) > 0
    near &= cv2.dilate(byte, _square(mask, 0.035)) == 0
    rows, columns = np.nonzero(near)
    if not len(rows):
        return 0.5, 0.5
    chosen = rng.integers(len(rows))
    return float(columns[chosen]) + 0.5, float(rows[chosen]) + 0.5


def _square(mask: Mask, share: float) -> Pixels:
    side = round(share * len(mask))
    return np.ones((side, side), np.uint8)


def _box(rng: np.random.Generator, mask: Mask) -> npt.NDArray[np.float32]:
    rows, columns = np.nonzero(mask)
    edges = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], np.float32)
    size = max(edges[2] - edges[0], edges[3] - edges[1])
    return np.asarray(np.clip(edges + rng.normal(0, 0.03, 4) * size, 0, len(mask)), np.float32)
