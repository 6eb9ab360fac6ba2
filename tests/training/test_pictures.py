"""Real pictures in training: what is taken, outlined and cut out of them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from tests.training.conftest import FEW
from training.nano.collect import collect, is_thing
from training.nano.gather import gather
from training.nano.label import label, outlines
from training.nano.photos import Photos
from training.nano.places import Places
from training.nano.scenes import draw_clip
from training.nano.textures import Textures

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no pictures; make them with"):
        Photos(tmp_path)


def test_rendered_things_come_half_of_the_time_and_signs_never(tmp_path: Path) -> None:
    source = tmp_path / "package"
    source.mkdir()
    rng = np.random.default_rng(0)
    # An apple, a flag, a clock, a sign, and a hand in two tones of skin.
    for name in ("1f34e", "1f1e8-1f1ed", "1f550", "2714", "1f44b-1f3fb", "1f44b-1f3fd"):
        disc = np.zeros((200, 200, 4), np.uint8)
        cv2.circle(disc, (100, 100), 80, (220, 60, 30, 255), -1)
        disc[..., :3] += rng.integers(0, 35, (200, 200, 3), np.uint8)
        cv2.imwrite(str(source / f"{name}.webp"), disc)
    assert [is_thing(name) for name in ("1f34e", "1f1e8-1f1ed", "1f550", "2714")] == [True] + 3 * [
        False
    ]
    assert sum(is_thing(f"1f44b-1f3f{tone}") for tone in "bcdef") == 1
    folder = tmp_path / "photos"
    land = cv2.resize(rng.integers(0, 255, (9, 16, 3), np.uint8), (960, 540))
    red = np.zeros((200, 200, 4), np.uint8)
    cv2.circle(red, (100, 100), 80, (30, 30, 220, 255), -1)
    red[..., :3] += rng.integers(0, 35, (200, 200, 3), np.uint8)
    (tmp_path / "cut").mkdir()
    cv2.imwrite(str(tmp_path / "cut" / "red.png"), red)
    cv2.imwrite(str(tmp_path / "cut" / "land.jpg"), land)
    assert collect(folder, [tmp_path / "cut"]) == (1, 1)
    things, _ = collect(folder, [source], "renders")
    assert things == len(list((folder / "renders").iterdir())) <= 2
    pictures = Photos(folder)
    blue = 0
    for number in range(40):
        thing = pictures.cutout(np.random.default_rng(number), 60)
        inner = thing[20:40, 20:40, :3].astype(int).mean((0, 1))
        blue += int(inner[2] > inner[0])
    assert 8 < blue < 32


class RoundThings:
    """A teacher that finds the disc below a point, and is unsure elsewhere."""

    def see(self, picture: npt.NDArray[np.uint8]) -> None:
        self._picture = picture

    def ask(
        self, points: Sequence[tuple[float, float, int]]
    ) -> tuple[float, npt.NDArray[np.float32]]:
        """Return a disc of a quarter of the resolution, as the real one does."""
        ((x, y, _),) = points
        red = self._picture[..., 0] > 180
        _, labels = cv2.connectedComponents(red.astype(np.uint8))
        number = labels[int(y), int(x)]
        mask = cv2.resize((labels == number).astype(np.float32), None, fx=0.25, fy=0.25)
        return (0.97 if number else 0.5), mask * 20 - 10


@pytest.fixture(scope="module")
def places(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Add photographs of two red discs on grass to a folder of real pictures."""
    folder = tmp_path_factory.mktemp("places") / "photos"
    shutil.copytree(photos, folder)
    source = folder / "package"
    source.mkdir()
    rng = np.random.default_rng(3)
    for name in ("one.png", "again.jpg"):
        picture = cv2.resize(rng.integers(40, 120, (12, 16, 3), np.uint8), (800, 600))
        picture[..., 1] += rng.integers(0, 40, (600, 800), np.uint8)
        cv2.circle(picture, (250, 300), 90, (30, 40, 230), -1)
        cv2.circle(picture, (600, 200), 60, (30, 40, 230), -1)
        picture[..., :2] += rng.integers(0, 110, (600, 800, 2), np.uint8)
        cv2.imwrite(str(source / name), picture)
        rng = np.random.default_rng(3)
    drawn = np.full((600, 800, 3), 255, np.uint8)
    cv2.rectangle(drawn, (100, 100), (500, 500), (0, 0, 0), -1)
    cv2.imwrite(str(source / "drawn.png"), drawn)
    assert gather(folder, [source]) == 1, "the same once, drawings never"
    assert label(folder, RoundThings()) == (1, 2)
    assert label(folder, RoundThings()) == (0, 0), "done"
    return folder


def test_things_in_photographs_are_asked_for_where_they_are(places: Path) -> None:
    seen = Places(places / "places")
    for number in range(8):
        squeeze = (0.5625, 1.0) if number % 2 else (1.0, 0.75)
        view = seen.view(np.random.default_rng(number), 128, squeeze)
        assert view.picture.shape == (256, 256, 3)
        assert view.masks
        for mask in view.masks:
            red = view.picture[..., 0] > 165
            assert (red & (mask > 0)).sum() > 0.93 * mask.sum()
            assert mask[64:192, 64:192].any()
    textures = Textures(0, FEW, Photos(places))
    clips = [draw_clip(np.random.default_rng(n), textures, 3, 128) for n in range(12)]
    with_things = [clip for clip in clips if clip.placed.any()]
    assert 3 <= len(with_things) < 12
    for clip in with_things:
        assert not (clip.placed & (clip.figures[:, None] > 0)).any(), "figures cover them"


def test_a_closer_look_finds_what_is_small_and_never_halves_of_things() -> None:
    picture = np.full((600, 800, 3), 60, np.uint8)
    cv2.circle(picture, (400, 150), 100, (230, 40, 30), -1)  # across the quarters
    cv2.circle(picture, (700, 520), 18, (230, 40, 30), -1)
    rng = np.random.default_rng
    far = [outlines(RoundThings(), picture, rng(n)) for n in range(12)]
    close = [outlines(RoundThings(), picture, rng(n), closer=True) for n in range(12)]
    assert sum(map(len, far)) < sum(map(len, close))
    for found in close:
        for _, mask in found:
            y, x = (int(np.median(where)) for where in np.nonzero(mask))
            radius = {400: 100, 700: 18}[min((400, 700), key=lambda middle: abs(middle - x))]
            assert abs(mask.sum() / (np.pi * radius**2) - 1) < 0.15, (x, y)


def test_what_is_outlined_and_stands_free_is_cut_out_too(places: Path) -> None:
    things = list((places / "cutouts").glob("*--*.webp"))
    assert len(things) == 2
    for file in things:
        picture = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
        assert picture is not None
        inner = picture[picture[..., 3] > 200]
        assert np.median(inner[:, 2]) > 180 > np.median(inner[:, 1])
