"""Frames for display: the size that was asked for, and the picture that careful shrinking gives."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from sam2_widget.jpeg import preview_jpeg, stored_jpeg


@pytest.mark.parametrize("size", [(1280, 720), (1919, 1081), (3840, 2160), (2161, 3839)])
@pytest.mark.parametrize("width", [960, 160])
def test_a_preview_looks_like_the_frame_averaged_over_areas(
    size: tuple[int, int], width: int
) -> None:
    full = np.random.default_rng(0).integers(0, 256, (18, 32, 3)).astype(np.uint8)
    frame = cv2.resize(full, size, interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    preview = preview_jpeg(stored_jpeg(frame, *size), size, width)
    shown = cv2.imdecode(np.frombuffer(preview, np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    height = round(size[1] * width / size[0])
    assert shown.shape == (height, width, 3)
    wanted = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
    assert cv2.PSNR(shown, wanted) > 27


def test_a_picture_that_fits_is_left_as_it_is() -> None:
    jpeg = stored_jpeg(np.zeros((20, 40, 3), np.uint8), 40, 20)
    assert preview_jpeg(jpeg, (40, 20), 40) is jpeg
