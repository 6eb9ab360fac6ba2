"""Blends shapes with soft edges into a picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sam2_widget.palette import check_color

Pixels = npt.NDArray[np.uint8]
Values = npt.NDArray[np.float32]
Rgb = tuple[int, int, int]

WHITE: Rgb = (255, 255, 255)


def rgb_of(color: str) -> Rgb:
    """Return the red, green and blue of ``"#rrggbb"``.

    Raises
    ------
    PromptError
        If it is no such colour.
    """
    red, green, blue = bytes.fromhex(check_color(color)[1:])
    return red, green, blue


def blend(part: Pixels, color: Rgb, alpha: Values) -> None:
    """Mix a colour into an (H, W, 3) part of a picture, in place, by (H, W) shares from 0 to 1."""
    mixed = part + (np.array(color, dtype=np.float32) - part) * alpha[..., None]
    part[:] = np.rint(mixed).astype(np.uint8)


def covered(distance: npt.NDArray[np.floating[Any]]) -> Values:
    """Return how far a shape covers pixels whose centres are this far outside its edge."""
    return np.asarray(np.clip(0.5 - distance, 0, 1), dtype=np.float32)
