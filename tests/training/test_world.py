"""The world that nano is trained in: its scenes, what it asks for, and its camera."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from tests.training.conftest import FEW
from training.nano.camera import Lens
from training.nano.cards import card_ground
from training.nano.photos import Photos
from training.nano.samples import Batch, make_batch
from training.nano.scenes import draw_clip
from training.nano.textures import Textures

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from training.nano.figures import Kind


def test_a_seed_gives_the_same_batch_whatever_was_drawn_before(textures: Textures) -> None:
    first = make_batch((3, 7), textures, clips=1, length=2, side=128)
    again = make_batch((3, 7), Textures(0, FEW), clips=1, length=2, side=128)
    other = make_batch((3, 8), textures, clips=1, length=2, side=128)
    for name in vars(first):
        assert np.array_equal(getattr(first, name), getattr(again, name)), name
    assert not np.array_equal(first.frames, other.frames)


def edges(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return how steep a picture is at each pixel."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return np.hypot(cv2.Sobel(grey, -1, 1, 0), cv2.Sobel(grey, -1, 0, 1))


def outline(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    kernel = np.ones((3, 3), np.uint8)
    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_GRADIENT, kernel) > 0


@pytest.mark.parametrize("kind", ["figures", "pieces", "cards"])
def test_edges_of_the_masks_are_edges_of_the_pictures(textures: Textures, kind: Kind) -> None:
    on, off = [], []
    for number in range(12):
        clip = draw_clip(np.random.default_rng(number), textures, 1, kind=kind)
        line = outline(clip.figures[0] > 0)
        steep = edges(clip.frames[0])
        on.append(steep[line].mean() / steep.mean())
        off.append(steep[np.roll(line, (8, 8), (0, 1))].mean() / steep.mean())
    assert np.mean(on) > 1.5 * np.mean(off)


def test_the_same_figure_goes_on_from_frame_to_frame(textures: Textures) -> None:
    moved = []
    for number in range(8):
        clip = draw_clip(np.random.default_rng(number), textures, 3, 128)
        for figure in np.unique(clip.figures[0])[1:]:
            first, second, _ = clip.mask(int(figure))
            if second.any():
                near = cv2.dilate(first.astype(np.uint8), np.ones((41, 41), np.uint8)) > 0
                moved.append(np.mean(near[second]))
    assert len(moved) > 8
    assert np.mean(moved) > 0.9


def test_cards_lie_on_real_backgrounds_too_and_hide_nothing_real(photos: Path) -> None:
    textures = Textures(0, FEW, Photos(photos))
    for number in range(6):
        clip = draw_clip(np.random.default_rng(number), textures, 1, 128, "cards")
        assert clip.placed.shape[1] == 0
        assert set(np.unique(clip.figures)) <= {0, 1, 2, 3, 4}
        assert (clip.figures > 0).any()

    def part(rng: np.random.Generator, side: int, least: float) -> npt.NDArray[np.float32]:
        return np.full((side, side, 3), 7, np.float32)

    assert textures.photos is not None
    textures.photos.part = part  # type: ignore[method-assign]
    seeds = range(20)
    real = [(card_ground(np.random.default_rng(n), textures, 32) == 7).all() for n in seeds]
    assert 6 <= sum(real) <= 18
    drawn = [
        (card_ground(np.random.default_rng(n), textures.alone(), 32) == 7).all() for n in seeds
    ]
    assert not any(drawn)


def test_a_world_drawn_alone_is_the_one_without_pictures(photos: Path) -> None:
    both, drawn = Textures(3, photos=Photos(photos)), Textures(3)
    assert both.alone().photos is None
    assert both.photos is not None
    clips = [draw_clip(np.random.default_rng(7), world, 2) for world in (both.alone(), drawn)]
    np.testing.assert_array_equal(clips[0].frames, clips[1].frames)


def test_real_pictures_are_cut_out_and_lie_in_the_scenes(photos: Path) -> None:
    pictures = Photos(photos)
    thing = pictures.cutout(np.random.default_rng(1), 120)
    assert max(thing.shape[:2]) == 120
    assert 0.7 < (thing[..., 3] > 127).mean() < 0.82
    textures = Textures(0, FEW, pictures)
    red = 0
    for number in range(12):
        clip = draw_clip(np.random.default_rng(number), textures, 1, 128, "pieces")
        shown = clip.frames[0].astype(int)
        reddish = (shown[..., 0] > 110) & (shown[..., 1:].max(2) < 100)
        red += int((reddish & (clip.figures[0] > 0)).sum() > 100)
    assert red >= 3


def test_prompts_point_at_their_objects(batch: Batch) -> None:
    assert batch.frames.shape == (2, 3, 128, 128, 3)
    assert batch.masks.shape == (3, len(batch.owner), 32, 32)
    for mask, (x, y), (x0, y0, x1, y1) in zip(
        batch.masks[0], batch.clicks, batch.boxes, strict=True
    ):
        assert mask[int(y / 4), int(x / 4)] > 0
        rows, columns = np.nonzero(mask > 127)
        assert x0 / 4 - 3 < columns.min() <= columns.max() < x1 / 4 + 3
        assert y0 / 4 - 3 < rows.min() <= rows.max() < y1 / 4 + 3


def test_a_good_camera_keeps_every_edge() -> None:
    stripes = np.zeros((64, 64, 3), np.float32)
    stripes[:, ::2] = 255
    for seed in range(40):
        lens = Lens(np.random.default_rng(seed), 64)
        lens.clean()
        frame = lens.develop(stripes, 0).astype(int)
        assert np.abs(np.diff(frame, axis=1)).max(2).min() > 15
