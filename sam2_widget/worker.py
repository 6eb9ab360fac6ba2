"""The one thread that owns the engine: what users do goes first, tracking in between."""

from __future__ import annotations

import heapq
import itertools
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from sam2_widget.errors import ClosedError

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


class Worker:
    """Runs tasks one at a time, users' actions before steps of tracking.

    Parameters
    ----------
    name : str
        Name of the thread.
    before_urgent : callable, optional
        Called before each task that is urgent; it raises nothing.
    """

    def __init__(self, name: str, before_urgent: Callable[[], None] | None = None) -> None:
        self._before_urgent = before_urgent
        self._tasks: list[tuple[int, int, Callable[[], Any], Future[Any]]] = []
        self._count = itertools.count()
        self._wake = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)
        self._thread.start()

    def submit(self, task: Callable[[], _T], *, urgent: bool = True) -> Future[_T]:
        """Queue a task; urgent ones go before all that are not.

        Raises
        ------
        ClosedError
            If the worker was closed.
        """
        future: Future[_T] = Future()
        with self._wake:
            if self._closing:
                raise ClosedError("The session is closed; open the video again.")
            heapq.heappush(self._tasks, (0 if urgent else 1, next(self._count), task, future))
            self._wake.notify()
        return future

    def run(self, task: Callable[[], _T]) -> _T:
        """Run a task on the worker and return its result; from the worker itself, at once."""
        if threading.current_thread() is self._thread:
            return task()
        return self.submit(task).result()

    def close(self) -> None:
        """End after the task at hand; what is queued fails with `ClosedError`."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _loop(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._tasks or self._closing)
                if self._closing:
                    break
                order, _, task, future = heapq.heappop(self._tasks)
            if future.set_running_or_notify_cancel():
                if order == 0 and self._before_urgent is not None:
                    self._before_urgent()
                _run(task, future)
            # Nothing of the last task may live until the next one comes.
            del task, future
        for _, _, _, future in self._tasks:
            if future.set_running_or_notify_cancel():
                future.set_exception(ClosedError("The session was closed; open the video again."))
        self._tasks.clear()


def _run(task: Callable[[], Any], future: Future[Any]) -> None:
    try:
        result = task()
    except BaseException as error:  # whatever it is, it belongs to who waits
        future.set_exception(error)
    else:
        future.set_result(result)
