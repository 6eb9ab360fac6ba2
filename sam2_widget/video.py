"""Serves the stored frames of a video, as arrays and as JPEG, while they are still coming."""

from __future__ import annotations

import itertools
import operator
import threading
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, SupportsIndex

import numpy as np
import numpy.typing as npt

from sam2_widget.errors import FrameIndexError, VideoError
from sam2_widget.extraction import Extraction
from sam2_widget.frame_files import FrameFiles
from sam2_widget.images import read_rgb
from sam2_widget.jpeg import preview_jpeg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sam2_widget.errors import Sam2WidgetError
    from sam2_widget.images import Pixels
    from sam2_widget.sources import Source


@dataclass(frozen=True, slots=True)
class StoredVideo:
    """What a project remembers of a finished extraction.

    Attributes
    ----------
    times
        Seconds of each stored frame since the first.
    width, height
        Pixels of a stored frame.
    """

    times: tuple[float, ...]
    width: int
    height: int

    @property
    def count(self) -> int:
        """Number of stored frames."""
        return len(self.times)


class Video:
    """The frames of a video, stored once as JPEG files (quality 95, 4:4:4) and served from there.

    One background thread decodes and stores; whoever asks for a frame waits for that frame only.
    What is served is always the stored frame, also for arrays, which thus come back JPEG-coded.

    Parameters
    ----------
    source
        What `open_source` returned.
    frames_dir
        Folder of the stored frames; whole frames found in it, from 0 to the first gap, are kept.
    frame_step
        Store every ``frame_step``-th frame.
    max_side
        Shrink frames whose longer side has more pixels than this.
    stored
        What was remembered of an earlier, finished extraction; when all its files are there,
        nothing is decoded.
    read_only
        Write nothing: serve what another process has stored so far.
    on_progress
        Called from the background thread at most ten times a second, and once at the end.

    Attributes
    ----------
    width, height
        Pixels of a stored frame.

    Raises
    ------
    VideoError
        If ``frame_step`` or ``max_side`` make no sense.
    """

    def __init__(
        self,
        source: Source,
        frames_dir: Path,
        *,
        frame_step: int = 1,
        max_side: int | None = None,
        stored: StoredVideo | None = None,
        read_only: bool = False,
        on_progress: Callable[[], None] | None = None,
    ) -> None:
        self._source = source
        self._files = FrameFiles(frames_dir)
        self._step = positive("frame_step", frame_step)
        size = (stored.width, stored.height) if stored else _fitted(source, max_side)
        self.width, self.height = size
        self._told = 0
        self._extraction = Extraction(
            source,
            self._files,
            step=self._step,
            size=size,
            times=stored.times if stored else None,
            read_only=read_only,
            on_progress=on_progress,
        )

    def __repr__(self) -> str:
        """Return name, size and state, without waiting for anything."""
        state = "complete" if self.complete else f"{self.ready} frames ready"
        return f"<Video {self.stem!r}, {self.width}x{self.height}, {state}>"

    @property
    def stem(self) -> str:
        """Short name of the source."""
        return self._source.stem

    @property
    def fingerprint(self) -> str:
        """Tells one content from another; see `Source`."""
        return self._source.fingerprint

    @property
    def frame_step(self) -> int:
        """Every how manieth frame of the source is a frame of this."""
        return self._step

    @property
    def fps(self) -> float:
        """Stored frames per second, an average where the frame rate varies."""
        return self._source.fps / self._step

    @property
    def times(self) -> npt.NDArray[np.float64]:
        """Seconds of each stored frame since the first, of the frames decoded so far.

        A fresh (T,) float64 array. After an interrupted extraction it fills up again, so it can be
        shorter than `ready` until the video is complete.
        """
        return np.array(self._extraction.times, dtype=np.float64)

    @property
    def ready(self) -> int:
        """Number of frames that are stored, counted from frame 0."""
        return self._extraction.ready

    @property
    def complete(self) -> bool:
        """Whether every frame is stored and their number is final."""
        return self._extraction.complete

    @property
    def known_length(self) -> int:
        """Number of frames as far as it is known without waiting: announced, else stored so far."""
        count = self._known_count()
        return self.ready if count is None else count

    @property
    def length_is_known(self) -> bool:
        """Whether ``len()`` answers at once, and not when the last frame is stored."""
        return self._known_count() is not None

    @property
    def names(self) -> list[str] | None:
        """File names of the images of a folder, in order; None for other sources."""
        names = self._source.names
        return None if names is None else names[:: self._step]

    @property
    def failure(self) -> Sam2WidgetError | None:
        """What ended the storing of frames before its time, if anything did."""
        return self._extraction.failure

    @property
    def warnings(self) -> list[str]:
        """What the user should know about this video, one sentence each."""
        return self._extraction.warnings

    def start(self) -> None:
        """Start to store the frames in the background; does nothing when that is not needed.

        Raises
        ------
        SaveError
            If the folder cannot be created or written to.
        """
        self._extraction.start()

    def take_over(self, stored: StoredVideo | None) -> None:
        """Store frames from now on, where another process did until it ended; then `start`.

        Parameters
        ----------
        stored
            What was remembered of a finished extraction, None if it was not finished.
        """
        self._extraction.take_over(stored.times if stored else None)

    def close(self) -> None:
        """Stop storing between two frames; a later `Video` continues there."""
        self._extraction.close()

    def stored(self) -> StoredVideo | None:
        """Return what a project should remember, or None until the video is complete."""
        if not self.complete:
            return None
        return StoredVideo(tuple(self._extraction.times), self.width, self.height)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until every frame is stored.

        Parameters
        ----------
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
            If the video is closed before.
        """
        arrived = self._extraction.wait(timeout=timeout)
        self._say_warnings()
        return arrived

    def wait_for(self, index: SupportsIndex, timeout: float | None = None) -> bool:
        """Wait until one frame is stored; False if the time (in seconds) ran out.

        Raises
        ------
        FrameIndexError
            If the index is outside the video.
        VideoError, SaveError, ClosedError
            As `wait`.
        """
        return self._arrive(self._position(index), timeout)

    def is_ready(self, index: SupportsIndex) -> bool:
        """Tell whether a frame (0 or more) is stored, without waiting."""
        return 0 <= operator.index(index) < self.ready

    def __len__(self) -> int:
        """Return the number of frames.

        It is what the source announces until all frames are stored, then what was really there.
        Where the source announces nothing, this waits for the end.
        """
        if self._extraction.announced is None:
            self._extraction.wait()
        self._say_warnings()
        return self.known_length

    def __getitem__(self, index: SupportsIndex) -> Pixels:
        """Return a stored frame, waiting for it if need be.

        Parameters
        ----------
        index
            Frame index; a negative one counts from the end and waits for all frames.

        Returns
        -------
        numpy.ndarray
            A fresh (H, W, 3) uint8 array, RGB.

        Raises
        ------
        FrameIndexError
            If the index is outside the video.
        VideoError, SaveError, ClosedError
            As `wait`.
        """
        return read_rgb(self.path(index))

    def __iter__(self) -> Iterator[Pixels]:
        """Yield every stored frame, waiting for each; raises as `wait`."""
        for index in itertools.count():
            try:
                frame = self[index]
            except FrameIndexError:
                return
            yield frame

    def path(self, index: SupportsIndex) -> Path:
        """Return the JPEG file of a frame, waiting for it; raises as ``video[index]``."""
        position = self._position(index)
        self._arrive(position)
        return self._files.path(position)

    def jpeg(self, index: SupportsIndex, max_width: int | None = None) -> bytes:
        """Return a frame as JPEG for display, waiting for it; raises as ``video[index]``.

        Parameters
        ----------
        index
            Frame index.
        max_width
            Shrink to this many pixels of width; a frame that fits comes as its file is.
        """
        path = self.path(index)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise VideoError(
                f"The stored frame {path} cannot be read ({error.strerror}); open the video again."
            ) from error
        if max_width is None or self.width <= max_width:
            return data
        size = self.width, self.height
        return preview_jpeg(data, size, positive("max_width", max_width))

    def source_index(self, index: SupportsIndex) -> int:
        """Return the index in the source of a stored frame."""
        return self._position(index) * self._step

    def _known_count(self) -> int | None:
        """Return the final number of frames, until then the announced one."""
        return self.ready if self.complete else self._extraction.announced

    def _position(self, index: SupportsIndex) -> int:
        """Return the index counted from 0, checked against what is known of the length."""
        position = asked = operator.index(index)
        if position < 0:
            self._extraction.wait()
            position += self.ready
        count = self._known_count()
        if position < 0 or (count is not None and position >= max(count, self.ready)):
            raise _outside(asked, count)
        return position

    def _arrive(self, position: int, timeout: float | None = None) -> bool:
        arrived = self._extraction.wait(position + 1, timeout)
        if self.complete and position >= self.ready:
            raise _outside(position, self.ready)
        return arrived

    def _say_warnings(self) -> None:
        # Warnings are for the user's cell; on a worker thread nobody would see them.
        if threading.current_thread() is not threading.main_thread():
            return
        news = self.warnings[self._told :]
        self._told += len(news)
        for message in news:
            warnings.warn(message, stacklevel=3)


def positive(name: str, value: int) -> int:
    """Return a whole number from 1 on.

    Raises
    ------
    VideoError
        If it is none.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = 0
    if number < 1:
        raise VideoError(f"{name} is {value!r}; pass a whole number from 1 on.")
    return number


def _fitted(source: Source, max_side: int | None) -> tuple[int, int]:
    """Return width and height after shrinking the longer side to ``max_side``."""
    longer = max(source.width, source.height)
    if max_side is None or longer <= positive("max_side", max_side):
        return source.width, source.height
    scale = max_side / longer
    return max(1, round(source.width * scale)), max(1, round(source.height * scale))


def _outside(index: int, count: int | None) -> FrameIndexError:
    extent = "frames count from 0" if count is None else f"it has {count} frames, 0 to {count - 1}"
    return FrameIndexError(f"Frame {index} is outside the video; {extent}.")
