"""Cards: flat figures cut from a texture, as a first study of nano was trained and measured on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from training.nano import shapes
from training.nano.figures import Joint
from training.nano.sprites import Skin
from training.nano.textures import colours

if TYPE_CHECKING:
    import numpy.typing as npt

    from training.nano.builder import Builder
    from training.nano.textures import Textures


def card(build: Builder) -> None:
    """Build one flat shape, or a body with discs and bars on its edge, some in other colours."""
    rng = build.rng
    skin = _washed(rng, build.skin(1.0))
    if rng.random() < 0.75:
        wide = float(rng.uniform(0.5, 1.0))
        rows = build.pixels(1.0)
        build.add(shapes.compact(rng, rows, max(6, round(rows * wide))), 1.0, skin)
        across = wide
    else:
        high, wide = float(rng.uniform(0.3, 0.55)), float(rng.uniform(0.4, 0.65))
        build.oval(high, wide, skin, Joint())
        for _ in range(int(rng.integers(1, 5))):
            _attach(build, skin, high, wide)
        across = min(high, wide)
    if rng.random() < 0.25:
        size = float(rng.uniform(0.1, 0.35)) * across
        place = rng.normal(0, 0.1, 2) * across
        build.oval(size, size, _tinted(rng, skin), Joint(float(place[0]), float(place[1])))


def card_ground(rng: np.random.Generator, textures: Textures, side: int) -> npt.NDArray[np.float32]:
    """Return (side, side, 3) float32: one texture, or a real background where there are some."""
    if textures.photos and rng.random() < 0.6:
        return np.ascontiguousarray(textures.photos.part(rng, side, 0.3))
    return np.ascontiguousarray(textures.pick(rng, side, natural=0.3))


def _attach(build: Builder, skin: Skin, high: float, wide: float) -> None:
    """Put a disc or a bar where a ray from the middle of the body leaves it."""
    rng = build.rng
    way = float(rng.uniform(0, 2 * np.pi))
    x, y = 0.46 * wide * np.cos(way), 0.46 * high * np.sin(way)
    cover = _tinted(rng, skin) if rng.random() < 0.6 else skin
    if rng.random() < 0.5:
        size = float(rng.uniform(0.12, 0.32))
        build.oval(size, size, cover, Joint(float(x), float(y)))
    else:
        long, thick = float(rng.uniform(0.15, 0.4)), float(rng.uniform(0.05, 0.12))
        build.limb(long, thick, cover, Joint(float(x), float(y), angle=way - np.pi / 2))


def _tinted(rng: np.random.Generator, skin: Skin) -> Skin:
    """Return a skin in another colour, its pattern fainter."""
    colour = colours(rng, 1, natural=False)[0]
    faint = (skin.picture - skin.picture.mean((0, 1))) * np.float32(0.4) + colour
    share = np.float32(rng.uniform(0.4, 1.0))
    return Skin(skin.picture * (1 - share) + faint * share, 0.0)


def _washed(rng: np.random.Generator, skin: Skin) -> Skin:
    """Return a skin that is darker to one side, half of the time."""
    if rng.random() < 0.5:
        return Skin(skin.picture, 0.0)
    side = len(skin.picture)
    way, depth = rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 0.5)
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    ramp = 1 + depth * (x * np.cos(way) + y * np.sin(way))
    return Skin((skin.picture * ramp[..., None]).astype(np.float32), 0.0)
