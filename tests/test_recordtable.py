"""A table of records is a dict of records, whatever is put and dropped, in a few bytes each."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam2_widget.columns import columns_of
from sam2_widget.framerows import MAX_FRAME, FrameRows
from sam2_widget.records import SOURCES, MaskRecord, parse_record
from sam2_widget.recordtable import RecordTable

WIDTH, HEIGHT = 65535, 65535
numbers = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def records(draw: st.DrawFn, frames: st.SearchStrategy[int]) -> MaskRecord:
    """Any record that a journal can hold."""
    x0, y0 = draw(st.integers(0, WIDTH - 1)), draw(st.integers(0, HEIGHT - 1))
    x1, y1 = draw(st.integers(x0 + 1, WIDTH)), draw(st.integers(y0 + 1, HEIGHT))
    place = st.tuples(st.floats(0, WIDTH), st.floats(0, HEIGHT))
    full = draw(st.booleans())
    words = st.sampled_from(["", "a", "rev", "1f"]) | st.text(max_size=3)
    return MaskRecord(
        frame_index=draw(frames),
        source=draw(st.sampled_from(SOURCES)),
        run=draw(words),
        score=draw(st.none() | numbers),
        area=draw(st.integers(1, WIDTH * HEIGHT)) if full else 0,
        bbox=(x0, y0, x1, y1) if full else None,
        centroid=draw(place) if full else None,
        revision=draw(words),
        model=draw(words),
    )


few = st.integers(0, 5) | st.sampled_from([90_000, MAX_FRAME])
doings = st.lists(records(few) | few, max_size=30)


@given(doings)
def test_a_table_is_a_dict_of_what_was_put_in_and_not_dropped(
    sequence: list[MaskRecord | int],
) -> None:
    table, model = RecordTable(), dict[int, MaskRecord]()
    versions = {table.version}
    copies = []
    for number, doing in enumerate(sequence, 2):
        copies.append((table.copy(), dict(model)))
        if isinstance(doing, MaskRecord):
            table.put(doing)
            model[doing.frame_index] = doing
        else:
            table.drop(doing)
            model.pop(doing, None)
        versions.add(table.version)
        assert len(versions) == number
        assert dict(table) == model
        assert list(table) == table.frames.tolist() == sorted(model)
        for frame in (*model, 3, np.int64(3)):
            assert table.get(frame) == model.get(frame)
            assert (frame in table) == (frame in model)
    for copy, then in copies:
        assert dict(copy) == then
    tracked = [r.revision for r in model.values() if r.source in ("track", "import")]
    for revision in {"", "rev", *tracked}:
        assert table.count_stale(revision) == len(tracked) - tracked.count(revision)
        fresh = sorted(f for f, r in model.items() if r.revision == revision)
        assert table.frames_of(revision).tolist() == fresh


@given(records(few))
def test_what_comes_back_is_the_same_through_a_journal_too(record: MaskRecord) -> None:
    table = RecordTable()
    table.put(record)
    back = table[record.frame_index]
    assert back == record
    assert {key: type(value) for key, value in asdict(back).items()} == {
        key: type(value) for key, value in asdict(record).items()
    }
    line = json.dumps(asdict(back))
    assert line == json.dumps(asdict(record))
    assert parse_record(json.loads(line), WIDTH, HEIGHT) == record


@given(st.lists(records(few), max_size=12), st.integers(0, 8))
def test_columns_say_what_the_records_say(given: list[MaskRecord], length: int) -> None:
    table = RecordTable()
    for record in given:
        table.put(record)
    columns = columns_of(table, length)
    track, prompted = columns.track(), np.zeros(length, dtype=bool)
    stale = columns.stale("rev", prompted)
    for frame in range(length):
        record = table.get(frame)
        assert columns.source[frame] == (SOURCES.index(record.source) + 1 if record else 0)
        assert track.known[frame] == (record is not None)
        assert stale[frame] == (record is not None and record.revision != "rev")
        assert track.area[frame] == (record.area if record else 0)
        assert (track.x[frame], track.y[frame]) == ((record and record.centroid) or (0, 0))
        if record is not None:
            assert np.isnan(track.score[frame]) == (record.score is None)
            assert record.score in (None, track.score[frame])


def test_a_frame_without_a_record_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        RecordTable()[3]


@given(st.lists(st.tuples(st.integers(0, 6), st.none() | st.integers(0, 9)), max_size=40))
def test_rows_are_those_put_last_and_places_of_dropped_ones_are_used_again(
    doings: list[tuple[int, int | None]],
) -> None:
    rows, model = FrameRows("<qd"), dict[int, tuple[Any, ...]]()
    for frame, number in doings:
        if number is None:
            rows.drop(frame)
            model.pop(frame, None)
        else:
            rows.put(frame, number, number / 2)
            model[frame] = (number, number / 2)
        assert {frame: rows.get(frame) for frame in rows} == model
        assert len(rows._data) <= 7 * 16
        dtype = np.dtype([("whole", "<i8"), ("half", "<f8")])
        for at, name in enumerate(dtype.names or ()):
            assert rows.column(dtype, name).tolist() == [model[f][at] for f in sorted(model)]


def test_a_number_that_has_no_room_changes_nothing() -> None:
    rows = FrameRows("<H")
    rows.put(3, 7)
    for frame in (2, 3):
        with pytest.raises(Exception, match="format requires"):
            rows.put(frame, 65536)
    assert list(rows) == [3]
    assert rows.get(3) == (7,)
