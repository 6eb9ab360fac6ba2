"""Makes sprites: a shape filled with texture and lit from one side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from training.nano.textures import Textures, colours

if TYPE_CHECKING:
    import numpy.typing as npt

    from sam2_widget.images import Pixels


@dataclass(frozen=True)
class Light:
    """Where a scene's light comes from, and how it falls.

    Parameters
    ----------
    angle
        Direction in the picture, in radians.
    contrast
        0 leaves textures flat, 1 leaves sides turned away black.
    """

    angle: float
    contrast: float


def random_light(rng: np.random.Generator) -> Light:
    """Return a light, mostly from above."""
    angle = -np.pi / 2 + rng.normal(0, 0.8)
    return Light(angle, float(rng.choice([0.0, 0.3, 0.5, 0.8])))


@dataclass(frozen=True)
class Skin:
    """What a part is covered with: parts of one object may share one, as trouser legs do."""

    picture: npt.NDArray[np.float32]
    gloss: float


def random_skin(rng: np.random.Generator, textures: Textures, side: int) -> Skin:
    """Return a texture of the given side, sometimes faded to nearly one colour."""
    picture = textures.pick(rng, side)
    if rng.random() < 0.3:
        mean = colours(rng, 1, rng.random() < 0.5)[0]
        picture = mean + (picture - picture.mean((0, 1))) * rng.uniform(0.05, 0.3)
    gloss = rng.uniform(0.2, 0.9) if rng.random() < 0.2 else 0.0
    return Skin(picture, gloss)


def sprite(
    rng: np.random.Generator, mask: Pixels, skin: Skin, light: Light, turn: float = 0.0
) -> Pixels:
    """Return (H, W, 4) uint8, colour and opacity, of a shape that is covered and lit.

    Parameters
    ----------
    rng
        Decides which part of the skin is seen.
    mask
        (H, W) uint8 opacity.
    skin
        At least as large as the shape, else it is stretched.
    light
        Of the scene.
    turn
        By how much the sprite will be turned in the scene, in radians: the light stays there.
    """
    high, wide = mask.shape
    side = len(skin.picture)
    if max(high, wide) <= side:
        y, x = rng.integers(0, side - high + 1), rng.integers(0, side - wide + 1)
        picture = skin.picture[y : y + high, x : x + wide]
    else:
        picture = np.asarray(cv2.resize(skin.picture, (wide, high)))
    if light.contrast:
        shade, glint = _relief(mask, light.angle - turn)
        picture = picture * (1 + light.contrast * shade)[..., None]
        if skin.gloss:
            picture = picture + (255 * skin.gloss) * glint[..., None]
    out = np.empty((high, wide, 4), np.uint8)
    out[..., :3] = np.clip(picture, 0, 255)
    out[..., 3] = mask
    return out


def _relief(mask: Pixels, angle: float) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return brightness (-1 to 0.6) and highlight (0 to 1) of the shape as a rounded body."""
    high, wide = mask.shape
    scale = min(1.0, 48 / max(high, wide))
    size = max(4, round(wide * scale)), max(4, round(high * scale))
    small = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
    small = cv2.copyMakeBorder(small, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    depth = cv2.distanceTransform((small > 127).astype(np.uint8), cv2.DIST_L2, 3)
    deepest = max(float(depth.max()), 1.0)
    ratio = np.clip(depth / deepest, 0, 1)
    height = cv2.GaussianBlur(np.sqrt(1 - (1 - ratio) ** 2) * deepest, (0, 0), 1.2)
    right = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3, scale=0.125)
    down = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3, scale=0.125)
    length = np.sqrt(right**2 + down**2 + 0.35)
    facing = (-right * np.cos(angle) - down * np.sin(angle) + 0.45 * 0.6) / length
    shade = np.clip(facing * 1.1 - 0.3, -0.85, 0.6)
    glint = np.clip(facing, 0, 1) ** 12
    both: Any = cv2.resize(np.dstack([shade, glint])[1:-1, 1:-1], (wide, high))
    return both[..., 0], both[..., 1]
