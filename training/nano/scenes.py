"""Draws clips of figures that move over a ground, each frame with the exact masks of all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from training.nano.bodies import any_figure
from training.nano.camera import Lens, Motion
from training.nano.cards import card_ground
from training.nano.grounds import ground
from training.nano.sprites import Light, random_light
from training.nano.textures import Plain

if TYPE_CHECKING:
    import numpy.typing as npt

    from sam2_widget.images import Pixels
    from training.nano.figures import Figure, Kind, Matrix
    from training.nano.textures import Textures

SIDE = 256
"""Height and width of a frame, unless told otherwise; speeds are in pixels of such frames."""
_NAMELESS = 255
_PLACES = 0.75
"""Share of the scenes that play in an outlined photograph, if there are some."""
_CLEAN = 0.5
"""Of these scenes, those that a good camera sees."""


@dataclass(frozen=True)
class Clip:
    """Frames and what is where.

    Parameters
    ----------
    frames
        (T, S, S, 3) uint8 RGB.
    figures
        (T, S, S) uint8: which figure is visible, from 1; 0 is none.
    groups
        (T, S, S) uint8: which group of parts of that figure.
    placed
        (T, N, S, S) bool: things of the photograph behind, where no figure covers them.
    """

    frames: Pixels
    figures: Pixels
    groups: Pixels
    placed: npt.NDArray[np.bool_]

    def mask(self, figure: int, group: int | None = None) -> npt.NDArray[np.bool_]:
        """Return (T, S, S) bool: where a figure, or one group of its parts, is visible."""
        mask = self.figures == figure
        return np.asarray(mask if group is None else mask & (self.groups == group))


@dataclass(frozen=True)
class _Setting:
    """Side of the frame in pixels, how much things move, and whether they cast shadows."""

    side: int
    calm: float
    shadows: bool = True


@dataclass(frozen=True)
class _Actor:
    """A figure on its way through the world, whose origin is the middle of the first frame."""

    figure: Figure
    size: float
    place: npt.NDArray[np.float64]
    speed: npt.NDArray[np.float64]
    sway: npt.NDArray[np.float64]
    turn: float
    spin: float
    growth: float
    mirrored: float
    shadow: float
    labelled: bool

    def at(self, time: float) -> Matrix:
        """Return the matrix from units of the figure to the world."""
        x, y = self.place + self.speed * time + self.sway * np.sin(0.35 * time + self.turn)
        size = self.size * np.exp(self.growth * time)
        angle = self.turn + self.spin * time
        c, s = size * np.cos(angle), size * np.sin(angle)
        return np.array([[c * self.mirrored, -s, x], [s * self.mirrored, c, y], [0, 0, 1.0]])


@dataclass(frozen=True)
class _Stage:
    """All that a clip shows: the camera and its lens, the ground, figures and things on it."""

    camera: Motion
    lens: Lens
    back: npt.NDArray[np.float32]
    actors: list[_Actor]
    things: list[Any]

    def play(self, rng: np.random.Generator, length: int, side: int) -> Clip:
        """Return so many frames of it."""
        pace = 1.0 if length > 12 else float(rng.choice([0.5, 1.0, 1.0, 2.0, 4.0]))
        frames = np.empty((length, side, side, 3), np.uint8)
        figures = np.zeros((length, side, side), np.uint8)
        groups = np.zeros((length, side, side), np.uint8)
        placed = np.zeros((length, len(self.things), side, side), np.bool_)
        for index in range(length):
            time = index * pace
            behind = self.camera.at(time, 0.7)
            picture = _behind(self.back, behind, side)
            for number, thing in enumerate(self.things):
                placed[index, number] = _behind(thing, behind, side)
            view = self.camera.at(time)
            for number, actor in enumerate(self.actors, 1):
                _draw(picture, figures[index], groups[index], actor, number, view, time)
            frames[index] = self.lens.develop(picture, time)
        placed &= figures[:, None] == 0
        figures[figures == _NAMELESS] = 0
        return Clip(frames, figures, groups, placed)


def draw_clip(
    rng: np.random.Generator,
    textures: Textures,
    length: int,
    side: int = SIDE,
    kind: Kind = "figures",
) -> Clip:
    """Return a random clip.

    Parameters
    ----------
    rng
        Decides everything: the same state gives the same clip.
    textures
        What things are covered with.
    length
        Number of frames.
    side
        Height and width of a frame in pixels.
    kind
        Of all figures, see ``any_figure``. Cards lie on a plain ground, without light and shadow.
    """
    if kind == "cards":
        return _draw_cards(rng, textures, length, side)
    camera, lens = Motion(rng, side), Lens(rng, side)
    light = random_light(rng)
    if rng.random() < 0.1:
        textures, light = Plain(), Light(0.0, 0.0)
    place = None
    if textures.photos and textures.photos.places and rng.random() < _PLACES:
        place = textures.photos.places.view(rng, side, camera.squeeze)
        if rng.random() < _CLEAN:
            lens.clean()
    back = place.picture if place else ground(rng, textures, side + side // 2)
    calm = float(rng.choice([0.3, 1.0, 1.0, 2.5]))
    setting = _Setting(side, calm)
    actors: list[_Actor] = []
    odds = [0.5, 0.3, 0.2, 0, 0, 0] if place else [0, 0.12, 0.28, 0.3, 0.2, 0.1]
    for _ in range(int(rng.choice(len(odds), p=odds))):
        if actors and rng.random() < 0.2:
            twin = actors[int(rng.integers(len(actors)))]
            actors.append(_actor(rng, twin.figure, twin.size * rng.uniform(0.8, 1.25), setting))
            continue
        size = side * float(np.exp(rng.uniform(*np.log([0.22, 1.3]))))
        figure = any_figure(rng, textures, light, size * max(camera.squeeze), kind)
        actors.append(_actor(rng, figure, size, setting))
    if rng.random() < 0.25:
        size = float(rng.uniform(0.3, 1.0)) * side
        occluder = any_figure(rng, textures, light, size, kind)
        actors.append(_actor(rng, occluder, size, _Setting(side, 2 * calm), labelled=False))
    stage = _Stage(camera, lens, back, actors, place.masks if place else [])
    return stage.play(rng, length, side)


def _draw_cards(rng: np.random.Generator, textures: Textures, length: int, side: int) -> Clip:
    camera, lens = Motion(rng, side), Lens(rng, side)
    if rng.random() < _CLEAN:
        lens.clean()
    back = card_ground(rng, textures, side + side // 2)
    setting = _Setting(side, float(rng.choice([0.3, 1.0, 1.0, 2.5])), shadows=False)
    actors = []
    for _ in range(int(rng.integers(2, 5))):
        size = side * float(np.exp(rng.uniform(*np.log([0.16, 0.8]))))
        longest = size * max(camera.squeeze)
        figure = any_figure(rng, textures, Light(0.0, 0.0), longest, "cards")
        actors.append(_actor(rng, figure, size, setting))
    return _Stage(camera, lens, back, actors, []).play(rng, length, side)


def _actor(
    rng: np.random.Generator,
    figure: Figure,
    size: float,
    setting: _Setting,
    labelled: bool = True,
) -> _Actor:
    calm, pixel = setting.calm, setting.side / SIDE
    upright = len(figure.parts) > 4 and rng.random() < 0.8
    return _Actor(
        figure,
        size,
        place=rng.uniform(-0.42, 0.42, 2) * setting.side,
        speed=rng.normal(0, 1, 2) * rng.choice([0.5, 2.0, 5.0]) * calm * pixel,
        sway=rng.normal(0, 3, 2) * calm * pixel,
        turn=float(rng.normal(0, 0.15) if upright else rng.uniform(0, 2 * np.pi)),
        spin=float(rng.normal(0, 0.01 if upright else 0.05) * calm),
        growth=float(rng.normal(0, 0.012) * calm),
        mirrored=float(rng.choice([-1.0, 1.0])),
        shadow=float(rng.uniform(0.2, 0.7)) if setting.shadows and rng.random() < 0.45 else 0.0,
        labelled=labelled,
    )


def _behind(back: Any, view: Matrix, side: int) -> Any:
    """Return what a frame shows of a ground, (W, W, 3), or of a mask on it, (W, W)."""
    middle = np.array([[1, 0, -len(back) / 2], [0, 1, -len(back) / 2], [0, 0, 1.0]])
    smooth = cv2.INTER_LINEAR if back.ndim == 3 else cv2.INTER_NEAREST
    matrix, border = (view @ middle)[:2], cv2.BORDER_REFLECT
    return cv2.warpAffine(back, matrix, (side, side), flags=smooth, borderMode=border)


def _draw(
    picture: npt.NDArray[np.float32],
    figures: Pixels,
    groups: Pixels,
    actor: _Actor,
    number: int,
    view: Matrix,
    time: float,
) -> None:
    """Draw an actor's parts in order, and put its number where they are."""
    matrix, side = view @ actor.at(time), len(picture)
    if actor.shadow:
        _shade(picture, matrix, actor.shadow)
    for part, place in zip(actor.figure.parts, actor.figure.places(time), strict=True):
        whole = matrix @ place
        high, wide = part.picture.shape[:2]
        corners = whole[:2, :2] @ np.array([[0, wide, 0, wide], [0, 0, high, high]])
        corners += whole[:2, 2:]
        x0, y0 = np.clip(np.floor(corners.min(1)), 0, side).astype(int)
        x1, y1 = np.clip(np.ceil(corners.max(1)) + 1, 0, side).astype(int)
        if x1 - x0 < 2 or y1 - y0 < 2:
            continue
        whole = whole[:2] - np.array([[0, 0, x0], [0, 0, y0]])
        seen = cv2.warpAffine(part.picture, whole, (int(x1 - x0), int(y1 - y0)))
        window = picture[y0:y1, x0:x1]
        window += (seen[..., :3] - window) * (seen[..., 3:] * np.float32(1 / 255))
        inside = seen[..., 3] > 127
        figures[y0:y1, x0:x1][inside] = number if actor.labelled else _NAMELESS
        groups[y0:y1, x0:x1][inside] = part.joint.group


def _shade(picture: npt.NDArray[np.float32], matrix: Matrix, strength: float) -> None:
    """Darken the ground under a figure: its shadow is none of it."""
    side = len(picture)
    spread = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    below = np.clip(matrix[:2, 2] + (0, 0.45 * spread), -side, 2 * side) / 4
    dark = np.zeros((side // 4, side // 4), np.float32)
    axes = max(1, round(0.45 * spread / 4)), max(1, round(0.12 * spread / 4))
    centre = round(float(below[0])), round(float(below[1]))
    cv2.ellipse(dark, centre, axes, 0, 0, 360, strength, -1)
    soft = cv2.GaussianBlur(dark, (0, 0), max(0.5, 0.04 * spread / 4))
    picture *= (1 - cv2.resize(soft, (side, side)))[..., None]
