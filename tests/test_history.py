"""The changes of a run say the same as a list of them, though little of each is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam2_widget.annotations import FramePrompts, Point, Scope
from sam2_widget.history import FrameChange, History, Step, TrackedChanges, Version, kept_png
from sam2_widget.records import MaskRecord

SCOPES = (Scope(1, "shaft"), Scope(2, "tip"))
FOLDER = Path("undo") / "000001"
Store = dict[tuple[Scope, int], MaskRecord]


def record(frame: int, run: str) -> MaskRecord:
    return MaskRecord(frame, "track", run, 2.5, 4, (1, 2, 3, 4), (2.0, 3.0), "rev", "nano")


def version(when: str, scope: Scope, frame: int, of: MaskRecord | None) -> Version:
    return Version(None, of, kept_png(FOLDER, when, scope, frame))


def tracked(store: Store, frames: list[tuple[Scope, int]]) -> tuple[Step, list[FrameChange]]:
    """Return a run that was saved to the store, and a plain list of its changes."""
    changes = TrackedChanges(FOLDER, lambda scope, frame: store.get((scope, frame)))
    plain = []
    for scope, frame in frames:
        before = version("before", scope, frame, store.get((scope, frame)))
        store[scope, frame] = made = record(frame, "new")
        changes.add(scope, frame, before)
        plain.append(FrameChange(scope, frame, before, version("after", scope, frame, made)))
    return Step("tracking", SCOPES[0], None, changes), plain


places = st.tuples(st.sampled_from(SCOPES), st.integers(0, 9))


@given(st.lists(places, unique=True), st.sets(places))
def test_a_run_says_the_same_as_a_list_of_its_changes(
    frames: list[tuple[Scope, int]], there: set[tuple[Scope, int]]
) -> None:
    store = {(scope, frame): record(frame, "old") for scope, frame in there}
    step, plain = tracked(store, frames)
    changes = step.changes
    key = [(change.scope, change.frame) for change in plain].index
    assert len(changes) == len(plain)
    assert bool(changes) == bool(plain)
    assert sorted(changes, key=lambda c: key((c.scope, c.frame))) == plain
    assert [changes[at] for at in range(len(changes))] == list(changes) == changes[:]
    assert changes[::-2] == list(changes)[::-2]
    assert step.scopes == sorted({change.scope for change in plain})
    for scope in step.scopes:
        assert step.frames(scope) == tuple(sorted(c.frame for c in plain if c.scope == scope))
    for scope in SCOPES:
        for frame in range(10):
            found = [c for c in plain if (c.scope, c.frame) == (scope, frame)]
            assert list(step.of(scope, frame)) == found


@given(st.lists(places, unique=True, min_size=1))
def test_what_a_run_made_is_kept_while_it_is_undone(frames: list[tuple[Scope, int]]) -> None:
    store: Store = {}
    step, plain = tracked(store, frames)
    history = History(FOLDER)
    history.push(step)
    for _ in range(2):
        step.keep_made()
        store.clear()
        history.undo()
        assert sorted(map(str, step.changes)) == sorted(map(str, plain))
        for change in step.changes:
            assert change.after.record is not None
            store[change.scope, change.frame] = change.after.record
        history.redo()
        assert sorted(map(str, step.changes)) == sorted(map(str, plain))


def test_prompts_of_a_tracked_frame_are_kept_where_there_are_any() -> None:
    changes = TrackedChanges(FOLDER, lambda scope, frame: None)
    prompts = FramePrompts((Point(3.0, 4.0, 1),))
    path = kept_png(FOLDER, "before", SCOPES[0], 3)
    changes.add(SCOPES[0], 3, Version(prompts, None, path))
    changes.add(SCOPES[0], 4, version("before", SCOPES[0], 4, None))
    assert [change.before.prompts for change in changes] == [prompts, None]


def test_what_was_there_before_the_run_is_what_its_first_mask_replaced() -> None:
    changes = TrackedChanges(FOLDER, lambda scope, frame: record(frame, "last"))
    for run in ("old", "new"):
        changes.add(SCOPES[0], 3, version("before", SCOPES[0], 3, record(3, run)))
    (change,) = changes
    assert change.before.record == record(3, "old")
    assert change.after.record == record(3, "last")


@pytest.mark.parametrize("index", [0, -1, 5])
def test_a_run_that_saved_nothing_has_no_change(index: int) -> None:
    with pytest.raises(IndexError):
        TrackedChanges(FOLDER, lambda scope, frame: None)[index]
