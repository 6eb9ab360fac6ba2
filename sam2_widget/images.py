"""Reads one image file as upright 8-bit colour, or says that the file will do as it is."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps

from sam2_widget.errors import VideoError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Pixels: TypeAlias = npt.NDArray[np.uint8]

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
_DEEP_MODES = frozenset({"I", "F"})
_ALPHA_MODES = frozenset({"RGBA", "LA", "PA", "RGBa", "La"})


def image_size(path: Path) -> tuple[int, int]:
    """Read the size of an image from its header.

    Returns
    -------
    tuple of int
        Width and height in pixels, as the image is shown (EXIF orientation applied).

    Raises
    ------
    VideoError
        If the file is no readable image, or has 32-bit pixels.
    """
    with _opened(path) as image:
        if image.mode in _DEEP_MODES:
            raise VideoError(
                f"{path.name} has 32-bit pixels, whose range is not known; "
                "save it with 8 or 16 bits per channel."
            )
        width, height = image.size
        return (height, width) if _orientation(image) >= 5 else (width, height)


def can_be_copied(path: Path) -> bool:
    """Tell whether a file is an upright 8-bit RGB or grey JPEG, after checking that it decodes.

    Raises
    ------
    VideoError
        If the file is no readable image or is cut off.
    """
    with _opened(path) as image:
        if image.format not in {"JPEG", "MPO"} or image.mode not in {"RGB", "L"}:
            return False
        if _orientation(image) != 1:
            return False
        # An eighth of the size is enough to meet every byte of the file, at a third of the time.
        image.draft(image.mode, (image.width // 8, image.height // 8))
        image.load()
        return True


def read_rgb(path: Path) -> Pixels:
    """Decode an image.

    16-bit grey is divided by 257, transparent pixels are laid on black, and palettes, CMYK and
    the EXIF orientation are resolved.

    Returns
    -------
    numpy.ndarray
        A fresh (H, W, 3) uint8 array, RGB.

    Raises
    ------
    VideoError
        If the file is no readable image or is cut off.
    """
    with _opened(path) as image:
        upright = image if _orientation(image) == 1 else ImageOps.exif_transpose(image)
        return np.array(_to_rgb(upright))


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        with Image.open(path) as image:
            yield image
    except VideoError:
        raise
    except Exception as error:  # Pillow's decoders raise nearly anything on a broken file.
        raise VideoError(
            f"{path.name} cannot be read as an image ({error}); "
            "repair or remove it, then open the video again."
        ) from error


def _orientation(image: Image.Image) -> int:
    # Pillow turns TIFFs itself, and getexif() of a PNG without EXIF would decode the whole image.
    if image.format == "TIFF" or "exif" not in image.info:
        return 1
    value = image.getexif().get(ExifTags.Base.Orientation, 1)
    return value if value in range(1, 9) else 1


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        return Image.fromarray(_to_8_bit(np.asarray(image))).convert("RGB")
    if image.mode in _ALPHA_MODES or "transparency" in image.info:
        black = Image.new("RGBA", image.size, "black")
        return Image.alpha_composite(black, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _to_8_bit(values: npt.NDArray[np.uint16]) -> Pixels:
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
