"""Makes the small videos and image folders that the tests of the video layer read."""

from __future__ import annotations

import struct
import threading
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np
import numpy.typing as npt

from sam2_widget.sources import Decoded, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

Pixels = npt.NDArray[np.uint8]

WIDTH, HEIGHT = 96, 64


def numbered_frame(index: int, width: int = WIDTH, height: int = HEIGHT) -> Pixels:
    """Return an RGB frame that tells its index (0 to 25), with a red top left corner."""
    frame = np.full((height, width, 3), 20 + 9 * index, np.uint8)
    frame[: height // 4, : width // 4] = (230, 20, 20)
    return frame


def numbered_frames(count: int) -> Pixels:
    """Return a (T, H, W, 3) array of numbered frames."""
    return np.stack([numbered_frame(index) for index in range(count)])


def number_of(frame: Pixels) -> int:
    """Return the index of a numbered frame, also after lossy coding."""
    height, width = frame.shape[:2]
    return round((float(frame[height // 2 :, width // 2 :].mean()) - 20) / 9)


def red_corner(frame: Pixels) -> tuple[str, str]:
    """Return in which corner of the picture the red mark is."""
    height, width = frame.shape[:2]
    red = frame[..., 0].astype(int) - frame[..., 1] > 100
    y, x = np.argwhere(red).mean(axis=0)
    return ("top" if y < height / 2 else "bottom", "left" if x < width / 2 else "right")


def write_clip(path: Path, count: int = 12, fps: float = 10, codec: str = "mp4v") -> Path:
    """Write numbered frames with OpenCV; the suffix chooses the container."""
    fourcc = cv2.VideoWriter.fourcc(*codec)
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, fourcc, fps, (WIDTH, HEIGHT))
    assert writer.isOpened()
    for index in range(count):
        writer.write(cv2.cvtColor(numbered_frame(index), cv2.COLOR_RGB2BGR))
    writer.release()
    return path


def write_timed_clip(path: Path, milliseconds: Sequence[int], gop: int = 12) -> Path:
    """Write one H.264 frame at each time, with the index of an mp4 in front of its frames.

    Every ``gop``-th frame is a key frame.
    """
    options = {"movflags": "faststart"} if path.suffix == ".mp4" else {}
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.gop_size = gop
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for index, time in enumerate(milliseconds):
            frame = av.VideoFrame.from_ndarray(numbered_frame(index), format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def turn_by_metadata(path: Path) -> Path:
    """Mark an mp4 to be shown turned by 90 degrees clockwise, as a phone held upright does."""
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 44
    one, last = 1 << 16, 1 << 30
    data[matrix : matrix + 36] = struct.pack(">9i", 0, one, 0, -one, 0, 0, HEIGHT * one, 0, last)
    path.write_bytes(data)
    return path


def write_images(folder: Path, names: Sequence[str]) -> Path:
    """Write one numbered image for each name, in the given order."""
    folder.mkdir(exist_ok=True)
    for index, name in enumerate(names):
        image = cv2.cvtColor(numbered_frame(index), cv2.COLOR_RGB2BGR)
        assert cv2.imwrite(str(folder / name), image)
    return folder


@dataclass(frozen=True, kw_only=True, eq=False)
class GatedSource(Source):
    """A source that gives a frame only when the gate lets it."""

    inner: Source
    gate: threading.Semaphore

    def frames(self, first: int = 0, step: int = 1) -> Iterator[Decoded]:
        """Yield the frames of the inner source, one for each release of the gate."""
        for frame in self.inner.frames(first, step):
            self.gate.acquire()
            yield frame


def gated(inner: Source, **changes: Any) -> GatedSource:
    """Put a closed gate before the frames of a source."""
    known = {field.name: getattr(inner, field.name) for field in fields(Source)}
    return GatedSource(**known | changes, inner=inner, gate=threading.Semaphore(0))
