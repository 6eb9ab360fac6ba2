"""Undo and redo bring back stored bytes, whatever came between."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sam2_widget.annotations import Scope
from sam2_widget.engines.fake import FakeEngine
from tests.projects import calls, files, open_project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sam2_widget.session import Session

OVERALL = (1, "overall")


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with open_project(tmp_path) as session:
        yield session


def results(session: Session) -> dict[str, bytes]:
    """Return the bytes of prompts and masks; journals grow until they are compacted."""
    return {name: data for name, data in files(session.folder).items() if "track_" not in name}


def test_undo_and_redo_walk_through_every_state_byte_by_byte(session: Session) -> None:
    acts = [
        lambda: session.add_point(0, 20, 20),
        lambda: session.add_point(0, 30, 20, 0),
        lambda: session.add_point(3, 40, 30, region="shaft"),
        lambda: session.move_point(0, 0, 25, 25),
        lambda: session.set_box(0, (10, 10, 50, 40)),
        lambda: session.add_point(0, 60, 40),
        lambda: session.clear_box(0),
        lambda: session.remove_point(0, 0),
        lambda: session.track(start=0, stop=7).wait(),
        lambda: session.add_point(5, 50, 30),
        lambda: session.track(force=True).wait(),
        lambda: session.clear_frame(3, region="shaft"),
        lambda: session.clear_frame(4),
        lambda: session.delete_scope(1, "overall"),
        lambda: session.delete_scope(1, "shaft"),
    ]
    states, tables = [results(session)], [session.to_dataframe()]
    for act in acts:
        act()
        states.append(results(session))
        tables.append(session.to_dataframe())
    for state, table in list(zip(states, tables, strict=True))[-2::-1]:
        assert session.undo()
        assert results(session) == state
        assert session.to_dataframe().equals(table)
    assert session.undo() is None
    for state, table in list(zip(states, tables, strict=True))[1:]:
        assert session.redo()
        assert results(session) == state
        assert session.to_dataframe().equals(table)
    assert session.redo() is None


def test_undo_and_redo_say_what_they_did(session: Session) -> None:
    session.add_point(0, 20, 20)
    session.add_point(0, 30, 20, 0)
    session.clear_frame(0)
    assert [session.undo() for _ in range(4)] == [
        "clearing of the frame", "negative point", "positive point", None,
    ]  # fmt: skip
    assert session.redo() == "positive point"


def test_undo_and_redo_never_ask_the_engine_for_a_mask(tmp_path: Path) -> None:
    engine = FakeEngine()
    with open_project(tmp_path, engine=engine) as session:
        session.add_point(0, 20, 20)
        session.add_point(0, 30, 20)
        segmented = len(calls(engine, "segment"))
        for act in (session.undo, session.undo, session.redo, session.redo, session.undo):
            act()
        assert len(calls(engine, "segment")) == segmented == 2


def test_undo_brings_back_bytes_that_the_engine_would_not_make_again(tmp_path: Path) -> None:
    engine = FakeEngine()
    with open_project(tmp_path, engine=engine) as session:
        first = session.add_point(0, 20, 20)
        session.add_point(0, 40, 40)
        engine.radius = 3
        session.undo()
        assert np.array_equal(session.masks[OVERALL][0], first)


def test_the_engine_forgets_a_frame_that_undo_left_without_prompts(tmp_path: Path) -> None:
    engine = FakeEngine()
    with open_project(tmp_path, engine=engine) as session:
        session.add_point(0, 20, 20)
        session.add_point(0, 30, 20)
        session.undo()
        assert calls(engine, "forget") == []
        session.undo()
        assert calls(engine, "forget") == [("forget", OVERALL, 0)]


def test_a_new_change_drops_what_was_undone(session: Session) -> None:
    session.add_point(0, 20, 20)
    session.undo()
    session.add_point(0, 50, 20)
    assert session.redo() is None


def test_undoing_the_correction_of_a_tracked_frame_brings_the_tracked_mask_back(
    session: Session,
) -> None:
    session.add_point(0, 20, 20)
    session.track().wait()
    before, table = results(session), session.to_dataframe()
    session.add_point(5, 60, 40)
    session.add_point(5, 70, 40)
    assert session.to_dataframe()["stale"].sum() == 8
    session.undo()
    session.undo()
    assert results(session) == before
    assert session.to_dataframe().equals(table)


def test_undoing_a_prompt_makes_frames_fresh_again_and_redo_stale(session: Session) -> None:
    session.add_point(0, 20, 20)
    session.track().wait()
    assert not session.is_stale(4)
    session.add_point(0, 30, 20)
    assert session.is_stale(4)
    assert not session.is_stale(0)
    session.undo()
    assert not session.is_stale(4)
    session.redo()
    assert session.is_stale(4)


def test_undoing_the_clearing_of_a_tracked_frame_brings_its_mask_back(session: Session) -> None:
    session.add_point(0, 20, 20)
    session.track().wait()
    before = results(session)
    session.clear_frame(4)
    assert 4 not in session.masks[OVERALL].frames
    session.undo()
    assert results(session) == before
    assert not session.is_stale(4)


def test_corrections_refine_the_tracked_mask_however_they_came_about(session: Session) -> None:
    session.add_point(0, 20, 20)
    session.track(stop=6).wait()
    tracked = session.masks[OVERALL][5]
    session.add_point(5, 80, 50)
    session.undo()
    session.redo()
    session.add_point(5, 60, 50)
    mask = session.remove_point(5, 0)
    yy, xx = np.mgrid[0:64, 0:96] + 0.5
    assert np.array_equal(mask, tracked | ((xx - 60) ** 2 + (yy - 50) ** 2 <= 144))


def test_tracking_drops_what_was_undone_because_it_may_replace_its_masks(session: Session) -> None:
    session.add_point(0, 20, 20)
    session.add_point(3, 30, 20)
    session.undo()
    session.track().wait()
    assert session.redo() is None
    assert session.undo() == "tracking of instance 1, overall"


def test_a_project_keeps_no_undo_after_it_is_closed(tmp_path: Path) -> None:
    with open_project(tmp_path) as session:
        session.add_point(0, 20, 20)
        session.add_point(0, 30, 20)
        assert (session.folder / ".undo").is_dir()
    assert not (session.folder / ".undo").exists()
    with open_project(tmp_path) as session:
        assert session.undo() is None


# -- any sequence -----------------------------------------------------------------------------

REGIONS = ("overall", "shaft")
NAMES = ("tip", "base")
named = st.tuples(st.integers(0, 2), st.sampled_from(NAMES))
places = st.tuples(st.integers(0, 2), st.sampled_from(REGIONS))
xs, ys = st.integers(0, 95).map(float), st.integers(0, 6399).map(lambda y: y / 100)
actions = st.one_of(
    st.tuples(st.just("add"), places, xs, ys, st.integers(0, 1)),
    st.tuples(st.just("move"), places, st.integers(0, 3), xs, ys),
    st.tuples(st.just("remove"), places, st.integers(0, 3)),
    st.tuples(st.just("box"), places, st.integers(0, 40), st.integers(41, 96)),
    st.tuples(st.just("clear_box"), places),
    st.tuples(st.just("clear"), places),
    st.tuples(st.just("keypoint"), named, xs, ys),
    st.tuples(st.just("remove_keypoint"), named),
    st.tuples(st.just("track")),
    st.tuples(st.just("undo")),
    st.tuples(st.just("redo")),
)
State = dict[tuple[str, int], tuple[list[list[float]], bool]]


class Model:
    """What there must be: a plain dictionary of lists and two stacks of copies of it.

    A keypoint counts as the only point of its name on its frame.
    """

    def __init__(self) -> None:
        self.state: State = {}
        self.done: list[State] = []
        self.undone: list[State] = []

    def put(self, place: tuple[int, str], points: list[list[float]], box: bool) -> None:
        self.done.append(self.state)
        self.undone.clear()
        key = (place[1], place[0])
        self.state = {k: v for k, v in self.state.items() if k != key}
        if points or box:
            self.state[key] = (points, box)

    def at(self, place: tuple[int, str]) -> tuple[list[list[float]], bool]:
        points, box = self.state.get((place[1], place[0]), ([], False))
        return [list(point) for point in points], box

    def step(self, taken: list[State], put: list[State]) -> None:
        if taken:
            put.append(self.state)
            self.state = taken.pop()

    def points(self, region: str) -> dict[int, list[list[float]]]:
        return {f: p for (r, f), (p, _) in sorted(self.state.items()) if r == region and p}

    def keypoints(self) -> dict[tuple[str, int], list[float]]:
        return {key: points[0] for key, (points, _) in self.state.items() if key[0] in NAMES}


def act(session: Session, model: Model, action: tuple) -> None:  # type: ignore[type-arg]
    """Do an action in a session and in its model, if it can be done."""
    kind, *rest = action
    if kind in ("undo", "redo"):
        done = session.undo() if kind == "undo" else session.redo()
        assert (done is None) == (not (model.done if kind == "undo" else model.undone))
        stacks = (model.done, model.undone) if kind == "undo" else (model.undone, model.done)
        model.step(*stacks)
        return
    if kind == "track":
        if model.state:
            model.undone.clear()
            model.done += [model.state] * bool(list(session.track()))
        return
    place, *numbers = rest
    frame, region = place
    points, box = model.at(place)
    if kind == "add":
        x, y, label = numbers
        session.add_point(frame, x, y, label, region=region)
        model.put(place, [*points, [x, y, label]], box)
    elif kind == "move" and numbers[0] < len(points):
        index, x, y = numbers
        session.move_point(frame, index, x, y, region=region)
        points[index][:2] = [x, y]
        model.put(place, points, box)
    elif kind == "remove" and numbers[0] < len(points):
        session.remove_point(frame, numbers[0], region=region)
        del points[numbers[0]]
        model.put(place, points, box)
    elif kind == "box":
        session.set_box(frame, (numbers[0], 5, numbers[1], 60), region=region)
        model.put(place, [], True)
    elif kind == "clear_box" and box:
        session.clear_box(frame, region=region)
        model.put(place, points, False)
    elif kind == "clear" and (points or box):
        session.clear_frame(frame, region=region)
        model.put(place, [], False)
    elif kind == "keypoint":
        session.add_keypoint(frame, *numbers, name=region)
        if points != [numbers]:
            model.put(place, [numbers], False)
    elif kind == "remove_keypoint" and points:
        session.remove_keypoint(frame, region)
        model.put(place, [], False)


def assert_like(session: Session, model: Model) -> None:
    keypoints = {(k["name"], k["frame_index"]): [k["x"], k["y"]] for k in session.keypoints[1]}
    assert keypoints == model.keypoints()
    for region in REGIONS:
        found = {f: p.tolist() for f, p in session.points[1, region].items()}
        assert found == model.points(region)
        prompted = {f for r, f in model.state if r == region}
        assert prompted <= set(session.masks[1, region].frames.tolist())
        for frame in prompted:
            record = session.live.masks.record(Scope(1, region), frame)
            assert record is not None
            assert record.area == session.masks[1, region][frame].sum()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a closed project of three frames with prompts of its own."""
    folder = tmp_path_factory.mktemp("template")
    with open_project(folder, 3) as session:
        session.add_point(1, 50, 30, instance=2, region="wrist")
        session.track().wait()
    return folder


def in_a_copy(template: Path) -> tempfile.TemporaryDirectory[str]:
    copy = tempfile.TemporaryDirectory()
    shutil.copytree(template, copy.name, dirs_exist_ok=True)
    return copy


@settings(max_examples=60)
@given(sequence=st.lists(actions, min_size=1, max_size=16))
def test_points_are_those_of_a_simple_model_after_any_sequence(
    template: Path, sequence: list[tuple[object, ...]]
) -> None:
    model = Model()
    with in_a_copy(template) as folder:
        with open_project(Path(folder), 3) as session:
            for action in sequence:
                act(session, model, action)
                assert_like(session, model)
        with open_project(Path(folder), 3) as session:
            assert_like(session, model)


@settings(max_examples=60)
@given(sequence=st.lists(actions.filter(lambda action: action[0] != "track"), max_size=16))
def test_undoing_everything_gives_back_the_same_files(
    template: Path, sequence: list[tuple[object, ...]]
) -> None:
    model = Model()
    with in_a_copy(template) as folder:
        before = files(Path(folder) / "clip")
        with open_project(Path(folder), 3) as session:
            for action in sequence:
                act(session, model, action)
            while session.undo():
                pass
            assert results(session) == {k: v for k, v in before.items() if "track_" not in k}
        assert files(Path(folder) / "clip") == before


def test_undo_of_a_track_gives_the_model_back_the_memory_it_had(tmp_path: Path) -> None:
    engine = FakeEngine()
    with open_project(tmp_path, engine=engine) as session:
        session.add_point(0, 20, 20)
        session.track(stop=4).wait()
        session.undo()
        forgotten = {call[2] for call in calls(engine, "forget")}
        assert forgotten == {1, 2, 3}
        assert session.masks[OVERALL].frames.tolist() == [0]
        session.redo()
        assert session.masks[OVERALL].frames.tolist() == [0, 1, 2, 3]
        assert session.track(stop=4).progress == (0, 0, 0.0)


def test_undo_while_a_track_runs_ends_it_and_takes_all_of_it_back(tmp_path: Path) -> None:
    with open_project(tmp_path) as session:
        session.add_point(0, 20, 20)
        before = results(session)
        job = session.track()
        first = next(iter(job))
        assert session.undo() == "tracking of instance 1, overall"
        assert job.wait(60)
        assert first == 1
        assert results(session) == before


def test_deleting_a_scope_leaves_the_others_alone_and_nothing_of_it(session: Session) -> None:
    session.add_point(0, 20, 20)
    session.add_point(0, 40, 20, region="shaft")
    session.track().wait()
    shaft = session.masks[1, "shaft"].areas().tolist()
    session.delete_scope(1, "overall")
    assert session.scopes == [(1, "shaft")]
    assert session.masks[OVERALL].frames.tolist() == []
    assert session.masks[1, "shaft"].areas().tolist() == shaft
    session.delete_scope(1, "overall")
    assert session.undo() == "deletion of instance 1, overall"
    assert session.scopes == [OVERALL, (1, "shaft")]
