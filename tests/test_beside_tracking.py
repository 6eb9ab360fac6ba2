"""Beside a tracking run: clicks and changes, other runs, and frames that are still to come."""

from __future__ import annotations

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import pytest

from sam2_widget.engines.fake import FakeEngine
from sam2_widget.errors import ClosedError, ModelError, PromptError, SaveError, VideoError
from sam2_widget.session import Session
from sam2_widget.sources import Source, open_source
from tests.clips import gated, numbered_frames, write_clip, write_images
from tests.projects import (
    PATIENCE,
    GatedEngine,
    full_disk,
    open_project,
    settle,
    truncated_clip,
    until,
)
from tests.tracks import OVERALL, SHAFT, stepped, tracked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SlowFrames: TypeAlias = "Callable[..., tuple[Session, threading.Semaphore]]"
_T = TypeVar("_T")


@pytest.fixture
def slow_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowFrames]:
    """Return a function that opens a source whose frames come when the gate is released."""
    opened: list[tuple[Session, threading.Semaphore]] = []

    def start(inner: Source, **changes: Any) -> tuple[Session, threading.Semaphore]:
        source = gated(inner, **changes)
        monkeypatch.setattr("sam2_widget.session.open_source", lambda _video: source)
        session = Session("slow", name="slow", output_dir=tmp_path, model=FakeEngine())
        opened.append((session, source.gate))
        return opened[-1]

    yield start
    for session, opening in opened:
        opening.release(100)
        session.close()


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


def test_a_track_that_waits_for_the_video_s_length_holds_up_no_click(
    slow_frames: SlowFrames,
) -> None:
    session, gate = slow_frames(open_source(numbered_frames(10)), count=None)
    gate.release(3)
    session.add_point(0, 20, 20)
    job = session.track_soon(None, None, None, "both", False)
    assert session.add_point(2, 30, 20).any()
    assert not job.done()
    gate.release(10)
    assert job.result(PATIENCE).wait(PATIENCE)
    assert len(session.masks[OVERALL].frames) == 10
    refused = session.track_soon([(2, "shaft")], None, None, "both", False)
    assert isinstance(refused.exception(PATIENCE), PromptError)


def test_a_track_goes_on_once_there_is_room_for_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, full_disk(patch, "00004-*"):
        session = Session(numbered_frames(10), name="clip", output_dir=tmp_path, model=FakeEngine())
        settle(session)
        session.add_point(0, 20, 20)
        assert session.video.ready == 4
        with pytest.raises(SaveError, match="full"):
            session.track().wait(PATIENCE)
        settle(session)
    with session:
        assert session.track().wait(PATIENCE)
        assert tracked(session) == list(range(1, 10))


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
    # And the first goes on with the memory it has.
    gate.open_gate()
    assert first.wait(PATIENCE)
    assert list(first) == [1, 2, 3, 4, 5]
    assert [call[0] for call in gate.calls].count("begin") == 1


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
