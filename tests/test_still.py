"""The small picture of an annotated frame: which one, what is drawn, how many bytes it takes."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

import sam2_widget
from sam2_widget import render, still
from sam2_widget.engines.fake import FakeEngine
from sam2_widget.session import Session
from tests.projects import open_project

if TYPE_CHECKING:
    from collections.abc import Iterator

STYLES = Path(sam2_widget.__file__).parent / "frontend/src/styles/poster.css"


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with open_project(tmp_path) as opened:
        yield opened


def test_the_frame_on_screen_is_drawn_if_it_holds_anything_else_the_last_then_the_nearest(
    session: Session,
) -> None:
    live = session.live
    assert still.choose(live, 4, 0) == 4
    session.add_point(2, 30, 30)
    session.add_point(9, 30, 30, instance=2)
    session.add_keypoint(6, 10, 10)
    assert still.choose(live, 2, 0) == 2
    assert still.choose(live, 6, 0) == 6
    assert still.choose(live, 4, 9) == 9
    assert still.choose(live, 3, 0) == 2
    assert still.choose(live, 9, 0, hidden=[(2, "overall")]) == 6


def test_a_small_video_is_drawn_as_overlay_draws_it(session: Session) -> None:
    session.add_point(2, 30, 30)
    session.add_point(2, 60, 30, label=0, instance=2)
    session.add_keypoint(2, 70, 50, "tip")
    assert (still.draw(session.live, 2) == session.overlay(2)).all()
    assert (still.draw(session.live, 3) == session.video[3]).all()
    without = session.overlay(2, [(2, "overall")], keypoints=False)
    drawn = still.draw(session.live, 2, hidden=[(1, "overall")])
    assert (drawn[:, :50] == without[:, :50]).all()


def test_a_stale_mask_is_paler(session: Session) -> None:
    session.add_point(2, 30, 30)
    session.track().wait()
    fresh = still.draw(session.live, 4)
    session.add_point(0, 30, 30)
    stale = still.draw(session.live, 4)
    assert (stale == session.overlay(4)).all()
    assert (stale != fresh).any()


def test_a_large_video_is_drawn_small_with_marks_of_full_size(tmp_path: Path) -> None:
    frames = np.full((2, 600, 1600, 3), 90, np.uint8)
    with Session(frames, name="large", output_dir=tmp_path, model=FakeEngine(radius=100)) as s:
        s.add_point(0, 400, 300)
        s.add_keypoint(0, 1200, 300, "tip")
        drawn = still.draw(s.live, 0)
        plain = still.draw(s.live, 1)
    assert drawn.shape == (300, 800, 3)
    changed = (drawn != plain).any(axis=2)
    # A disc of radius 100 is one of radius 50 here; the keypoint's square keeps its size.
    assert np.flatnonzero(changed.any(axis=0))[[0, -1]].tolist() == pytest.approx([149, 608], abs=3)
    assert changed[:, 500:].sum() == pytest.approx(15**2, abs=60)


@pytest.mark.parametrize("size", [(450, 800), (4, 3)])
def test_even_noise_fits_into_the_bytes_that_there_are(size: tuple[int, int]) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (*size, 3), np.uint8)
    data = still.encode(noise)
    assert len(base64.b64encode(data)) < 60_000
    with Image.open(io.BytesIO(data)) as image:
        assert image.width / image.height == pytest.approx(size[1] / size[0], abs=0.02)


def test_a_picture_keeps_its_quality_where_it_can() -> None:
    plain = np.full((450, 800, 3), (40, 90, 160), np.uint8)
    with Image.open(io.BytesIO(still.encode(plain))) as image:
        assert image.size == (800, 450)
        assert np.abs(np.asarray(image, int) - plain).max() <= 2


def test_the_styles_know_the_picture_by_how_its_address_begins() -> None:
    address = (
        "data:image/jpeg;base64,"
        + base64.b64encode(still.encode(np.zeros((9, 16, 3), np.uint8))).decode()
    )
    styles = STYLES.read_text("utf-8")
    begins = styles.split('img[src^="')[1].split('"')[0]
    assert address.startswith(begins)
    assert base64.b64encode(still.COMMENT[:15]).decode() in begins
    assert styles.count(begins) == styles.count("img[src^=")
    assert render.OPACITY > render.STALE_OPACITY
