"""Downloads: whatever the network or the server does, a good file or a clear sentence."""

from __future__ import annotations

import random
import re
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sam2_widget.errors import DownloadError
from sam2_widget.fetching import fetch
from sam2_widget.transfer import Slowest
from sam2_widget.verifying import MEMORY
from tests.fetches import CONTENT, HALF, HURRY, SIZE, contents, is_whole, refused
from tests.servers import (
    Web,
    answers,
    breaks_after,
    drips,
    drips_headers,
    ignores_ranges,
    stalls_after,
    without_length,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

THIRSTY = replace(HURRY, timeout=30, slowest=Slowest(least=1000, window=0.4))


pytestmark = pytest.mark.usefixtures("no_proxy")


# What works


def test_a_file_comes_whole_with_progress_and_nothing_beside_it(web: Web, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    folder = tmp_path / "new" / "folder"
    path = fetch(web.entry(), folder, lambda *numbers: told.append(numbers))
    assert path == folder / "test.pt"
    assert is_whole(folder)
    assert told[-1] == (SIZE, SIZE)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    ((_, headers),) = web.requests
    assert headers["Accept-Encoding"] == "identity"


def test_a_file_that_is_there_is_checked_and_not_fetched(web: Web, tmp_path: Path) -> None:
    (tmp_path / "test.pt").write_bytes(CONTENT)
    assert fetch(web.entry(), tmp_path) == tmp_path / "test.pt"
    assert web.requests == []


@pytest.mark.parametrize("bad", [CONTENT[:-1] + b"x", CONTENT[:-1]], ids=["content", "size"])
def test_another_file_in_its_place_is_neither_taken_nor_overwritten(
    web: Web, tmp_path: Path, bad: bytes
) -> None:
    (tmp_path / "test.pt").write_bytes(bad)
    assert "is there already but" in refused(web, tmp_path)
    assert (tmp_path / "test.pt").read_bytes() == bad


def test_a_server_without_content_length_is_good_enough(web: Web, tmp_path: Path) -> None:
    web.behaviours = [without_length(lambda content: content)]
    fetch(web.entry(), tmp_path)
    assert is_whole(tmp_path)


def test_a_redirect_is_followed(web: Web, tmp_path: Path) -> None:
    web.behaviours = [
        answers(302, Location=f"{web.url}/elsewhere"),
        answers(308, Location="/there"),
    ]
    fetch(web.entry(), tmp_path)
    assert [path for path, _ in web.requests] == ["/test.pt", "/elsewhere", "/there"]
    assert is_whole(tmp_path)


# Broken connections


def test_a_dropped_connection_goes_on_where_it_broke(web: Web, tmp_path: Path) -> None:
    web.behaviours = [breaks_after(HALF)]
    fetch(web.entry(), tmp_path, patience=HURRY)
    assert web.ranges == [None, f"bytes={HALF}-"]
    tag = web.requests[1][1]["If-Range"]
    assert tag.startswith('"')
    assert is_whole(tmp_path)


def test_a_stalled_connection_is_left_and_goes_on(web: Web, tmp_path: Path) -> None:
    web.behaviours = [stalls_after(HALF)]
    fetch(web.entry(), tmp_path, patience=HURRY)
    assert web.ranges == [None, f"bytes={HALF}-"]
    assert is_whole(tmp_path)


def test_a_server_that_drips_is_left_and_the_download_goes_on(web: Web, tmp_path: Path) -> None:
    web.behaviours = [drips, drips_headers]
    fetch(web.entry(), tmp_path, patience=THIRSTY)
    assert len(web.ranges) == 3
    first, second, third = web.ranges
    assert first is None
    assert second == third is not None
    assert 0 < int(third.removeprefix("bytes=").removesuffix("-")) < 1000
    assert is_whole(tmp_path)


def test_a_server_that_always_drips_ends_the_download_and_what_came_is_kept(
    web: Web, tmp_path: Path
) -> None:
    web.behaviours = [drips] * 9
    text = refused(web, tmp_path, patience=THIRSTY)
    assert re.search(
        r"does not get on \(only \d+ bytes came in 0\.[4-9]\d* seconds\); try again", text
    )
    assert "are kept in" in text
    assert len(web.requests) == THIRSTY.tries
    (size,) = (size for name, size in contents(tmp_path).items() if name.endswith(".part"))
    assert 0 < size < 1000
    web.behaviours.clear()
    fetch(web.entry(), tmp_path)
    assert web.ranges[-1] == f"bytes={size}-"
    assert is_whole(tmp_path)


def test_who_is_slow_to_take_what_comes_does_not_count_as_a_slow_server(
    web: Web, tmp_path: Path
) -> None:
    def slow(done: int, total: int) -> None:
        threading.Event().wait(0.15)

    patience = replace(THIRSTY, slowest=Slowest(least=SIZE + 1, window=0.2))
    fetch(web.entry(), tmp_path, slow, patience=patience)
    assert len(web.requests) == 1
    assert is_whole(tmp_path)


def test_a_busy_server_is_asked_again(web: Web, tmp_path: Path) -> None:
    web.behaviours = [answers(503), answers(429)]
    fetch(web.entry(), tmp_path, patience=HURRY)
    assert is_whole(tmp_path)


def test_a_server_that_stays_busy_ends_the_download(web: Web, tmp_path: Path) -> None:
    web.behaviours = [answers(503)] * 9
    assert "busy, HTTP 503" in refused(web, tmp_path)
    assert len(web.requests) == HURRY.tries
    assert contents(tmp_path) == {}


def test_tries_are_bounded_also_when_each_brings_a_little(web: Web, tmp_path: Path) -> None:
    web.behaviours = [breaks_after(100 * n) for n in range(1, 20)]
    text = refused(web, tmp_path)
    assert "does not get on" in text
    assert len(web.requests) == HURRY.most


def test_what_came_before_a_break_is_kept_and_said_and_taken_up(web: Web, tmp_path: Path) -> None:
    web.behaviours = [breaks_after(HALF), answers(503), answers(503), answers(503)]
    text = refused(web, tmp_path)
    assert "200 kB of 400 kB are kept in" in text
    assert str(tmp_path / "test.pt.part") in text
    assert contents(tmp_path).keys() == {"test.pt.part", "test.pt.part.json"}
    fetch(web.entry(), tmp_path)
    assert web.ranges[-1] == f"bytes={HALF}-"
    assert is_whole(tmp_path)


def test_a_file_that_lacks_only_its_name_is_not_asked_for_again(web: Web, tmp_path: Path) -> None:
    (tmp_path / "test.pt.part").write_bytes(CONTENT)
    fetch(web.entry(), tmp_path)
    assert web.requests == []
    assert is_whole(tmp_path)


def test_a_server_that_ignores_ranges_begins_anew(web: Web, tmp_path: Path) -> None:
    web.behaviours = [breaks_after(HALF), ignores_ranges]
    fetch(web.entry(), tmp_path, patience=HURRY)
    assert web.ranges == [None, f"bytes={HALF}-"]
    assert is_whole(tmp_path)


def test_a_file_that_changed_meanwhile_begins_anew(web: Web, tmp_path: Path) -> None:
    new = random.Random(2).randbytes(SIZE)
    entry = web.entry()
    web.behaviours = [breaks_after(HALF), answers(404)]
    refused(web, tmp_path)
    web.content = new
    fetch(replace(entry, sha256=web.entry().sha256), tmp_path)
    assert web.ranges == [None, f"bytes={HALF}-", f"bytes={HALF}-"]
    assert (tmp_path / "test.pt").read_bytes() == new


@pytest.mark.parametrize(
    "odd",
    [
        answers(206, CONTENT[:100], Content_Range=f"bytes 0-99/{SIZE}"),
        answers(206, CONTENT[HALF:], Content_Range=f"bytes {HALF}-{SIZE}/{SIZE + 1}"),
        answers(206, CONTENT[HALF:], Content_Range=f"bytes {HALF}-{SIZE - 1}/*", ETag='"other"'),
        answers(206, CONTENT[HALF:]),
        answers(416),
    ],
    ids=["another place", "another size", "another version", "no place", "416"],
)
def test_a_rest_that_does_not_fit_begins_anew(
    web: Web, tmp_path: Path, odd: Callable[..., None]
) -> None:
    web.behaviours = [breaks_after(HALF), odd]
    fetch(web.entry(), tmp_path, patience=HURRY)
    assert web.ranges == [None, f"bytes={HALF}-", None]
    assert is_whole(tmp_path)


def test_a_spoiled_beginning_is_thrown_away_once_and_then_right(web: Web, tmp_path: Path) -> None:
    (tmp_path / "test.pt.part").write_bytes(bytes(HALF))
    fetch(web.entry(), tmp_path)
    assert web.ranges == [f"bytes={HALF}-", None]
    assert is_whole(tmp_path)


def test_a_beginning_longer_than_the_file_does_no_harm(web: Web, tmp_path: Path) -> None:
    (tmp_path / "test.pt.part").write_bytes(CONTENT + b"more")
    fetch(web.entry(), tmp_path)
    assert is_whole(tmp_path)


@pytest.mark.parametrize("notes", [b"", b"[]", b'{"url": 1}', b'{"version": "a\\nb"}', b"\xff"])
def test_damaged_notes_of_a_beginning_do_no_harm(web: Web, tmp_path: Path, notes: bytes) -> None:
    (tmp_path / "test.pt.part").write_bytes(CONTENT[:HALF])
    notes = notes.replace(b'{"version"', f'{{"url": "{web.url}/test.pt", "version"'.encode())
    (tmp_path / "test.pt.part.json").write_bytes(notes)
    fetch(web.entry(), tmp_path)
    assert "If-Range" not in web.requests[0][1]
    assert is_whole(tmp_path)


# Wrong answers


def test_what_another_machine_writes_meanwhile_is_never_taken_for_the_file(
    web: Web, tmp_path: Path
) -> None:
    part = tmp_path / "test.pt.part"

    def join_in(done: int, _size: int) -> None:
        if 0 < done < SIZE:
            with part.open("ab") as file:
                file.write(b"x")

    with pytest.raises(DownloadError, match=r"Another process wrote to .*try again"):
        fetch(web.entry(), tmp_path, join_in)
    assert contents(tmp_path) == {}
    assert is_whole(fetch(web.entry(), tmp_path).parent)


def test_wrong_bytes_are_deleted_and_said(web: Web, tmp_path: Path) -> None:
    text = refused(web, tmp_path, web.entry(sha256="0" * 64))
    assert "is not the published test.pt (another SHA-256), and was deleted" in text
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("length", [SIZE - 7, SIZE + 7, 0], ids=["short", "long", "empty"])
def test_another_promised_size_is_refused_before_anything_is_written(
    web: Web, tmp_path: Path, length: int
) -> None:
    web.behaviours = [answers(200, bytes(length), Content_Type="text/html")]
    text = refused(web, tmp_path)
    assert f"gives {length:,} bytes where test.pt has 400,000" in text
    assert "login" in text
    assert contents(tmp_path) == {}


def test_a_login_page_does_not_harm_what_came_before(web: Web, tmp_path: Path) -> None:
    (tmp_path / "test.pt.part").write_bytes(CONTENT[:HALF])
    web.behaviours = [answers(200, b"<html>", Content_Type="text/html")]
    assert "are kept in" in refused(web, tmp_path)
    assert contents(tmp_path) == {"test.pt.part": HALF}


def test_an_endless_answer_is_cut_off(web: Web, tmp_path: Path) -> None:
    web.behaviours = [without_length(lambda content: content + bytes(10**6))]
    assert "gives more bytes where test.pt has 400,000" in refused(web, tmp_path)
    assert contents(tmp_path) == {}


def test_a_short_answer_that_does_not_say_so_is_no_file(web: Web, tmp_path: Path) -> None:
    web.behaviours = [without_length(lambda content: content[:HALF])] * 9
    assert "does not get on" in refused(web, tmp_path)
    assert not (tmp_path / "test.pt").exists()


@pytest.mark.parametrize("status", [404, 403, 410, 300, 204])
def test_an_answer_without_the_file_is_said_at_once(web: Web, tmp_path: Path, status: int) -> None:
    web.behaviours = [answers(status)]
    assert f"127.0.0.1 does not give test.pt (HTTP {status})" in refused(web, tmp_path)
    assert len(web.requests) == 1
    assert contents(tmp_path) == {}


def test_a_compressed_answer_is_refused(web: Web, tmp_path: Path) -> None:
    web.behaviours = [breaks_after(SIZE, Content_Encoding="gzip")]
    assert "compressed although" in refused(web, tmp_path)
    assert contents(tmp_path) == {}


# A hash that nobody published


def test_the_hash_of_a_first_download_is_remembered_and_compared(web: Web, tmp_path: Path) -> None:
    entry = web.entry(sha256=None)
    path = fetch(entry, tmp_path)
    assert contents(tmp_path).keys() == {MEMORY, "test.pt"}
    path.unlink()
    web.content = random.Random(3).randbytes(SIZE)
    assert "another SHA-256" in refused(web, tmp_path, entry)
    assert contents(tmp_path).keys() == {MEMORY}
    web.content = CONTENT
    assert fetch(entry, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize(
    "memory", [b"", b"[]", b'{"test.pt": 1}', b'{"test.pt": {"size": 400000}}']
)
def test_damaged_memories_do_no_harm(web: Web, tmp_path: Path, memory: bytes) -> None:
    (tmp_path / MEMORY).write_bytes(memory)
    fetch(web.entry(sha256=None), tmp_path)
    assert (tmp_path / "test.pt").read_bytes() == CONTENT


def test_a_beginning_of_unknown_version_is_not_taken_up_where_no_hash_would_notice(
    web: Web, tmp_path: Path
) -> None:
    (tmp_path / "test.pt.part").write_bytes(bytes(HALF))
    assert fetch(web.entry(sha256=None), tmp_path).read_bytes() == CONTENT
    assert web.ranges == [None]
