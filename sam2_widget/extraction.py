"""Decodes the frames of a source in a background thread, stores them and tells who waits."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING

from sam2_widget.errors import ClosedError, Sam2WidgetError, SaveError, VideoError
from sam2_widget.images import read_rgb
from sam2_widget.jpeg import stored_jpeg

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sam2_widget.frame_files import FrameFiles
    from sam2_widget.sources import Decoded, Source

_PROGRESS_SECONDS = 0.1
_NICENESS = 5
_MOST_OF_THEM = 0.99
"""Of the announced frames: a video with fewer is read once more before that is its length."""


class Extraction:
    """The run that brings the frames of a source to disk, from the first missing one on.

    Parameters
    ----------
    source
        Where the frames come from.
    files
        Where they go; whole frames from 0 to the first gap are kept.
    step
        Store every ``step``-th frame.
    size
        Width and height of a stored frame in pixels.
    times
        Seconds of every frame, as an earlier, finished run left them; None if there was none.
    read_only
        Write nothing, but see what another process stores.
    on_progress
        Called from the background thread at most ten times a second, and once at the end.
    """

    def __init__(
        self,
        source: Source,
        files: FrameFiles,
        *,
        step: int,
        size: tuple[int, int],
        times: Sequence[float] | None,
        read_only: bool,
        on_progress: Callable[[], None] | None,
    ) -> None:
        self._source, self._files = source, files
        self._step, self._size = step, size
        self._read_only = read_only
        self._on_progress = on_progress
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._times: list[float] = []
        self._ready = files.count_whole()
        self._complete = self._closed = False
        self._error: Sam2WidgetError | None = None
        self._warnings: list[str] = []
        if times is not None and self._ready >= len(times):
            self._times, self._ready, self._complete = list(times), len(times), True

    @property
    def announced(self) -> int | None:
        """Number of stored frames that the source lets expect; None if it does not tell."""
        return None if self._source.count is None else -(-self._source.count // self._step)

    @property
    def ready(self) -> int:
        """Number of frames that are stored, counted from frame 0."""
        with self._changed:
            if self._read_only and not self._complete:
                self._ready = self._files.count_whole(self._ready)
            return self._ready

    @property
    def complete(self) -> bool:
        """Whether every frame is stored and their number is final."""
        with self._changed:
            return self._complete

    @property
    def times(self) -> list[float]:
        """Seconds of the frames decoded so far, which may be fewer than are stored."""
        with self._changed:
            return list(self._times)

    @property
    def failure(self) -> Sam2WidgetError | None:
        """What ended the run before its time, if anything did."""
        with self._changed:
            return self._error

    @property
    def warnings(self) -> list[str]:
        """What the user should know, one sentence each."""
        with self._changed:
            return list(self._warnings)

    def start(self) -> None:
        """Start the background thread unless it runs or is not needed; again after a failure.

        Raises
        ------
        SaveError
            If the folder cannot be created or written to.
        """
        with self._changed:
            if self._complete or self._closed or self._read_only:
                return
            failed = self._error is not None
            if self._thread is not None and (self._thread.is_alive() or not failed):
                return
            self._files.prepare()
            if failed:
                # Before anything is decoded again.
                self._files.check_room()
                self._error = None
                self._times, self._ready = [], self._files.count_whole(self._ready)
            name = f"sam2-widget frames of {self._source.stem}"
            self._thread = threading.Thread(target=self._run, name=name, daemon=True)
            self._thread.start()

    def take_over(self, times: Sequence[float] | None) -> None:
        """Store frames from now on, after another process did; `times` as for a new run."""
        with self._changed:
            self._read_only = False
            self._ready = self._files.count_whole(self._ready)
            if times is not None and self._ready >= len(times):
                self._times, self._ready, self._complete = list(times), len(times), True

    def close(self) -> None:
        """Stop between two frames; another run continues there."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def wait(self, frames: int | None = None, timeout: float | None = None) -> bool:
        """Wait until this many frames are stored or the run is complete.

        Parameters
        ----------
        frames
            Number of frames from frame 0 on; None waits for all.
        timeout
            Seconds to wait at most; None waits without limit.

        Returns
        -------
        bool
            False if the time ran out.

        Raises
        ------
        VideoError, SaveError
            If the frames could not be decoded or stored.
        ClosedError
            If the run is closed before.
        """

        def arrived() -> bool:
            return self._complete or (frames is not None and self.ready >= frames)

        with self._changed:
            # Who asks again may have made room on the disk.
            if not arrived() and (self._error is None or isinstance(self._error, SaveError)):
                self.start()
            self._changed.wait_for(lambda: arrived() or self._obstacle() is not None, timeout)
            if not arrived() and (obstacle := self._obstacle()) is not None:
                raise obstacle
            return arrived()

    def _obstacle(self) -> Sam2WidgetError | None:
        """Return an error, a fresh one for every waiter, when nothing will arrive any more."""
        if self._error is not None:
            return type(self._error)(*self._error.args)
        if self._closed:
            return ClosedError(f"{self._source.title} was closed; open it again to see more of it.")
        if self._read_only:
            return VideoError(
                f"{self._source.title} is still being read by the process that has its project "
                "open; try again in a moment."
            )
        return None

    # The background thread

    def _run(self) -> None:
        _step_back()
        try:
            self._store_all()
        except Exception as error:  # Whoever waits must hear of it, whatever it is.
            self._fail(error)
        self._report()

    def _store_all(self) -> None:
        ended = -1
        # A disk that was away for a moment looks like the end of the video: once more from there.
        while not self._closed and self._store_rest() and self._is_short() and self._count > ended:
            ended = self._count
        if not self._closed:
            self._finish()

    @property
    def _count(self) -> int:
        return len(self._times)

    def _store_rest(self) -> bool:
        """Store frames until there are no more; False if the run was closed before."""
        reported = time.monotonic()
        for index, frame in enumerate(self._source.frames(self._ready * self._step, self._step)):
            if self._closed:
                return False
            self._store(index, frame)
            if time.monotonic() - reported >= _PROGRESS_SECONDS:
                self._report()
                reported = time.monotonic()
        return True

    def _is_short(self) -> bool:
        """Tell whether far fewer frames came than announced.

        Raises
        ------
        VideoError
            If any are missing because the file changed or is gone.
        """
        announced = self.announced
        if announced is None or self._count >= announced:
            return False
        if not self._source.is_unchanged():
            raise VideoError(
                f"{self._source.title} changed, or could not be read, while its frames were "
                "stored; open it again to continue."
            )
        # Headers are often off by a few frames.
        return self._count < _MOST_OF_THEM * announced

    def _store(self, index: int, frame: Decoded) -> None:
        if (jpeg := self._jpeg(frame)) is not None:
            self._files.write(index, jpeg)
        with self._changed:
            if index == len(self._times):
                self._times.append(frame.time)
            self._ready = max(self._ready, index + 1)
            self._changed.notify_all()

    def _jpeg(self, frame: Decoded) -> bytes | None:
        if frame.jpeg is None:
            return None if frame.bgr is None else stored_jpeg(frame.bgr, *self._size)
        # A copy, not a hard link, through which an edit of the original would reach the project.
        if self._size == (self._source.width, self._source.height):
            return frame.jpeg.read_bytes()
        return stored_jpeg(read_rgb(frame.jpeg)[..., ::-1], *self._size)

    def _finish(self) -> None:
        with self._changed:
            count = self._ready = len(self._times)
            self._complete = True
            if self.announced not in (None, count):
                self._warnings.append(
                    f"{self._source.title} announces {self.announced} frames, but {count} could "
                    f"be read; the video has these {count} frames."
                )
            self._changed.notify_all()

    def _fail(self, error: Exception) -> None:
        if not isinstance(error, Sam2WidgetError):
            error = VideoError(
                f"{self._source.title} could not be read to its end "
                f"({type(error).__name__}: {error}); open it again to continue."
            )
        with self._changed:
            self._error = error
            self._changed.notify_all()

    def _report(self) -> None:
        if self._on_progress is not None:
            self._on_progress()


def _step_back() -> None:
    """Let the model go ahead of this thread; only Linux can do that for one thread."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
