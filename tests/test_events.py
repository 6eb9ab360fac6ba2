"""Listeners hear of changes in order on a thread of their own; the log knows which frames."""

from __future__ import annotations

import itertools
import logging
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam2_widget.annotations import Scope
from sam2_widget.events import Change, ChangeLog, Dispatcher

if TYPE_CHECKING:
    from collections.abc import Iterator

CHANGES = [Change("masks", Scope(1, "shaft"), (frame,)) for frame in range(20)]


@pytest.fixture
def dispatcher() -> Iterator[Dispatcher]:
    dispatcher = Dispatcher()
    yield dispatcher
    dispatcher.close()


# Dispatcher


def test_listeners_hear_every_change_in_order(dispatcher: Dispatcher) -> None:
    heard: tuple[list[Change], list[Change]] = ([], [])
    for one in heard:
        dispatcher.listen(one.append)
    for change in CHANGES:
        dispatcher.tell(change)
    dispatcher.close()
    assert heard == (CHANGES, CHANGES)


def test_listeners_run_on_a_thread_that_is_not_the_teller_s(dispatcher: Dispatcher) -> None:
    threads: set[int] = set()
    dispatcher.listen(lambda _: threads.add(threading.get_ident()))
    for change in CHANGES:
        dispatcher.tell(change)
    dispatcher.close()
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_telling_does_not_wait_for_a_slow_listener(dispatcher: Dispatcher) -> None:
    told = threading.Event()
    dispatcher.listen(lambda _: told.wait(10))
    for change in CHANGES:
        dispatcher.tell(change)
    told.set()


def test_a_listener_that_fails_is_logged_and_harms_no_other(
    dispatcher: Dispatcher, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(change: Change) -> None:
        raise ValueError("my own fault")

    heard: list[Change] = []
    dispatcher.listen(fail)
    dispatcher.listen(heard.append)
    with caplog.at_level(logging.ERROR, "sam2_widget"):
        for change in CHANGES[:2]:
            dispatcher.tell(change)
        dispatcher.close()
    assert heard == CHANGES[:2]
    assert caplog.text.count("ValueError: my own fault") == 2


def test_a_listener_may_listen_remove_itself_and_tell(dispatcher: Dispatcher) -> None:
    heard: list[str] = []
    done = threading.Event()

    def first(change: Change) -> None:
        heard.append(change.kind)
        remove()
        dispatcher.listen(lambda later: (heard.append(f"second {later.kind}"), done.set()))
        dispatcher.tell(Change("saved"))

    remove = dispatcher.listen(first)
    dispatcher.tell(Change("prompts"))
    assert done.wait(10)
    assert heard == ["prompts", "second saved"]


def test_removing_twice_leaves_another_registration_of_the_same_function(
    dispatcher: Dispatcher,
) -> None:
    heard: list[Change] = []
    remove = dispatcher.listen(heard.append)
    dispatcher.listen(heard.append)
    assert dispatcher.listeners == 2
    remove()
    remove()
    assert dispatcher.listeners == 1
    dispatcher.tell(CHANGES[0])
    dispatcher.close()
    assert heard == CHANGES[:1]


def test_a_listener_may_close_the_dispatcher() -> None:
    dispatcher = Dispatcher()
    closed = threading.Event()
    dispatcher.listen(lambda _: (dispatcher.close(), closed.set()))
    dispatcher.tell(CHANGES[0])
    assert closed.wait(10)


# ChangeLog

frame_sets = st.lists(st.none() | st.sets(st.integers(0, 12), max_size=4), max_size=10)


@given(frame_sets, st.data())
def test_the_ranges_since_a_revision_hold_exactly_the_frames_marked_since(
    marks: list[set[int] | None], data: st.DataObject
) -> None:
    log = ChangeLog()
    revisions = [log.revision]
    for frames in marks:
        revisions.append(log.mark(frames))
        assert log.revision == revisions[-1] > revisions[-2]
    seen = data.draw(st.integers(0, len(marks)))
    since = marks[seen:]
    ranges = log.since(revisions[seen])
    if any(frames is None for frames in since):
        assert ranges is None
        return
    assert ranges is not None
    covered = [frame for start, stop in ranges for frame in range(start, stop)]
    assert covered == sorted(set().union(*(frames for frames in since if frames)))
    gaps = [later[0] - earlier[1] for earlier, later in itertools.pairwise(ranges)]
    assert all(gap > 0 for gap in gaps)


def test_nothing_changed_since_now() -> None:
    log = ChangeLog()
    assert log.since(log.mark([3])) == []


@pytest.mark.parametrize("revision", [0, -5, 500])
def test_any_frame_may_differ_from_a_revision_that_was_never_given(revision: int) -> None:
    log = ChangeLog()
    log.mark([3])
    assert log.since(revision) is None


def test_a_change_without_frames_is_a_revision_too() -> None:
    log = ChangeLog()
    before = log.revision
    assert log.mark() == before + 1
    assert log.since(before) == []
