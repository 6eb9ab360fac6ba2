"""Lanes say the same whether they were read in steps or at once, and what the session says."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sam2_widget import views
from sam2_widget.annotations import Scope
from sam2_widget.lanes import BOX, DRAWN, NEGATIVE, PLANES, POSITIVE, STALE, Bytes, Lanes, Reading
from sam2_widget.records import SOURCES, measure
from tests.doings import disc, do, doings
from tests.projects import open_project, tell_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sam2_widget.session import Session

FLAGS, SUSPICION, CAUSE, SCORE, AREA = range(PLANES)


@dataclass
class Reader:
    """Keeps lanes as the browser does: each reading is laid over the one before."""

    lanes: Lanes
    since: int = 0
    length: int = 0
    scopes: dict[Scope, Bytes] = field(default_factory=dict)
    keypoints: dict[int, Bytes] = field(default_factory=dict)

    def read(self) -> Reading:
        reading = self.lanes.read(self.since)
        self.since, self.length = reading.revision, reading.length
        self.scopes = {
            scope: self._lay(self.scopes.get(scope, np.zeros((PLANES, 0), np.uint8)), told, reading)
            for scope, told in reading.scopes
        }
        self.keypoints = {
            number: self._lay(self.keypoints.get(number, np.zeros(0, np.uint8)), told, reading)
            for number, told in reading.keypoints
        }
        return reading

    def _lay(self, before: Bytes, told: Bytes, reading: Reading) -> Bytes:
        after = np.zeros((*before.shape[:-1], reading.length), np.uint8)
        kept = min(before.shape[-1], reading.length)
        after[..., :kept] = before[..., :kept]
        at = 0
        for start, stop in reading.ranges:
            after[..., start:stop] = told[..., at : at + stop - start]
            at += stop - start
        assert at == told.shape[-1]
        return after


def assert_same(reader: Reader, other: Reader) -> None:
    assert reader.length == other.length
    assert list(reader.scopes) == list(other.scopes)
    assert list(reader.keypoints) == list(other.keypoints)
    for scope, planes in other.scopes.items():
        assert reader.scopes[scope].tolist() == planes.tolist(), scope
    for number, counts in other.keypoints.items():
        assert reader.keypoints[number].tolist() == counts.tolist(), number


def at_once(session: Session) -> Reader:
    """Return what lanes that never saw anything before say."""
    reader = Reader(Lanes(session.live))
    reader.read()
    return reader


def assert_true(reader: Reader, session: Session) -> None:
    """Compare the flags, scores, areas and counts with what the session says, frame by frame."""
    live = session.live
    assert list(reader.scopes) == session.scopes
    for scope, planes in reader.scopes.items():
        records = live.masks.records(scope)
        largest = max([1, *(record.area for record in records.values())])
        for frame in range(len(session.video)):
            given, record = live.annotations.at(scope, frame), records.get(frame)
            flags = SOURCES.index(record.source) + 1 if record else 0
            flags |= STALE if views.is_stale(live, scope, frame) else 0
            labels = {point.label for point in given.points} if given else set()
            flags |= (POSITIVE if 1 in labels else 0) | (NEGATIVE if 0 in labels else 0)
            flags |= (BOX if given and given.box else 0) | (DRAWN if given and given.mask else 0)
            assert planes[FLAGS, frame] == flags, (scope, frame)
            area = np.ceil(255 * record.area / largest) if record else 0
            assert planes[AREA, frame] == area, (scope, frame)
            score = record.score if record else None
            expected = 0 if score is None else round(1 + 254 / (1 + np.exp(-score / 4)))
            assert planes[SCORE, frame] == expected, (scope, frame)
        confidence = views.confidence_of(live, scope)
        assert np.rint(255 * confidence.suspicion).tolist() == planes[SUSPICION].tolist()
        assert confidence.cause.tolist() == planes[CAUSE].tolist()
    counts = {number: live.keypoints.of(number) for number in live.keypoints}
    assert list(reader.keypoints) == list(counts)
    for number, frames in counts.items():
        told = reader.keypoints[number].tolist()
        assert told == [len(frames.get(frame, ())) for frame in range(len(session.video))]


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with open_project(tmp_path) as session:
        yield session


@pytest.fixture
def reader(session: Session) -> Reader:
    return Reader(session.live.lanes)


@given(st.lists(st.tuples(doings, st.booleans(), st.booleans()), max_size=12))
@settings(max_examples=40, deadline=None)
def test_what_is_read_in_steps_is_what_is_read_at_once(
    steps: list[tuple[tuple[int, int, str, float, float], bool, bool]],
) -> None:
    with tempfile.TemporaryDirectory() as folder, open_project(Path(folder), 3) as session:
        often, seldom = Reader(session.live.lanes), Reader(session.live.lanes)
        for doing, reads, both in steps:
            do(session, doing)
            if reads:
                often.read()
            if reads and both:
                seldom.read()
        often.read()
        seldom.read()
        fresh = at_once(session)
        assert_same(often, fresh)
        assert_same(seldom, fresh)
        assert_true(fresh, session)


def test_only_the_frames_that_changed_are_told(tmp_path: Path) -> None:
    with open_project(tmp_path, 25) as session:
        reader = Reader(session.live.lanes)
        assert reader.read().ranges == [(0, 25)]
        session.add_point(3, 20, 20)
        assert reader.read().ranges == [(3, 4)]
        session.add_point(1, 20, 20, region="shaft")
        session.add_keypoint(21, 20, 20)
        session.add_keypoint(24, 20, 20)
        # A few frames between cost less than a range more.
        assert reader.read().ranges == [(1, 2), (21, 25)]
        session.add_region("tip")
        assert reader.read().ranges == []
        assert_true(reader, session)


def test_a_prompt_makes_all_tracked_frames_stale_and_its_undo_fresh(
    session: Session, reader: Reader
) -> None:
    session.add_point(2, 20, 20)
    session.track().wait()
    reader.read()
    assert not (reader.scopes[Scope(1, "overall")][FLAGS] & STALE).any()
    session.add_point(5, 25, 20)
    reader.read()
    stale = reader.scopes[Scope(1, "overall")][FLAGS] & STALE > 0
    assert np.flatnonzero(~stale).tolist() == [2, 5]
    session.undo()
    reader.read()
    assert not (reader.scopes[Scope(1, "overall")][FLAGS] & STALE).any()
    assert_same(reader, at_once(session))


def test_all_frames_are_told_to_differ_also_where_a_kill_left_prompts_without_masks(
    session: Session, reader: Reader
) -> None:
    session.add_point(0, 20, 20)
    session.track(start=1, stop=2).wait()
    session.live.masks.restore(Scope(1, "overall"), 0, None, None)
    before = session.live.changes.mark([0])
    reader.read()
    session.set_mask(5, disc(20, 20))
    assert session.live.changes.since(before) is None
    reader.read()
    assert_true(reader, session)
    assert reader.scopes[Scope(1, "overall")][FLAGS, 1] & STALE


def test_a_larger_mask_changes_the_relative_area_of_all_others(
    session: Session, reader: Reader
) -> None:
    session.set_mask(0, disc(30, 30) & disc(40, 30))
    session.set_mask(9, disc(30, 30) & disc(40, 30))
    reader.read()
    session.set_mask(4, disc(30, 30))
    assert reader.read().ranges == [(0, 10)]
    area = reader.scopes[Scope(1, "overall")][AREA]
    assert (area[4], area[1]) == (255, 0)
    assert 0 < area[0] == area[9] < 200


def test_a_scope_that_goes_and_comes_back_between_two_readings_is_whole(
    session: Session, reader: Reader
) -> None:
    session.add_point(0, 20, 20)
    session.add_point(7, 20, 20)
    reader.read()
    session.delete_scope(1, "overall")
    session.add_point(3, 20, 20)
    reader.read()
    assert_true(reader, session)
    session.delete_scope(1, "overall")
    reader.read()
    assert reader.scopes == {}
    session.undo()
    reader.read()
    assert_true(reader, session)


def test_what_is_written_but_not_told_of_yet_is_not_lost_on_another_reader(
    session: Session, reader: Reader
) -> None:
    session.add_point(0, 20, 20)
    other = Reader(session.live.lanes)
    reader.read()
    # As between the change of a prompt and its telling, on the worker's thread.
    live, scope = session.live, Scope(1, "overall")
    live.annotations = live.annotations.put(scope, 0, None)
    live.masks.stage(scope, disc(30, 30), measure(disc(30, 30), 5, "edit"))
    other.read()
    live.changes.mark([0, 5])
    reader.read()
    other.read()
    assert_same(reader, at_once(session))
    assert_same(other, at_once(session))


def test_a_revision_that_was_never_given_means_everything(session: Session) -> None:
    session.add_point(3, 20, 20)
    lanes = session.live.lanes
    given = lanes.read().revision
    assert lanes.read(given).ranges == []
    for revision in (-1, 0, given - 1, given + 1, 10**12):
        assert lanes.read(revision).ranges == [(0, 10)]


def test_reloading_the_files_changes_what_they_changed(session: Session, reader: Reader) -> None:
    session.add_point(3, 20, 20)
    session.add_keypoint(4, 20, 20)
    reader.read()
    (session.folder / "instance1/keypoints.json").unlink()
    (session.folder / "instance1/points_overall.json").unlink()
    session.reload()
    reader.read()
    assert_true(reader, session)
    assert not reader.scopes[Scope(1, "overall")][FLAGS, 3] & POSITIVE
    assert reader.keypoints == {}


def test_a_track_that_goes_on_is_told_mask_by_mask(tmp_path: Path) -> None:
    with open_project(tmp_path, 25) as session:
        session.add_point(0, 20, 20)
        session.add_point(20, 20, 40, region="shaft")
        reader = Reader(session.live.lanes)
        reader.read()
        for _ in session.track():
            reader.read()
        tell_all(session)
        reader.read()
        assert_true(reader, session)


def test_lanes_grow_and_shrink_with_what_is_known_of_the_video(session: Session) -> None:
    for frame in (0, 4, 9):
        session.add_point(frame, 20, 20)
        session.add_keypoint(frame, 20, 20)
    video, live = SimpleNamespace(known_length=0), session.live
    lanes = Lanes(
        cast("Any", SimpleNamespace(
            annotations=live.annotations, keypoints=live.keypoints, masks=live.masks,
            changes=live.changes, video=video,
        ))
    )  # fmt: skip
    often, seldom = Reader(lanes), Reader(lanes)
    for length in (0, 3, 5, 10, 2, 8, 10):
        video.known_length = length
        live.changes.mark()
        often.read()
        assert often.scopes[Scope(1, "overall")].shape == (PLANES, length)
        if length in (0, 5):
            seldom.read()
    seldom.read()
    assert_true(often, session)
    assert_true(seldom, session)


def test_masks_beyond_the_video_are_left_out(session: Session, reader: Reader) -> None:
    session.add_point(0, 20, 20)
    mask = (session.folder / "instance1/masks_overall/00000.png").read_bytes()
    (session.folder / "instance1/masks_overall/99999.png").write_bytes(mask)
    session.reload()
    assert reader.read().length == 10
    assert reader.scopes[Scope(1, "overall")].shape == (PLANES, 10)
    row = session.to_dataframe().iloc[-1]
    assert (row["frame"], row["suspicion"], row["cause"]) == (99999, 0, "")
