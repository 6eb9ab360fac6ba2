"""Files that a browser fetches in chunks: written once, kept no longer than needed."""

from __future__ import annotations

import errno
import os
import tracemalloc
from typing import IO, TYPE_CHECKING

import pytest

from sam2_widget.downloads import CHUNK, Downloads
from sam2_widget.errors import Sam2WidgetError, SaveError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DATA = bytes(range(256)) * (CHUNK // 256) * 2 + b"the end"


@pytest.fixture
def downloads() -> Iterator[Downloads]:
    downloads = Downloads()
    yield downloads
    downloads.close()


def writes(data: bytes) -> Callable[[IO[bytes]], None]:
    return lambda file: file.write(data) and None


def test_chunks_make_up_the_file_in_whatever_order_they_are_asked_for(
    downloads: Downloads, tmp_path: Path
) -> None:
    offer = downloads.offer("a.json", tmp_path, writes(DATA))
    assert (offer.name, offer.size) == ("a.json", len(DATA))
    chunks = {at: downloads.chunk(offer.token, at) for at in (2 * CHUNK, 0, CHUNK)}
    assert b"".join(chunks[at] for at in sorted(chunks)) == DATA
    assert max(len(chunk) for chunk in chunks.values()) == CHUNK


def test_a_file_goes_when_it_is_read_replaced_or_closed(
    downloads: Downloads, tmp_path: Path
) -> None:
    first = downloads.offer("a.json", tmp_path, writes(b"first"))
    second = downloads.offer("a.json", tmp_path, writes(b"second"))
    with pytest.raises(Sam2WidgetError, match="press Export again"):
        downloads.chunk(first.token, 0)
    assert downloads.chunk(second.token, 0) == b"second"
    with pytest.raises(Sam2WidgetError, match="press Export again"):
        downloads.chunk(second.token, 0)
    third = downloads.offer("a.json", None, writes(b"third"))
    downloads.close()
    with pytest.raises(Sam2WidgetError, match="press Export again"):
        downloads.chunk(third.token, 0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("offset", [1, -CHUNK, CHUNK])
def test_only_parts_that_there_are_can_be_read(
    downloads: Downloads, tmp_path: Path, offset: int
) -> None:
    offer = downloads.offer("a.json", tmp_path, writes(b"short"))
    with pytest.raises(Sam2WidgetError, match="no part"):
        downloads.chunk(offer.token, offset)
    assert downloads.chunk(offer.token, 0) == b"short"


def test_an_export_that_fails_leaves_nothing_and_the_one_before_can_be_fetched_still(
    downloads: Downloads, tmp_path: Path
) -> None:
    def fail(file: IO[bytes]) -> None:
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    offer = downloads.offer("a.json", tmp_path, writes(b"whole"))
    with pytest.raises(SaveError, match=r"disk is full.*b\.json"):
        downloads.offer("b.json", tmp_path, fail)
    assert downloads.chunk(offer.token, 0) == b"whole"
    assert list(tmp_path.iterdir()) == []


def test_a_large_file_is_never_whole_in_memory(downloads: Downloads, tmp_path: Path) -> None:
    def write(file: IO[bytes]) -> None:
        for _ in range(64):
            file.write(bytes(CHUNK))

    tracemalloc.start()
    offer = downloads.offer("a.json", tmp_path, write)
    for at in range(0, offer.size, CHUNK):
        downloads.chunk(offer.token, at)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert offer.size == 64 * CHUNK
    assert peak < 8 * CHUNK
