"""Undo and redo bring back stored bytes, whatever came between."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sam2_widget import brush
from sam2_widget.annotations import Scope
from sam2_widget.engines.fake import FakeEngine
from sam2_widget.errors import SaveError
from sam2_widget.project import Project
from tests import killed
from tests.projects import calls, files, open_project

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
        lambda: session.set_mask(2, drawn(30)),
        lambda: session.add_point(2, 80, 50, 0),
        lambda: session.paint(2, [(20, 20), (60, 40)], 4),
        lambda: session.set_box(2, (10, 10, 50, 40)),
        lambda: session.paint(2, [(20, 20)], 9, erase=True),
        lambda: session.track(start=0, stop=7).wait(),
        lambda: session.add_point(5, 50, 30),
        lambda: session.paint(6, [(50, 30)], 9),
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
frames = st.integers(0, 2)
named = st.tuples(frames, st.sampled_from(NAMES))
places = st.tuples(frames, st.sampled_from(REGIONS))
xs, ys = st.integers(0, 95).map(float), st.integers(0, 6399).map(lambda y: y / 100)
strokes = st.lists(st.tuples(xs, ys), min_size=1, max_size=3)
actions = st.one_of(
    st.tuples(st.just("add"), places, xs, ys, st.integers(0, 1)),
    st.tuples(st.just("move"), places, st.integers(0, 3), xs, ys),
    st.tuples(st.just("remove"), places, st.integers(0, 3)),
    st.tuples(st.just("box"), places, st.integers(0, 40), st.integers(41, 96)),
    st.tuples(st.just("clear_box"), places),
    st.tuples(st.just("mask"), places, st.integers(0, 90)),
    st.tuples(st.just("paint"), places, strokes, st.integers(1, 30), st.booleans()),
    st.tuples(st.just("clear"), places),
    st.tuples(st.just("delete"), places),
    st.tuples(st.just("keypoint"), named, xs, ys),
    st.tuples(st.just("move_keypoint"), named, xs, ys),
    st.tuples(st.just("visible"), named, st.booleans()),
    st.tuples(st.just("remove_keypoint"), named),
    st.tuples(st.just("clear_keypoints"), named),
    st.tuples(st.just("copy_keypoints"), named),
    st.tuples(st.just("track")),
    st.tuples(st.just("undo")),
    st.tuples(st.just("redo")),
)
State = dict[tuple[str, int], tuple[list[list[float]], str | bytes]]
"""By region and frame the points, and what is below them: nothing, a box, or a drawn mask.

By name and frame the keypoint as the only point: x, y, visible.
"""


class Model:
    """What there must be: a plain dictionary of lists and two stacks of copies of it."""

    def __init__(self) -> None:
        self.state: State = {}
        self.done: list[State] = []
        self.undone: list[State] = []

    def become(self, state: State) -> None:
        self.done.append(self.state)
        self.undone.clear()
        self.state = {key: value for key, value in state.items() if any(value)}

    def put(self, place: tuple[int, str], points: list[list[float]], below: str | bytes) -> None:
        self.become({**self.state, (place[1], place[0]): (points, below)})

    def at(self, place: tuple[int, str]) -> tuple[list[list[float]], str | bytes]:
        points, below = self.state.get((place[1], place[0]), ([], ""))
        return [list(point) for point in points], below

    def step(self, taken: list[State], put: list[State]) -> None:
        if taken:
            put.append(self.state)
            self.state = taken.pop()

    def points(self, region: str) -> dict[int, list[list[float]]]:
        return {f: p for (r, f), (p, _) in sorted(self.state.items()) if r == region and p}

    def keypoints(self) -> dict[tuple[str, int], list[float]]:
        return {key: points[0] for key, (points, _) in self.state.items() if key[0] in NAMES}


def drawn(x: int) -> npt.NDArray[np.bool_]:
    mask = np.zeros((64, 96), dtype=bool)
    mask[8:40, x : x + 20] = True
    return mask


def act(session: Session, model: Model, action: tuple) -> None:  # type: ignore[type-arg]
    """Do an action in a session and in its model, if it can be done."""
    kind, *rest = action
    if kind in ("undo", "redo"):
        done = session.undo() if kind == "undo" else session.redo()
        assert (done is None) == (not (model.done if kind == "undo" else model.undone))
        stacks = (model.done, model.undone) if kind == "undo" else (model.undone, model.done)
        model.step(*stacks)
    elif kind == "track":
        model.undone.clear()
        model.done += [model.state] * bool(list(session.track()))
    elif "keypoint" in kind or kind == "visible":
        act_on_keypoints(session, model, kind, *rest)
    else:
        act_on_prompts(session, model, kind, *rest)


def act_on_prompts(
    session: Session, model: Model, kind: str, place: tuple[int, str], *numbers: Any
) -> None:
    frame, region = place
    points, below = model.at(place)
    there = session.live.masks.record(Scope(1, region), frame) is not None
    if kind == "add":
        x, y, label = numbers
        session.add_point(frame, x, y, label, region=region)
        model.put(place, [*points, [x, y, label]], below)
    elif kind == "move" and numbers[0] < len(points):
        index, x, y = numbers
        session.move_point(frame, index, x, y, region=region)
        points[index][:2] = [x, y]
        model.put(place, points, below)
    elif kind == "remove" and numbers[0] < len(points):
        session.remove_point(frame, numbers[0], region=region)
        del points[numbers[0]]
        model.put(place, points, below)
    elif kind == "box":
        session.set_box(frame, (numbers[0], 5, numbers[1], 60), region=region)
        model.put(place, [], "box")
    elif kind == "clear_box" and below == "box":
        session.clear_box(frame, region=region)
        model.put(place, points, "")
    elif kind == "mask":
        given_mask = drawn(numbers[0])
        session.set_mask(frame, given_mask, region=region)
        if (points, below) != ([], given_mask.tobytes()):
            model.put(place, [], given_mask.tobytes())
    elif kind == "paint":
        before = session.masks[1, region][frame]
        after = session.paint(frame, *numbers, region=region)
        assert np.array_equal(after, brush.paint(before, numbers[0], numbers[1], erase=numbers[2]))
        if not np.array_equal(before, after):
            model.put(place, [], after.tobytes())
    elif kind == "clear" and there:
        session.clear_frame(frame, region=region)
        model.put(place, [], "")
    elif kind == "delete" and Scope(1, region) in session.scopes:
        session.delete_scope(1, region)
        model.become({key: value for key, value in model.state.items() if key[0] != region})


def act_on_keypoints(
    session: Session, model: Model, kind: str, place: tuple[int, str], *numbers: Any
) -> None:
    frame, name = place
    (point,) = model.at(place)[0] or [None]
    new = None
    if kind == "keypoint":
        session.add_keypoint(frame, *numbers, name=name)
        new = [*numbers, True]
    elif kind == "move_keypoint" and point:
        session.move_keypoint(frame, name, *numbers)
        new = [*numbers, point[2]]
    elif kind == "visible" and point:
        session.set_keypoint_visible(frame, name, *numbers)
        new = [*point[:2], *numbers]
    elif kind == "remove_keypoint" and point:
        session.remove_keypoint(frame, name)
        model.put(place, [], "")
    elif kind == "clear_keypoints":
        session.clear_keypoints(frame)
        left = {k: v for k, v in model.state.items() if k[0] in REGIONS or k[1] != frame}
        if left != model.state:
            model.become(left)
    elif kind == "copy_keypoints":
        earlier = [f for _, f in model.keypoints() if f < frame]
        if earlier:
            session.copy_keypoints(frame)
            last = {k: v for k, v in model.state.items() if k[0] in NAMES and k[1] == max(earlier)}
            copied = {**model.state, **{(n, frame): value for (n, _), value in last.items()}}
            if copied != model.state:
                model.become(copied)
    if new is not None and new != point:
        model.put(place, [new], "")


def assert_like(session: Session, model: Model) -> None:
    keypoints = {
        (k["name"], k["frame_index"]): [k["x"], k["y"], k["visible"]] for k in session.keypoints[1]
    }
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
            points, below = model.at((frame, region))
            if isinstance(below, bytes) and not points:
                assert record.source == "edit"
                assert session.masks[1, region][frame].tobytes() == below


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


def folders(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_dir()}


@settings(max_examples=60)
@given(sequence=st.lists(actions, max_size=16))
def test_undoing_everything_gives_back_the_same_folder(
    template: Path, sequence: list[tuple[object, ...]]
) -> None:
    model = Model()
    with in_a_copy(template) as copy:
        folder = Path(copy) / "clip"
        before, folders_before = files(folder), folders(folder)
        with open_project(Path(copy), 3) as session:
            begin = results(session)
            for action in sequence:
                act(session, model, action)
            while session.redo():
                pass
            end = results(session)
            for other, move in ((begin, session.undo), (end, session.redo), (begin, session.undo)):
                while move():
                    pass
                assert results(session) == other
        assert files(folder) == before
        assert folders(folder) == folders_before


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 20))
def test_undoing_every_kind_of_operation_gives_back_the_same_folder(seed: int, count: int) -> None:
    with tempfile.TemporaryDirectory() as output:
        with open_project(Path(output), killed.FRAMES) as session:
            folder, labels = session.folder, session.live.labels
            before, folders_before = files(folder), folders(folder)
            for action in itertools.islice(killed.actions(seed), count):
                killed.perform(session, action)
            while session.undo():
                pass
            assert results(session) == before
            assert session.live.labels == labels
        assert files(folder) == before
        assert folders(folder) == folders_before


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


def test_an_undo_that_fails_half_way_leaves_nothing_for_a_kill_to_bring_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_project(tmp_path) as session:
        session.add_point(0, 20, 20)
        session.track().wait()
        session.add_point(0, 60, 40)
        session.track().wait()
        before, table = results(session), session.to_dataframe()
        append, count = Project.append, 0

        def fill_up(project: Project, path: Path, record: Mapping[str, Any]) -> None:
            nonlocal count
            count += 1
            if count > 5:
                raise SaveError("The disk is full.")
            append(project, path, record)

        with monkeypatch.context() as patch:
            patch.setattr(Project, "append", fill_up)
            with pytest.raises(SaveError):
                session.undo()
        assert results(session) == before
        assert session.to_dataframe().equals(table)
        shutil.copytree(session.folder, tmp_path / "killed" / "clip")
    with open_project(tmp_path / "killed") as again:
        assert results(again) == before
        assert again.to_dataframe().equals(table)


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
