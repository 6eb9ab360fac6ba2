"""Photographs with what is outlined in them: grounds whose own things are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from sam2_widget.images import Pixels

_MOST = 5
_SIZES = 0.05, 0.95
"""Longer side of the thing that a view is turned to, as a share of the frame's."""
_LARGEST = 1.5


@dataclass(frozen=True)
class Place:
    """A part of a photograph.

    Parameters
    ----------
    picture
        (W, W, 3) float32 RGB, 0 to 255.
    masks
        N of (W, W) uint8, 0 or 1: things in it, which may lie in each other.
    """

    picture: npt.NDArray[np.float32]
    masks: list[Pixels]


class Places:
    """The photographs of a folder that ``label`` made.

    Parameters
    ----------
    folder
        With pictures ``NAME.jpg`` and masks ``NAME.npz``.
    """

    def __init__(self, folder: Path) -> None:
        self._all = [_read(file) for file in sorted(folder.glob("*.npz"))]

    def view(
        self, rng: np.random.Generator, side: int, squeeze: tuple[float, float] = (1.0, 1.0)
    ) -> Place:
        """Return a view of a random photograph, turned to a random thing.

        Parameters
        ----------
        rng
            Decides everything.
        side
            Of the frame in pixels. The view is twice as wide, with the frame in its middle;
            beyond the photograph's edge it is mirrored.
        squeeze
            How much narrower and lower than the view a frame shows things, 0.5 to 1.
        """
        picture, packed, shape = self._all[int(rng.integers(len(self._all)))]
        masks = _unpacked(packed, shape)
        high, wide = shape[1:]
        chosen = int(rng.integers(len(masks)))
        rows, columns = np.nonzero(masks[chosen].any(1))[0], np.nonzero(masks[chosen].any(0))[0]
        extents = np.array([columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1])
        length = float((extents * squeeze).max())
        shown, size = side / np.array(squeeze), np.array([wide, high])
        scale = side * float(np.exp(rng.uniform(*np.log(_SIZES)))) / length
        # Not so small that the frame would show more than there is.
        scale = max(min(scale, _LARGEST), float((shown / size).max()))
        half = 0.5 * shown / scale
        middle = np.array([columns[[0, -1]].mean(), rows[[0, -1]].mean()])
        middle = np.clip(middle + rng.uniform(-0.6, 0.6, 2) * half, half, size - half)
        corner = np.round(middle * scale).astype(int) - side
        order = [chosen, *(n for n in rng.permutation(len(masks)) if n != chosen)]
        seen = [_part(masks[number], scale, corner, 2 * side) for number in order[:_MOST]]
        inner = slice(side // 2, side // 2 + side)
        return Place(
            _part(picture, scale, corner, 2 * side).astype(np.float32),
            [mask for mask in seen if mask[inner, inner].any()],
        )


def read_place(file: Path) -> tuple[Pixels, npt.NDArray[np.bool_]]:
    """Return a photograph, (H, W, 3) RGB, and what is outlined in it, (N, H, W)."""
    picture, packed, shape = _read(file)
    return picture, _unpacked(packed, shape).astype(bool)


def _unpacked(packed: Pixels, shape: tuple[int, ...]) -> Pixels:
    return np.unpackbits(packed, count=int(np.prod(shape))).reshape(shape)


def _part(picture: Any, scale: float, corner: npt.NDArray[np.int_], size: int) -> Any:
    """Return a square of a scaled picture; beyond its edge it is mirrored."""
    smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    if picture.ndim == 2:
        picture = picture * np.uint8(255)
    scaled: Any = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=smooth)
    if picture.ndim == 2:
        scaled = (scaled > 127).astype(np.uint8)
    high, wide = scaled.shape[:2]
    return scaled[_mirrored(corner[1], size, high)][:, _mirrored(corner[0], size, wide)]


def _mirrored(first: int, count: int, length: int) -> npt.NDArray[np.int_]:
    """Return ``count`` indices from ``first`` on, those outside of the length folded back."""
    index = np.arange(first, first + count) % (2 * length)
    return np.minimum(index, 2 * length - 1 - index)


def _read(file: Path) -> tuple[Pixels, Pixels, tuple[int, ...]]:
    picture = cv2.imread(str(file.with_suffix(".jpg")))
    if picture is None:
        raise ValueError(f"{file.with_suffix('.jpg')} cannot be read; make it with label again.")
    with np.load(file) as stored:
        packed, shape = stored["masks"], stored["shape"]
    return np.asarray(picture[..., ::-1], np.uint8), packed, tuple(map(int, shape))
