"""Storing frames in the background: waiting, resuming, lengths, errors and what is served."""

from __future__ import annotations

import errno
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import threading
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sam2_widget.durable import TEMPORARY
from sam2_widget.errors import ClosedError, FrameIndexError, SaveError, VideoError
from sam2_widget.frame_files import FrameFiles
from sam2_widget.sources import open_source
from sam2_widget.video import Video
from tests.clips import (
    HEIGHT,
    WIDTH,
    gated,
    number_of,
    numbered_frame,
    numbered_frames,
    turn_by_metadata,
    write_clip,
    write_images,
    write_timed_clip,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sam2_widget.sources import Decoded, Source

ROOT = str(Path(__file__).parents[1])


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mp4", count=12)


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    return tmp_path / "outputs" / "clip" / "frames"


def stored_files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def whole_extraction(source: Source, folder: Path, **options: Any) -> dict[str, bytes]:
    Video(source, folder, **options).wait()
    return stored_files(folder)


def truncated_clip(path: Path) -> Path:
    write_timed_clip(path, range(0, 2000, 100), gop=1)
    data = path.read_bytes()
    frames_start = data.index(b"mdat")
    path.write_bytes(data[: frames_start + (len(data) - frames_start) // 2])
    return path


# What is stored and served


def test_frames_are_stored_under_their_zero_based_index(clip: Path, frames: Path) -> None:
    video = Video(open_source(clip), frames)
    assert video.wait()
    assert sorted(path.name for path in frames.iterdir()) == [f"{i:05d}.jpg" for i in range(12)]
    assert [number_of(video[i]) for i in range(12)] == list(range(12))
    assert video.path(3) == frames / "00003.jpg"


def test_stored_frames_keep_colour_at_full_resolution(frames: Path) -> None:
    stripes = np.zeros((1, 32, 32, 3), np.uint8)
    stripes[:, :, ::2], stripes[:, :, 1::2] = (255, 0, 0), (0, 0, 255)
    video = Video(open_source(stripes), frames)
    assert np.abs(video[0].astype(int) - stripes[0]).max() < 20
    with Image.open(video.path(0)) as image:
        assert [layer[1:3] for layer in getattr(image, "layer")] == [(1, 1)] * 3  # noqa: B009


def test_a_served_frame_is_a_fresh_rgb_array(clip: Path, frames: Path) -> None:
    video = Video(open_source(clip), frames)
    frame = video[np.int64(2)]
    assert frame.shape == (HEIGHT, WIDTH, 3)
    assert frame.dtype == np.uint8
    frame[:] = 0
    assert number_of(video[2]) == 2
    assert video[2][0, 0, 0] > 150 > video[2][0, 0, 2]


def test_a_grey_jpeg_of_a_folder_is_served_as_rgb(tmp_path: Path, frames: Path) -> None:
    Image.fromarray(numbered_frame(5)).convert("L").save(tmp_path / "a.jpg")
    assert Video(open_source(tmp_path), frames)[0].shape == (HEIGHT, WIDTH, 3)


def test_upright_jpegs_are_copied_byte_for_byte_and_not_linked(
    tmp_path: Path, frames: Path
) -> None:
    folder = write_images(tmp_path / "shots", ["1.jpg", "2.png", "10.jpg"])
    video = Video(open_source(folder), frames)
    video.wait()
    assert video.path(0).read_bytes() == (folder / "1.jpg").read_bytes()
    assert video.path(2).read_bytes() == (folder / "10.jpg").read_bytes()
    assert not video.path(0).samefile(folder / "1.jpg")
    assert video.names == ["1.jpg", "2.png", "10.jpg"]


def test_jpeg_gives_the_file_itself_when_it_fits(clip: Path, frames: Path) -> None:
    video = Video(open_source(clip), frames)
    assert video.jpeg(1) == video.jpeg(1, max_width=WIDTH) == video.path(1).read_bytes()


def test_jpeg_shrinks_a_frame_that_does_not_fit(clip: Path, frames: Path) -> None:
    video = Video(open_source(clip), frames)
    with Image.open(BytesIO(video.jpeg(1, max_width=48))) as image:
        assert image.size == (48, 32)
        assert number_of(np.asarray(image)) == 1


def test_an_upright_phone_video_is_stored_upright(clip: Path, frames: Path) -> None:
    video = Video(open_source(turn_by_metadata(clip)), frames)
    assert (video.width, video.height) == (HEIGHT, WIDTH)
    assert video[0].shape == (WIDTH, HEIGHT, 3)


@pytest.mark.parametrize("kind", ["clip", "array", "jpegs"])
def test_max_side_shrinks_the_longer_side(
    tmp_path: Path, clip: Path, frames: Path, kind: str
) -> None:
    jpegs = write_images(tmp_path / "shots", ["0.jpg", "1.jpg"])
    videos: dict[str, Any] = {"clip": clip, "array": numbered_frames(2), "jpegs": jpegs}
    video = Video(open_source(videos[kind]), frames, max_side=48)
    assert (video.width, video.height) == (48, 32)
    assert video[1].shape == (32, 48, 3)
    assert number_of(video[1]) == 1


def test_max_side_never_enlarges(clip: Path, frames: Path) -> None:
    assert Video(open_source(clip), frames, max_side=4000)[0].shape == (HEIGHT, WIDTH, 3)


def test_a_variable_frame_rate_keeps_the_time_of_each_frame(tmp_path: Path, frames: Path) -> None:
    times = [0, 40, 500, 520, 1500]
    video = Video(open_source(write_timed_clip(tmp_path / "a.mp4", times)), frames)
    video.wait()
    assert video.times.dtype == np.float64
    assert video.times.tolist() == pytest.approx([t / 1000 for t in times], abs=1e-3)


@given(count=st.integers(1, 12), step=st.integers(1, 15))
def test_frame_step_keeps_every_nth_frame(count: int, step: int) -> None:
    kept = range(0, count, step)
    with tempfile.TemporaryDirectory() as folder:
        video = Video(open_source(numbered_frames(count)), Path(folder), frame_step=step)
        assert len(video) == len(kept)
        assert video.wait()
        assert len(video) == video.ready == len(kept)
        assert [video.source_index(i) for i in range(len(kept))] == list(kept)
        assert [number_of(video[i]) for i in range(len(kept))] == list(kept)
        assert video.fps == 25 / step
        assert video.times.tolist() == pytest.approx([i / 25 for i in kept])


@pytest.mark.parametrize("option", ["frame_step", "max_side"])
@pytest.mark.parametrize("value", [0, -1, 1.5, "2"])
def test_options_that_make_no_sense_are_refused(
    clip: Path, frames: Path, option: str, value: Any
) -> None:
    with pytest.raises(VideoError, match=f"{option} is .*; pass a whole number from 1 on"):
        Video(open_source(clip), frames, **{option: value})


# While frames are still coming


@pytest.fixture
def open_gates() -> Iterator[list[threading.Semaphore]]:
    gates: list[threading.Semaphore] = []
    yield gates
    for gate in gates:
        gate.release(100)


@pytest.fixture
def gated_source(clip: Path, open_gates: list[threading.Semaphore]) -> Callable[..., Any]:
    def make(**changes: Any) -> Any:
        source = gated(open_source(clip), **changes)
        open_gates.append(source.gate)
        return source

    return make


def test_the_first_frame_is_served_while_the_others_are_still_coming(
    gated_source: Callable[..., Any], frames: Path
) -> None:
    source = gated_source()
    video = Video(source, frames)
    video.start()
    source.gate.release()
    assert number_of(video[0]) == 0
    assert (len(video), video.ready, video.complete, video.stored()) == (12, 1, False, None)
    assert video.is_ready(0)
    assert not video.is_ready(1)
    assert not video.wait(timeout=0.01)
    assert not video.wait_for(5, timeout=0.01)
    source.gate.release(12)
    assert video.wait_for(5)
    assert number_of(video[-1]) == 11
    assert video.complete


def test_a_request_waits_for_its_frame_alone(
    gated_source: Callable[..., Any], frames: Path
) -> None:
    source = gated_source()
    video = Video(source, frames)
    answers: list[int] = []
    asking = threading.Thread(target=lambda: answers.append(number_of(video[3])))
    asking.start()
    source.gate.release(4)
    asking.join()
    assert (answers, video.ready) == ([3], 4)


def test_a_source_that_announces_no_count_makes_len_wait(
    gated_source: Callable[..., Any], frames: Path
) -> None:
    source = gated_source(count=None)
    video = Video(source, frames)
    lengths: list[int] = []
    asking = threading.Thread(target=lambda: lengths.append(len(video)))
    asking.start()
    source.gate.release(5)
    assert number_of(video[4]) == 4
    assert lengths == []
    source.gate.release(8)
    asking.join()
    assert lengths == [12]
    assert video.warnings == []


def test_an_index_outside_the_video_is_refused_at_once(
    gated_source: Callable[..., Any], frames: Path
) -> None:
    video = Video(gated_source(), frames)
    with pytest.raises(FrameIndexError, match="Frame 12 is outside the video; it has 12 frames"):
        video[12]


@pytest.mark.parametrize("index", [12, -13, 10**9])
def test_an_index_outside_a_complete_video_is_refused(clip: Path, frames: Path, index: int) -> None:
    video = Video(open_source(clip), frames)
    video.wait()
    for ask in (video.__getitem__, video.path, video.jpeg, video.wait_for, video.source_index):
        with pytest.raises(IndexError, match=f"Frame {index} is outside .* 12 frames, 0 to 11"):
            ask(index)


def test_a_video_can_be_looped_over(clip: Path, frames: Path) -> None:
    assert [number_of(frame) for frame in Video(open_source(clip), frames)] == list(range(12))


def test_progress_is_told_and_the_last_call_sees_the_end(clip: Path, frames: Path) -> None:
    states: list[bool] = []
    ended = threading.Event()

    def note() -> None:
        states.append(video.complete)
        if video.complete:
            ended.set()

    video = Video(open_source(clip), frames, on_progress=note)
    video.start()
    assert ended.wait(30)
    assert states[-1]
    assert len(states) <= 12


# Announced and real numbers of frames


def test_a_truncated_video_keeps_its_readable_frames(tmp_path: Path, frames: Path) -> None:
    video = Video(open_source(truncated_clip(tmp_path / "a.mp4")), frames)
    with pytest.warns(UserWarning, match=r"a\.mp4 announces 20 frames, but \d+ could be read"):
        video.wait()
    count = len(video)
    assert 0 < count < 20
    assert [number_of(video[i]) for i in range(count)] == list(range(count))
    assert len(video.times) == video.ready == count
    assert len(video.warnings) == 1
    with pytest.raises(FrameIndexError, match=f"it has {count} frames"):
        video[19]


def test_the_warning_is_given_once_and_to_the_caller(tmp_path: Path, frames: Path) -> None:
    video = Video(open_source(truncated_clip(tmp_path / "a.mp4")), frames)
    with pytest.raises(FrameIndexError):
        video[19]
    with pytest.warns(UserWarning, match="could be read") as record:
        assert len(video) < 20
    assert [warning.filename for warning in record] == [__file__]
    assert video.wait()


def test_more_frames_than_announced_are_all_kept(
    gated_source: Callable[..., Any], frames: Path
) -> None:
    source = gated_source(count=10)
    source.gate.release(12)
    video = Video(source, frames)
    assert len(video) == 10
    with pytest.warns(UserWarning, match="announces 10 frames, but 12 could be read"):
        video.wait()
    assert len(video) == 12


# Stopping, going on, coming again


def close_after(video: Video, index: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Close the video from its own thread when it has written this frame."""
    write = FrameFiles.write

    def write_and_close(files: FrameFiles, written: int, jpeg: bytes) -> None:
        write(files, written, jpeg)
        if written == index:
            video.close()

    with monkeypatch.context() as patch:
        patch.setattr(FrameFiles, "write", write_and_close)
        with pytest.raises(ClosedError, match="was closed; open it again"):
            video.wait()
        video.close()


def test_a_closed_video_goes_on_where_it_stopped(
    clip: Path, frames: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = Video(open_source(clip), frames)
    close_after(video, 5, monkeypatch)
    assert sorted(stored_files(frames)) == [f"{i:05d}.jpg" for i in range(6)]
    assert number_of(video[5]) == 5
    before = {path: path.stat().st_mtime_ns for path in frames.iterdir()}

    again = Video(open_source(clip), frames)
    assert again.ready == 6
    again.wait()
    assert stored_files(frames) == whole_extraction(open_source(clip), tmp_path / "whole")
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert again.times.tolist() == pytest.approx([i / 10 for i in range(12)])


@pytest.mark.parametrize("kind", ["array", "images"])
def test_arrays_and_folders_go_on_too(
    kind: str, frames: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{i}.png" for i in range(9)]
    video = numbered_frames(9) if kind == "array" else write_images(tmp_path / "shots", names)
    close_after(Video(open_source(video), frames, frame_step=2), 2, monkeypatch)
    again = Video(open_source(video), frames, frame_step=2)
    again.wait()
    assert [number_of(frame) for frame in again] == [0, 2, 4, 6, 8]
    assert again.times.tolist() == pytest.approx([0, 0.08, 0.16, 0.24, 0.32])


KILLED = """
import sys, threading
from pathlib import Path
from sam2_widget.frame_files import FrameFiles
from sam2_widget.durable import TEMPORARY
from sam2_widget.sources import open_source
from sam2_widget.video import Video

write = FrameFiles.write

def write_half(files, index, jpeg):
    if index < 7:
        return write(files, index, jpeg)
    path = files.path(index)
    path.with_name(path.name + TEMPORARY).write_bytes(jpeg[: len(jpeg) // 2])
    print("half written", flush=True)
    threading.Event().wait()

FrameFiles.write = write_half
Video(open_source(sys.argv[1]), Path(sys.argv[2])).wait()
"""


def test_a_killed_extraction_leaves_whole_frames_and_is_resumed(
    clip: Path, frames: Path, tmp_path: Path
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(clip), str(frames)],
        env={**os.environ, "PYTHONPATH": ROOT},
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "half written\n"
        child.send_signal(signal.SIGKILL)
    assert (frames / f"00007.jpg{TEMPORARY}").exists()

    whole = whole_extraction(open_source(clip), tmp_path / "whole")
    partial = {name: data for name, data in stored_files(frames).items() if name.endswith("jpg")}
    assert partial == {name: whole[name] for name in sorted(whole)[:7]}
    video = Video(open_source(clip), frames)
    assert video.ready == 7
    video.wait()
    assert stored_files(frames) == whole


def test_frames_beyond_a_gap_and_empty_frames_are_made_again(
    clip: Path, frames: Path, tmp_path: Path
) -> None:
    whole = whole_extraction(open_source(clip), frames)
    (frames / "00004.jpg").unlink()
    (frames / "00008.jpg").write_bytes(b"")
    video = Video(open_source(clip), frames)
    assert video.ready == 4
    video.wait()
    assert stored_files(frames) == whole


def test_a_second_video_decodes_nothing(
    clip: Path, frames: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Video(open_source(clip), frames)
    first.wait()
    source = open_source(clip)
    monkeypatch.setattr(type(source), "frames", lambda *_: pytest.fail("the decoder was opened"))
    again = Video(source, frames, stored=first.stored())
    again.start()
    assert again.complete
    assert again.wait()
    assert [number_of(frame) for frame in again] == list(range(12))
    assert again.times.tolist() == first.times.tolist()
    assert again.stored() == first.stored()


def test_a_frame_that_was_deleted_after_completion_is_made_again(clip: Path, frames: Path) -> None:
    first = Video(open_source(clip), frames)
    first.wait()
    (frames / "00011.jpg").unlink()
    again = Video(open_source(clip), frames, stored=first.stored())
    assert not again.complete
    assert number_of(again[11]) == 11


def test_a_video_closed_before_it_started_writes_nothing(clip: Path, frames: Path) -> None:
    video = Video(open_source(clip), frames)
    video.close()
    with pytest.raises(ClosedError):
        video[0]
    assert not frames.exists()


# Reading along


def test_a_reader_serves_what_is_there_and_says_what_is_not(
    clip: Path, frames: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Video(open_source(clip), frames)
    close_after(writer, 2, monkeypatch)
    reader = Video(open_source(clip), frames, read_only=True)
    assert (len(reader), reader.ready, number_of(reader[2])) == (12, 3, 2)
    with pytest.raises(VideoError, match="still being read by the process"):
        reader[3]
    with pytest.raises(VideoError, match="try again in a moment"):
        reader.wait()
    Video(open_source(clip), frames).wait()
    assert number_of(reader[11]) == 11


def test_a_reader_touches_no_file(clip: Path, frames: Path) -> None:
    frames.mkdir(parents=True)
    unfinished = frames / f"00000.jpg{TEMPORARY}"
    unfinished.write_bytes(b"half")
    reader = Video(open_source(clip), frames, read_only=True)
    reader.start()
    reader.close()
    assert stored_files(frames) == {unfinished.name: b"half"}


# Errors


def test_a_broken_image_is_named_to_everyone_who_waits(tmp_path: Path, frames: Path) -> None:
    folder = write_images(tmp_path / "shots", ["1.png", "2.png", "3.png"])
    (folder / "2.png").write_bytes((folder / "2.png").read_bytes()[:100])
    video = Video(open_source(folder), frames)
    for ask in (video.wait, lambda: video[1], lambda: video.jpeg(2), lambda: video[-1]):
        with pytest.raises(VideoError, match=r"2\.png cannot be read as an image"):
            ask()
    assert "2.png" in str(video.failure)
    assert number_of(video[0]) == 0
    assert not video.complete


def test_a_video_that_is_gone_is_not_taken_for_an_empty_one(clip: Path, frames: Path) -> None:
    source = open_source(clip)
    clip.unlink()
    video = Video(source, frames)
    with pytest.raises(VideoError, match=r"clip\.mp4 can no longer be opened; put it back"):
        video.wait()
    assert not video.complete


def test_a_folder_that_cannot_be_made_is_told_at_the_start(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "outputs").write_text("a file")
    video = Video(open_source(clip), tmp_path / "outputs" / "frames")
    with pytest.raises(SaveError, match="outputs"):
        video.start()


def test_a_full_disk_is_told_and_can_be_mended(
    clip: Path, frames: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.name.startswith("00004"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        video = Video(open_source(clip), frames)
        for _ in range(2):
            with pytest.raises(SaveError, match="The disk is full"):
                video.wait()
            join_extraction()
    assert sorted(stored_files(frames)) == [f"{i:05d}.jpg" for i in range(4)]
    again = Video(open_source(clip), frames)
    assert again.wait()
    assert video.wait(), "who asks again is served"
    assert [number_of(video[i]) for i in range(12)] == list(range(12))
    np.testing.assert_array_equal(video.times, again.times)


def test_a_read_error_that_passes_is_not_the_end_of_the_video(
    clip: Path, frames: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = open_source(clip)
    read, tries = type(source).frames, []

    def break_off(self: Source, first: int = 0, step: int = 1) -> Iterator[Decoded]:
        tries.append(first)
        return itertools.islice(read(self, first, step), 5 if len(tries) == 1 else None)

    monkeypatch.setattr(type(source), "frames", break_off)
    video = Video(source, frames)
    assert video.wait()
    assert tries == [0, 5]
    assert [number_of(video[i]) for i in range(len(video))] == list(range(12))
    assert len(video.times) == 12
    assert video.warnings == []


def test_a_file_that_is_cut_while_it_is_read_fails_and_goes_on_when_it_is_whole(
    tmp_path: Path, frames: Path
) -> None:
    path = write_timed_clip(tmp_path / "a.mp4", range(0, 2000, 100), gop=1)
    source, whole = open_source(path), path.read_bytes()
    truncated_clip(path)
    video = Video(source, frames)
    with pytest.raises(VideoError, match=r"a\.mp4 changed, or could not be read, while"):
        video.wait()
    assert 0 < video.ready < 20
    path.write_bytes(whole)
    join_extraction()
    video.start()
    assert video.wait()
    assert len(video) == 20


def join_extraction() -> None:
    """Wait until the thread of a run that failed has ended."""
    for thread in threading.enumerate():
        if thread.name.startswith("sam2-widget frames"):
            thread.join()


def test_an_unforeseen_error_reaches_those_who_wait(
    gated_source: Callable[..., Any], frames: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = gated_source()
    monkeypatch.setattr(FrameFiles, "write", lambda *_: 1 / 0)
    source.gate.release()
    with pytest.raises(VideoError, match=r"could not be read to its end \(ZeroDivisionError"):
        Video(source, frames).wait()


def test_a_damaged_stored_frame_is_named(clip: Path, frames: Path) -> None:
    video = Video(open_source(clip), frames)
    video.wait()
    video.path(2).write_bytes(b"hello")
    with pytest.raises(VideoError, match=r"00002\.jpg cannot be read as an image"):
        video[2]
    video.path(3).unlink()
    with pytest.raises(VideoError, match=r"00003\.jpg cannot be read"):
        video.jpeg(3)
