"""MaskStore: PNG files, their records and the cache, also after a kill and with hostile files."""

from __future__ import annotations

import contextlib
import json
import math
import resource
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sam2_widget import bits
from sam2_widget.annotations import Scope
from sam2_widget.errors import SaveError
from sam2_widget.json_files import read_journal
from sam2_widget.masks import MaskStore
from sam2_widget.project import Project
from sam2_widget.records import MaskRecord, measure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHAFT = Scope(1, "shaft")
WRIST = Scope(2, "wrist")
WIDTH, HEIGHT = 40, 24
Mask = npt.NDArray[np.bool_]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    project = Project(tmp_path / "clip")
    yield project
    project.close()


def opened(project: Project) -> MaskStore:
    """Return the store as a later session would find it."""
    return MaskStore(project, WIDTH, HEIGHT)


def square(size: int, x: int = 3, y: int = 2) -> Mask:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[y : y + size, x : x + size] = True
    return mask


def write(
    store: MaskStore, frame: int, size: int, scope: Scope = SHAFT, source: str = "track"
) -> MaskRecord:
    mask = square(size)
    record = measure(mask, frame, source, run="r1", score=4.25, revision=f"rev{size}", model="nano")
    store.write(scope, mask, record)
    return record


def lines(project: Project, scope: Scope = SHAFT) -> list[dict[str, Any]]:
    return list(read_journal(project.track_path(scope)))


def journal(project: Project, *content: object, scope: Scope = SHAFT) -> None:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in content)
    project.track_path(scope).write_text(text, encoding="utf-8")


def line(frame: int = 3, size: int = 4, **other: object) -> dict[str, object]:
    return asdict(measure(square(size), frame, "track", run="r1", revision="rev")) | other


# Measuring


@given(arrays(bool, (HEIGHT, WIDTH)))
def test_a_record_measures_its_mask(mask: Mask) -> None:
    record = measure(mask, 7, "click")
    rows, columns = np.nonzero(mask)
    assert record.area == len(rows)
    if not len(rows):
        assert (record.bbox, record.centroid) == (None, None)
        return
    assert record.bbox == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert record.centroid is not None
    assert record.centroid == pytest.approx(((columns + 0.5).mean(), (rows + 0.5).mean()), abs=0.01)


@pytest.mark.parametrize(
    ("given_score", "kept"),
    [(None, None), (1.234567, 1.2346), (np.float32(2.5), 2.5), (math.nan, None), (-math.inf, None)],
)
def test_a_score_is_kept_as_a_number_that_json_knows(
    given_score: float | None, kept: float | None
) -> None:
    record = measure(square(2), 0, "track", score=given_score)
    assert record.score == kept
    assert json.loads(json.dumps(asdict(record), allow_nan=False))["score"] == kept


# Writing and reading


def test_a_written_mask_is_a_grey_png_and_a_line(project: Project) -> None:
    store = opened(project)
    write(store, 12, 4)
    path = project.root / "instance1" / "masks_shaft" / "00012.png"
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, np.where(square(4), 255, 0))
    assert lines(project) == [
        {
            "frame_index": 12,
            "source": "track",
            "run": "r1",
            "score": 4.25,
            "area": 16,
            "bbox": [3, 2, 7, 6],
            "centroid": [5.0, 4.0],
            "revision": "rev4",
            "model": "nano",
        }
    ]


def test_frames_past_99999_have_longer_names(project: Project) -> None:
    store = opened(project)
    write(store, 123_456, 4)
    assert (project.root / "instance1" / "masks_shaft" / "123456.png").is_file()
    assert opened(project).frames(SHAFT) == [123_456]


def test_a_later_session_finds_the_same_masks_and_records(project: Project) -> None:
    store = opened(project)
    records = {frame: write(store, frame, size) for frame, size in [(5, 4), (0, 2), (9, 0)]}
    other = write(store, 5, 7, WRIST)
    again = opened(project)
    assert again.scopes() == [SHAFT, WRIST]
    assert again.frames(SHAFT) == [0, 5, 9]
    assert again.records(SHAFT) == records == store.records(SHAFT)
    assert again.record(WRIST, 5) == other
    assert again.count(SHAFT) == 3
    for frame, size in [(5, 4), (0, 2), (9, 0)]:
        np.testing.assert_array_equal(again.read(SHAFT, frame), square(size))
    np.testing.assert_array_equal(again.read(WRIST, 5), square(7))


def test_a_frame_without_a_mask_reads_as_all_false(project: Project) -> None:
    mask = opened(project).read(SHAFT, 3)
    assert (mask.shape, mask.dtype, mask.any()) == ((HEIGHT, WIDTH), bool, False)


def test_a_mask_that_was_read_is_the_caller_s_own(project: Project) -> None:
    store = opened(project)
    mask = square(4)
    store.stage(SHAFT, mask, measure(mask, 0, "click"))
    store.read(SHAFT, 0)[:] = True
    np.testing.assert_array_equal(store.read(SHAFT, 0), square(4))
    store.save(SHAFT, 0)
    store.read(SHAFT, 0)[:] = True
    np.testing.assert_array_equal(store.read(SHAFT, 0), square(4))


def test_stale_masks_are_those_tracked_from_other_prompts(project: Project) -> None:
    store = opened(project)
    write(store, 0, 4, source="click")
    write(store, 1, 4)
    write(store, 2, 5)
    assert store.count_stale(SHAFT, "rev4") == 1
    write(store, 2, 4)
    assert store.count_stale(SHAFT, "rev4") == 0
    assert store.count_stale(SHAFT, "other") == 2
    assert opened(project).count_stale(SHAFT, "other") == 2
    store.restore(SHAFT, 1, None, None)
    assert store.count_stale(SHAFT, "other") == 1


# Staging


def test_a_staged_mask_is_read_before_it_is_on_disk(project: Project) -> None:
    store = opened(project)
    record = measure(square(4), 3, "click")
    store.stage(SHAFT, square(4), record)
    np.testing.assert_array_equal(store.read(SHAFT, 3), square(4))
    assert store.record(SHAFT, 3) == record
    assert not project.mask_path(SHAFT, 3).exists()
    store.save(SHAFT, 3)
    assert opened(project).record(SHAFT, 3) == record


def test_a_staged_mask_can_be_taken_back(project: Project) -> None:
    store = opened(project)
    before = write(store, 3, 4)
    store.stage(SHAFT, square(9), measure(square(9), 3, "click"))
    store.stage(SHAFT, square(9), measure(square(9), 4, "click"))
    store.unstage(SHAFT, 3, before)
    store.unstage(SHAFT, 4, None)
    np.testing.assert_array_equal(store.read(SHAFT, 3), square(4))
    assert store.records(SHAFT) == {3: before}
    assert bits.unpack(store.packed(SHAFT, 3), HEIGHT, WIDTH).sum() == 16


@contextlib.contextmanager
def full_disk() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_mask_that_cannot_be_saved_stays_staged(project: Project) -> None:
    store = opened(project)
    store.stage(SHAFT, square(4), measure(square(4), 3, "click"))
    with full_disk(), pytest.raises(SaveError):
        store.save(SHAFT, 3)
    np.testing.assert_array_equal(store.read(SHAFT, 3), square(4))
    store.save(SHAFT, 3)
    np.testing.assert_array_equal(opened(project).read(SHAFT, 3), square(4))


def test_a_mask_that_cannot_be_written_leaves_the_one_before(project: Project) -> None:
    store = opened(project)
    before = write(store, 3, 4)
    with full_disk(), pytest.raises(SaveError):
        write(store, 3, 9)
    for each in (store, opened(project)):
        assert each.record(SHAFT, 3) == before
        np.testing.assert_array_equal(each.read(SHAFT, 3), square(4))


# Undo


def test_undo_brings_the_very_bytes_back(project: Project) -> None:
    store = opened(project)
    before = write(store, 3, 4)
    png = project.mask_path(SHAFT, 3).read_bytes()
    kept = project.undo / "before.png"
    store.keep_copy(SHAFT, 3, kept)
    write(store, 3, 9)
    assert store.packed(SHAFT, 3).width == 9
    store.restore(SHAFT, 3, before, kept)
    assert project.mask_path(SHAFT, 3).read_bytes() == png
    assert store.packed(SHAFT, 3).width == 4
    for each in (store, opened(project)):
        assert each.record(SHAFT, 3) == before


def test_a_mask_restored_over_itself_can_be_undone_again(project: Project) -> None:
    store = opened(project)
    before = write(store, 3, 4)
    kept = project.undo / "before.png"
    store.keep_copy(SHAFT, 3, kept)
    store.restore(SHAFT, 3, before, kept)
    write(store, 3, 9)
    store.restore(SHAFT, 3, before, kept)
    np.testing.assert_array_equal(store.read(SHAFT, 3), square(4))


def test_a_mask_that_goes_leaves_a_gap_also_for_a_later_session(project: Project) -> None:
    store = opened(project)
    write(store, 3, 4)
    write(store, 4, 4)
    store.restore(SHAFT, 3, None, None)
    assert not project.mask_path(SHAFT, 3).exists()
    for each in (store, opened(project)):
        assert each.frames(SHAFT) == [4]
        assert not each.read(SHAFT, 3).any()
        assert each.packed(SHAFT, 3).width == 0
    store.restore(SHAFT, 3, None, None)


# After a kill


def test_the_last_line_of_a_frame_counts(project: Project) -> None:
    store = opened(project)
    for size in (2, 9, 4):
        last = write(store, 3, size)
    assert len(lines(project)) == 3
    assert opened(project).record(SHAFT, 3) == last


def test_a_torn_last_line_is_ignored(project: Project) -> None:
    record = write(opened(project), 3, 4)
    with project.track_path(SHAFT).open("ab") as file:
        file.write(b'{"frame_index":3,"source":"tra')
    again = opened(project)
    assert again.records(SHAFT) == {3: record}
    # Nor does it take the next line with it.
    later = write(again, 4, 5)
    assert opened(project).records(SHAFT) == {3: record, 4: later}


def test_a_png_without_a_line_is_measured_and_counts_as_imported(project: Project) -> None:
    write(opened(project), 3, 4)
    project.track_path(SHAFT).unlink()
    again = opened(project)
    assert again.records(SHAFT) == {3: measure(square(4), 3, "import")}
    np.testing.assert_array_equal(again.read(SHAFT, 3), square(4))


def test_a_line_without_its_png_does_not_count(project: Project) -> None:
    store = opened(project)
    write(store, 3, 4)
    write(store, 4, 4)
    project.mask_path(SHAFT, 3).unlink()
    assert opened(project).frames(SHAFT) == [4]


def test_opening_changes_no_file(project: Project) -> None:
    write(opened(project), 3, 4)
    journal(project, line(3), "torn {")
    project.mask_path(SHAFT, 8).write_bytes(b"damaged")
    before = {path: path.read_bytes() for path in project.root.rglob("*") if path.is_file()}
    store = opened(project)
    store.compact()
    after = {path: path.read_bytes() for path in project.root.rglob("*") if path.is_file()}
    assert after == before


def test_compaction_leaves_one_line_per_mask_in_order(project: Project) -> None:
    store = opened(project)
    for frame, size in [(5, 4), (3, 2), (5, 6), (3, 9), (8, 1)]:
        write(store, frame, size)
    store.restore(SHAFT, 8, None, None)
    records = store.records(SHAFT)
    store.compact()
    assert [(each["frame_index"], each["area"]) for each in lines(project)] == [(3, 81), (5, 36)]
    assert opened(project).records(SHAFT) == records


def test_compaction_removes_the_journal_of_a_scope_without_masks(project: Project) -> None:
    store = opened(project)
    write(store, 3, 4)
    store.restore(SHAFT, 3, None, None)
    store.compact()
    assert not project.track_path(SHAFT).exists()


# Hostile files


@pytest.mark.parametrize(
    "other",
    [
        {"area": 10**30},
        {"area": -1},
        {"area": math.inf},
        {"area": WIDTH * HEIGHT + 1},
        {"area": "many"},
        {"area": None},
        {"area": [1]},
        {"bbox": [0, 0, 10**9, 5]},
        {"bbox": [-3, 0, 5, 5]},
        {"bbox": [5, 5, 5, 5]},
        {"bbox": [math.inf, 0, 5, 5]},
        {"bbox": [1, 2]},
        {"bbox": {"0": 1}},
        {"bbox": None},
        {"centroid": [math.nan, 1]},
        {"centroid": [1e300, 1]},
        {"centroid": "xy"},
        {"score": math.inf},
        {"score": 10**400},
        {"score": {}},
        {"source": "none"},
        {"source": "<img src=x>"},
    ],
    ids=str,
)
def test_a_line_of_nonsense_is_replaced_by_what_the_png_shows(
    project: Project, other: dict[str, object]
) -> None:
    write(opened(project), 3, 4)
    journal(project, line(3), line(3) | other)
    assert opened(project).records(SHAFT) == {3: measure(square(4), 3, "import")}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(
    st.lists(
        json_values
        | st.fixed_dictionaries({}, optional=dict.fromkeys(line(), json_values)).map(
            lambda some: line() | some
        ),
        max_size=4,
    )
)
def test_no_journal_breaks_opening_or_the_numbers_read_from_it(contents: list[object]) -> None:
    from pathlib import Path
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        project = Project(Path(folder))
        try:
            write(opened(project), 3, 4)
            journal(project, *contents)
            (record,) = opened(project).records(SHAFT).values()
        finally:
            project.close()
    assert record.frame_index == 3
    assert 0 <= record.area <= WIDTH * HEIGHT
    assert json.dumps(asdict(record), allow_nan=False)


@pytest.mark.parametrize("depth", [100_000])
def test_a_deeply_nested_line_is_skipped(project: Project, depth: int) -> None:
    record = write(opened(project), 3, 4)
    journal(project, asdict(record), "[" * depth + "]" * depth)
    assert opened(project).records(SHAFT) == {3: record}


@pytest.mark.parametrize(
    "name", ["3.png", "000003.png", "-0003.png", "٠٠٠٠٣.png", f"{10**20}.png", "a.png", "+0003.png"]
)
def test_only_a_name_that_this_tool_would_give_is_a_frame(project: Project, name: str) -> None:
    path = project.mask_path(SHAFT, 0).with_name(name)
    path.parent.mkdir(parents=True)
    path.write_bytes(bits.to_png(square(4)))
    assert opened(project).frames(SHAFT) == []


@pytest.mark.parametrize("data", [b"", b"damaged", bits.to_png(np.ones((5, 5), dtype=bool))])
def test_a_png_that_is_no_mask_of_this_video_is_not_taken_for_one(
    project: Project, data: bytes
) -> None:
    path = project.mask_path(SHAFT, 3)
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    store = opened(project)
    assert store.frames(SHAFT) == []
    assert not store.read(SHAFT, 3).any()


def test_a_mask_folder_that_is_a_file_holds_no_masks(project: Project) -> None:
    project.mask_path(SHAFT, 0).parent.parent.mkdir()
    project.mask_path(SHAFT, 0).parent.write_bytes(b"file")
    assert opened(project).frames(SHAFT) == []


# The cache


def test_packed_masks_follow_what_is_written(project: Project) -> None:
    store = opened(project)
    for size in (4, 0, 9):
        write(store, 3, size)
        packed = store.packed(SHAFT, 3)
        np.testing.assert_array_equal(bits.unpack(packed, HEIGHT, WIDTH), square(size))
    np.testing.assert_array_equal(
        bits.unpack(opened(project).packed(SHAFT, 3), HEIGHT, WIDTH), square(9)
    )


def test_a_packed_mask_is_made_once(project: Project) -> None:
    store = opened(project)
    write(store, 3, 4)
    assert store.packed(SHAFT, 3) is store.packed(SHAFT, 3)


def test_the_cache_stays_within_its_room_and_drops_the_oldest(project: Project) -> None:
    store = MaskStore(project, WIDTH, HEIGHT, cache_bytes=2000)
    for frame in range(20):
        write(store, frame, 5)
    kept = store.packed(SHAFT, 19)
    first = store.packed(SHAFT, 0)
    assert store.packed(SHAFT, 19) is kept
    for frame in range(1, 10):
        store.packed(SHAFT, frame)
        store.packed(SHAFT, 19)
    assert store.packed(SHAFT, 19) is kept
    assert store.packed(SHAFT, 0) is not first
    np.testing.assert_array_equal(bits.unpack(first, HEIGHT, WIDTH), square(5))


def test_a_mask_written_while_an_older_one_is_packed_is_what_readers_see(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(opened(project), 3, 4)
    store = opened(project)
    read = store.read

    def slow_read(scope: Scope, frame: int) -> Mask:
        mask = read(scope, frame)
        monkeypatch.setattr(store, "read", read)
        write(store, 3, 9)
        return mask

    monkeypatch.setattr(store, "read", slow_read)
    store.packed(SHAFT, 3)
    assert store.packed(SHAFT, 3).width == 9


def test_readers_on_other_threads_see_whole_masks_only(project: Project) -> None:
    store = opened(project)
    write(store, 3, 2)
    ended = threading.Event()
    seen: set[int] = set()

    def look() -> None:
        while not ended.is_set():
            seen.add(int(store.read(SHAFT, 3).sum()))
            seen.add(int(bits.unpack(store.packed(SHAFT, 3), HEIGHT, WIDTH).sum()))

    readers = [threading.Thread(target=look) for _ in range(2)]
    for reader in readers:
        reader.start()
    for size in (2, 9) * 20:
        write(store, 3, size)
    ended.set()
    for reader in readers:
        reader.join()
    assert seen <= {4, 81}
    assert store.packed(SHAFT, 3).width == 9
