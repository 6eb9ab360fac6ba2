"""Draws a frame with what is annotated on it, small enough to be kept inside a notebook."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image

from sam2_widget import render, views
from sam2_widget.keypoint_marks import draw_keypoints

if TYPE_CHECKING:
    from collections.abc import Container

    from sam2_widget.annotations import Scope
    from sam2_widget.bits import Mask
    from sam2_widget.blending import Pixels
    from sam2_widget.live import Live

WIDTH = 800
"""Pixels of the widest picture."""
LARGEST = 44_000
"""Bytes of the largest JPEG: base64, in which notebooks keep it, makes 59 KB of them."""
COMMENT = b"sam2-widget still"
"""Stands at the start of the file, so that the widget's styles know the picture by its address."""
_QUALITIES = (85, 75, 60, 45, 30)


def choose(live: Live, frame: int, last: int, hidden: Container[tuple[int, str]] = ()) -> int:
    """Return which frame to draw: the one on screen, unless only others have anything on them.

    Parameters
    ----------
    live : Live
        The project.
    frame : int
        The frame on screen.
    last : int
        The frame that was drawn last: it is next in line. Then comes the nearest.
    hidden : container of (int, str)
        Scopes that do not count.
    """
    frames = {f for placed in live.keypoints.instances.values() for f in placed}
    for scope in live.scopes():
        if scope not in hidden:
            frames.update(live.masks.frames(scope), live.annotations.of(scope))
    if frame in frames or not frames:
        return frame
    return last if last in frames else min(frames, key=lambda other: abs(other - frame))


def draw(live: Live, frame: int, hidden: Container[tuple[int, str]] = ()) -> Pixels:
    """Return a frame, at most `WIDTH` pixels wide, with its masks, points and keypoints.

    Parameters
    ----------
    live : Live
        The project; the frame must be stored.
    frame : int
        Frame index.
    hidden : container of (int, str)
        Scopes that are left out.

    Returns
    -------
    ndarray
        (H, W, 3) uint8 RGB.
    """
    with Image.open(io.BytesIO(live.video.jpeg(frame, WIDTH))) as file:
        image = np.array(file.convert("RGB"))
    size = image.shape[1], image.shape[0]
    across, down = size[0] / live.video.width, size[1] / live.video.height
    marks = []
    for scope in live.scopes():
        if scope in hidden:
            continue
        image = _tinted(live, scope, frame, image)
        prompts = live.annotations.at(scope, frame)
        for point in prompts.points if prompts else ():
            marks.append((point.x * across, point.y * down, point.label))
    image = render.overlay(image, (), marks)
    for _, frames in sorted(live.keypoints.instances.items()):
        placed = tuple(
            replace(keypoint, x=keypoint.x * across, y=keypoint.y * down)
            for keypoint in frames.get(frame, ())
        )
        draw_keypoints(image, placed, live.skeleton)
    return image


def encode(rgb: Pixels, largest: int = LARGEST) -> bytes:
    """Return a picture as a JPEG of at most so many bytes: first less exact, then smaller.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8.
    largest : int
        Bytes.
    """
    image = Image.fromarray(rgb)
    while True:
        for quality in _QUALITIES:
            file = io.BytesIO()
            image.save(file, "JPEG", quality=quality, optimize=True, comment=COMMENT)
            if file.tell() <= largest or max(image.size) <= 16:
                return file.getvalue()
        image = image.resize((max(1, image.width * 3 // 4), max(1, image.height * 3 // 4)))


def _tinted(live: Live, scope: Scope, frame: int, image: Pixels) -> Pixels:
    record = live.masks.record(scope, frame)
    if record is None or not record.area:
        return image
    stale = views.is_stale(live, scope, frame)
    mask = _fitted(live.masks.read(scope, frame), image.shape[1], image.shape[0])
    opacity = render.STALE_OPACITY if stale else render.OPACITY
    return render.overlay(image, [(mask, live.labels.color(scope))], opacity=opacity)


def _fitted(mask: Mask, width: int, height: int) -> Mask:
    if mask.shape == (height, width):
        return mask
    small = cv2.resize(mask.astype(np.uint8) * 255, (width, height), interpolation=cv2.INTER_AREA)
    fitted: Mask = small >= 128
    return fitted
