"""Downloads: whatever the network, the server or the disk does, a good file or a clear sentence."""

from __future__ import annotations

import errno
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sam2_widget import models
from sam2_widget.catalogue import CATALOGUE, Entry
from sam2_widget.errors import DownloadError, ModelError
from sam2_widget.fetching import Patience, fetch
from sam2_widget.partfile import PartFile
from sam2_widget.transfer import Slowest
from sam2_widget.verifying import MEMORY
from tests.servers import (
    Web,
    answers,
    breaks_after,
    closed_port,
    drips,
    drips_headers,
    ignores_ranges,
    serving,
    stalls_after,
    without_length,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[1]
SIZE = 400_000
CONTENT = random.Random(1).randbytes(SIZE)
HALF = SIZE // 2
HURRY = Patience(tries=3, most=8, pause=0.01, timeout=0.3)
THIRSTY = replace(HURRY, timeout=30, slowest=Slowest(least=1000, window=0.4))


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def web() -> Iterator[Web]:
    with serving(CONTENT) as running:
        yield running


def contents(folder: Path) -> dict[str, int]:
    """Return the files in a folder with their sizes."""
    return {path.name: path.stat().st_size for path in sorted(folder.iterdir())}


def refused(web: Web, folder: Path, entry: Entry | None = None, **how: Any) -> str:
    """Return the one sentence that a download ends with."""
    with pytest.raises(DownloadError) as error:
        fetch(entry or web.entry(), folder, **{"patience": HURRY, **how})
    text = str(error.value)
    assert len(text.splitlines()) == 1
    assert text.endswith(".")
    assert ". " not in text
    return text


def is_whole(folder: Path) -> bool:
    """Tell whether the file is there, and nothing else."""
    return contents(folder) == {"test.pt": SIZE} and (folder / "test.pt").read_bytes() == CONTENT


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


# Addresses


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://x/y", "data:,x", "x.pt", ""])
def test_only_web_addresses_are_read(web: Web, tmp_path: Path, url: str) -> None:
    assert "is no web address" in refused(web, tmp_path, web.entry(url=url))
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/x"])
def test_a_redirect_to_anything_else_is_refused(web: Web, tmp_path: Path, url: str) -> None:
    web.behaviours = [answers(302, Location=url)]
    refused(web, tmp_path)
    assert contents(tmp_path) == {}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate for this machine that nobody has signed."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the program openssl")
    path = tmp_path_factory.mktemp("certificate") / "server.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-keyout", f"{path}.key", "-out", str(path), "-days", "2"),
            *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    both = path.with_name("both.pem")
    both.write_bytes(path.read_bytes() + Path(f"{path}.key").read_bytes())
    return both


def test_an_untrusted_certificate_is_refused_and_said(certificate: Path, tmp_path: Path) -> None:
    with serving(CONTENT, certificate) as secure:
        text = refused(secure, tmp_path)
    assert "certificate of 127.0.0.1 is not trusted (self" in text
    assert "SSL_CERT_FILE" in text
    assert contents(tmp_path) == {}


def test_https_stays_https(
    web: Web, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving(CONTENT, certificate) as secure:
        secure.behaviours = [answers(302, Location=f"{web.url}/test.pt")]
        assert "which is not encrypted" in refused(secure, tmp_path)
        assert web.requests == []
        assert contents(tmp_path) == {}
        secure.behaviours = [answers(302, Location=f"{secure.url}/there")]
        fetch(secure.entry(), tmp_path)
    assert is_whole(tmp_path)


def test_circles_of_redirects_end(web: Web, tmp_path: Path) -> None:
    web.behaviours = [answers(302, Location="/test.pt")] * 30
    assert "HTTP 302" in refused(web, tmp_path)


def test_no_network_is_said_at_once(web: Web, tmp_path: Path) -> None:
    dead = f"http://127.0.0.1:{closed_port()}/test.pt"
    text = refused(web, tmp_path, web.entry(url=dead))
    assert "127.0.0.1 cannot be reached (" in text
    assert "https_proxy" in text
    assert contents(tmp_path) == {}


def test_a_name_that_nobody_knows_is_said(web: Web, tmp_path: Path) -> None:
    text = refused(web, tmp_path, web.entry(url="http://nobody.invalid/test.pt"))
    assert "nobody.invalid cannot be reached" in text


def test_the_proxy_of_the_environment_is_used(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", web.url)
    fetch(web.entry(url="http://checkpoints.invalid/test.pt"), tmp_path)
    assert [path for path, _ in web.requests] == ["http://checkpoints.invalid/test.pt"]
    assert is_whole(tmp_path)


def test_a_proxy_that_refuses_is_said(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", web.url)
    web.behaviours = [answers(407)]
    text = refused(web, tmp_path, web.entry(url="https://checkpoints.invalid/test.pt"))
    assert "cannot be reached (Tunnel connection failed: 407" in text
    assert [path for path, _ in web.requests] == ["checkpoints.invalid:443"]


# Cancelling and interrupting


def test_a_cancelled_download_keeps_what_came_and_goes_on(web: Web, tmp_path: Path) -> None:
    cancel = threading.Event()
    web.behaviours = [stalls_after(HALF)]

    def progress(done: int, _: int) -> None:
        if done == HALF:
            cancel.set()

    patience = Patience(timeout=60)
    with pytest.raises(DownloadError, match=r"was cancelled; 200 kB of 400 kB are kept in .*part"):
        fetch(web.entry(), tmp_path, progress, cancel, patience)
    fetch(web.entry(), tmp_path)
    assert web.ranges == [None, f"bytes={HALF}-"]
    assert is_whole(tmp_path)


def test_cancelling_does_not_wait_for_a_server_that_says_nothing(web: Web, tmp_path: Path) -> None:
    cancel = threading.Event()
    came = threading.Event()

    def silent(_: object) -> None:
        came.set()
        web.go_on.wait()

    web.behaviours = [silent]
    threading.Thread(target=lambda: came.wait() and cancel.set()).start()
    begun = time.monotonic()
    with pytest.raises(DownloadError, match=r"test\.pt was cancelled\.$"):
        fetch(web.entry(), tmp_path, cancel=cancel, patience=Patience(timeout=60))
    assert time.monotonic() - begun < 30
    assert contents(tmp_path) == {}


def test_an_interrupted_download_keeps_what_came(web: Web, tmp_path: Path) -> None:
    def progress(done: int, _: int) -> None:
        if done == HALF:
            raise KeyboardInterrupt

    web.behaviours = [stalls_after(HALF)]
    with pytest.raises(KeyboardInterrupt):
        fetch(web.entry(), tmp_path, progress)
    assert contents(tmp_path)["test.pt.part"] == HALF


# Disk


def test_too_little_room_is_said_before_anything_is_asked_for(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    little = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: little)
    text = refused(web, tmp_path)
    assert "needs 400 kB and 1.0 kB are free" in text
    assert web.requests == []
    assert contents(tmp_path) == {}


def test_a_disk_that_fills_meanwhile_leaves_nothing_behind(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = PartFile.write

    def full(part: PartFile, piece: bytes) -> None:
        write(part, piece[:1000])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(PartFile, "write", full)
    assert "The disk is full, test.pt (400 kB) was not saved" in refused(web, tmp_path)
    assert contents(tmp_path) == {}


def test_the_file_is_on_the_disk_before_it_has_its_name(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[int, bool]] = []
    sync = os.fsync

    def watch(handle: int) -> None:
        synced.append((os.fstat(handle).st_size, (tmp_path / "test.pt").exists()))
        sync(handle)

    monkeypatch.setattr(os, "fsync", watch)
    fetch(web.entry(), tmp_path)
    assert synced[0] == (SIZE, False)


def test_a_folder_that_is_a_file_is_said(web: Web, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        assert "cannot be written; make it a writable folder" in refused(web, folder)


def test_a_folder_without_the_right_to_write_is_said(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(PartFile, "__init__", deny)
    assert "cannot be written; make it a writable folder" in refused(web, tmp_path)


# Several at once


def test_two_threads_end_with_one_good_file(web: Web, tmp_path: Path) -> None:
    waiting = threading.Event()
    web.behaviours = [stalls_after(HALF)]
    first = threading.Thread(target=fetch, args=(web.entry(), tmp_path))

    def progress(done: int, _: int) -> None:
        if done == HALF:
            # The second tells how far the first is, before it has the turn itself.
            waiting.set()
            web.go_on.set()

    first.start()
    while contents(tmp_path).get("test.pt.part") != HALF:
        time.sleep(0.01)
    fetch(web.entry(), tmp_path, progress)
    first.join()
    assert waiting.is_set()
    assert web.ranges == [None]
    assert is_whole(tmp_path)


def test_who_waits_for_another_can_cancel(web: Web, tmp_path: Path) -> None:
    cancel = threading.Event()
    web.behaviours = [stalls_after(HALF)]
    first = threading.Thread(target=fetch, args=(web.entry(), tmp_path))
    first.start()
    while contents(tmp_path).get("test.pt.part") != HALF:
        time.sleep(0.01)
    with pytest.raises(DownloadError, match="cancelled"):
        fetch(web.entry(), tmp_path, lambda *_: cancel.set(), cancel)
    web.go_on.set()
    first.join()
    assert is_whole(tmp_path)


PROCESS = """
import json, sys
from pathlib import Path
from sam2_widget.catalogue import Entry
from sam2_widget.fetching import fetch

entry = Entry(**json.loads(sys.argv[1]))
print(fetch(entry, Path(sys.argv[2]), lambda done, total: print(done, flush=True)))
"""


def process(entry: Entry, folder: Path) -> subprocess.Popen[str]:
    """Start a process that downloads and prints how far it is."""
    return subprocess.Popen(
        [sys.executable, "-c", PROCESS, json.dumps(asdict(entry)), str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )


def wait_for(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdout is not None
    assert any(text.strip() == line for text in process.stdout)


def test_two_processes_end_with_one_good_file_also_when_the_first_is_killed(
    web: Web, tmp_path: Path
) -> None:
    web.behaviours = [stalls_after(HALF)]
    with process(web.entry(), tmp_path) as first:
        wait_for(first, str(HALF))
        with process(web.entry(), tmp_path) as second:
            # It waits, and tells what the first has.
            wait_for(second, str(HALF))
            assert web.ranges == [None]
            first.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
            wait_for(second, str(tmp_path / "test.pt"))
        assert second.returncode == 0
    assert web.ranges == [None, f"bytes={HALF}-"]
    assert is_whole(tmp_path)


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


# From Python


@pytest.fixture
def catalogue(web: Web, monkeypatch: pytest.MonkeyPatch) -> Web:
    monkeypatch.setitem(CATALOGUE, "test", web.entry())
    return web


def test_a_download_goes_to_the_cache_and_is_found_from_then_on(catalogue: Web) -> None:
    with pytest.raises(ModelError, match=r"sw\.models\.download\('test'\)"):
        models.path("test")
    path = models.download("test")
    assert path.parent.name == "checkpoints"
    assert path.parent.parent.name == "sam2-widget"
    assert models.path("test") == path
    assert models.download("test") == path
    assert len(catalogue.requests) == 1
    assert {info.name: info.path for info in models.list()}["test"] == path


def test_a_download_goes_where_it_is_wanted(
    catalogue: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAM2_WIDGET_CHECKPOINTS", str(tmp_path / "named"))
    assert models.download("test") == tmp_path / "named" / "test.pt"
    assert models.download("test", folder=tmp_path) == tmp_path / "test.pt"
    assert len(catalogue.requests) == 2


def test_a_checkpoint_in_the_working_folder_is_not_downloaded_again(catalogue: Web) -> None:
    Path("checkpoints").mkdir()
    Path("checkpoints/test.pt").write_bytes(CONTENT)
    assert models.download("test").samefile("checkpoints/test.pt")
    assert catalogue.requests == []


def test_progress_and_cancel_reach_the_download(catalogue: Web, tmp_path: Path) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(DownloadError, match="cancelled"):
        models.download("test", folder=tmp_path, cancel=cancel)
    told: list[int] = []
    models.download("test", folder=tmp_path, progress=lambda done, _: told.append(done))
    assert told[-1] == SIZE


def test_nano_needs_no_download_and_other_names_are_refused() -> None:
    assert models.download("nano").is_file()
    with pytest.raises(ModelError, match=r"no model 'sam3' to download; give one of sam2\.1_hiera"):
        models.download("sam3")
