"""Makes the clips that benchmarks run on: moving shapes at a given size and length."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

COLOURS = ((40, 50, 220), (220, 80, 40), (40, 210, 240), (60, 160, 40))  # BGR
FPS = 25


def centre(shape: int, frame: int, width: int, height: int) -> tuple[float, float]:
    """Return where a shape's centre is on a frame, in pixels."""
    angle = 0.02 * frame + shape * np.pi / 2
    return width * (0.5 + 0.3 * np.cos(angle)), height * (0.5 + 0.3 * np.sin(angle))


def write_clip(path: Path, frames: int, width: int = 1280, height: int = 720) -> Path:
    """Write four discs that circle on a textured ground."""
    rng = np.random.default_rng(0)
    texture = rng.integers(180, 220, (18, 32, 3)).astype(np.uint8)
    ground = cv2.resize(texture, (width, height), interpolation=cv2.INTER_CUBIC)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (width, height))
    for frame in range(frames):
        picture = ground.copy()
        for shape, colour in enumerate(COLOURS):
            x, y = centre(shape, frame, width, height)
            cv2.circle(picture, (round(x), round(y)), height // 8, colour, -1, cv2.LINE_AA)
        writer.write(picture)
    writer.release()
    return path
