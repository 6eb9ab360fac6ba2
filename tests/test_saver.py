"""Saving behind a tracking run: in order, bounded, and nothing lost or passed over."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from sam2_widget.errors import SaveError
from sam2_widget.saver import Saver
from tests.projects import PATIENCE, GatedEngine, full_disk, open_project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sam2_widget.masks import MaskStore
    from sam2_widget.session import Session


@pytest.fixture
def saver() -> Iterator[Saver]:
    saver = Saver(most=3)
    yield saver
    saver.close()


def test_tasks_are_done_in_order_though_their_preparations_end_in_another(saver: Saver) -> None:
    slow, done = threading.Event(), list[int]()

    def prepare() -> int:
        assert slow.wait(PATIENCE)
        return 0

    def second() -> int:
        slow.set()
        return 1

    saver.put(prepare, done.append)
    saver.put(second, done.append)
    saver.then(lambda: done.append(2))
    saver.flush()
    assert done == [0, 1, 2]


def test_who_gives_more_than_may_wait_is_held_back(saver: Saver) -> None:
    gate, done = threading.Semaphore(0), list[int]()

    def give() -> None:
        for number in range(5):
            saver.put(
                lambda n=number: n, lambda n: gate.acquire(timeout=PATIENCE) and done.append(n)
            )  # type: ignore[misc]

    giver = threading.Thread(target=give)
    giver.start()
    giver.join(0.05)
    assert giver.is_alive()
    gate.release(5)
    giver.join(PATIENCE)
    saver.flush()
    assert done == [0, 1, 2, 3, 4]


def test_after_an_error_nothing_is_done_until_it_was_told(saver: Saver) -> None:
    done: list[int] = []

    def fail(_: int) -> None:
        raise SaveError("The disk is full.")

    saver.put(lambda: 0, fail)
    saver.put(lambda: 1, done.append)
    saver.flush()
    assert done == []
    with pytest.raises(SaveError, match="The disk is full"):
        saver.check()
    saver.check()
    saver.put(lambda: 2, done.append)
    saver.flush()
    assert done == [2]


def test_an_error_in_a_preparation_counts_too(saver: Saver) -> None:
    saver.put(lambda: 1 // 0, lambda _: None)
    assert isinstance(saver.take_error(), ZeroDivisionError)
    assert saver.take_error() is None


# -- in a session -----------------------------------------------------------------------------


@pytest.fixture
def session(tmp_path: Path, gate: GatedEngine) -> Iterator[Session]:
    with open_project(tmp_path, engine=gate) as session:
        session.add_point(0, 20, 20)
        yield session
        gate.gate.release(1000)


def hold_writing(session: Session, monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """Let masks of tracks be written one at a time, when the semaphore says so."""
    store: MaskStore = session.live.masks
    write, allowed = store.write, threading.Semaphore(0)

    def held(*given: object) -> None:
        assert allowed.acquire(timeout=PATIENCE)
        write(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "write", held)
    return allowed


def test_the_next_frame_is_tracked_while_a_mask_is_saved(
    session: Session, gate: GatedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = hold_writing(session, monkeypatch)
    job = session.track()
    gate.gate.release(3)
    for _ in range(4):
        assert gate.waiting.acquire(timeout=PATIENCE)
    # Three frames are tracked, the fourth is asked for, and none is saved, so none is told of.
    assert job.progress[0] == 0
    assert session.masks[1, "overall"].frames.tolist() == [0]
    allowed.release(100)
    gate.gate.release(100)
    assert list(job) == list(range(1, 10))


def test_a_click_finds_all_that_was_tracked_before_saved(
    session: Session, gate: GatedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = hold_writing(session, monkeypatch)
    session.track()
    gate.gate.release(2)
    for _ in range(3):
        assert gate.waiting.acquire(timeout=PATIENCE)
    clicked = session.add_point_soon(5, 60, 30, 1, session.scopes[0], lambda: None)
    gate.gate.release(1)
    allowed.release(100)
    clicked.result(PATIENCE)
    # The click took the scope out of the run; what was tracked before it stays.
    assert session.masks[1, "overall"].frames.tolist() == [0, 1, 2, 3, 5]
    session.undo()
    assert session.masks[1, "overall"].frames.tolist() == [0, 1, 2, 3]
    session.undo()
    assert session.masks[1, "overall"].frames.tolist() == [0]


def test_a_full_disk_ends_the_run_with_what_was_saved(
    session: Session, gate: GatedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate.gate.release(100)
    with full_disk(monkeypatch, "00005*"):
        job = session.track()
        with pytest.raises(SaveError, match="The disk is full"):
            job.wait(PATIENCE)
    frames = iter(job)
    assert [next(frames) for _ in range(4)] == [1, 2, 3, 4]
    assert session.masks[1, "overall"].frames.tolist() == [0, 1, 2, 3, 4]
    assert list(session.track()) == [5, 6, 7, 8, 9]


def test_closing_saves_what_was_tracked(
    tmp_path: Path, gate: GatedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_project(tmp_path, engine=gate) as session:
        session.add_point(0, 20, 20)
        allowed = hold_writing(session, monkeypatch)
        session.track()
        gate.gate.release(2)
        for _ in range(3):
            assert gate.waiting.acquire(timeout=PATIENCE)
        gate.gate.release(1)
        threading.Timer(0.05, allowed.release, [100]).start()
    with open_project(tmp_path) as again:
        assert again.masks[1, "overall"].frames.tolist() == [0, 1, 2, 3]
