"""The engine's thread: what users do goes first, and nobody waits in vain."""

from __future__ import annotations

import threading
import weakref
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING

import pytest

from sam2_widget.errors import ClosedError
from sam2_widget.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT = 10


class Gate:
    """A task that holds the worker until it is opened."""

    def __init__(self, worker: Worker) -> None:
        self.entered = threading.Event()
        self.opened = threading.Event()
        self.future = worker.submit(self._wait)
        assert self.entered.wait(TIMEOUT)

    def _wait(self) -> None:
        self.entered.set()
        assert self.opened.wait(TIMEOUT)


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker("test-worker")
    yield worker
    worker.close()


def test_tasks_run_one_after_another_on_one_thread(worker: Worker) -> None:
    futures = [worker.submit(threading.get_ident) for _ in range(5)]
    threads = {future.result(TIMEOUT) for future in futures}
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_urgent_tasks_go_first_and_each_kind_keeps_its_order(worker: Worker) -> None:
    gate = Gate(worker)
    ran: list[str] = []
    futures = [
        worker.submit(lambda name=name: ran.append(name), urgent=urgent)
        for name, urgent in [
            ("track 1", False),
            ("click 1", True),
            ("track 2", False),
            ("click 2", True),
        ]
    ]
    gate.opened.set()
    for future in futures:
        future.result(TIMEOUT)
    assert ran == ["click 1", "click 2", "track 1", "track 2"]


def test_an_error_reaches_who_waits_and_the_next_task_runs(worker: Worker) -> None:
    def fail() -> None:
        raise ValueError("no mask")

    with pytest.raises(ValueError, match="no mask"):
        worker.run(fail)
    assert worker.run(lambda: 42) == 42


def test_even_an_exit_in_a_task_does_not_end_the_worker(worker: Worker) -> None:
    def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        worker.run(leave)
    assert worker.run(lambda: 42) == 42


def test_a_task_may_run_another_at_once(worker: Worker) -> None:
    assert worker.submit(lambda: worker.run(lambda: 42)).result(TIMEOUT) == 42


def test_a_cancelled_task_does_not_run(worker: Worker) -> None:
    gate = Gate(worker)
    ran: list[int] = []
    cancelled = worker.submit(lambda: ran.append(1))
    assert cancelled.cancel()
    gate.opened.set()
    worker.submit(lambda: ran.append(2)).result(TIMEOUT)
    assert ran == [2]


def test_nothing_of_a_task_lives_on_while_the_worker_is_idle(worker: Worker) -> None:
    class Frame:
        """Stands for the pixels a task holds."""

    gone = threading.Event()
    frame = Frame()
    weakref.finalize(frame, gone.set)
    worker.submit(lambda held=frame: id(held)).result(TIMEOUT)
    del frame
    assert gone.wait(TIMEOUT)


def test_closing_ends_after_the_task_at_hand_and_fails_the_queued_ones() -> None:
    worker = Worker("test-worker")
    gate = Gate(worker)
    queued = worker.submit(lambda: 42)
    cancelled = worker.submit(lambda: 43)
    cancelled.cancel()
    closing = threading.Thread(target=worker.close)
    closing.start()
    assert not gate.future.done()
    gate.opened.set()
    closing.join(TIMEOUT)
    assert not closing.is_alive()
    assert gate.future.result(TIMEOUT) is None
    with pytest.raises(ClosedError, match="closed"):
        queued.result(TIMEOUT)
    with pytest.raises(CancelledError):
        cancelled.result(TIMEOUT)


def test_a_closed_worker_takes_no_task() -> None:
    worker = Worker("test-worker")
    worker.close()
    worker.close()
    with pytest.raises(ClosedError, match="open the video again"):
        worker.submit(lambda: 42)


def test_a_task_may_close_its_own_worker() -> None:
    worker = Worker("test-worker")
    worker.submit(worker.close).result(TIMEOUT)
    with pytest.raises(ClosedError):
        worker.submit(lambda: 42)
