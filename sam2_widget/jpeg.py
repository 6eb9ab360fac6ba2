"""Encodes frames as JPEG: for storing at full quality, for display at a smaller size."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import cv2
import numpy as np

if TYPE_CHECKING:
    from sam2_widget.images import Pixels

STORED_QUALITY = 95
PREVIEW_QUALITY = 85


def stored_jpeg(bgr: Pixels, width: int, height: int) -> bytes:
    """Encode a frame for storing: quality 95, 4:4:4, resized to ``width`` x ``height``.

    Parameters
    ----------
    bgr
        (H, W, 3) uint8, blue first.
    width, height
        Pixels of the result.
    """
    settings = [
        *(cv2.IMWRITE_JPEG_QUALITY, STORED_QUALITY),
        *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
    ]
    return _encoded(_resized(bgr, width, height), settings)


def preview_jpeg(jpeg: bytes, max_width: int) -> bytes:
    """Shrink a JPEG for display: quality 85, ``max_width`` pixels wide, or as it is if it fits."""
    bgr = cast("Pixels", cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR))
    height, width = bgr.shape[:2]
    if width <= max_width:
        return jpeg
    small = _resized(bgr, max_width, max(1, round(height * max_width / width)))
    return _encoded(small, [cv2.IMWRITE_JPEG_QUALITY, PREVIEW_QUALITY])


def _resized(bgr: Pixels, width: int, height: int) -> Pixels:
    if bgr.shape[:2] == (height, width):
        return bgr
    return cast("Pixels", cv2.resize(bgr, (width, height), interpolation=cv2.INTER_AREA))


def _encoded(bgr: Pixels, settings: list[int]) -> bytes:
    _, data = cv2.imencode(".jpg", bgr, settings)
    return data.tobytes()
