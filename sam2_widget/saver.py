"""Saves what a tracking run made behind its back: encoded by a few threads, written in order."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


class Saver:
    """Runs tasks in the order they were given, each after its preparation, which runs beside.

    Who gives the tasks goes on at once and is held back only where too many wait. After an error
    nothing that follows is done until `check` or `take_error` told of it.

    Parameters
    ----------
    most : int
        How many tasks may wait, so that a slow disk fills no memory and holds up no click.
    """

    def __init__(self, most: int = 16) -> None:
        self._room = threading.BoundedSemaphore(most)
        self._preparing = ThreadPoolExecutor(2, "sam2-widget-encode")
        # One, so that two changes of the project never overlap.
        self._saving = ThreadPoolExecutor(1, "sam2-widget-save")
        self._last: Future[None] | None = None
        self._error: Exception | None = None

    def put(self, prepare: Callable[[], _T], save: Callable[[_T], object]) -> None:
        """Have something prepared, then saved; the two together are one task."""
        self._room.acquire()
        prepared = self._preparing.submit(prepare)
        self._last = self._saving.submit(self._save, prepared, save)

    def then(self, task: Callable[[], object]) -> None:
        """Have something done after all that was given so far."""
        self._room.acquire()
        done: Future[None] = Future()
        done.set_result(None)
        self._last = self._saving.submit(self._save, done, lambda _: task())

    def flush(self) -> None:
        """Return once all that was given is done, or left undone after an error."""
        last, self._last = self._last, None
        if last is not None:
            last.result()

    def check(self) -> None:
        """Raise what made a task fail, once.

        Raises
        ------
        Exception
            Whatever it was.
        """
        if self._error is not None and (error := self.take_error()) is not None:
            raise error

    def take_error(self) -> Exception | None:
        """Return what made a task fail, once, after all that was given is over."""
        self.flush()
        error, self._error = self._error, None
        return error

    def close(self) -> None:
        """Do what was given and end the threads."""
        self._preparing.shutdown()
        self._saving.shutdown()

    def _save(self, prepared: Future[_T], save: Callable[[_T], object]) -> None:
        try:
            if self._error is None:
                save(prepared.result())
        except Exception as error:  # whatever it is, it belongs to who gave the task
            self._error = error
        finally:
            self._room.release()
