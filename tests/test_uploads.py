"""Files that come in chunks: names, order, kills, full disks and memory."""

from __future__ import annotations

import errno
import os
import random
import shutil
import threading
import tracemalloc
import unicodedata
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam2_widget.errors import SaveError, UploadError
from sam2_widget.uploads import CHUNK, MAX_NAME, Upload, Uploads, safe_name
from tests.killed import content, send_file
from tests.test_kill import processes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 30.0
MODIFIED = 1_700_000_000_000


@pytest.fixture
def uploads() -> Uploads:
    return Uploads()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "videos"


def send(uploads: Uploads, folder: Path, name: str, data: bytes, size: int = 7) -> Upload:
    """Upload a file in small chunks, from where it was broken off."""
    upload = uploads.begin(folder, name, len(data), MODIFIED)
    while upload.received < len(data):
        start = upload.received
        upload = uploads.chunk(upload.token, start, data[start : start + size])
    return upload


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# -- names ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("clip.mp4", "clip.mp4"),
        ("day 1, Über.MOV", "day 1, Über.MOV"),
        ("../../evil <b>.mp4", "evil _b_.mp4"),
        ("C:\\videos\\clip.mp4", "clip.mp4"),
        ("..", "video"),
        ("", "video"),
        ("a/..\\", "video"),
        (".mp4", "video.mp4"),
        (".hidden.mp4", "hidden.mp4"),
        ("clip.mp4. . ", "clip.mp4"),
        ("con.mp4", "_con.mp4"),
        ("LPT¹.tar.mp4", "_LPT¹.tar.mp4"),
        ("console.mp4", "console.mp4"),
        ("a\x00b\n\x1b[31m.mp4", "ab[31m.mp4"),
        ("right\u202eto left.mp4", "rightto left.mp4"),
        ("lone \ud800.mp4", "lone.mp4"),
        ("e\u0301.mp4", "\u00e9.mp4"),
        ("x" * 300 + ".webm", "x" * (MAX_NAME - 6) + ".webm"),
        ("y." + "z" * 300, "y." + "z" * (MAX_NAME - 3)),
    ],
)
def test_a_name_becomes_a_plain_file_name(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_a_name_of_nothing_becomes_what_the_purpose_says() -> None:
    assert safe_name("...", "annotations") == "annotations"
    assert safe_name(".json", "annotations") == "annotations.json"


@given(
    st.text(max_size=400)
    | st.text(st.sampled_from("aZ./\\. :<\x00\u202eé漢😀\ud800con1¹"), max_size=300)
)
def test_no_name_leaves_the_folder_or_is_special(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    safe = safe_name(name)
    assert 0 < len(safe.encode()) <= MAX_NAME
    assert not any(c in '/\\<>:"|?*' or unicodedata.category(c)[0] == "C" for c in safe)
    assert safe[0] not in ". "
    assert safe[-1] not in ". "
    first = safe.split(".")[0].rstrip().upper()
    assert first not in ("CON", "PRN", "AUX", "NUL", "COM1", "LPT1")
    folder = tmp_path_factory.getbasetemp() / "names"
    folder.mkdir(exist_ok=True)
    path = folder / f".{safe}.1099511627776-9007199254740991.part"
    path.write_bytes(b"")
    assert path.parent == folder
    path.unlink()


@given(st.text(st.characters(exclude_categories=["C", "Z"]), max_size=300))
def test_an_extension_is_kept_however_long_the_name(stem: str) -> None:
    assert safe_name(f"{stem}.mp4").endswith(".mp4")


# -- chunks -----------------------------------------------------------------------------------


def test_a_file_comes_in_chunks_and_takes_its_name_when_it_is_whole(
    uploads: Uploads, folder: Path
) -> None:
    begun = uploads.begin(folder, "clip.mp4", 10, MODIFIED)
    assert (begun.name, begun.received, begun.path) == ("clip.mp4", 0, None)
    first = uploads.chunk(begun.token, 0, b"01234")
    assert (first.received, first.path) == (5, None)
    assert names(folder) == [f".clip.mp4.10-{MODIFIED}.part"]
    with pytest.raises(UploadError, match="not there yet"):
        uploads.file(begun.token)
    last = uploads.chunk(begun.token, 5, memoryview(b"56789"))
    assert (last.received, last.path) == (10, folder / "clip.mp4")
    assert uploads.file(begun.token) == folder / "clip.mp4"
    assert (folder / "clip.mp4").read_bytes() == b"0123456789"
    assert names(folder) == ["clip.mp4"]


def test_a_chunk_is_in_its_file_when_it_is_acknowledged(uploads: Uploads, folder: Path) -> None:
    token = uploads.begin(folder, "clip.mp4", 10, MODIFIED).token
    uploads.chunk(token, 0, b"0123")
    assert next(folder.iterdir()).read_bytes() == b"0123"


def test_a_chunk_that_came_already_is_acknowledged_again(uploads: Uploads, folder: Path) -> None:
    token = uploads.begin(folder, "clip.mp4", 10, MODIFIED).token
    uploads.chunk(token, 0, b"01234")
    assert uploads.chunk(token, 0, b"01234").received == 5
    assert uploads.chunk(token, 3, b"3456").received == 7
    last = uploads.chunk(token, 7, b"789")
    assert uploads.chunk(token, 7, b"789") == last
    assert (folder / "clip.mp4").read_bytes() == b"0123456789"


def test_a_chunk_that_is_not_the_next_is_refused_and_harms_nothing(
    uploads: Uploads, folder: Path
) -> None:
    token = uploads.begin(folder, "clip.mp4", 10, MODIFIED).token
    uploads.chunk(token, 0, b"01")
    with pytest.raises(UploadError, match="2 bytes have come, so that byte 4 cannot be next"):
        uploads.chunk(token, 4, b"45")
    uploads.chunk(token, 2, b"23456789")
    assert (folder / "clip.mp4").read_bytes() == b"0123456789"


@pytest.mark.parametrize(
    ("offset", "length"), [(0, 0), (-1, 2), (0, 11), (9, 2), (10**15, 1), (0, CHUNK + 1)]
)
def test_bytes_that_are_no_chunk_of_the_file_are_refused(
    uploads: Uploads, folder: Path, offset: int, length: int
) -> None:
    size = 10 if length <= CHUNK else 3 * CHUNK
    token = uploads.begin(folder, "clip.mp4", size, MODIFIED).token
    with pytest.raises(UploadError, match="are no chunk of"):
        uploads.chunk(token, offset, bytes(length))
    assert next(folder.iterdir()).stat().st_size == 0


def test_an_unknown_upload_takes_no_chunk(uploads: Uploads, folder: Path) -> None:
    with pytest.raises(UploadError, match="choose the file again to go on"):
        uploads.chunk("t-1", 0, b"0")
    token = uploads.begin(folder, "clip.mp4", 10, MODIFIED).token
    shutil.rmtree(folder)
    with pytest.raises(UploadError, match="choose the file again to go on"):
        uploads.chunk(token, 0, b"0")
    assert not folder.exists()


# -- names on disk ----------------------------------------------------------------------------


def test_nothing_is_ever_overwritten(uploads: Uploads, folder: Path) -> None:
    folder.mkdir()
    (folder / "clip.mp4").write_bytes(b"old")
    assert send(uploads, folder, "clip.mp4", b"first").name == "clip-2.mp4"
    assert send(uploads, folder, "clip.mp4", b"second").name == "clip-3.mp4"
    assert send(uploads, folder, "noext", b"1").name == "noext"
    assert send(uploads, folder, "noext", b"2").name == "noext-2"
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert found == {
        "clip.mp4": b"old", "clip-2.mp4": b"first", "clip-3.mp4": b"second",
        "noext": b"1", "noext-2": b"2",
    }  # fmt: skip


def test_where_files_cannot_be_linked_nothing_is_overwritten_either(
    uploads: Uploads, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_paths: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert send(uploads, folder, "clip.mp4", b"first").name == "clip.mp4"
    assert send(uploads, folder, "clip.mp4", b"second").name == "clip-2.mp4"
    assert (folder / "clip.mp4").read_bytes() == b"first"
    assert (folder / "clip-2.mp4").read_bytes() == b"second"


def test_a_kill_between_the_two_names_of_a_file_leaves_one_file(
    uploads: Uploads, folder: Path
) -> None:
    folder.mkdir()
    part = folder / f".clip.mp4.3-{MODIFIED}.part"
    part.write_bytes(b"abc")
    os.link(part, folder / "clip.mp4")
    assert uploads.begin(folder, "clip.mp4", 3, MODIFIED).path == folder / "clip.mp4"
    assert names(folder) == ["clip.mp4"]


# -- going on ---------------------------------------------------------------------------------


def test_the_same_file_goes_on_where_it_was_broken_off(uploads: Uploads, folder: Path) -> None:
    token = uploads.begin(folder, "clip.mp4", 10, MODIFIED).token
    uploads.chunk(token, 0, b"0123")
    later = Uploads().begin(folder, "clip.mp4", 10, MODIFIED)
    assert later.received == 4
    assert Uploads().begin(folder, "clip.mp4", 10, MODIFIED + 1).received == 0
    assert Uploads().begin(folder, "clip.mp4", 11, MODIFIED).received == 0
    assert Uploads().begin(folder, "other.mp4", 10, MODIFIED).received == 0


def test_what_was_killed_before_it_got_its_name_is_whole_at_the_next_begin(
    uploads: Uploads, folder: Path
) -> None:
    folder.mkdir()
    (folder / f".clip.mp4.3-{MODIFIED}.part").write_bytes(b"abc")
    upload = uploads.begin(folder, "clip.mp4", 3, MODIFIED)
    assert (upload.received, upload.path) == (3, folder / "clip.mp4")


def test_a_part_that_is_longer_than_the_file_is_not_gone_on_with(
    uploads: Uploads, folder: Path
) -> None:
    folder.mkdir()
    (folder / f".clip.mp4.3-{MODIFIED}.part").write_bytes(b"abcdef")
    assert uploads.begin(folder, "clip.mp4", 3, MODIFIED).received == 0
    assert send(uploads, folder, "clip.mp4", b"xyz").name == "clip.mp4"
    assert (folder / "clip.mp4").read_bytes() == b"xyz"


def test_parts_that_nobody_goes_on_with_are_removed_after_a_month(
    uploads: Uploads, folder: Path
) -> None:
    folder.mkdir()
    old, recent, own = (folder / name for name in (".a.mp4.9-1.part", ".b.mp4.9-1.part", ".x.part"))
    for path in (old, recent, own):
        path.write_bytes(b"abc")
    for path in (old, own):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    uploads.begin(folder, "clip.mp4", 3, MODIFIED)
    assert [path.exists() for path in (old, recent, own)] == [False, True, True]


@pytest.mark.parametrize("seed", range(4))
def test_a_killed_process_has_all_that_it_acknowledged(
    folder: Path, seed: int, uploads: Uploads
) -> None:
    ours, theirs = processes.Pipe()
    process = processes.Process(target=send_file, args=(folder, theirs))
    process.start()
    theirs.close()
    acknowledged = 0
    for _ in range(random.Random(seed).randrange(1, 12)):
        assert ours.poll(PATIENCE)
        acknowledged = ours.recv()
    process.kill()
    process.join(PATIENCE)
    ours.close()
    upload = uploads.begin(folder, "clip.mp4", len(content()), MODIFIED)
    assert 0 < acknowledged <= upload.received < len(content())
    (part,) = folder.iterdir()
    assert part.read_bytes() == content()[: upload.received]
    assert send(uploads, folder, "clip.mp4", content(), CHUNK).name == "clip.mp4"
    assert (folder / "clip.mp4").read_bytes() == content()
    assert names(folder) == ["clip.mp4"]


# -- two senders ------------------------------------------------------------------------------


def test_two_senders_of_one_file_join(uploads: Uploads, folder: Path) -> None:
    first = uploads.begin(folder, "clip.mp4", 10, MODIFIED)
    uploads.chunk(first.token, 0, b"0123")
    second = uploads.begin(folder, "clip.mp4", 10, MODIFIED)
    assert (second.token, second.received) == (first.token, 4)


def test_two_senders_at_once_even_in_two_kernels_make_one_right_file(folder: Path) -> None:
    data = random.Random(1).randbytes(30_000)
    ends: list[Upload | UploadError] = []

    def work(uploads: Uploads, size: int) -> None:
        try:
            ends.append(send(uploads, folder, "clip.mp4", data, size))
        except UploadError as error:  # the other was the first to end
            ends.append(error)

    shared = Uploads()
    senders = [(shared, 97), (shared, 131), (Uploads(), 89)]
    threads = [threading.Thread(target=work, args=sender) for sender in senders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    whole = [path for path in folder.iterdir() if path.suffix == ".mp4"]
    assert whole
    assert all(path.read_bytes() == data for path in whole)
    assert any(isinstance(end, Upload) for end in ends)


# -- cancelling and refusing ------------------------------------------------------------------


def test_a_cancelled_upload_leaves_nothing(uploads: Uploads, folder: Path) -> None:
    token = uploads.begin(folder, "clip.mp4", 10, MODIFIED).token
    uploads.chunk(token, 0, b"0123")
    uploads.cancel(token)
    uploads.cancel(token)
    assert names(folder) == []
    with pytest.raises(UploadError, match="no longer known"):
        uploads.chunk(token, 4, b"4")
    whole = send(uploads, folder, "clip.mp4", b"abc")
    uploads.cancel(whole.token)
    assert names(folder) == []


@pytest.mark.parametrize(
    ("size", "text"), [(0, "is empty"), (-1, "is empty"), (2**50, "1.1 TB is the most")]
)
def test_a_size_that_cannot_be_is_refused(
    uploads: Uploads, folder: Path, size: int, text: str
) -> None:
    with pytest.raises(UploadError, match=text):
        uploads.begin(folder, "clip.mp4", size, MODIFIED)
    assert not folder.exists()


def test_a_file_that_does_not_fit_is_refused_before_anything_is_written(
    uploads: Uploads, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(folder.parent)._replace(free=4_200)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(SaveError, match=r"it needs 5\.0 GB and 4\.2 kB are free"):
        uploads.begin(folder, "clip.mp4", 5_000_000_000, MODIFIED)
    assert not folder.exists()
    assert send(uploads, folder, "clip.mp4", bytes(4_000), 1_000).path


def test_only_what_is_missing_must_fit(
    uploads: Uploads, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = uploads.begin(folder, "clip.mp4", 5_000, MODIFIED).token
    uploads.chunk(token, 0, bytes(4_000))
    usage = shutil.disk_usage(folder)._replace(free=1_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    assert uploads.begin(folder, "clip.mp4", 5_000, MODIFIED).received == 4_000


def test_a_disk_that_fills_up_breaks_the_upload_which_goes_on_later(
    uploads: Uploads, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = uploads.begin(folder, "clip.mp4", 10, MODIFIED).token
    with monkeypatch.context() as patch:
        patch.setattr("sam2_widget.uploads._write_at", write_half)
        with pytest.raises(SaveError, match=r"The disk is full.*it goes on from there"):
            uploads.chunk(token, 0, b"0123456789")
    assert uploads.begin(folder, "clip.mp4", 10, MODIFIED).received == 5
    assert send(uploads, folder, "clip.mp4", b"0123456789").path == folder / "clip.mp4"
    assert (folder / "clip.mp4").read_bytes() == b"0123456789"


def write_half(path: Path, offset: int, data: memoryview) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data[: len(data) // 2])
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_folder_that_cannot_be_made_is_said_in_a_sentence(uploads: Uploads, folder: Path) -> None:
    folder.write_bytes(b"a file")
    with pytest.raises(SaveError, match=r"clip\.mp4 was not saved"):
        uploads.begin(folder, "clip.mp4", 10, MODIFIED)


# -- memory -----------------------------------------------------------------------------------


def test_a_large_file_is_never_whole_in_memory(uploads: Uploads, folder: Path) -> None:
    count = 200
    upload = uploads.begin(folder, "long.mp4", count * CHUNK, MODIFIED)
    tracemalloc.start()
    try:
        for index, chunk in enumerate(chunks(count)):
            upload = uploads.chunk(upload.token, index * CHUNK, chunk)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert upload.path is not None
    assert upload.path.stat().st_size == count * CHUNK
    assert peak < 4 * CHUNK


def chunks(count: int) -> Iterator[bytes]:
    for index in range(count):
        yield index.to_bytes(2, "big") * (CHUNK // 2)
