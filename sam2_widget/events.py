"""Tells listeners what changed, on a thread of its own, and remembers what changed since when."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from sam2_widget.framerows import FrameRows

if TYPE_CHECKING:
    from sam2_widget.annotations import Scope

_MARK = np.dtype([("at", "<i8")])
_log = logging.getLogger("sam2_widget")


@dataclass(frozen=True, slots=True)
class Change:
    """Something that listeners may want to know.

    Attributes
    ----------
    kind : str
        prompts, keypoints, labels, masks, saved, video, model, job or notice.
    scope : Scope or None
        The scope concerned, if it is one.
    frames : tuple of int
        The frames concerned, empty where it is none or any.
    """

    kind: Literal[
        "prompts", "keypoints", "labels", "masks", "saved", "video", "model", "job", "notice"
    ]
    scope: Scope | None = None
    frames: tuple[int, ...] = ()


Listener = Callable[[Change], None]


class Dispatcher:
    """Calls listeners in order, never on the engine's thread and never under a lock."""

    def __init__(self) -> None:
        self._listeners: dict[object, Listener] = {}
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[Change | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._loop, name="sam2-widget-events", daemon=True)
        self._thread.start()

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Add a listener; call what is returned to remove it."""
        key = object()
        with self._lock:
            self._listeners[key] = listener

        def remove() -> None:
            with self._lock:
                self._listeners.pop(key, None)

        return remove

    def tell(self, change: Change) -> None:
        """Have listeners called soon."""
        self._queue.put(change)

    @property
    def listeners(self) -> int:
        """How many listen."""
        with self._lock:
            return len(self._listeners)

    def close(self) -> None:
        """End after what was told so far."""
        self._queue.put(None)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _loop(self) -> None:
        while (change := self._queue.get()) is not None:
            with self._lock:
                listeners = list(self._listeners.values())
            for listener in listeners:
                try:
                    listener(change)
                except Exception:  # a listener's fault is not the session's
                    _log.exception("A listener of a session failed.")


class ChangeLog:
    """The revision of what is shown, and the frames that changed since an earlier one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._revision = 1
        self._frames = FrameRows("<q")
        self._all = 1

    @property
    def revision(self) -> int:
        """Grows with every change."""
        with self._lock:
            return self._revision

    def mark(self, frames: Iterable[int] | None = ()) -> int:
        """Note a change of these frames, None for all, and return the new revision."""
        with self._lock:
            self._revision += 1
            if frames is None:
                self._all = self._revision
                self._frames = FrameRows("<q")
            else:
                for frame in frames:
                    self._frames.put(frame, self._revision)
            return self._revision

    def since(self, revision: int) -> list[tuple[int, int]] | None:
        """Return the frame ranges [start, stop) changed after a revision; None: any may be."""
        with self._lock:
            # One that was never given comes from an earlier kernel.
            if not self._all <= revision <= self._revision:
                return None
            changed = self._frames.frames[self._frames.column(_MARK, "at") > revision]
        if not len(changed):
            return []
        runs = np.split(changed, np.flatnonzero(np.diff(changed) > 1) + 1)
        return [(int(run[0]), int(run[-1]) + 1) for run in runs]
