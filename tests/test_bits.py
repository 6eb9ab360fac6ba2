"""Masks as bytes: PNG and packed bits give the same mask back, hostile bytes give none."""

from __future__ import annotations

import io
import json
import struct
import zlib
from base64 import b64decode
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from sam2_widget import bits

GOLDEN = json.loads((Path(__file__).parent / "messages" / "mask.json").read_text("utf-8"))
Mask = npt.NDArray[np.bool_]

masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=40))


def png(width: int, height: int, pixels: bytes) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(pixels))
        + chunk(b"IEND", b"")
    )


def disc(height: int = 64, width: int = 96) -> Mask:
    yy, xx = np.mgrid[0:height, 0:width]
    return (xx - 40) ** 2 + (yy - 30) ** 2 < 20**2


@given(masks)
def test_a_packed_mask_unpacks_to_itself(mask: Mask) -> None:
    packed = bits.pack(mask)
    np.testing.assert_array_equal(bits.unpack(packed, *mask.shape), mask)


@given(masks)
def test_a_mask_is_cropped_to_its_box(mask: Mask) -> None:
    packed = bits.pack(mask)
    rows, columns = np.nonzero(mask)
    if not rows.size:
        assert (packed.width, packed.height, packed.data) == (0, 0, b"")
        assert bits.bounds(mask) is None
        return
    box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert bits.bounds(mask) == box
    assert (packed.x, packed.y) == box[:2]
    assert (packed.x + packed.width, packed.y + packed.height) == box[2:]


@given(masks, st.booleans())
def test_pixels_are_counted_by_column_and_row(mask: Mask, part: bool) -> None:
    seen = mask[: max(1, len(mask) // 2), mask.shape[1] // 2 :] if part else mask
    columns, rows = bits.counts(seen)
    np.testing.assert_array_equal(columns, seen.sum(0))
    np.testing.assert_array_equal(rows, seen.sum(1))


def test_the_golden_mask_is_packed_as_the_browser_reads_it() -> None:
    mask = np.array([[cell == "#" for cell in row] for row in GOLDEN["rows"]])
    packed = bits.pack(mask)
    assert [packed.x, packed.y, packed.width, packed.height] == GOLDEN["box"]
    assert zlib.decompress(packed.data) == zlib.decompress(b64decode(GOLDEN["buffer"]))
    np.testing.assert_array_equal(bits.unpack(packed, *GOLDEN["size"]), mask)


@given(masks)
def test_a_png_reads_back_as_the_same_mask(mask: Mask) -> None:
    read = bits.from_png(bits.to_png(mask), *mask.shape)
    assert read is not None
    np.testing.assert_array_equal(read, mask)
    assert read.dtype == bool


def test_another_reader_sees_8_bit_grey_of_0_and_255() -> None:
    mask = disc()
    with Image.open(io.BytesIO(bits.to_png(mask))) as picture:
        assert (picture.format, picture.mode, picture.size) == ("PNG", "L", (96, 64))
        np.testing.assert_array_equal(np.asarray(picture), np.where(mask, 255, 0))


@pytest.mark.parametrize("mode", ["L", "1", "RGB", "P"])
def test_masks_written_by_other_programs_are_read(mode: str) -> None:
    mask = disc()
    file = io.BytesIO()
    Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)).convert(mode).save(file, "PNG")
    read = bits.from_png(file.getvalue(), 64, 96)
    assert read is not None
    np.testing.assert_array_equal(read, mask)


def test_grey_from_128_on_is_inside() -> None:
    grey = bytes([0, 127, 128, 255])
    read = bits.from_png(png(4, 1, b"\0" + grey), 1, 4)
    assert read is not None
    assert read.tolist() == [[False, False, True, True]]


@pytest.mark.parametrize("size", [(64, 95), (63, 96), (96, 64)])
def test_a_png_of_another_size_is_no_mask(size: tuple[int, int]) -> None:
    assert bits.from_png(bits.to_png(disc()), *size) is None


@pytest.mark.parametrize("size", [(30_000, 30_000), (100_000, 100_000), (2**31 - 1, 5), (0, 0)])
def test_a_png_that_claims_to_be_huge_is_not_even_decoded(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bits.cv2, "imdecode", lambda *_: pytest.fail("was decoded"))
    assert bits.from_png(png(*size, pixels=b"\0" * 100), 64, 96) is None


def test_a_truncated_png_is_no_mask() -> None:
    data = bits.to_png(disc())
    assert [cut for cut in range(len(data)) if bits.from_png(data[:cut], 64, 96) is not None] == []


@given(st.binary(max_size=200))
def test_any_bytes_are_no_mask_and_no_error(data: bytes) -> None:
    assert bits.from_png(data, 64, 96) is None


def test_a_picture_of_another_format_is_no_mask() -> None:
    file = io.BytesIO()
    Image.fromarray(disc().astype(np.uint8) * 255).save(file, "BMP")
    assert bits.from_png(file.getvalue(), 64, 96) is None
