"""Clips that no training has seen, real and synthetic, with the masks of the objects in them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, get_args

import cv2
import numpy as np

from sam2_widget.sample import sample_clip, sample_masks
from training.nano.figures import Kind
from training.nano.places import read_place
from training.nano.plan import FIRST_HELD_OUT
from training.nano.samples import clear
from training.nano.scenes import draw_clip
from training.nano.textures import Textures

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

    from sam2_widget.images import Pixels

    Mask = npt.NDArray[np.bool_]

TRACKED = 16
"""Frames that are tracked after the first."""
_SEED = FIRST_HELD_OUT
_LEAST, _MOST = 0.02, 0.6  # Shares of the frame that an object of the synthetic set covers.


@dataclass(frozen=True)
class Target:
    """An object of a clip.

    Parameters
    ----------
    name
        For the table.
    masks
        By frame, (H, W) bool. Frame 0 is always there; others may not be outlined.
    """

    name: str
    masks: dict[int, Mask]


@dataclass(frozen=True)
class HeldOut:
    """A clip to evaluate on."""

    name: str
    frames: Pixels
    targets: list[Target] = field(default_factory=list)


def synthetic(count: int, first: int = 0, kind: Kind = "figures") -> Iterator[HeldOut]:
    """Yield clips of the synthetic world with seeds that training never uses.

    Parameters
    ----------
    count
        Of clips, with up to two whole figures each.
    first
        Number of the first one.
    kind
        Of what plays in them.
    """
    textures = Textures(_SEED)
    row = 1 + get_args(Kind).index(kind)
    for number in range(first, first + count):
        rng = np.random.default_rng((_SEED, row, number))
        clip = draw_clip(rng, textures, 1 + TRACKED, kind=kind)
        targets = []
        for figure in range(1, int(clip.figures.max()) + 1):
            mask = clip.mask(figure)
            if _LEAST <= mask[0].mean() <= _MOST and clear(mask[0]):
                targets.append(Target(f"{number}.{figure}", dict(enumerate(mask))))
        if targets:
            yield HeldOut(f"{kind[:-1]}-{number}", clip.frames, targets[:2])


def flat() -> Iterator[HeldOut]:
    """Yield the start of the package's sample clip, of three plain shapes."""
    frames = _read(sample_clip(), 1 + TRACKED)
    shapes = sample_masks()
    targets = [
        Target(name, {index: masks[index] for index in range(1 + TRACKED)})
        for name, masks in shapes.items()
    ]
    yield HeldOut("sample", frames, targets)


def real(outlines: Path, clips: Path) -> Iterator[HeldOut]:
    """Yield real clips with the objects that were outlined in them by hand.

    Parameters
    ----------
    outlines
        A folder of JSON files, see the README beside it.
    clips
        The folder with the videos that they name; videos that are not there are left out.
    """
    for file in sorted(outlines.glob("*.json")):
        said = json.loads(file.read_text())
        if not (clips / said["clip"]).is_file():
            continue
        last = max(int(index) for polygons in said["objects"].values() for index in polygons)
        frames = _read(clips / said["clip"], last + 1)
        size = said["height"], said["width"]
        targets = [
            Target(name, {int(index): fill(polygons, size) for index, polygons in drawn.items()})
            for name, drawn in said["objects"].items()
        ]
        yield HeldOut(file.stem, frames, targets)


def photographs(places: Path, most: int = 3) -> Iterator[HeldOut]:
    """Yield photographs as clips of one frame, with what a teacher outlined in them.

    Parameters
    ----------
    places
        What ``label`` made of photographs that no training saw.
    most
        Things of one photograph, the first that cover 1 to 50 % of it and are mostly one piece.
    """
    for file in sorted(places.glob("*.npz")):
        picture, masks = read_place(file)
        chosen = [mask for mask in masks if 0.01 <= mask.mean() <= 0.5 and clear(mask)]
        targets = [Target(str(number), {0: mask}) for number, mask in enumerate(chosen[:most])]
        if targets:
            yield HeldOut(file.stem, picture[None], targets)


def fill(polygons: list[list[list[float]]], size: tuple[int, int]) -> Mask:
    """Return (H, W) bool: what lies in one of the polygons, x and y in pixels of the frame."""
    mask = np.zeros(size, np.uint8)
    for polygon in polygons:
        # OpenCV counts from the middles of pixels, outlines from the corner of the first.
        points = np.round((np.array(polygon) - 0.5) * 16).astype(np.int32)
        cv2.fillPoly(mask, [points], 1, cv2.LINE_8, 4)
    return mask.astype(bool)


def _read(path: Path, count: int) -> Pixels:
    video = cv2.VideoCapture(str(path))
    frames: list[Pixels] = []
    while len(frames) < count:
        there, frame = video.read()
        if not there:
            raise ValueError(f"{path} has only {len(frames)} frames; {count} are needed.")
        frames.append(np.asarray(frame[..., ::-1], np.uint8))
    video.release()
    return np.stack(frames)
