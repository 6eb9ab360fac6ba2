"""The job of a tracking run: cancelled and resumed, waited for and iterated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from sam2_widget.engines.fake import FakeEngine
from sam2_widget.sample import sample_clip
from sam2_widget.session import Session
from tests.projects import PATIENCE, GatedEngine, interrupt_soon, open_project, until
from tests.tracks import OVERALL, tracked

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator
    from pathlib import Path

    from sam2_widget.engines.base import Segmentation


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with open_project(tmp_path) as session:
        yield session


# -- cancel and resume ------------------------------------------------------------------------


def test_cancel_stops_between_two_frames_and_keeps_what_is_done(
    slow: Session, gate: GatedEngine
) -> None:
    slow.add_point(0, 20, 20)
    job = slow.track()
    gate.gate.release(2)
    assert all(gate.arrived() for _ in range(3))
    job.cancel()
    gate.gate.release(1)
    assert job.wait(PATIENCE)
    assert list(job) == [1, 2, 3]
    assert tracked(slow) == [1, 2, 3]
    assert (job.cancelled, job.finished) == (True, True)
    assert job.progress == (3, 9, 0.0)


def test_resuming_after_a_cancel_gives_what_an_uninterrupted_run_gives(
    slow: Session, gate: GatedEngine, tmp_path: Path
) -> None:
    slow.add_point(4, 20, 20)
    job = slow.track()
    gate.gate.release(2)
    assert all(gate.arrived() for _ in range(3))
    slow.cancel()
    gate.open_gate()
    job.wait(PATIENCE)
    assert list(slow.track()) == [8, 9, 3, 2, 1, 0]
    with open_project(tmp_path / "other") as other:
        other.add_point(4, 20, 20)
        other.track().wait()
        assert np.array_equal(slow.masks[OVERALL], other.masks[OVERALL])
        tables = [each.to_dataframe().drop(columns="run") for each in (slow, other)]
        assert tables[0].equals(tables[1])


def test_nano_resumes_as_if_it_had_not_been_interrupted(tmp_path: Path) -> None:
    clip = sample_clip(tmp_path / "sample.mp4")

    def annotate(name: str, interrupted: bool) -> np.ndarray:
        with Session(
            clip, name=name, output_dir=tmp_path, model="nano", device="cpu", frame_step=12
        ) as session:
            session.add_point(1, 190, 108)
            if interrupted:
                job = session.track()
                assert next(iter(job)) == 2
                job.cancel()
                job.wait()
            session.track().wait()
            return np.asarray(session.masks[OVERALL])

    assert np.array_equal(annotate("whole", False), annotate("resumed", True))


def test_cancelling_a_job_that_has_ended_changes_nothing(session: Session) -> None:
    session.add_point(0, 20, 20)
    job = session.track()
    job.wait()
    job.cancel()
    session.cancel()
    assert not job.cancelled


# -- the job ----------------------------------------------------------------------------------


def test_iterating_a_job_never_holds_it_back(session: Session) -> None:
    session.add_point(0, 20, 20)
    job = session.track()
    frames = iter(job)
    assert next(frames) == 1
    job.wait(PATIENCE)
    assert tracked(session) == list(range(1, 10))
    assert list(frames) == list(range(2, 10))


def test_frames_come_out_of_a_job_once_their_masks_are_saved(
    slow: Session, gate: GatedEngine
) -> None:
    slow.add_point(0, 20, 20)
    frames = iter(slow.track())
    for expected in (1, 2, 3):
        gate.gate.release(1)
        assert next(frames) == expected
        assert (slow.folder / f"instance1/masks_overall/{expected:05d}.png").is_file()


def test_progress_counts_frames_and_estimates_the_time_left(
    slow: Session, gate: GatedEngine
) -> None:
    slow.add_point(0, 20, 20)
    job = slow.track()
    assert job.progress == (0, 9, None)
    frames = iter(job)
    gate.gate.release(3)
    assert [next(frames) for _ in range(3)] == [1, 2, 3]
    done, total, seconds = job.progress
    assert (done, total) == (3, 9)
    assert seconds is not None
    assert seconds > 0
    assert repr(job) == "<TrackJob Tracking instance 1, overall: 3 of 9 frames>"
    gate.open_gate()
    job.wait(PATIENCE)
    assert job.progress == (9, 9, 0.0)
    until(slow, lambda: slow.job is None)


def test_waiting_gives_up_when_the_time_is_over(slow: Session) -> None:
    slow.add_point(0, 20, 20)
    job = slow.track()
    assert job.wait(timeout=0.01) is False
    assert not job.finished


def test_interrupting_the_wait_ends_the_wait_and_not_the_job(
    slow: Session, gate: GatedEngine
) -> None:
    slow.add_point(0, 20, 20)
    job = slow.track()
    assert gate.arrived()
    interrupt_soon()
    with pytest.raises(KeyboardInterrupt):
        job.wait()
    assert not job.finished
    gate.open_gate()
    assert job.wait(PATIENCE)
    assert tracked(slow) == list(range(1, 10))


class FailingEngine(FakeEngine):
    """Fails when it comes to frame 4."""

    def step(self, scope: Hashable, frame: int) -> Segmentation:
        if frame == 4:
            raise RuntimeError("out of memory")
        return super().step(scope, frame)


def test_the_error_of_a_run_reaches_who_waits_who_iterates_and_who_looks(tmp_path: Path) -> None:
    with open_project(tmp_path, engine=FailingEngine()) as session:
        session.add_point(0, 20, 20)
        job = session.track()
        with pytest.raises(RuntimeError, match="out of memory"):
            job.wait()
        frames = iter(job)
        assert [next(frames) for _ in range(3)] == [1, 2, 3]
        with pytest.raises(RuntimeError, match="out of memory"):
            next(frames)
        until(session, lambda: bool(session.live.notices))
        assert session.live.notices[-1].text == (
            "Tracking instance 1, overall stopped: out of memory"
        )
        assert tracked(session) == [1, 2, 3]
        session.add_point(4, 20, 20)
        assert session.job is None
