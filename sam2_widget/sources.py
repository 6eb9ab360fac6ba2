"""Opens any video source: what it is, and its decoded frames in order."""

from __future__ import annotations

import hashlib
import itertools
import math
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import cv2
import numpy as np
import numpy.typing as npt
from natsort import natsorted

from sam2_widget.errors import VideoError
from sam2_widget.images import IMAGE_SUFFIXES, Pixels, can_be_copied, image_size, read_rgb

if TYPE_CHECKING:
    from collections.abc import Iterator

VideoLike: TypeAlias = "str | os.PathLike[str] | npt.NDArray[Any] | Sequence[npt.ArrayLike]"

DEFAULT_FPS = 25.0
"""Frames per second of image folders and arrays, and of files that do not tell."""

_MIB = 1 << 20


class VideoNotFoundError(VideoError, FileNotFoundError):
    """There is no file or folder at the given path."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """One frame of a source: its pixels, or a file that can be taken as it is, or only its time.

    Attributes
    ----------
    index
        Zero-based index in the source.
    time
        Seconds since the first frame.
    bgr
        (H, W, 3) uint8, blue first as OpenCV's encoder takes it.
    jpeg
        An upright 8-bit JPEG that holds the frame.
    """

    index: int
    time: float
    bgr: Pixels | None = None
    jpeg: Path | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Source(ABC):
    """A video that was opened: everything that is known before its frames are decoded.

    Attributes
    ----------
    title
        What to call the source in a message.
    stem
        Its short name: file name without suffix, folder name or ``array-<8 hex digits>``.
    fps
        Frames per second, an average where the frame rate varies.
    width, height
        Pixels of an upright frame.
    count
        Number of frames the source announces; None where it gives no number to trust.
    fingerprint
        Tells one content from another; depends on no path and no time.
    names
        File names of the images of a folder, in order.
    """

    title: str
    stem: str
    fps: float
    width: int
    height: int
    count: int | None
    fingerprint: str
    names: list[str] | None = None

    @property
    def default_name(self) -> str:
        """Name of the project when the user gives none."""
        return self.stem

    @property
    def origin(self) -> Path | None:
        """Where it can be opened again; None for frames in memory."""
        return None

    def is_unchanged(self) -> bool:
        """Tell whether it is still what was opened, as far as its fingerprint tells."""
        return True

    @abstractmethod
    def frames(self, first: int = 0, step: int = 1) -> Iterator[Decoded]:
        """Yield every ``step``-th frame from frame 0 on.

        Parameters
        ----------
        first
            Frames of the source before this index come with their time alone, which costs less.
        step
            Distance of the wanted frames in the source.

        Raises
        ------
        VideoError
            If the file is gone or an image of a folder cannot be decoded.
        """


def open_source(video: VideoLike) -> Source:
    """Open a video, a folder of images or frames in memory.

    Parameters
    ----------
    video
        Path of a video file (mp4, mov, avi, mkv, webm), path of a folder of images (taken in
        natural order, other files are ignored), (T, H, W, 3) uint8 RGB array, or sequence of
        (H, W, 3) uint8 RGB arrays. Arrays are not copied: leave them unchanged until all frames
        are stored.

    Raises
    ------
    VideoNotFoundError
        If nothing is at the path; it is a FileNotFoundError too.
    VideoError
        If it is no video, has no frame, or if its images or arrays do not fit together.
    """
    if isinstance(video, str | os.PathLike):
        return _open_path(Path(video).expanduser())
    if isinstance(video, np.ndarray):
        _check_stack(video)
        return _open_frames(video)
    if isinstance(video, Sequence):
        return _open_frames(video)
    raise VideoError(
        f"A {type(video).__name__} is not a video; pass the path of a video or of a folder of "
        "images, a (T, H, W, 3) uint8 RGB array, or a list of such frames."
    )


def _open_path(path: Path) -> Source:
    if path.is_dir():
        return _open_folder(_absolute(path))
    if not path.exists():
        raise VideoNotFoundError(
            f"There is no file or folder {path}; check the path (relative paths start at "
            f"{Path.cwd()})."
        )
    if path.suffix.lower() in IMAGE_SUFFIXES:
        raise VideoError(f"{path.name} is a single image; pass the folder that holds the images.")
    return _open_file(_absolute(path))


def _absolute(path: Path) -> Path:
    """Return an absolute path that keeps the name of a link, which its project has too."""
    # What .. is after a link only the file system knows; it also gives "." a name.
    return path.resolve() if ".." in path.parts else path.absolute()


# Video files


@dataclass(frozen=True, kw_only=True, eq=False)
class _VideoFile(Source):
    path: Path

    @property
    def origin(self) -> Path:
        return self.path

    def is_unchanged(self) -> bool:
        try:
            return _file_fingerprint(self.path)[1] == self.fingerprint
        except VideoError:
            return False

    def frames(self, first: int = 0, step: int = 1) -> Iterator[Decoded]:
        clock = _Clock(self.fps)
        with _capture(self.path) as capture:
            if not capture.isOpened():
                raise VideoError(f"{self.path} can no longer be opened; put it back and try again.")
            for index in itertools.count():
                if not capture.grab():
                    return
                time = clock.time(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
                if index % step:
                    continue
                if index < first:
                    yield Decoded(index, time)
                    continue
                decoded, image = capture.retrieve()
                if not decoded:
                    return
                yield Decoded(index, time, bgr=cast("Pixels", image))


class _Clock:
    """Turns the timestamps of a container into seconds that start at 0 and always grow."""

    def __init__(self, fps: float) -> None:
        self._step = 1 / fps
        self._start: float | None = None
        self._last = 0.0

    def time(self, stamp: float) -> float:
        if self._start is None:
            self._start = stamp if math.isfinite(stamp) else 0.0
            return 0.0
        time = stamp - self._start
        # Some streams carry no timestamps (all are 0) or broken ones: the frame rate stands in.
        usable = math.isfinite(time) and time > self._last
        self._last = round(time if usable else self._last + self._step, 6)
        return self._last


def _open_file(path: Path) -> Source:
    size, fingerprint = _file_fingerprint(path)
    with _quiet_opencv(), _capture(path) as capture:
        if not capture.isOpened():
            raise VideoError(
                f"{path.name} is not a video that can be read; pass an mp4, mov, avi, mkv or webm "
                "file, or a folder of images."
            )
        decoded, image = capture.read()
        if not decoded:
            raise VideoError(
                f"{path.name} has no frame that can be read; check that it plays elsewhere, "
                "or convert it to mp4."
            )
        height, width = image.shape[:2]
        return _VideoFile(
            title=path.name,
            stem=path.stem,
            fps=_trusted_fps(capture.get(cv2.CAP_PROP_FPS)),
            width=width,
            height=height,
            count=_trusted_count(capture.get(cv2.CAP_PROP_FRAME_COUNT), size),
            fingerprint=fingerprint,
            path=path,
        )


def _trusted_fps(value: float) -> float:
    return value if 0 < value <= 1000 else DEFAULT_FPS


def _trusted_count(value: float, file_size: int) -> int | None:
    # A header may say anything; a frame takes a byte at least.
    return int(value) if 1 <= value <= file_size else None


@contextmanager
def _capture(path: Path) -> Iterator[cv2.VideoCapture]:
    # Read by OpenCV once, when it opens its first video: -8 silences FFmpeg's own messages.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    # One decoder thread in four cores keeps the others free for the model.
    threads = min(4, max(1, (os.cpu_count() or 1) // 4))
    settings = [cv2.CAP_PROP_N_THREADS, threads]
    # Absolute, or FFmpeg would take "a:b.mp4" for a protocol.
    capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG, settings)
    try:
        yield capture
    finally:
        capture.release()


@contextmanager
def _quiet_opencv() -> Iterator[None]:
    # OpenCV 4 keeps the two functions in cv2 itself.
    logging: Any = getattr(cv2.utils, "logging", cv2)
    level = logging.getLogLevel()
    logging.setLogLevel(0)
    try:
        yield
    finally:
        logging.setLogLevel(level)


def _file_fingerprint(path: Path) -> tuple[int, str]:
    """Return the size and ``<size>-<BLAKE2 of the first and the last MiB>``."""
    try:
        size = path.stat().st_size
        return size, f"{size}-{_digest_of_ends(path, path).hexdigest()}"
    except OSError as error:
        raise VideoError(
            f"{path.name} cannot be opened ({error.strerror}); check its permissions."
        ) from error


def _digest_of_ends(first: Path, last: Path) -> hashlib.blake2b:
    digest = hashlib.blake2b(digest_size=16)
    with first.open("rb") as file:
        digest.update(file.read(_MIB))
    with last.open("rb") as file:
        file.seek(max(0, last.stat().st_size - _MIB))
        digest.update(file.read(_MIB))
    return digest


# Folders of images


@dataclass(frozen=True, kw_only=True, eq=False)
class _ImageFolder(Source):
    folder: Path
    images: list[str]

    @property
    def origin(self) -> Path:
        return self.folder

    def frames(self, first: int = 0, step: int = 1) -> Iterator[Decoded]:
        for index in range(0, len(self.images), step):
            time = index / self.fps
            path = self.folder / self.images[index]
            if index < first:
                yield Decoded(index, time)
            elif can_be_copied(path):
                yield Decoded(index, time, jpeg=path)
            else:
                yield Decoded(index, time, bgr=_bgr(read_rgb(path)))


def _open_folder(folder: Path) -> Source:
    names = _image_names(folder)
    if not names:
        raise VideoError(
            f"The folder {folder.name} has no images ({', '.join(sorted(IMAGE_SUFFIXES))}); "
            "pass the folder that holds them, or the path of a video file."
        )
    width, height = _common_size(folder, names)
    return _ImageFolder(
        title=f"The folder {folder.name}",
        stem=folder.name,
        fps=DEFAULT_FPS,
        width=width,
        height=height,
        count=len(names),
        fingerprint=_folder_fingerprint(folder, names),
        names=names,
        folder=folder,
        images=names,
    )


def _image_names(folder: Path) -> list[str]:
    try:
        files = [entry.name for entry in os.scandir(folder) if entry.is_file()]
    except OSError as error:
        raise VideoError(
            f"The folder {folder.name} cannot be read ({error.strerror}); check its permissions."
        ) from error
    images = [
        name
        for name in files
        if Path(name).suffix.lower() in IMAGE_SUFFIXES and not name.startswith(".")
    ]
    # Sorted twice: names that are equal in natural order ("1.jpg", "01.jpg") need an order too.
    return natsorted(sorted(images))


def _common_size(folder: Path, names: list[str]) -> tuple[int, int]:
    width, height = image_size(folder / names[0])
    for name in names[1:]:
        other = image_size(folder / name)
        if other != (width, height):
            raise VideoError(
                f"The images of {folder.name} differ in size: {names[0]} has {width}x{height} "
                f"pixels, {name} has {other[0]}x{other[1]}; make them one size or move those that "
                "do not belong to the video."
            )
    return width, height


def _folder_fingerprint(folder: Path, names: list[str]) -> str:
    """Return ``<bytes>-<BLAKE2>`` over all sizes in order, the first file's start, the last's end.

    Names do not count, so a folder may be renumbered as long as the order stays.
    """
    sizes = [(folder / name).stat().st_size for name in names]
    digest = _digest_of_ends(folder / names[0], folder / names[-1])
    digest.update(np.asarray(sizes, dtype="<i8").tobytes())
    return f"{sum(sizes)}-{digest.hexdigest()}"


# Frames in memory


@dataclass(frozen=True, kw_only=True, eq=False)
class _Frames(Source):
    arrays: list[Pixels]

    def frames(self, first: int = 0, step: int = 1) -> Iterator[Decoded]:
        for index in range(0, len(self.arrays), step):
            pixels = None if index < first else _bgr(self.arrays[index])
            yield Decoded(index, index / self.fps, bgr=pixels)


def _open_frames(video: Sequence[npt.ArrayLike] | npt.NDArray[Any]) -> Source:
    arrays = [_checked_frame(np.asarray(frame), index) for index, frame in enumerate(video)]
    if not arrays:
        raise VideoError("The list of frames is empty; pass at least one frame.")
    for index, array in enumerate(arrays):
        if array.shape != arrays[0].shape:
            raise VideoError(
                f"The frames differ in shape: frame 0 has {arrays[0].shape}, frame {index} has "
                f"{array.shape}; bring them to one size."
            )
    height, width = arrays[0].shape[:2]
    digest = _content_digest(arrays)
    return _Frames(
        title="The array",
        stem=f"array-{digest[:8]}",
        fps=DEFAULT_FPS,
        width=width,
        height=height,
        count=len(arrays),
        fingerprint=digest,
        arrays=arrays,
    )


def _check_stack(video: npt.NDArray[Any]) -> None:
    """Explain the stacks that people really pass; the frames are checked one by one later."""
    if video.ndim == 4 and len(video):
        return
    hint = "pass a (T, H, W, 3) uint8 RGB array"
    if video.ndim == 3 and video.shape[-1] == 3:
        hint = "a single frame becomes a video with video[None]"
    elif video.ndim == 3:
        hint = "grey frames become RGB with np.repeat(video[..., None], 3, axis=-1)"
    elif video.ndim == 4:
        hint = "pass at least one frame"
    raise VideoError(f"An array of shape {video.shape} is not a video; {hint}.")


def _checked_frame(frame: npt.NDArray[Any], index: int) -> Pixels:
    if frame.ndim != 3 or frame.shape[-1] != 3 or 0 in frame.shape:
        hint = "pass (H, W, 3) RGB frames"
        if frame.ndim == 2:
            hint = "grey frames become RGB with np.repeat(frame[..., None], 3, axis=-1)"
        elif frame.ndim == 3 and frame.shape[-1] == 4:
            hint = "drop the alpha channel with frame[..., :3]"
        raise VideoError(f"Frame {index} of the array has shape {frame.shape}; {hint}.")
    if frame.dtype != np.uint8:
        raise VideoError(
            f"The array has dtype {frame.dtype}; pass uint8 from 0 to 255 "
            "(floats from 0 to 1: (video * 255).astype(np.uint8))."
        )
    return frame


def _content_digest(arrays: list[Pixels]) -> str:
    digest = hashlib.blake2b(repr((len(arrays), *arrays[0].shape)).encode(), digest_size=16)
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _bgr(rgb: Pixels) -> Pixels:
    return cast("Pixels", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
