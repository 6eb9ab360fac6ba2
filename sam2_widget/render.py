"""Draws masks, points and keypoints on frames as the widget does, as an array or as a video."""

from __future__ import annotations

import contextlib
import math
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from sam2_widget import bits
from sam2_widget.blending import WHITE, Pixels, Values, blend, covered, rgb_of
from sam2_widget.durable import TEMPORARY, saving
from sam2_widget.errors import PromptError, SaveError, VideoError
from sam2_widget.keypoint_marks import draw_keypoints

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sam2_widget.annotations import Scope
    from sam2_widget.bits import Mask
    from sam2_widget.keypoints import Skeleton
    from sam2_widget.video import Video
    from sam2_widget.views import Keypoints, Masks, Points

PointLike = tuple[float, float, float] | npt.NDArray[np.float64]
"""x, y and label."""

OPACITY = 0.45
STALE_OPACITY = 0.2
OUTLINE = 1.5
_POSITIVE, _NEGATIVE = "#0b62d6", "#d01f2e"
# Pixels from a point to where its marker surely ends.
_REACH = 16


class Results(Protocol):
    """What is drawn: a `Session` is one."""

    @property
    def video(self) -> Video:
        """The frames."""

    @property
    def scopes(self) -> list[Scope]:
        """The scopes that hold anything."""

    @property
    def masks(self) -> Masks:
        """Masks by scope."""

    @property
    def points(self) -> Points:
        """Points by scope."""

    @property
    def keypoints(self) -> Keypoints:
        """Keypoints by instance."""

    @property
    def skeleton(self) -> Skeleton:
        """Pairs of names between whose keypoints lines are drawn."""

    def color(self, instance: int, region: str) -> str:
        """Return the colour of a scope, "#rrggbb"."""

    def is_stale(self, frame: int, instance: int = ..., region: str | None = ...) -> bool:
        """Tell whether a mask no longer follows from its prompts."""


def overlay(
    rgb: Pixels,
    items: Iterable[tuple[Mask, str]],
    points: Iterable[PointLike] = (),
    opacity: float = OPACITY,
) -> Pixels:
    """Draw masks and points on a picture.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8 RGB; it stays as it is.
    items : iterable of (ndarray, str)
        (H, W) bool masks with their colours, ``"#rrggbb"``; later ones lie on top.
    points : iterable of (x, y, label)
        Pixels, origin at the top-left corner of the top-left pixel. Label 1 is a blue disc with a
        plus, 0 a red diamond with a minus; points outside the picture are left out.
    opacity : float
        Of the tint, 0 to 1; the outline of 1.5 pixels is opaque.

    Returns
    -------
    ndarray
        A fresh (H, W, 3) uint8 RGB array.

    Raises
    ------
    VideoError
        If `rgb` is no such array.
    PromptError
        If a mask has another shape or type, a colour is none, or the opacity is not 0 to 1.
    """
    image = _checked_picture(rgb)
    if not 0 <= opacity <= 1:
        raise PromptError(f"The opacity is a number from 0 to 1, not {opacity!r:.60}.")
    for mask, color in items:
        _check_mask(mask, image)
        _paint(image, mask, color, opacity)
    for x, y, label in points:
        _mark(image, float(x), float(y), label == 1)
    return image


def frame_overlay(
    results: Results,
    frame: int,
    scopes: Iterable[tuple[int, str]] | None = None,
    *,
    points: bool = True,
    keypoints: bool = True,
    colors: Mapping[Scope, str] | None = None,
) -> Pixels:
    """Return a frame with its masks, and its points and keypoints unless told otherwise.

    Parameters
    ----------
    results : Session
        Where they come from.
    frame : int
        Frame index; negative ones count from the end.
    scopes : iterable of (int, str), optional
        Which scopes; by default all. Stale masks have a paler tint.
    points : bool
        Whether to draw the points.
    keypoints : bool
        Whether to draw the keypoints, those of the instances of `scopes` or of all, and the lines
        of the skeleton. Occluded ones are hollow.
    colors : mapping of Scope to str, optional
        Colours ``"#rrggbb"`` of scopes in the place of their own.

    Returns
    -------
    ndarray
        A fresh (H, W, 3) uint8 RGB array.

    Raises
    ------
    FrameIndexError
        If there is no such frame.
    UnknownRegionError
        If there is no such scope.
    """
    index = frame if frame >= 0 else frame + len(results.video)
    image = results.video[frame]
    chosen = _chosen(results, scopes)
    for scope in chosen:
        mask = results.masks[scope][index]
        if mask.any():
            opacity = STALE_OPACITY if results.is_stale(index, *scope) else OPACITY
            _paint(image, mask, _color(results, scope, colors), opacity)
    drawn = [p for scope in chosen for p in results.points[scope].get(index, ())] if points else []
    image = overlay(image, (), drawn)
    if keypoints:
        instances = results.keypoints if scopes is None else {scope.instance for scope in chosen}
        for instance in sorted(instances):
            draw_keypoints(image, results.keypoints.at(instance, index), results.skeleton)
    return image


def export_video(
    results: Results,
    path: str | os.PathLike[str],
    scopes: Iterable[tuple[int, str]] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    fps: float | None = None,
    *,
    colors: Mapping[Scope, str] | None = None,
) -> Path:
    """Write an mp4 (MPEG-4 part 2) of all frames with their masks and keypoints.

    The file has one constant frame rate: every frame of the video once, at the average rate. Where
    the video's own frame rate varies, moments shift against the original, frame numbers do not. Of
    an odd width or height the last column or row is cut off, since the format has none.

    Parameters
    ----------
    results : Session
        Where frames and masks come from.
    path : str or Path
        A name that ends in ``.mp4``. It is replaced once the new file is whole.
    scopes : iterable of (int, str), optional
        Which scopes; by default all.
    on_progress : callable, optional
        Called with the number of frames written and the number of all, after every frame. What it
        raises ends the export, and no file is left.
    fps : float, optional
        Frames per second, by default the video's average.
    colors : mapping of Scope to str, optional
        Colours ``"#rrggbb"`` of scopes in the place of their own.

    Returns
    -------
    Path
        Where the file is.

    Raises
    ------
    SaveError
        If the file cannot be written.
    VideoError
        If the name does not end in .mp4, the rate is no number above 0, or a frame cannot be read.
    UnknownRegionError
        If there is no such scope.
    """
    target = Path(path).expanduser().absolute()
    rate = _checked_rate(results.video.fps if fps is None else fps)
    if target.suffix.lower() != ".mp4":
        raise VideoError(f"{target.name} is no name for an mp4; give one that ends in .mp4.")
    chosen = _chosen(results, scopes)
    results.video.wait()
    total = len(results.video)
    # Without scopes all keypoints are drawn, also of instances that have nothing else.
    drawn = None if scopes is None else chosen
    with _written_beside(target, total) as beside, _writer(beside, target, results, rate) as writer:
        for index in range(total):
            image = frame_overlay(results, index, drawn, points=False, colors=colors)
            writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
            if on_progress is not None:
                on_progress(index + 1, total)
    return target


def _chosen(results: Results, scopes: Iterable[tuple[int, str]] | None) -> Sequence[Scope]:
    if scopes is None:
        return results.scopes
    return [results.masks[instance, region].scope for instance, region in scopes]


def _color(results: Results, scope: Scope, colors: Mapping[Scope, str] | None) -> str:
    own = None if colors is None else colors.get(scope)
    return own or results.color(*scope)


def _checked_rate(fps: float) -> float:
    if not (math.isfinite(fps) and 0 < fps <= 1000):
        raise VideoError(f"fps is a number above 0 and up to 1000, not {fps!r:.60}.")
    return float(fps)


@contextlib.contextmanager
def _written_beside(target: Path, frames: int) -> Iterator[Path]:
    """Give the name to write to; what was written takes the target's place if it is whole."""
    # The suffix tells OpenCV the container.
    beside = target.with_name(f"{target.stem}-{threading.get_ident():x}{TEMPORARY}.mp4")
    try:
        with saving(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(b"")
        yield beside
        if _count_frames(beside) != frames:
            raise SaveError(f"{target} was not written whole; free some disk space and try again.")
        with saving(target):
            beside.replace(target)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


@contextlib.contextmanager
def _writer(beside: Path, target: Path, results: Results, rate: float) -> Iterator[cv2.VideoWriter]:
    size = results.video.width, results.video.height
    code = cv2.VideoWriter.fourcc(*"mp4v")
    writer = cv2.VideoWriter(str(beside), cv2.CAP_FFMPEG, code, rate, size)
    try:
        if not writer.isOpened():
            raise SaveError(
                f"{target} cannot be written as an mp4 of {size[0]} x {size[1]} pixels at {rate:g} "
                "frames per second; give another fps= or another path."
            )
        yield writer
    finally:
        writer.release()


def _count_frames(path: Path) -> int:
    # OpenCV does not tell when the disk was full; the index, written last, is then missing.
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        return int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
    finally:
        capture.release()


def _checked_picture(rgb: Pixels) -> Pixels:
    given = np.asarray(rgb)
    if given.ndim != 3 or given.shape[2] != 3 or 0 in given.shape or given.dtype != np.uint8:
        raise VideoError(
            f"An array of shape {given.shape} and type {given.dtype} is no picture; give "
            "(H, W, 3) uint8 RGB."
        )
    return np.array(given, order="C")


def _check_mask(mask: Mask, image: Pixels) -> None:
    if mask.shape != image.shape[:2] or mask.dtype != np.bool_:
        raise PromptError(
            f"A mask of shape {mask.shape} and type {mask.dtype} does not fit the picture; give "
            f"bool of shape {image.shape[:2]}."
        )


def _paint(image: Pixels, mask: Mask, color: str, opacity: float) -> None:
    """Tint a mask and draw its outline, in place."""
    rgb = rgb_of(color)
    box = bits.bounds(mask)
    if box is None:
        return
    # One more pixel all round, which the outline covers in part, as far as the picture goes.
    x0, y0, x1, y1 = box
    around = np.s_[max(0, y0 - 1) : y1 + 1, max(0, x0 - 1) : x1 + 1]
    inner = mask[around].astype(np.uint8)
    blend(image[around], rgb, inner * np.float32(opacity))
    blend(image[around], rgb, _outline(inner))


def _outline(mask: npt.NDArray[np.uint8]) -> Values:
    """Return how far the outline covers each pixel, 0 to 1; half of it lies outside the mask."""
    # Zeros all round: the edge of the picture is an edge of the mask too.
    padded = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    inside = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    outside = cv2.distanceTransform(1 - padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # From pixel centre to pixel centre, half a pixel more than to the edge between them.
    edge = (inside + outside)[1:-1, 1:-1] - 0.5
    return covered(edge - OUTLINE / 2)


def _mark(image: Pixels, x: float, y: float, positive: bool) -> None:
    """Draw a marker, in place: dark rim, white ring, the shape and its sign."""
    height, width = image.shape[:2]
    if not (0 <= x < width and 0 <= y < height):
        return
    left, top = max(0, int(x) - _REACH), max(0, int(y) - _REACH)
    part = image[top : int(y) + _REACH + 1, left : int(x) + _REACH + 1]
    rows, columns = np.indices(part.shape[:2], dtype=np.float32)
    # From each pixel's centre to the point.
    dx, dy = np.abs(columns + (left + 0.5 - x)), np.abs(rows + (top + 0.5 - y))
    edge = np.hypot(dx, dy) - 7 if positive else (dx + dy - 8.5) / math.sqrt(2)
    blend(part, (0, 0, 0), 0.55 * covered(edge - 2.25))
    blend(part, WHITE, covered(edge - 1.5))
    blend(part, rgb_of(_POSITIVE if positive else _NEGATIVE), covered(edge))
    level, upright = np.maximum(dx - 3.5, dy - 0.9), np.maximum(dx - 0.9, dy - 3.5)
    blend(part, WHITE, covered(np.minimum(level, upright) if positive else level))
