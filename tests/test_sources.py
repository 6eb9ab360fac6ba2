"""Opening videos, image folders and arrays: what is known at once, and the frames in order."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sam2_widget.errors import VideoError
from sam2_widget.images import read_rgb
from sam2_widget.sources import Decoded, _Clock, open_source
from tests.clips import (
    HEIGHT,
    WIDTH,
    number_of,
    numbered_frame,
    numbered_frames,
    red_corner,
    turn_by_metadata,
    write_clip,
    write_images,
    write_timed_clip,
)

ROOT = str(Path(__file__).parents[1])


def numbers(frames: list[Decoded]) -> list[int]:
    return [number_of(pixels(frame)) for frame in frames]


def pixels(frame: Decoded) -> Any:
    if frame.jpeg is not None:
        return read_rgb(frame.jpeg)
    assert frame.bgr is not None
    return frame.bgr[..., ::-1]


# Video files


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp4", "mp4v"),
        ("a.mov", "mp4v"),
        ("a.avi", "MJPG"),
        ("a.mkv", "mp4v"),
        ("a.webm", "VP80"),
    ],
)
def test_each_container_gives_its_frames_in_order(tmp_path: Path, name: str, codec: str) -> None:
    source = open_source(write_clip(tmp_path / name, count=12, codec=codec))
    frames = list(source.frames())
    assert (source.width, source.height, source.stem, source.fps) == (WIDTH, HEIGHT, "a", 10)
    assert numbers(frames) == list(range(12))
    assert [frame.index for frame in frames] == list(range(12))
    assert [frame.time for frame in frames] == pytest.approx([i / 10 for i in range(12)], abs=2e-3)


def test_a_link_gives_its_own_name_to_the_project(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    write_clip(tmp_path / "raw" / "cam.mp4")
    link = tmp_path / "mouse.mp4"
    try:
        link.symlink_to(tmp_path / "raw" / "cam.mp4")
    except OSError:
        pytest.skip("no links here")
    assert open_source(link).default_name == "mouse"
    write_clip(tmp_path / "clip.mp4", count=3)
    write_clip(tmp_path / "raw" / "clip.mp4", count=5)
    (tmp_path / "raw" / "deep").mkdir()
    (tmp_path / "there").symlink_to(tmp_path / "raw" / "deep")
    assert open_source(tmp_path / "there" / ".." / "clip.mp4").count == 5


def test_an_mp4_announces_its_number_of_frames(tmp_path: Path) -> None:
    assert open_source(str(write_clip(tmp_path / "a.mp4", count=7))).count == 7


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_variable_frame_rate_keeps_every_frame_with_its_own_time(
    tmp_path: Path, suffix: str
) -> None:
    times = [0, 40, 80, 120, 500, 520, 1500, 1540, 1580, 3000]
    frames = list(open_source(write_timed_clip(tmp_path / f"a.{suffix}", times)).frames())
    assert numbers(frames) == list(range(10))
    assert [frame.time for frame in frames] == pytest.approx([t / 1000 for t in times], abs=1e-3)


def test_times_count_from_the_first_frame(tmp_path: Path) -> None:
    source = open_source(write_timed_clip(tmp_path / "a.mkv", [700, 800, 1000]))
    assert [frame.time for frame in source.frames()] == pytest.approx([0, 0.1, 0.3], abs=1e-3)


def test_a_video_filmed_upright_is_shown_upright(tmp_path: Path) -> None:
    source = open_source(turn_by_metadata(write_clip(tmp_path / "a.mp4", count=3)))
    assert (source.width, source.height) == (HEIGHT, WIDTH)
    frames = [pixels(frame) for frame in source.frames()]
    assert [frame.shape for frame in frames] == [(WIDTH, HEIGHT, 3)] * 3
    assert red_corner(frames[0]) == ("top", "right")


def test_frames_before_the_first_wanted_one_come_with_their_time_alone(tmp_path: Path) -> None:
    source = open_source(write_clip(tmp_path / "a.mp4", count=12))
    every, some = list(source.frames()), list(source.frames(first=6, step=3))
    assert [frame.index for frame in some] == [0, 3, 6, 9]
    assert [frame.time for frame in some] == [frame.time for frame in every[::3]]
    assert [frame.bgr is None for frame in some] == [True, True, False, False]
    assert numbers(some[2:]) == [6, 9]


def test_odd_file_names_are_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(write_clip(tmp_path / "a.mp4", count=3), tmp_path / "file:ä %03d [1].mp4")
    monkeypatch.chdir(tmp_path)
    source = open_source("file:ä %03d [1].mp4")
    assert source.stem == source.default_name == "file:ä %03d [1]"
    assert numbers(list(source.frames())) == [0, 1, 2]


def test_a_fingerprint_depends_on_the_content_alone(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4")
    moved = shutil.copy(clip, tmp_path / "b.mp4")
    os.utime(moved, (0, 0))
    assert open_source(moved).fingerprint == open_source(clip).fingerprint
    other = write_clip(tmp_path / "c.mp4", count=13)
    assert open_source(other).fingerprint != open_source(clip).fingerprint


def test_a_fingerprint_reads_only_the_ends_of_a_large_file(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4")
    with clip.open("r+b") as file:
        file.truncate(5 << 30)  # A hole: takes no space, but would take seconds to read.
    assert open_source(clip).fingerprint.startswith(f"{5 << 30}-")


def test_a_missing_file_is_a_video_error_and_a_file_not_found_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"There is no file or folder .*nowhere\.mp4"):
        open_source(tmp_path / "nowhere.mp4")
    with pytest.raises(VideoError):
        open_source(tmp_path / "nowhere.mp4")


@pytest.mark.parametrize("content", [b"", b"hello world\n" * 50, bytes(range(256)) * 40])
def test_a_file_that_is_no_video_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(VideoError, match=r"a\.mp4 is not a video that can be read; pass an mp4"):
        open_source(path)


def test_opening_what_is_no_video_prints_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"hello")
    code = """
from sam2_widget.errors import VideoError
from sam2_widget.sources import open_source
try:
    open_source("a.mp4")
except VideoError:
    pass
"""
    # A new process, since FFmpeg is silenced when it is first used.
    command, place = [sys.executable, "-c", code], {**os.environ, "PYTHONPATH": ROOT}
    done = subprocess.run(
        command, cwd=tmp_path, env=place, capture_output=True, text=True, check=True
    )
    assert done.stdout + done.stderr == ""


def test_a_video_without_readable_frames_is_refused(tmp_path: Path) -> None:
    path = write_timed_clip(tmp_path / "a.mp4", range(0, 500, 100))
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"mdat") + 8])
    with pytest.raises(VideoError, match=r"a\.mp4 has no frame that can be read"):
        open_source(path)


def test_a_single_image_is_refused_with_a_hint(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", ["a.png"])
    with pytest.raises(VideoError, match=r"a\.png is a single image; pass the folder"):
        open_source(folder / "a.png")


def test_a_count_that_cannot_be_true_is_not_believed(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.avi", count=3, codec="MJPG")
    data = bytearray(path.read_bytes())
    for header, offset in ((b"avih", 8 + 16), (b"strh", 8 + 32)):
        at = data.index(header) + offset
        data[at : at + 4] = (2**31 - 1).to_bytes(4, "little")
    path.write_bytes(data)
    assert open_source(path).count in {None, 3}


@given(st.lists(st.floats(), min_size=1), st.floats(0.1, 240))
def test_times_start_at_zero_and_grow_whatever_the_container_says(
    stamps: list[float], fps: float
) -> None:
    clock = _Clock(fps)
    times = [clock.time(stamp) for stamp in stamps]
    assert times[0] == 0
    assert all(np.isfinite(times))
    assert times == sorted(times)


def test_a_stream_without_timestamps_is_timed_by_its_frame_rate() -> None:
    clock = _Clock(25)
    assert [clock.time(0.0) for _ in range(4)] == [0, 0.04, 0.08, 0.12]


# Folders of images


def test_a_folder_is_read_in_natural_order_and_other_files_are_ignored(tmp_path: Path) -> None:
    names = ["img1.png", "img2.PNG", "img10.bmp", "img11.webp", "img100.tif", "img101.jpeg"]
    folder = write_images(tmp_path / "shots", names)
    (folder / "notes.txt").write_text("not an image")
    (folder / "._img1.png").write_bytes(b"a resource fork")
    (folder / "sub.png").mkdir()
    source = open_source(folder)
    assert source.names == names
    assert numbers(list(source.frames())) == list(range(6))
    assert (source.count, source.fps, source.stem) == (6, 25, "shots")
    assert (source.width, source.height) == (WIDTH, HEIGHT)


def test_a_folder_can_be_named_by_a_dot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write_images(tmp_path / "shots", ["1.png"]))
    assert open_source(".").stem == "shots"


def test_upright_jpegs_are_offered_as_they_are(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "shots", ["1.jpg", "2.jpeg"])
    Image.fromarray(numbered_frame(2)).convert("L").save(folder / "3.jpg")
    files = [frame.jpeg for frame in open_source(folder).frames()]
    assert files == [folder / "1.jpg", folder / "2.jpeg", folder / "3.jpg"]


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_an_image_that_exif_turns_comes_upright(tmp_path: Path, suffix: str) -> None:
    image = Image.fromarray(numbered_frame(0))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / f"a.{suffix}", exif=exif)
    source = open_source(tmp_path)
    assert (source.width, source.height) == (HEIGHT, WIDTH)
    [frame] = source.frames()
    assert pixels(frame).shape == (WIDTH, HEIGHT, 3)
    assert red_corner(pixels(frame)) == ("top", "right")


def test_other_kinds_of_pixels_become_8_bit_rgb(tmp_path: Path) -> None:
    image = Image.fromarray(numbered_frame(20))
    image.convert("CMYK").save(tmp_path / "1.jpg")
    image.convert("P").save(tmp_path / "2.png")
    image.convert("L").save(tmp_path / "3.png")
    deep = np.full((HEIGHT, WIDTH), (20 + 180) * 257, np.uint16)
    cv2.imwrite(str(tmp_path / "4.png"), deep)
    cv2.imwrite(str(tmp_path / "5.tif"), deep)
    cv2.imwrite(str(tmp_path / "6.png"), np.dstack([deep] * 3))
    frames = list(open_source(tmp_path).frames())
    assert [frame.jpeg for frame in frames] == [None] * 6
    assert numbers(frames) == [20] * 6


def test_transparent_pixels_lie_on_black(tmp_path: Path) -> None:
    image = Image.new("RGBA", (8, 8), (200, 100, 50, 0))
    image.putpixel((0, 0), (200, 100, 50, 255))
    image.save(tmp_path / "a.png")
    [frame] = open_source(tmp_path).frames()
    assert pixels(frame)[0, 0].tolist() == [200, 100, 50]
    assert pixels(frame)[4, 4].tolist() == [0, 0, 0]


def test_images_of_32_bits_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((8, 8), np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(VideoError, match=r"a\.tif has 32-bit pixels"):
        open_source(tmp_path)


def test_images_of_different_sizes_are_refused_by_name(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "shots", ["1.png", "2.png"])
    Image.new("RGB", (10, 20)).save(folder / "3.png")
    with pytest.raises(VideoError, match=r"1\.png has 96x64 pixels, 3\.png has 10x20"):
        open_source(folder)


def test_a_file_that_only_looks_like_an_image_is_refused_at_once(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "shots", ["1.png", "2.png"])
    (folder / "2.png").write_text("hello")
    with pytest.raises(VideoError, match=r"2\.png cannot be read as an image"):
        open_source(folder)


@pytest.mark.parametrize("name", ["2.png", "2.jpg", "2.webp"])
def test_an_image_that_is_cut_off_is_named_when_its_turn_comes(tmp_path: Path, name: str) -> None:
    folder = write_images(tmp_path / "shots", ["1.png", name])
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(VideoError, match=rf"{re.escape(name)} cannot be read as an image"):
        list(open_source(folder).frames())


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(VideoError, match=r"has no images .*pass the folder that holds them"):
        open_source(tmp_path)


def test_the_fingerprint_of_a_folder_sees_order_and_content_but_no_names(tmp_path: Path) -> None:
    one = write_images(tmp_path / "one", ["1.png", "2.png"])
    two = write_images(tmp_path / "two", ["a.png", "b.png"])
    three = write_images(tmp_path / "three", ["2.png", "1.png"])
    assert open_source(one).fingerprint == open_source(two).fingerprint
    assert open_source(one).fingerprint != open_source(three).fingerprint


# Frames in memory


def test_an_array_and_the_list_of_its_frames_are_the_same_video() -> None:
    array = numbered_frames(5)
    one, two = open_source(array), open_source(list(array))
    assert one.fingerprint == two.fingerprint
    assert one.default_name == f"array-{one.fingerprint[:8]}"
    assert numbers(list(one.frames())) == numbers(list(two.frames())) == list(range(5))
    assert (one.count, one.width, one.height, one.names) == (5, WIDTH, HEIGHT, None)


def test_another_array_has_another_name() -> None:
    array = numbered_frames(2)
    other = array.copy()
    other[1, 5, 5] = 0
    assert open_source(array).default_name != open_source(other).default_name
    assert open_source(array).default_name != open_source(array.reshape(2, WIDTH, -1, 3)).stem


def test_an_array_need_not_be_contiguous() -> None:
    array = numbered_frames(6)
    source = open_source(array[::2, :, ::-1])
    assert source.fingerprint == open_source(array[::2, :, ::-1].copy()).fingerprint
    assert red_corner(pixels(next(iter(source.frames())))) == ("top", "right")


@pytest.mark.parametrize(
    ("video", "message"),
    [
        (np.zeros((4, 8, 8), np.uint8), r"shape \(4, 8, 8\) is not a video; grey frames become"),
        (np.zeros((8, 8, 3), np.uint8), r"a single frame becomes a video with video\[None\]"),
        (np.zeros((8, 8), np.uint8), r"pass a \(T, H, W, 3\) uint8 RGB array"),
        (np.zeros((0, 8, 8, 3), np.uint8), "pass at least one frame"),
        (np.zeros((4, 8, 8, 4), np.uint8), r"drop the alpha channel with frame\[..., :3\]"),
        (np.zeros((4, 3, 8, 8), np.uint8), r"Frame 0 of the array has shape \(3, 8, 8\)"),
        (np.zeros((4, 0, 8, 3), np.uint8), r"shape \(0, 8, 3\)"),
        (np.zeros((4, 8, 8, 3), np.float32), "has dtype float32; pass uint8"),
        ([], "list of frames is empty"),
        ([np.zeros((8, 8), np.uint8)], "grey frames become RGB"),
        (
            [np.zeros((8, 8, 3), np.uint8), np.zeros((8, 9, 3), np.uint8)],
            r"frame 0 has \(8, 8, 3\), frame 1 has \(8, 9, 3\)",
        ),
        (["a.jpg", "b.jpg"], r"Frame 0 of the array has shape \(\)"),
        (None, "A NoneType is not a video; pass the path"),
        (7, "A int is not a video"),
    ],
)
def test_what_is_no_array_of_frames_is_refused_with_a_way_out(video: Any, message: str) -> None:
    with pytest.raises(VideoError, match=message):
        open_source(video)
