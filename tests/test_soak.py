"""A long track with small budgets: memory, threads and files stay as they are."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import cv2
import psutil
import pytest

from sam2_widget.engines.sam2.memory import POINTERS
from sam2_widget.session import Session
from tests.reference import disc_centre, moving_discs

if TYPE_CHECKING:
    from pathlib import Path

    from sam2_widget.engines.sam2 import Sam2Engine

OBJECTS = 4
ARCHIVE, FEATURES, PACKED = 4 << 20, 16 << 20, 1 << 20
MB = 1 << 20
PER_MASK = 150
"""Bytes that may stay of a mask: its record, what undo and the watch of its file know of it."""


@dataclass
class Sample:
    """What the process holds at one time."""

    memory: int
    threads: int
    files: int


def write_frames(folder: Path, count: int) -> Path:
    """Write a folder of small JPEGs."""
    folder.mkdir()
    frames = [cv2.cvtColor(frame, cv2.COLOR_RGB2BGR) for frame in moving_discs(64)]
    for index in range(count):
        assert cv2.imwrite(str(folder / f"{index:05d}.jpg"), frames[index % 64])
    return folder


def soak(folder: Path, count: int, every: int) -> list[Sample]:
    """Track four objects through a video; return a sample for every so many frames."""
    video = write_frames(folder / "video", count)
    samples = []
    with Session(
        video, output_dir=folder, model="nano", device="cpu", feature_cache=FEATURES
    ) as session:
        session.video.wait()
        for instance in range(1, OBJECTS + 1):
            session.add_point(0, *disc_centre(instance % 3, 0), instance=instance)
        engine: Sam2Engine = session.live.engine  # type: ignore[assignment]
        engine.archive.budget = ARCHIVE
        session.live.masks.cache_bytes = PACKED
        job, process = session.track(), psutil.Process()
        for number, _ in enumerate(job, start=1):
            if number % every == 0:
                gc.collect()
                memory = process.memory_info().rss
                samples.append(Sample(memory, process.num_threads(), process.num_fds()))
                assert_bounded(engine)
        assert job.progress[0] == count - 1
        assert len(session.masks[OBJECTS, "overall"].frames) == count
    return samples


def assert_bounded(engine: Sam2Engine) -> None:
    """See that the engine holds no more than what its budgets allow and the model reads."""
    assert engine.archive.size <= ARCHIVE
    assert engine.cache.size <= FEATURES
    assert len(engine.encoder.ahead) <= 2
    assert len(engine._scopes) == OBJECTS
    for memory in list(engine._scopes.values()):
        assert len(memory.window) <= POINTERS + 1
        assert len(memory.cond) == len(memory.prompted) == 1
        assert not memory.bases


def assert_flat(samples: list[Sample], every: int, *, memory: bool) -> None:
    """Compare the last fifth with the second."""
    fifth = len(samples) // 5
    early, late = samples[fifth : 2 * fifth], samples[-fifth:]
    # Pools begin their second thread when they first need one.
    assert max(s.threads for s in late) <= max(s.threads for s in early) + 2
    # The journals and the frame at hand are opened and closed all the time.
    assert max(s.files for s in late) <= max(s.files for s in early) + OBJECTS
    if not memory:
        return
    grown = median(s.memory for s in late) - median(s.memory for s in early)
    masks = 3 * fifth * every * OBJECTS
    print(f"{grown / MB:.1f} MB more after {masks} masks, {grown / masks:.0f} bytes a mask")
    assert grown < 4 * MB + PER_MASK * masks


def test_a_track_leaves_its_budgets_kept_and_no_thread_or_file_behind(tmp_path: Path) -> None:
    # Caches still fill: memory is for the long one to compare.
    assert_flat(soak(tmp_path, 51, every=5), every=5, memory=False)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_memory_is_flat_over_5000_frames_of_four_objects(tmp_path: Path) -> None:
    assert_flat(soak(tmp_path, 5000, every=50), every=50, memory=True)
