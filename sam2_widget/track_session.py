"""The part of a session that is about tracking: runs begun, cancelled, and how far they are."""

from __future__ import annotations

import operator
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

from sam2_widget.errors import FrameIndexError, PromptError
from sam2_widget.session_base import SessionBase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sam2_widget.events import Change
    from sam2_widget.planning import Direction
    from sam2_widget.tracking import TrackJob


class TrackSession(SessionBase):
    """Tracks scopes through the video in the background; `Session` is one."""

    @property
    def job(self) -> TrackJob | None:
        """The tracking run at work, or None."""
        return self._live.queue.job

    def track(
        self,
        scopes: Iterable[tuple[int, str]] | None = None,
        start: int | None = None,
        stop: int | None = None,
        direction: Direction = "both",
        force: bool = False,
    ) -> TrackJob:
        """Track scopes through the video in the background.

        Each scope is tracked from its own earliest prompted frame: forward to the end and backward
        to frame 0. Masks that are fresh are skipped, so that calling it again after a cancel goes
        on where it stopped.

        Parameters
        ----------
        scopes : iterable of (int, str), optional
            Which scopes; by default every scope with prompts.
        start, stop : int, optional
            Frames to track, `stop` exclusive. Prompts outside the range still count.
        direction : {"both", "forward", "backward"}
            Which way from the earliest prompted frame.
        force : bool
            Whether to track fresh frames anew.

        Returns
        -------
        TrackJob
            Iterate over it, ``wait()`` for it or ``cancel()`` it.

        Raises
        ------
        PromptError
            If a scope has no prompts.
        FrameIndexError
            If the range is outside the video.
        """
        chosen = None if scopes is None else [self._scope(*scope) for scope in scopes]
        length = len(self._open.video)
        frames = _frame_range(start, stop, length)
        if direction not in ("both", "forward", "backward"):
            raise PromptError(f"direction is 'both', 'forward' or 'backward', not {direction!r}.")
        return self._do(lambda: self._editor.start_track(chosen, frames, length, direction, force))

    def track_soon(
        self,
        scopes: Sequence[tuple[int, str]] | None,
        start: int | None,
        stop: int | None,
        direction: Direction,
        force: bool,
    ) -> Future[TrackJob]:
        """Start tracking without waiting for the worker or for the video's length; see `track`."""

        def act() -> TrackJob:
            return self.track(scopes, start, stop, direction, force)

        if self._open.video.length_is_known:
            return self._submit(act)
        future: Future[TrackJob] = Future()

        def wait() -> None:
            try:
                future.set_result(act())
            except BaseException as error:  # it is told to who has the future
                future.set_exception(error)

        # Not on the worker: clicks are answered meanwhile.
        threading.Thread(target=wait, name="sam2-widget track", daemon=True).start()
        return future

    def cancel(self) -> None:
        """Cancel all tracking; what is done stays."""
        self._open.queue.cancel()

    def on_progress(self, listener: Callable[[TrackJob], None]) -> Callable[[], None]:
        """Have a function called with the job as a track moves on and ends; see `on_change`."""
        queue = self._open.queue
        told = queue.ended

        def hear(change: Change) -> None:
            nonlocal told
            if change.kind != "job":
                return
            if queue.ended is not None and queue.ended is not told:
                told = queue.ended
                listener(told)
            if (job := queue.job) is not None:
                listener(job)

        return self._open.dispatcher.listen(hear)


def _frame_range(start: int | None, stop: int | None, length: int) -> range:
    first = 0 if start is None else operator.index(start)
    end = length if stop is None else operator.index(stop)
    if not 0 <= first < length or not first < end <= length:
        raise FrameIndexError(
            f"The frames {first} to {end} are no range of this video; give "
            f"0 <= start < stop <= {length}."
        )
    return range(first, end)
