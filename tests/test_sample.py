"""The sample clip and its masks agree with each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from sam2_widget.errors import SaveError
from sam2_widget.sample import SAMPLE_CLICKS, sample_clip, sample_masks
from sam2_widget.sources import open_source
from sam2_widget.video import Video

if TYPE_CHECKING:
    from pathlib import Path

COLOURS = {"disc": (220, 50, 40), "box": (40, 80, 220), "ellipse": (240, 210, 40)}


def test_the_clip_shows_each_shape_where_its_mask_is(tmp_path: Path) -> None:
    video = Video(open_source(sample_clip(tmp_path / "sample.mp4")), tmp_path / "frames")
    masks = sample_masks()
    assert (len(video), video.fps, video.width, video.height) == (60, 20, 640, 360)
    for index in (0, 31, 59):
        frame = video[index].astype(int)
        for name, mask in masks.items():
            alike = np.abs(frame - COLOURS[name]).max(axis=-1) < 60
            common, either = (alike & mask[index]).sum(), (alike | mask[index]).sum()
            assert common / either > 0.95


def test_masks_are_exclusive_and_large_enough_on_every_frame() -> None:
    masks = sample_masks()
    stack = np.stack(list(masks.values()))
    assert stack.shape == (3, 60, 360, 640)
    assert stack.sum(axis=0).max() == 1
    assert stack.sum(axis=(2, 3)).min() > 5000


@pytest.mark.parametrize("name", ["disc", "box", "ellipse"])
def test_each_click_hits_its_shape_on_the_first_frame(name: str) -> None:
    x, y = SAMPLE_CLICKS[name]
    assert sample_masks()[name][0, int(y), int(x)]


def test_the_clip_is_written_once_into_the_users_cache() -> None:
    path = sample_clip()
    written = path.stat().st_mtime_ns
    assert sample_clip() == path
    assert path.stat().st_mtime_ns == written
    assert [file.name for file in path.parent.iterdir()] == ["sample.mp4"]


def test_without_a_writable_cache_the_clip_goes_to_a_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert sample_clip().is_file()
    assert sample_clip() == sample_clip()


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(SaveError, match=r"sample\.mp4"):
        sample_clip(tmp_path / "file" / "sample.mp4")


def test_a_name_that_is_no_video_is_told(tmp_path: Path) -> None:
    with pytest.raises(SaveError, match=r"give a path that ends in \.mp4"):
        sample_clip(tmp_path / "sample.xyz")
    assert list(tmp_path.iterdir()) == []
