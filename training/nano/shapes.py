"""Draws outlines: blobs, rods, rings, leaves, limbs and others, as masks with soft edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from sam2_widget.images import Pixels

    Corners = npt.NDArray[np.float64]
    """(N, 2) x, y within -1 to 1."""

_BITS = 4  # Fractions of a pixel that OpenCV draws with: small shapes must not jump.


def compact(rng: np.random.Generator, high: int, wide: int) -> Pixels:
    """Return a random shape about as wide as long that fills the given size, 0 to 255."""
    kind = rng.choice(len(_COMPACT), p=[0.2, 0.36, 0.14, 0.08, 0.12, 0.1])
    return _filled(_COMPACT[kind](rng), high, wide)


def thin(rng: np.random.Generator, side: int) -> Pixels:
    """Return a rod, a bent wire or a ring in a square of the given side, 0 to 255."""
    mask = np.zeros((side, side), np.uint8)
    width = max(2, round(side * rng.uniform(0.025, 0.12)))
    kind = rng.random()
    if kind < 0.2:
        axes = _fixed([[side * rng.uniform(0.25, 0.42), side * rng.uniform(0.25, 0.42)]])[0]
        centre = _fixed([[side / 2, side / 2]])[0]
        cv2.ellipse(mask, centre, axes, 0, 0, 360, 255, width, cv2.LINE_AA, _BITS)
        return mask
    knots = 2 if kind < 0.6 else int(rng.integers(3, 6))
    x = np.linspace(0.12, 0.88, knots)
    y = 0.5 + (rng.uniform(-0.33, 0.33, knots) if knots > 2 else np.zeros(2))
    fine = np.linspace(0, 1, 24)
    curve = np.polynomial.Polynomial.fit(x, y, knots - 1)(0.12 + 0.76 * fine)
    points = _fixed(np.stack([0.12 + 0.76 * fine, np.clip(curve, 0.1, 0.9)], 1) * side)
    cv2.polylines(mask, [points], False, 255, width, cv2.LINE_AA, _BITS)
    return mask


def limb(high: int, wide: int, taper: float) -> Pixels:
    """Return an upright limb with round ends, narrower below by ``taper`` (0 to 1), 0 to 255."""
    top, bottom = 1.0, 1.0 - taper
    angles = np.linspace(0, np.pi, 12)
    ratio = wide / high
    upper = np.stack([-np.cos(angles) * top, -1 + ratio * top * (1 - np.sin(angles))], 1)
    lower = np.stack([np.cos(angles) * bottom, 1 - ratio * bottom * (1 - np.sin(angles))], 1)
    return _filled(np.concatenate([upper, lower]), high, wide)


def ellipse(high: int, wide: int) -> Pixels:
    """Return the ellipse that fills the given size, 0 to 255."""
    return _filled(_round(2.0), high, wide)


def _filled(corners: Corners, high: int, wide: int) -> Pixels:
    mask = np.zeros((high, wide), np.uint8)
    # One pixel stays free, so that the edge is soft when the shape is turned.
    scale = np.array([wide / 2 - 1.0, high / 2 - 1.0])
    points = _fixed(corners * scale + scale + 0.5)
    cv2.fillPoly(mask, [points], 255, cv2.LINE_AA, _BITS)
    return mask


def _fixed(points: npt.ArrayLike) -> npt.NDArray[np.int32]:
    return np.round(np.asarray(points) * (1 << _BITS)).astype(np.int32)


def _round(power: float) -> Corners:
    """Return an ellipse (2), a diamond (1) or a rounded rectangle (4 and more)."""
    angles = np.arange(64) / 64 * 2 * np.pi
    c, s = np.cos(angles), np.sin(angles)
    return np.stack(
        [np.sign(c) * np.abs(c) ** (2 / power), np.sign(s) * np.abs(s) ** (2 / power)], 1
    )


def _oval(rng: np.random.Generator) -> Corners:
    return _round(rng.choice([2.0, 2.0, 2.5, 4.0, 10.0]))


def _blob(rng: np.random.Generator) -> Corners:
    angles = np.arange(96) / 96 * 2 * np.pi
    radius = np.ones(96)
    for wave in range(1, 8):
        strength = rng.normal(0, 0.3 / wave ** rng.uniform(0.7, 1.3))
        radius += strength * np.cos(wave * angles + rng.uniform(0, 2 * np.pi))
    return _unit(np.clip(radius, 0.25, None), angles)


def _polygon(rng: np.random.Generator) -> Corners:
    count = int(rng.integers(3, 9))
    angles = (np.arange(count) + rng.uniform(0, 0.6, count)) / count * 2 * np.pi
    return _unit(rng.uniform(0.6, 1, count), angles)


def _star(rng: np.random.Generator) -> Corners:
    count = 2 * int(rng.integers(3, 9))
    radius = np.where(np.arange(count) % 2, rng.uniform(0.3, 0.7), 1.0)
    return _unit(radius, np.arange(count) / count * 2 * np.pi)


def _leaf(rng: np.random.Generator) -> Corners:
    """Return a drop or a leaf: pointed at one end or at both."""
    along = np.linspace(0, 1, 32)
    half = np.sin(np.pi * along) ** rng.uniform(0.6, 1.6) * (1 - rng.uniform(0, 0.8) * along)
    half /= half.max()
    right = np.stack([half, 2 * along - 1], 1)
    left = np.stack([-half, 2 * along - 1], 1)[::-1]
    return np.concatenate([right, left])


def _notched(rng: np.random.Generator) -> Corners:
    """Return a rounded body with bays: hands, gears, foliage."""
    angles = np.arange(120) / 120 * 2 * np.pi
    waves = int(rng.integers(3, 12))
    teeth = np.clip(np.sin(waves * angles + rng.uniform(0, 6)) * rng.uniform(1, 4), -1, 1)
    radius = 1 + rng.uniform(0.1, 0.4) * teeth + rng.normal(0, 0.2) * np.cos(angles)
    return _unit(np.clip(radius, 0.25, None), angles)


def _unit(radius: Corners, angles: Corners) -> Corners:
    """Scale to touch the edges of the square."""
    corners = np.stack([radius * np.cos(angles), radius * np.sin(angles)], 1)
    low, high = corners.min(0), corners.max(0)
    return np.asarray((corners - low) / (high - low) * 2 - 1)


_COMPACT: tuple[Callable[[np.random.Generator], Corners], ...] = (
    *(_oval, _blob, _polygon, _star, _leaf, _notched),
)
