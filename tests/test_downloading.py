"""Downloads on this machine: cancelled, without room on the disk, several at once, from Python."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from sam2_widget import models
from sam2_widget.catalogue import CATALOGUE, Entry
from sam2_widget.errors import DownloadError, ModelError
from sam2_widget.fetching import Patience, fetch
from sam2_widget.partfile import PartFile
from tests.fetches import CONTENT, HALF, SIZE, contents, is_whole, refused
from tests.servers import Web, stalls_after

ROOT = Path(__file__).resolve().parents[1]


pytestmark = pytest.mark.usefixtures("no_proxy")


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
