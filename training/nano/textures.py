"""Draws textures from random numbers alone: clouds, grain, leaves, cloth, bricks, print."""

from __future__ import annotations

import copy
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from sam2_widget.images import Pixels
    from training.nano.photos import Photos

    Field = npt.NDArray[np.float32]
    """(S, S), about 0 to 1."""

SIDE = 256


class Textures:
    """An endless row of textures: the same seed and number give the same picture.

    Parameters
    ----------
    seed
        Of the whole row.
    count
        How many there are; the last ones used are kept, 0.2 MB each.
    photos
        Real pictures, of which a third of the textures are parts, and things to cut out.
    """

    def __init__(self, seed: int, count: int = 600, photos: Photos | None = None) -> None:
        self._count = count
        self.photos = photos
        self._drawn = lru_cache(maxsize=count)(lambda number: _draw((seed, 1, number)))

    def alone(self) -> Textures:
        """Return the same without real pictures."""
        drawn = copy.copy(self)
        drawn.photos = None
        return drawn

    def pick(self, rng: np.random.Generator, side: int, natural: float = 0.6) -> Field:
        """Return a random part of a random texture in random colours.

        Parameters
        ----------
        rng
            Decides everything.
        side
            Height and width in pixels.
        natural
            The share of textures in the muted colours of nature; the others may have any.

        Returns
        -------
        ndarray
            (side, side, 3) float32, 0 to 255, not clipped.
        """
        if self.photos and rng.random() < 1 / 3:
            return self.photos.part(rng, side, 0.12)
        whole = self._drawn(int(rng.integers(self._count)))
        cut = int(SIDE * rng.uniform(0.25, 1.0))
        y, x = rng.integers(0, SIDE - cut + 1, 2)
        smooth = cv2.INTER_AREA if cut > side else cv2.INTER_LINEAR
        part = cv2.resize(whole[y : y + cut, x : x + cut], (side, side), interpolation=smooth)
        if rng.random() < 0.5:
            part = part.transpose(1, 0, 2)
        if rng.random() < 0.5:
            part = part[:, ::-1]
        picture: Field = part.astype(np.float32, order="C")
        if rng.random() < 0.7:
            # Another mean colour: the patterns are few, their colours must not be.
            mean = np.array(cv2.mean(picture)[:3], np.float32)
            target = colours(rng, 1, rng.random() < natural)[0]
            picture = (picture - mean) * np.float32(rng.uniform(0.3, 1.0)) + target
        return picture


class Plain(Textures):
    """In the place of textures: single colours, as drawings and screens have them."""

    def __init__(self) -> None:
        super().__init__(0, 1)

    def pick(self, rng: np.random.Generator, side: int, natural: float = 0.6) -> Field:
        """Return one colour, fading a little: (side, side, 3) float32."""
        colour = colours(rng, 1, rng.random() < natural)[0]
        fade = np.linspace(-1, 1, side, dtype=np.float32) * np.float32(rng.uniform(0, 10))
        picture = np.broadcast_to(colour, (side, side, 3)) + fade[:, None, None]
        return np.asarray(picture if rng.random() < 0.5 else picture.transpose(1, 0, 2))


def colours(rng: np.random.Generator, count: int, natural: bool) -> Field:
    """Return (count, 3) float32 RGB colours that go together, 0 to 255.

    Natural ones lie close in hue and are muted: earth, foliage, stone, skin, sky.
    """
    if not natural:
        return rng.uniform(0, 255, (count, 3)).astype(np.float32)
    hue = rng.choice([12, 18, 30, 45, 60, 105, 115, 0]) + rng.normal(0, 8)
    hues = (hue + rng.normal(0, 6, count)) % 180
    saturation = np.clip(rng.uniform(0, 130) + rng.normal(0, 25, count), 0, 255)
    value = np.clip(rng.uniform(40, 220) + rng.normal(0, 45, count), 8, 250)
    hsv = np.stack([hues, saturation, value], 1).astype(np.uint8)
    rgb = cv2.cvtColor(hsv[None], cv2.COLOR_HSV2RGB)[0].astype(np.float32)
    return np.asarray(rgb)


def clouds(
    rng: np.random.Generator, side: int, roughness: float, stretch: float = 1.0, coarsest: int = 2
) -> Field:
    """Return noise of many octaves, as clouds, soil and stone have it.

    Parameters
    ----------
    rng
        Decides everything.
    side
        Height and width in pixels.
    roughness
        How much weaker an octave is than the next coarser one: 0.3 is smooth, 0.9 is rough.
    stretch
        How much longer than high its grains are.
    coarsest
        Cells along the side in the first octave.
    """
    total = np.zeros((side, side), np.float32)
    weight, cells = 1.0, coarsest
    while cells <= side // 2 and weight > 0.02:
        grid = rng.standard_normal((cells, max(2, round(cells / stretch))), np.float32)
        total += weight * cv2.resize(grid, (side, side), interpolation=cv2.INTER_CUBIC)
        weight, cells = weight * roughness, cells * 2
    return np.asarray(np.clip((total - total.mean()) / (4 * total.std() + 1e-6) + 0.5, 0, 1))


def _draw(seed: tuple[int, ...]) -> Pixels:
    rng = np.random.default_rng(seed)
    kind = _KINDS[rng.integers(len(_KINDS))]
    picture = kind(rng)
    if rng.random() < 0.5:
        # Nothing real has one brightness all over.
        picture = picture * (0.6 + 0.8 * clouds(rng, SIDE, 0.4)[..., None])
    return np.clip(picture, 0, 255).astype(np.uint8)


def _painted(rng: np.random.Generator, field: Field) -> Field:
    """Give each value of a field a colour of a random palette."""
    stops = colours(rng, int(rng.integers(2, 6)), rng.random() < 0.75)
    places = np.linspace(0, 255, len(stops))
    table = np.stack([np.interp(np.arange(256), places, stops[:, c]) for c in range(3)], 1)
    return np.asarray(table.astype(np.float32)[(np.clip(field, 0, 1) * 255).astype(np.uint8)])


def _turned(rng: np.random.Generator, picture: Field) -> Field:
    matrix = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), rng.uniform(0, 360), 1.45)
    return np.asarray(cv2.warpAffine(picture, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REFLECT))


def _cloudy(rng: np.random.Generator) -> Field:
    return _painted(rng, clouds(rng, SIDE, rng.uniform(0.4, 0.95)))


def _grainy(rng: np.random.Generator) -> Field:
    """Grass, fur and wood: grains far longer than wide, bent a little."""
    fibres = clouds(rng, SIDE, rng.uniform(0.7, 1.1), rng.uniform(3, 16), int(rng.integers(4, 32)))
    bend = clouds(rng, SIDE, 0.4) * rng.uniform(0, 60)
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    bent = cv2.remap(fibres, x, y + bend, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return _turned(rng, _painted(rng, np.asarray(bent)))


def _leafy(rng: np.random.Generator) -> Field:
    """Opaque discs and leaves on top of each other, sizes by a power law, as in real clutter."""
    picture: Field = np.zeros((SIDE, SIDE, 3), np.float32) + colours(rng, 1, True)[0]
    palette = colours(rng, int(rng.integers(2, 7)), rng.random() < 0.8)
    shade, largest = rng.uniform(0.1, 0.6), rng.uniform(10, 50)
    for _ in range(int(rng.integers(80, 400))):
        colour = palette[rng.integers(len(palette))] * (1 + rng.normal(0, shade))
        radius = max(2.0, largest * rng.random() ** 3)
        axes = int(radius) + 1, int(radius * rng.uniform(0.25, 1)) + 1
        centre = int(rng.integers(SIDE)), int(rng.integers(SIDE))
        turn = float(rng.uniform(0, 180))
        cv2.ellipse(picture, centre, axes, turn, 0, 360, colour.tolist(), -1, cv2.LINE_AA)
    return picture


def _waves(rng: np.random.Generator, crossed: bool) -> Field:
    """Stripes and marble; crossed, checks and cloth."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    warp = clouds(rng, SIDE, 0.5) * rng.choice([0, 0, 4, 14])
    period = rng.uniform(5, 60)
    field = np.sin(x / period * 2 * np.pi + warp)
    if crossed:
        other = np.sin(y / (period * rng.uniform(0.5, 2)) * 2 * np.pi + warp)
        field = field * other if rng.random() < 0.5 else (field + other) / 2
    sharp = rng.uniform(0.8, 6)
    return _turned(rng, _painted(rng, np.clip(field * sharp, -1, 1).astype(np.float32) / 2 + 0.5))


def _striped(rng: np.random.Generator) -> Field:
    return _waves(rng, crossed=False)


def _woven(rng: np.random.Generator) -> Field:
    return _waves(rng, crossed=True)


def _bricks(rng: np.random.Generator) -> Field:
    """Tiles, planks, windows: a grid of rectangles of like colours with joints."""
    joint, tile = colours(rng, 2, rng.random() < 0.8)
    picture = np.zeros((SIDE, SIDE, 3), np.float32) + joint
    high, gap = int(rng.integers(10, 64)), int(rng.integers(1, 5))
    wide, spread = int(high * rng.uniform(0.6, 4)), rng.uniform(2, 30)
    for row, top in enumerate(range(0, SIDE, high)):
        for left in range(-(row % 2) * wide // 2, SIDE, wide):
            colour = (tile + rng.normal(0, spread)).tolist()
            corner = left + wide - gap, top + high - gap
            cv2.rectangle(picture, (max(left, 0), top), corner, colour, -1)
    picture += (clouds(rng, SIDE, 0.9, 1, 8)[..., None] - 0.5) * rng.uniform(0, 60)
    return _turned(rng, picture) if rng.random() < 0.5 else picture


def _spotted(rng: np.random.Generator) -> Field:
    ground, spot = colours(rng, 2, rng.random() < 0.6)
    picture: Field = np.zeros((SIDE, SIDE, 3), np.float32) + ground
    for _ in range(int(rng.integers(8, 70))):
        place = int(rng.integers(SIDE)), int(rng.integers(SIDE))
        cv2.circle(picture, place, int(rng.integers(2, 24)), spot.tolist(), -1, cv2.LINE_AA)
    return picture


def _plain(rng: np.random.Generator) -> Field:
    """One colour that fades into another, with faint grain: skin, walls, paint, sky."""
    first, second = colours(rng, 2, rng.random() < 0.7)
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[-0.5 : 0.5 : SIDE * 1j, -0.5 : 0.5 : SIDE * 1j]
    ramp = ((x * np.cos(angle) + y * np.sin(angle)) * rng.uniform(0, 1) + 0.5)[..., None]
    grain = (clouds(rng, SIDE, 0.9, 1, 16)[..., None] - 0.5) * rng.uniform(0, 30)
    return np.asarray(first + (second - first) * ramp * rng.uniform(0, 1) + grain, np.float32)


def _printed(rng: np.random.Generator) -> Field:
    """Letters and strokes on a plain ground."""
    picture = np.clip(_plain(rng), 0, 255).astype(np.uint8)
    ink = colours(rng, 3, rng.random() < 0.4)
    for _ in range(int(rng.integers(3, 25))):
        colour = ink[rng.integers(3)].tolist()
        place = int(rng.integers(-30, SIDE)), int(rng.integers(0, SIDE + 20))
        if rng.random() < 0.6:
            text = "".join(chr(int(c)) for c in rng.integers(48, 91, int(rng.integers(1, 9))))
            size, width = float(rng.uniform(0.4, 3)), int(rng.integers(1, 6))
            cv2.putText(picture, text, place, 0, size, colour, width, cv2.LINE_AA)
        else:
            end = int(rng.integers(SIDE)), int(rng.integers(SIDE))
            cv2.line(picture, place, end, colour, int(rng.integers(1, 14)), cv2.LINE_AA)
    printed = picture.astype(np.float32)
    return _turned(rng, printed) if rng.random() < 0.5 else printed


_KINDS: tuple[Callable[[np.random.Generator], Field], ...] = (
    *(_cloudy, _cloudy, _grainy, _grainy, _leafy, _leafy, _striped, _woven),
    *(_bricks, _spotted, _plain, _plain, _printed),
)
