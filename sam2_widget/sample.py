"""Draws the sample clip: three shapes that cross a plain ground, with their exact masks."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt
import platformdirs

from sam2_widget.durable import saving
from sam2_widget.errors import SaveError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sam2_widget.images import Pixels

SAMPLE_CLICKS = {"disc": (128.0, 108.0), "box": (506.0, 198.0), "ellipse": (237.0, 292.0)}
"""A point (x, y) in pixels inside each shape on frame 0."""

_WIDTH, _HEIGHT, _FRAMES, _FPS = 640, 360, 60, 20
_EDITION = 1  # Counts up with every change of the drawing, so that no old clip is taken for it.
_GROUND = (200, 205, 210)
_COLOURS = {"disc": (220, 50, 40), "box": (40, 80, 220), "ellipse": (240, 210, 40)}


def sample_clip(path: str | os.PathLike[str] | None = None) -> Path:
    """Write a clip of three seconds in which a disc, a box and an ellipse move, and return it.

    Parameters
    ----------
    path
        Where to write it, with the suffix ``.mp4``; None means the user's cache folder. A clip
        that is there already is not written again.

    Returns
    -------
    pathlib.Path
        An mp4 of 60 frames, 640 x 360 pixels, 20 frames per second.

    Raises
    ------
    SaveError
        If the file cannot be written.
    """
    if path is not None:
        return _written(Path(path).expanduser())
    try:
        return _written(_cached_clip(platformdirs.user_cache_path("sam2-widget")))
    except SaveError:
        return _written(_cached_clip(_temporary_folder()))


def sample_masks() -> dict[str, npt.NDArray[np.bool_]]:
    """Return where each shape of the sample clip is visible.

    Returns
    -------
    dict
        Name of the shape ("disc", "box", "ellipse") to a (60, 360, 640) bool array. Where shapes
        overlap, the later one covers the earlier.
    """
    frames = [_visible(index) for index in range(_FRAMES)]
    return {name: np.stack([masks[name] for masks in frames]) for name in _COLOURS}


def _cached_clip(folder: Path) -> Path:
    return folder / f"sample-{_EDITION}" / "sample.mp4"


@cache
def _temporary_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="sam2-widget-"))


def _written(path: Path) -> Path:
    if path.exists():
        return path
    # Two processes may write it at once; each renames its own.
    beside = path.with_name(f".{path.stem}-{os.getpid()}{path.suffix}")
    with saving(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.touch()
        try:
            _write_clip(beside)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    return path


def _write_clip(path: Path) -> None:
    fourcc = cv2.VideoWriter.fourcc(*"mp4v")
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, fourcc, _FPS, (_WIDTH, _HEIGHT))
    if not writer.isOpened():
        raise SaveError(f"{path} cannot be written as a video; give a path that ends in .mp4.")
    try:
        for frame in _drawn():
            writer.write(frame)
    finally:
        writer.release()


def _drawn() -> Iterator[Pixels]:
    """Yield each frame as (H, W, 3) uint8, blue first."""
    ground = _ground()
    for index in range(_FRAMES):
        rgb = ground.copy()
        for name, mask in _visible(index).items():
            rgb[mask] = _COLOURS[name]
        yield rgb[..., ::-1].copy()


def _ground() -> Pixels:
    """Return a plain colour with soft waves of a few grey levels."""
    y, x = np.mgrid[:_HEIGHT, :_WIDTH]
    waves = 4 * np.sin(x / 37) + 4 * np.cos(y / 23 + x / 90)
    ground: Pixels = (np.array(_GROUND) + waves[..., None]).astype(np.uint8)
    return ground


def _visible(index: int) -> dict[str, npt.NDArray[np.bool_]]:
    disc, box, ellipse = (mask > 127 for mask in _shapes(index / (_FRAMES - 1)))
    return {"disc": disc & ~box & ~ellipse, "box": box & ~ellipse, "ellipse": ellipse}


def _shapes(progress: float) -> tuple[Pixels, Pixels, Pixels]:
    """Draw each shape alone, 255 on 0, at a time from 0 (first frame) to 1 (last frame)."""
    disc, box, ellipse = (np.zeros((_HEIGHT, _WIDTH), np.uint8) for _ in range(3))
    centre = round(128 + 300 * progress), round(108 + 30 * np.sin(6 * progress))
    cv2.circle(disc, centre, 55, 255, cv2.FILLED, cv2.LINE_AA)
    place = 506 - 200 * progress, 198 + 60 * progress
    corners = cv2.boxPoints((place, (120, 84), 150 * progress))
    cv2.fillPoly(box, [corners.astype(np.int32)], 255, cv2.LINE_AA)
    centre = round(237 - 100 * progress), round(292 - 60 * progress)
    cv2.ellipse(ellipse, centre, (78, 42), -70 * progress, 0, 360, 255, cv2.FILLED, cv2.LINE_AA)
    return disc, box, ellipse
