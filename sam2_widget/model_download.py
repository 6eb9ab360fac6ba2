"""Downloads a model while the user goes on annotating, and has it used once it is whole."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sam2_widget import models
from sam2_widget.errors import ModelError, Sam2WidgetError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PAUSE = 0.3
"""Seconds between two times that the progress is told: each costs all views a little."""
_PATIENCE = 5.0
"""Seconds that closing waits for the thread."""


class Fetch(Protocol):
    """What downloads a model: `models.download`, or another for tests."""

    def __call__(
        self, name: str, *, progress: Callable[[int, int], None], cancel: threading.Event
    ) -> Path:
        """Return where the model lies, once it does."""


@dataclass(frozen=True, slots=True)
class Downloading:
    """A model that is being downloaded: bytes there and in all, which is 0 until it is known."""

    name: str
    done: int = 0
    total: int = 0


class ModelDownload:
    """Downloads one model at a time, on a thread of its own.

    Parameters
    ----------
    moved : callable
        Called as it begins, moves on and ends, a few times a second at most.
    notify : callable
        Called with a level and a line for the user.
    fetch : callable, optional
        What downloads.
    """

    def __init__(
        self,
        moved: Callable[[], object],
        notify: Callable[[str, str], None],
        fetch: Fetch = models.download,
    ) -> None:
        self._moved = moved
        self._notify = notify
        self._fetch = fetch
        self._lock = threading.Lock()
        self._now: Downloading | None = None
        self._cancel = threading.Event()
        self._thread: threading.Thread | None = None
        self._closing = False
        self._later: threading.Timer | None = None

    @property
    def now(self) -> Downloading | None:
        """What is being downloaded, or waits to be used."""
        with self._lock:
            return self._now

    def start(self, name: str, use: Callable[[threading.Event], str]) -> None:
        """Begin to download a model; a second time the same, it goes on as it does.

        Parameters
        ----------
        name : str
            A name of the catalogue.
        use : callable
            Called once it is whole, with what tells that it is not wanted any more; returns what to
            tell the user.

        Raises
        ------
        ModelError
            If another one is being downloaded.
        """
        with self._lock:
            if self._closing or (self._now is not None and self._now.name == name):
                return
            if self._now is not None:
                raise ModelError(
                    f"{self._now.name} is being downloaded; cancel that, or wait for its end."
                )
            self._now = Downloading(name)
            self._cancel = cancel = threading.Event()
            self._thread = threading.Thread(
                target=self._run, args=(name, use, cancel), name="sam2-widget-model", daemon=True
            )
            self._thread.start()
        self._moved()

    def cancel(self) -> None:
        """End the download; what came is kept for the next time."""
        with self._lock:
            self._cancel.set()

    def give_up(self) -> None:
        """End the download and begin no other; nobody is told."""
        with self._lock:
            self._closing = True
            self._cancel.set()

    def close(self) -> None:
        """Give up, and return once the download has ended; a server that is silent keeps nobody."""
        self.give_up()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_PATIENCE)

    def _run(
        self, name: str, use: Callable[[threading.Event], str], cancel: threading.Event
    ) -> None:
        level, text = "info", ""
        try:
            self._fetch(name, progress=self._progress, cancel=cancel)
            text = use(cancel)
        except Sam2WidgetError as error:
            level, text = "info" if cancel.is_set() else "error", str(error)
        except Exception as error:  # nobody else would hear of it
            level, text = "error", f"{name} was not downloaded ({error!r}); try again."
        with self._lock:
            self._now = None
            closing = self._closing
            if self._later is not None:
                self._later.cancel()
                self._later = None
        if not closing:
            self._notify(level, text)
            self._moved()

    def _progress(self, done: int, total: int) -> None:
        with self._lock:
            if self._now is not None:
                self._now = Downloading(self._now.name, done, total)
            if self._later is not None:
                return
            # What comes meanwhile is told with it, also where nothing comes any more.
            self._later = threading.Timer(PAUSE, self._tell)
            self._later.daemon = True
            self._later.start()

    def _tell(self) -> None:
        with self._lock:
            self._later = None
            if self._now is None or self._closing:
                return
        self._moved()


def wait_unless(cancel: threading.Event, wait: Callable[[float], object]) -> None:
    """Wait for what tells whether it has ended, and whatever became of it, unless cancelled."""
    with contextlib.suppress(Exception):
        while not cancel.is_set() and not wait(PAUSE):
            pass
