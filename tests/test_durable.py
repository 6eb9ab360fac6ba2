"""Writing files: the old or the new content whole, whatever happens."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam2_widget import durable
from sam2_widget.durable import TEMPORARY, Flusher, append_line, link_file, saving, write_file
from sam2_widget.errors import SaveError

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]


@contextlib.contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let no file grow past a size, as a disk that is full does not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# Whole files


def test_a_file_is_written_with_the_folders_it_needs(tmp_path: Path) -> None:
    path = tmp_path / "instance1" / "masks_shaft" / "00000.png"
    write_file(path, b"mask")
    assert path.read_bytes() == b"mask"
    assert names(path.parent) == ["00000.png"]


def test_a_write_that_does_not_fit_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "project.json"
    write_file(path, b"before")
    with file_size_limit(100), pytest.raises(SaveError, match=r"project\.json was not saved"):
        write_file(path, b"x" * 1000)
    assert path.read_bytes() == b"before"
    assert names(tmp_path) == ["project.json"]


KILLED = """
import sys, threading
from pathlib import Path
from sam2_widget.durable import write_file

path = Path(sys.argv[1])
write_file(path, b"a" * 100_000)
print("begun", flush=True)
while True:
    for letter in (b"b", b"a"):
        write_file(path, letter * 100_000)
"""


def test_a_kill_leaves_the_old_or_the_new_content_whole(tmp_path: Path) -> None:
    path = tmp_path / "points.json"
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "begun\n"
        child.send_signal(signal.SIGKILL)
    assert path.read_bytes() in (b"a" * 100_000, b"b" * 100_000)


def test_two_threads_that_write_one_file_leave_one_content_whole(tmp_path: Path) -> None:
    path = tmp_path / "ui.json"
    contents = [bytes([65 + n]) * 50_000 for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: write_file(path, contents[n % 4]), range(80)))
    assert path.read_bytes() in contents
    assert names(tmp_path) == ["ui.json"]


def test_a_write_never_reaches_through_a_leftover_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"not ours")
    path = tmp_path / "project" / "ui.json"
    path.parent.mkdir()
    leftover = path.with_name(f"ui-{threading.get_ident():x}.json{TEMPORARY}")
    leftover.symlink_to(outside)
    write_file(path, b"ours")
    assert outside.read_bytes() == b"not ours"
    assert not path.is_symlink()


# What goes wrong, in a sentence


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "disk is full.*free some space"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "disk is full"),
        (PermissionError(errno.EACCES, "Permission denied"), "make the folder writable"),
        (OSError(errno.EROFS, "Read-only file system"), "make the folder writable"),
        (OSError(errno.EIO, "Input/output error"), "Input/output error"),
    ],
)
def test_an_error_of_the_file_system_says_what_to_do(error: OSError, advice: str) -> None:
    with pytest.raises(SaveError, match=advice), saving(Path("masks/00001.png")):
        raise error


def test_a_sentence_is_not_wrapped_in_another() -> None:
    with pytest.raises(SaveError, match=r"^once$"), saving(Path("a")):
        raise SaveError("once")


# Journals


@given(st.lists(st.binary(max_size=30).filter(lambda line: b"\n" not in line), max_size=8))
def test_lines_are_appended_in_order(lines: list[bytes]) -> None:
    path = Path("track.jsonl")
    path.unlink(missing_ok=True)
    for line in lines:
        append_line(path, line)
    assert (path.read_bytes() if lines else b"") == b"".join(line + b"\n" for line in lines)


def test_a_torn_last_line_does_not_swallow_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "track.jsonl"
    path.write_bytes(b'{"frame_index":1}\n{"frame_in')
    append_line(path, b'{"frame_index":2}')
    assert path.read_bytes() == b'{"frame_index":1}\n{"frame_in\n{"frame_index":2}\n'


def test_a_line_that_does_not_fit_leaves_no_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "track.jsonl"
    append_line(path, b"x" * 90)
    with file_size_limit(100), pytest.raises(SaveError):
        append_line(path, b"y" * 90)
    assert path.read_bytes() == b"x" * 90 + b"\n"


# Second names


def test_a_linked_file_has_the_bytes_of_its_source(tmp_path: Path) -> None:
    source, target = tmp_path / "a.png", tmp_path / "undo" / "b.png"
    write_file(source, b"mask")
    link_file(source, target)
    write_file(source, b"other")
    assert target.read_bytes() == b"mask"


def test_a_file_is_copied_where_there_are_no_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(durable.os, "link", refuse)
    source, target = tmp_path / "a.png", tmp_path / "b.png"
    write_file(source, b"mask")
    link_file(source, target)
    assert target.read_bytes() == b"mask"


def test_linking_a_file_to_itself_leaves_nothing_that_a_later_write_could_reach(
    tmp_path: Path,
) -> None:
    mask, kept = tmp_path / "mask.png", tmp_path / "kept.png"
    write_file(mask, b"first")
    link_file(mask, kept)
    link_file(kept, mask)
    assert names(tmp_path) == ["kept.png", "mask.png"]
    write_file(mask, b"second")
    assert kept.read_bytes() == b"first"


def test_a_source_that_is_gone_is_one_clear_error(tmp_path: Path) -> None:
    write_file(tmp_path / "b.png", b"mask")
    with pytest.raises(SaveError, match="was not saved"):
        link_file(tmp_path / "gone.png", tmp_path / "b.png")
    assert names(tmp_path) == ["b.png"]
    assert (tmp_path / "b.png").read_bytes() == b"mask"


# Syncing


def test_what_was_written_is_synced_once_with_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    done = threading.Event()

    def sync(path: Path) -> None:
        synced.append(path)
        if path == tmp_path:
            done.set()

    monkeypatch.setattr(durable, "_sync", sync)
    flusher = Flusher(seconds=0.05)
    path = tmp_path / "points.json"
    for number in range(5):
        write_file(path, b"%d" % number, flusher)
    assert done.wait(10)
    flusher.close()
    assert set(synced) == {path, tmp_path}
    assert synced.index(path) < synced.index(tmp_path)


def test_closing_syncs_what_is_left_without_delay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(durable, "_sync", synced.append)
    flusher = Flusher(seconds=3600)
    append_line(tmp_path / "track.jsonl", b"{}", flusher)
    write_file(tmp_path / "a.png", b"mask", flusher)
    link_file(tmp_path / "a.png", tmp_path / "b.png", flusher)
    flusher.close()
    assert {path.name for path in synced} == {"track.jsonl", "a.png", "b.png", tmp_path.name}


def test_a_file_that_is_gone_does_not_stop_the_syncing(tmp_path: Path) -> None:
    flusher = Flusher(seconds=3600)
    write_file(tmp_path / "gone.png", b"mask", flusher)
    (tmp_path / "gone.png").unlink()
    flusher.close()
