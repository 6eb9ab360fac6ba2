"""Draws the grounds that scenes play on: walls, horizons, rooms, and clutter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from training.nano import shapes
from training.nano.sprites import random_light, random_skin, sprite

if TYPE_CHECKING:
    import numpy.typing as npt

    from training.nano.textures import Textures

    Picture = npt.NDArray[np.float32]


def ground(rng: np.random.Generator, textures: Textures, side: int) -> Picture:
    """Return (side, side, 3) float32, 0 to 255: what is behind all figures of a scene."""
    if textures.photos and rng.random() < 0.5:
        whole = np.ascontiguousarray(textures.photos.part(rng, side, 0.6))
        if rng.random() < 0.25:
            _clutter(rng, textures, whole)
        return whole
    picture = np.ascontiguousarray(textures.pick(rng, side, natural=0.8))
    kind = rng.random()
    if kind < 0.45:
        _lay_floor(rng, textures, picture)
    elif kind < 0.65:
        # Two textures that meet along an uneven line: paths, shores, walls half painted.
        other = textures.pick(rng, side, natural=0.8)
        edge = textures.pick(rng, side).mean(2, keepdims=True)
        picture = np.where(edge > np.median(edge), picture, other)
    if rng.random() < 0.7:
        _clutter(rng, textures, picture)
    return picture


def _lay_floor(rng: np.random.Generator, textures: Textures, picture: Picture) -> None:
    """Put a floor in perspective below a horizon that may lean."""
    side = len(picture)
    horizon = side * rng.uniform(0.3, 0.75)
    lean = side * rng.normal(0, 0.04)
    floor = textures.pick(rng, side, natural=0.9)
    near = rng.uniform(1.0, 3.0)
    source = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32)
    middle, half = side / 2, side / 2 * near
    target = np.array(
        [
            *([0, horizon - lean], [side, horizon + lean]),
            *([middle + half, side], [middle - half, side]),
        ],
        np.float32,
    )
    matrix = cv2.getPerspectiveTransform(source, target)
    laid = cv2.warpPerspective(floor, matrix, (side, side), borderMode=cv2.BORDER_REFLECT)
    below = np.zeros((side, side), np.float32)
    corners = np.array([[0, horizon - lean], [side, horizon + lean], [side, side], [0, side]])
    cv2.fillPoly(below, [corners.astype(np.int32)], 1.0, cv2.LINE_AA)
    picture += (laid - picture) * below[..., None]


def _clutter(rng: np.random.Generator, textures: Textures, picture: Picture) -> None:
    """Put things into the ground that are no figures: posts, windows, stones, cables."""
    side = len(picture)
    light = random_light(rng)
    like = random_skin(rng, textures, side // 2)
    for _ in range(int(rng.integers(1, 9))):
        skin = like if rng.random() < 0.4 else random_skin(rng, textures, side // 3)
        kind = rng.random()
        if kind < 0.35:
            high, wide = int(rng.uniform(0.2, 0.9) * side), int(rng.uniform(0.02, 0.3) * side)
            mask = np.full((high, wide), 255, np.uint8)
        elif kind < 0.85:
            high = int(rng.uniform(0.04, 0.35) * side)
            mask = shapes.compact(rng, high, max(8, int(high * rng.uniform(0.4, 1.0))))
        else:
            mask = shapes.thin(rng, int(rng.uniform(0.2, 0.9) * side))
        thing = sprite(rng, mask, skin, light)
        high, wide = mask.shape
        if rng.random() < 0.3:
            thing, high, wide = thing.transpose(1, 0, 2), wide, high
        y, x = int(rng.integers(-high // 2, side)), int(rng.integers(-wide // 2, side))
        top, left = max(y, 0), max(x, 0)
        window = picture[top : y + high, left : x + wide]
        cut = thing[top - y :, left - x :][: window.shape[0], : window.shape[1]]
        window += (cut[..., :3] - window) * (cut[..., 3:] * np.float32(1 / 255))
