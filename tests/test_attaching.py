"""Several sessions on one project: in one process they share it, between processes one writes."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sam2_widget.engines.fake import FakeEngine
from sam2_widget.errors import ClosedError, ProjectError
from sam2_widget.session import Session
from tests import killed
from tests.clips import numbered_frames
from tests.projects import (
    PATIENCE,
    GatedEngine,
    calls,
    files,
    interrupt_soon,
    open_project,
    own_threads,
    settle,
)
from tests.test_kill import processes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection
    from pathlib import Path


def test_a_second_session_shares_prompts_masks_and_undo(tmp_path: Path) -> None:
    with open_project(tmp_path) as first, open_project(tmp_path) as second:
        mask = first.add_point(0, 20, 20)
        assert np.array_equal(second.masks[1, "overall"][0], mask)
        assert second.points[1, "overall"].keys() == {0}
        assert second.undo() == "positive point"
        assert first.scopes == []


def test_a_second_session_needs_no_second_engine_video_or_thread(tmp_path: Path) -> None:
    engine = FakeEngine()
    with open_project(tmp_path, engine=engine) as first:
        threads = sorted(own_threads())
        with open_project(tmp_path, engine=engine) as second:
            assert sorted(own_threads()) == threads
            assert second.video is first.video
            assert second.live is first.live
        with Session(numbered_frames(10), name="clip", output_dir=tmp_path) as third:
            settle(third)
            assert third.live.engine is engine  # model="auto" takes what is there


def test_a_second_session_sees_the_running_track(tmp_path: Path) -> None:
    engine = GatedEngine()
    with open_project(tmp_path, engine=engine) as first:
        first.add_point(0, 20, 20)
        job = first.track()
        second = Session(numbered_frames(10), name="clip", output_dir=tmp_path, model=engine)
        assert second.job is job
        first.close()
        engine.open_gate()
        assert job.wait(PATIENCE)
        assert second.masks[1, "overall"].frames.tolist() == list(range(10))
        second.close()


def test_the_project_closes_with_its_last_session(tmp_path: Path) -> None:
    first, second = open_project(tmp_path), open_project(tmp_path)
    first.close()
    first.close()
    with pytest.raises(ClosedError):
        first.add_point(0, 20, 20)
    assert second.add_point(0, 20, 20).any()
    assert own_threads() != []
    second.close()
    assert own_threads() == []
    with open_project(tmp_path) as again:
        assert not again.read_only
        assert again.points[1, "overall"].keys() == {0}


def test_interrupting_the_close_ends_the_wait_and_not_the_closing(tmp_path: Path) -> None:
    engine = GatedEngine()
    session = open_project(tmp_path, engine=engine)
    session.add_point(0, 20, 20)
    session.track()
    assert engine.arrived()
    interrupt_soon()
    with pytest.raises(KeyboardInterrupt):
        session.close()
    threading.Timer(0.1, engine.open_gate).start()
    with open_project(tmp_path) as again:
        assert not again.read_only
        assert again.masks[1, "overall"].frames.tolist() == [0, 1]


def test_a_closed_project_leaves_no_thread_model_or_array_behind(tmp_path: Path) -> None:
    engine = FakeEngine()
    with open_project(tmp_path, engine=engine) as session:
        session.add_point(0, 20, 20)
        session.track().wait()
        live = weakref.ref(session.live)
        remove = session.on_change(lambda change: None)
    del session, remove, engine
    gc.collect()
    assert own_threads() == []
    assert live() is None


def test_an_engine_of_the_users_own_is_not_closed_with_the_session(tmp_path: Path) -> None:
    engine = FakeEngine()
    open_project(tmp_path, engine=engine).close()
    assert calls(engine, "close") == []


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"frame_step": 2}, "frame_step"),
        ({"max_side": 48}, "max_side"),
        ({"device": "cpu"}, "device"),
        ({"regions": ["overall", "nose"]}, "regions"),
    ],
)
def test_other_arguments_are_refused_while_the_project_is_open(
    tmp_path: Path, arguments: dict[str, Any], named: str
) -> None:
    with open_project(tmp_path) as session:
        before = files(tmp_path)
        with pytest.raises(ProjectError, match=rf"other arguments \({named}\); close it first"):
            open_project(tmp_path, **arguments)
        assert files(tmp_path) == before
        session.add_point(0, 20, 20)
    assert own_threads() == []


def test_the_same_arguments_attach_again_also_where_the_project_has_more_regions(
    tmp_path: Path,
) -> None:
    open_project(tmp_path, regions=["a", "b"]).close()
    with open_project(tmp_path, regions=["b"]) as first, open_project(tmp_path, regions=["b"]):
        assert first.regions == ("a", "b")


def test_another_model_is_switched_to(tmp_path: Path) -> None:
    old, new = FakeEngine(), FakeEngine(radius=5)
    new.name = "new"
    with open_project(tmp_path, engine=old) as first:
        large = first.add_point(0, 40, 30)
        with open_project(tmp_path, engine=new) as second:
            assert first.live.engine is new
            assert np.array_equal(second.masks[1, "overall"][0], large)
            small = first.add_point(1, 40, 30)
            assert 0 < small.sum() < large.sum()
            assert second.to_dataframe()["model"].tolist() == ["fake", "new"]
        assert first.live.status.name == "new"


def test_many_threads_attach_and_let_go_at_once(tmp_path: Path) -> None:
    engine = FakeEngine()
    open_project(tmp_path, engine=engine).close()
    errors: list[BaseException] = []
    together = threading.Barrier(4)

    def work(instance: int) -> None:
        try:
            for frame in range(5):
                together.wait(PATIENCE)
                with Session(
                    numbered_frames(10), name="clip", output_dir=tmp_path, model=engine
                ) as session:
                    session.add_point(frame, 20, 20, instance=instance)
        except BaseException as error:
            errors.append(error)
            together.abort()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert own_threads() == []
    with open_project(tmp_path, engine=engine) as session:
        assert [scope.instance for scope in session.scopes] == [1, 2, 3, 4]
        assert all(list(session.points[scope]) == list(range(5)) for scope in session.scopes)


# -- two processes ----------------------------------------------------------------------------


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[Connection]:
    """Have another process open the project and keep it."""
    ours, theirs = processes.Pipe()
    process = processes.Process(target=killed.hold, args=(tmp_path, theirs))
    process.start()
    assert ours.poll(60)
    assert ours.recv() == "open"
    yield ours
    if process.is_alive():
        process.kill()
    process.join(PATIENCE)


def test_a_project_that_is_open_in_another_process_is_read_only(
    tmp_path: Path, holder: Connection
) -> None:
    before = files(tmp_path)
    with open_project(tmp_path, killed.FRAMES) as session:
        assert session.read_only
        assert session.masks[1, "overall"][0].any()
        assert session.points[1, "overall"][0].tolist() == [[20, 20, 1]]
        assert session.video[3].shape == (64, 96, 3)
        assert "open in another process" in session.live.notices[-1].text
        for act in (
            lambda: session.add_point(0, 30, 20), session.undo, session.redo, session.track,
            lambda: session.clear_frame(0), lambda: session.set_box(0, (1, 1, 5, 5)),
        ):  # fmt: skip
            with pytest.raises(ProjectError, match="open in another process; close it there"):
                act()
        session.ui = {"frame_index": 1, "instance": 1, "region": "overall"}
    assert files(tmp_path) == before
    assert not (tmp_path / "clip" / "ui.json").exists()


def test_the_project_is_writable_again_when_the_other_process_lets_go(
    tmp_path: Path, holder: Connection
) -> None:
    with open_project(tmp_path, killed.FRAMES) as session:
        assert session.read_only
    holder.send("close")
    assert holder.poll(PATIENCE)
    assert holder.recv() == "closed"
    with open_project(tmp_path, killed.FRAMES) as session:
        assert not session.read_only
        assert session.add_point(1, 20, 20).any()


def test_a_session_that_is_open_keeps_other_processes_from_writing(tmp_path: Path) -> None:
    with open_project(tmp_path, killed.FRAMES):
        ours, theirs = processes.Pipe()
        process = processes.Process(target=killed.hold, args=(tmp_path, theirs))
        process.start()
        theirs.close()
        with pytest.raises(EOFError):
            # It could not click, so that it ended with the error and said nothing.
            ours.recv()
        process.join(PATIENCE)
        assert process.exitcode == 1
    assert not (tmp_path / "clip" / "instance1").exists()
