"""Tracking in the background: what a run does, and what happens beside it."""

from __future__ import annotations

import signal
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
import pytest

from sam2_widget.engines.fake import FakeEngine
from sam2_widget.errors import ClosedError, FrameIndexError, ModelError, PromptError, VideoError
from sam2_widget.sample import sample_clip
from sam2_widget.session import Session
from sam2_widget.sources import Source, open_source
from tests.clips import gated, numbered_frames, write_clip, write_images
from tests.projects import (
    PATIENCE,
    GatedEngine,
    calls,
    open_project,
    tell_all,
    truncated_clip,
    until,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator
    from pathlib import Path

    from sam2_widget.engines.base import Segmentation

SlowFrames: TypeAlias = "Callable[[Source], tuple[Session, threading.Semaphore]]"
_T = TypeVar("_T")
OVERALL, SHAFT = (1, "overall"), (1, "shaft")


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def session(tmp_path: Path, engine: FakeEngine) -> Iterator[Session]:
    with open_project(tmp_path, engine=engine) as session:
        yield session


@pytest.fixture
def gate() -> GatedEngine:
    return GatedEngine()


@pytest.fixture
def slow(tmp_path: Path, gate: GatedEngine) -> Iterator[Session]:
    """Open a project whose engine tracks a frame only when the gate lets it."""
    with open_project(tmp_path, engine=gate) as session:
        yield session
        gate.open_gate()


@pytest.fixture
def slow_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowFrames]:
    """Return a function that opens a source whose frames come when the gate is released."""
    opened: list[tuple[Session, threading.Semaphore]] = []

    def start(inner: Source) -> tuple[Session, threading.Semaphore]:
        source = gated(inner)
        monkeypatch.setattr("sam2_widget.session.open_source", lambda _video: source)
        session = Session("slow", name="slow", output_dir=tmp_path, model=FakeEngine())
        opened.append((session, source.gate))
        return opened[-1]

    yield start
    for session, opening in opened:
        opening.release(100)
        session.close()


def stepped(engine: FakeEngine, scope: tuple[int, str] = OVERALL) -> list[object]:
    """Return the frames that an engine tracked, in order."""
    return [call[2] for call in calls(engine, "step") if call[1] == scope]


def tracked(session: Session, scope: tuple[int, str] = OVERALL) -> list[int]:
    """Return the frames of a scope with a tracked mask."""
    table = session.to_dataframe()
    chosen = (table["instance"] == scope[0]) & (table["region"] == scope[1])
    return table[chosen & (table["source"] == "track")]["frame"].tolist()


# -- what a run does --------------------------------------------------------------------------


def test_tracking_goes_forward_from_the_first_prompt_and_then_back(
    session: Session, engine: FakeEngine
) -> None:
    session.add_point(4, 40, 30)
    session.add_point(7, 40, 30)
    assert list(session.track()) == [5, 6, 8, 9, 3, 2, 1, 0]
    assert stepped(engine) == [5, 6, 8, 9, 3, 2, 1, 0]
    assert tracked(session) == [0, 1, 2, 3, 5, 6, 8, 9]
    assert not session.to_dataframe()["stale"].any()


@pytest.mark.parametrize(
    ("direction", "frames"), [("forward", [5, 6, 7, 8, 9]), ("backward", [3, 2, 1, 0])]
)
def test_a_direction_leaves_the_other_side_alone(
    session: Session, direction: str, frames: list[int]
) -> None:
    session.add_point(4, 40, 30)
    assert list(session.track(direction=direction)) == frames  # type: ignore[arg-type]
    assert tracked(session) == sorted(frames)


@pytest.mark.parametrize(
    ("start", "stop", "frames"),
    [
        (None, 6, [5, 3, 2, 1, 0]),
        (2, 6, [5, 3, 2]),
        (6, None, [6, 7, 8, 9]),
        (6, 7, [6]),
        (4, 5, []),
        (0, 10, [5, 6, 7, 8, 9, 3, 2, 1, 0]),
    ],
)
def test_start_is_inclusive_and_stop_exclusive(
    session: Session, start: int | None, stop: int | None, frames: list[int]
) -> None:
    session.add_point(4, 40, 30)
    assert list(session.track(start=start, stop=stop)) == frames


@pytest.mark.parametrize(("start", "stop"), [(-1, None), (10, None), (None, 11), (5, 5), (6, 4)])
def test_a_range_outside_the_video_is_refused(
    session: Session, start: int | None, stop: int | None
) -> None:
    session.add_point(4, 40, 30)
    with pytest.raises(FrameIndexError, match="0 <= start < stop <= 10"):
        session.track(start=start, stop=stop)
    assert session.job is None


def test_prompts_outside_the_range_still_count(session: Session) -> None:
    session.add_point(0, 20, 30)
    session.add_point(9, 60, 30)
    session.track(start=8, stop=9).wait()
    yy, xx = np.mgrid[0:64, 0:96] + 0.5
    expected = (xx - 59) ** 2 + (yy - 30) ** 2 <= 144
    assert np.array_equal(session.masks[OVERALL][8], expected)


def test_all_scopes_of_a_run_are_tracked_on_a_frame_before_the_next(
    session: Session, engine: FakeEngine
) -> None:
    session.add_point(0, 20, 20)
    session.add_point(2, 20, 20, region="shaft")
    assert list(session.track(stop=5)) == [1, 2, 3, 4, 1, 0]
    assert [call[1:] for call in calls(engine, "step")] == [
        (OVERALL, 1), (OVERALL, 2), (OVERALL, 3), (SHAFT, 3), (OVERALL, 4), (SHAFT, 4),
        (SHAFT, 1), (SHAFT, 0),
    ]  # fmt: skip


def test_only_the_scopes_asked_for_are_tracked(session: Session) -> None:
    session.add_point(0, 20, 20)
    session.add_point(0, 20, 20, region="shaft")
    session.track([SHAFT, SHAFT]).wait()
    assert tracked(session) == []
    assert tracked(session, SHAFT) == list(range(1, 10))


@pytest.mark.parametrize("scopes", [None, [], [SHAFT], [OVERALL, SHAFT]])
def test_there_must_be_something_to_track(
    session: Session, scopes: list[tuple[int, str]] | None
) -> None:
    if scopes and OVERALL in scopes:
        session.add_point(0, 20, 20)
    with pytest.raises(PromptError, match="nothing to track"):
        session.track(scopes)


def test_a_direction_that_is_none_is_refused(session: Session) -> None:
    session.add_point(0, 20, 20)
    with pytest.raises(PromptError, match="'sideways'"):
        session.track(direction="sideways")  # type: ignore[arg-type]


def test_the_object_may_be_absent_and_the_frame_still_counts_as_tracked(session: Session) -> None:
    session.add_point(0, 20, 20, label=0)
    session.track(stop=3).wait()
    assert session.masks[OVERALL].frames.tolist() == [0, 1, 2]
    assert session.to_dataframe()["score"].tolist() == [5, -3, -3]


# -- fresh and stale --------------------------------------------------------------------------


def test_what_is_fresh_is_not_tracked_again(session: Session, engine: FakeEngine) -> None:
    session.add_point(0, 20, 20)
    session.track(stop=5).wait()
    engine.calls.clear()
    assert list(session.track()) == [5, 6, 7, 8, 9]
    assert stepped(engine) == [5, 6, 7, 8, 9]
    assert calls(engine, "begin") == [("begin", OVERALL, False, (1, 2, 3, 4))]
    assert list(session.track()) == []


def test_force_starts_over(session: Session, engine: FakeEngine) -> None:
    session.add_point(0, 20, 20)
    session.track().wait()
    engine.calls.clear()
    assert list(session.track(force=True)) == list(range(1, 10))
    assert calls(engine, "begin") == [("begin", OVERALL, False, ())]


def test_force_on_a_range_keeps_what_lies_before_it(session: Session, engine: FakeEngine) -> None:
    session.add_point(0, 20, 20)
    session.track().wait()
    engine.calls.clear()
    assert list(session.track(start=6, stop=8, force=True)) == [6, 7]
    assert calls(engine, "begin") == [("begin", OVERALL, False, (1, 2, 3, 4, 5))]


def test_stale_frames_are_tracked_again(session: Session) -> None:
    session.add_point(0, 20, 20)
    session.track().wait()
    session.add_point(5, 60, 30)
    assert session.to_dataframe()["stale"].tolist() == [f not in (0, 5) for f in range(10)]
    assert list(session.track()) == [1, 2, 3, 4, 6, 7, 8, 9]
    assert not session.to_dataframe()["stale"].any()


def test_a_cleared_frame_is_a_gap_until_it_is_tracked_again(session: Session) -> None:
    session.add_point(0, 20, 20)
    session.track().wait()
    session.clear_frame(4)
    assert list(session.track()) == [4]


def test_a_run_goes_on_behind_a_gap_from_its_fresh_neighbours(
    session: Session, engine: FakeEngine
) -> None:
    session.add_point(0, 20, 20)
    session.track().wait()
    for frame in (3, 7):
        session.clear_frame(frame)
    engine.calls.clear()
    assert list(session.track()) == [3, 7]
    assert calls(engine, "begin") == [
        ("begin", OVERALL, False, (1, 2)),
        ("begin", OVERALL, False, (1, 2, 3, 4, 5, 6)),
    ]


def test_another_scopes_prompts_make_nothing_stale(session: Session) -> None:
    session.add_point(0, 20, 20)
    session.track().wait()
    session.add_point(3, 20, 20, region="shaft")
    session.add_point(3, 20, 20, instance=2)
    assert not session.to_dataframe()["stale"].any()


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
    # What Jupyter does to a cell: its thread gets KeyboardInterrupt while it waits.
    main = threading.main_thread().ident
    assert main is not None
    threading.Timer(0.1, signal.pthread_kill, [main, signal.SIGINT]).start()
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


# -- what happens beside a run ----------------------------------------------------------------


def test_a_click_is_served_between_two_frames_of_a_run(slow: Session, gate: GatedEngine) -> None:
    slow.add_point(0, 20, 20)
    job = slow.track()
    assert gate.arrived()
    between_frames(slow, gate, lambda: slow.add_point(3, 50, 50, instance=2))
    assert gate.arrived()
    assert not job.finished
    kinds = [call[0] for call in gate.calls]
    assert kinds == ["segment", "begin", "step", "segment"]
    gate.open_gate()
    job.wait(PATIENCE)
    assert tracked(slow) == list(range(1, 10))


CHANGES: dict[str, Callable[[Session], object]] = {
    "prompt": lambda s: s.add_point(8, 50, 50),
    "move": lambda s: s.move_point(0, 0, 50, 50),
    "clear of a prompted frame": lambda s: s.clear_frame(0),
    "clear of a tracked frame": lambda s: s.clear_frame(1),
    "prompt and undo": lambda s: (s.add_point(8, 50, 50), s.undo()),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_of_a_tracked_scope_takes_it_out_of_the_run_and_the_others_go_on(
    slow: Session, gate: GatedEngine, change: Callable[[Session], object]
) -> None:
    slow.add_point(0, 30, 30, region="shaft")
    slow.add_point(0, 20, 20)
    job = slow.track()
    gate.gate.release(4)
    assert all(gate.arrived() for _ in range(5))  # the fifth step is frame 3 of "overall"
    between_frames(slow, gate, lambda: change(slow), scopes=2)
    gate.open_gate()
    assert job.wait(PATIENCE)
    assert tracked(slow, SHAFT) == list(range(1, 10))
    assert set(tracked(slow)) <= {1, 2, 3}
    assert stepped(gate) == [1, 2, 3]
    assert list(job) == list(range(1, 10))


def between_frames(
    session: Session, gate: GatedEngine, action: Callable[[], _T], scopes: int = 1
) -> _T:
    """Do something while a step is at the gate; it is served before the next step."""

    def act() -> _T:
        # From the worker itself a session does everything at once, as one task of the user's.
        return session.live.worker.run(action)

    with ThreadPoolExecutor(1) as pool:
        worker = session.live.worker
        queued = threading.Event()
        submit = worker.submit

        def noticed(task: Callable[[], Any], *, urgent: bool = True) -> Any:
            future = submit(task, urgent=urgent)
            if urgent:
                queued.set()
            return future

        worker.submit = noticed  # type: ignore[method-assign]
        done = pool.submit(act)
        assert queued.wait(PATIENCE)
        del worker.submit
        gate.gate.release(scopes)
        return done.result(PATIENCE)


def test_a_run_whose_scopes_were_all_taken_out_ends_at_once(
    slow: Session, gate: GatedEngine
) -> None:
    slow.add_point(0, 20, 20)
    job = slow.track()
    assert gate.arrived()
    between_frames(slow, gate, lambda: slow.add_point(5, 50, 50))
    assert job.wait(PATIENCE)
    assert stepped(gate) == [1]
    assert slow.is_stale(1)
    assert job.progress == (1, 1, 0.0)


def test_a_second_track_is_queued_and_skips_what_the_first_made(
    slow: Session, gate: GatedEngine
) -> None:
    slow.add_point(0, 20, 20)
    first = slow.track(stop=6)
    assert gate.arrived()
    second = between_frames(slow, gate, slow.track)
    assert slow.job is first
    assert second.progress == (0, 8, None)
    gate.open_gate()
    assert second.wait(PATIENCE)
    assert first.finished
    assert list(first) == [1, 2, 3, 4, 5]
    assert list(second) == [6, 7, 8, 9]
    assert stepped(gate) == list(range(1, 10))


def test_a_track_that_waits_for_another_takes_the_prompts_of_its_turn(
    slow: Session, gate: GatedEngine
) -> None:
    slow.add_point(0, 20, 20)
    slow.add_point(0, 20, 20, region="shaft")
    first = slow.track([OVERALL], stop=4)
    assert gate.arrived()
    second = between_frames(slow, gate, lambda: slow.track([SHAFT], stop=4))
    assert gate.arrived()
    between_frames(slow, gate, lambda: slow.add_point(1, 50, 50, region="shaft"))
    gate.open_gate()
    assert second.wait(PATIENCE)
    assert list(first) == [1, 2, 3]
    assert list(second) == [2, 3]
    assert not slow.to_dataframe()["stale"].any()


def test_a_track_that_waits_for_another_can_be_cancelled_at_once(
    slow: Session, gate: GatedEngine
) -> None:
    slow.add_point(0, 20, 20)
    first = slow.track(stop=6)
    assert gate.arrived()
    second = between_frames(slow, gate, slow.track)
    second.cancel()
    gate.gate.release(1)
    assert second.wait(PATIENCE)
    assert not first.finished
    assert list(second) == []


def test_cancel_ends_every_run(slow: Session, gate: GatedEngine) -> None:
    slow.add_point(0, 20, 20)
    jobs = [slow.track(stop=6)]
    assert gate.arrived()
    jobs.append(between_frames(slow, gate, slow.track))
    assert gate.arrived()
    slow.cancel()
    gate.open_gate()
    assert all(job.wait(PATIENCE) and job.cancelled for job in jobs)
    assert tracked(slow) == [1, 2]


def test_closing_ends_a_run_between_two_frames_and_says_how_to_go_on(
    tmp_path: Path, gate: GatedEngine
) -> None:
    session = open_project(tmp_path, engine=gate)
    session.add_point(0, 20, 20)
    job = session.track()
    assert gate.arrived()
    closing = threading.Thread(target=session.close)
    closing.start()
    gate.open_gate()
    closing.join(PATIENCE)
    with pytest.raises(ClosedError, match="resumes when it is open again"):
        job.wait(PATIENCE)
    with open_project(tmp_path) as again:
        done = tracked(again)
        assert 1 <= len(done) <= 9
        again.track().wait()
        assert tracked(again) == list(range(1, 10))


def test_a_run_ends_when_the_model_is_switched(
    slow: Session, gate: GatedEngine, tmp_path: Path
) -> None:
    slow.add_point(0, 20, 20)
    job = slow.track()
    assert gate.arrived()
    with open_project_soon(tmp_path, gate, FakeEngine()) as other:
        with pytest.raises(ModelError, match="The model was switched"):
            job.wait(PATIENCE)
        other.track().wait(PATIENCE)
        assert tracked(other) == list(range(1, 10))


def open_project_soon(folder: Path, gate: GatedEngine, engine: FakeEngine) -> Session:
    """Attach with another model while a step of the one before is still at the gate."""
    session = Session(numbered_frames(10), name="clip", output_dir=folder, model=engine)
    gate.open_gate()
    return session


def test_listeners_hear_of_every_tracked_frame(session: Session) -> None:
    heard: list[int] = []
    session.on_change(lambda c: heard.extend(c.frames) if c.kind == "masks" else None)
    session.add_point(0, 20, 20)
    session.track().wait()
    tell_all(session)
    assert heard == list(range(1, 10))


# -- frames that are still to come ------------------------------------------------------------


def test_a_run_waits_for_frames_while_clicks_on_stored_ones_are_served(
    slow_frames: SlowFrames,
) -> None:
    session, gate = slow_frames(open_source(numbered_frames(10)))
    gate.release(2)
    session.add_point(0, 20, 20)
    job = session.track()
    session.add_point(1, 20, 20, region="shaft")
    assert not job.finished
    assert not session.video.complete
    gate.release(8)
    assert job.wait(PATIENCE)
    assert tracked(session) == list(range(1, 10))


def test_a_run_that_waits_for_frames_can_be_cancelled(
    slow_frames: SlowFrames,
) -> None:
    session, gate = slow_frames(open_source(numbered_frames(10)))
    gate.release(1)
    session.add_point(0, 20, 20)
    job = session.track()
    job.cancel()
    assert job.wait(PATIENCE)
    assert session.video.ready == 1


def test_a_run_on_a_truncated_video_ends_at_its_last_readable_frame(
    slow_frames: SlowFrames, tmp_path: Path
) -> None:
    session, gate = slow_frames(open_source(truncated_clip(tmp_path / "cut.mp4")))
    gate.release(1)
    session.add_point(0, 20, 20)
    announced = len(session.video)
    job = session.track()
    assert job.progress[1] == announced - 1
    gate.release(20)
    assert job.wait(PATIENCE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        last = len(session.video) - 1
    assert 2 < last < announced - 1
    assert tracked(session) == list(range(1, last + 1))
    assert job.progress == (last, last, 0.0)


def test_a_run_fails_when_its_frames_will_never_come(
    slow_frames: SlowFrames,
    tmp_path: Path,
) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    source = open_source(clip)
    clip.unlink()
    broken = gated(source)
    session, _ = slow_frames(broken)
    broken.gate.release(50)
    with pytest.raises(VideoError, match="can no longer be opened"):
        session.add_point(0, 20, 20)
    until(session, lambda: bool(session.live.notices))
    assert "can no longer be opened" in session.live.notices[-1].text


def test_a_run_fails_when_the_rest_of_the_frames_cannot_be_read(
    slow_frames: SlowFrames, tmp_path: Path
) -> None:
    names = [f"{number}.png" for number in range(10)]
    folder = write_images(tmp_path / "images", names)
    session, gate = slow_frames(open_source(folder))
    (folder / "5.png").write_bytes(b"no image")
    gate.release(2)
    session.add_point(0, 20, 20)
    job = session.track()
    gate.release(20)
    with pytest.raises(VideoError, match=r"5\.png"):
        job.wait(PATIENCE)
    assert tracked(session) == [1, 2, 3, 4]
