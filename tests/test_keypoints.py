"""Keypoints: names, places, files, undo, and what users read of them."""

from __future__ import annotations

import json
import math
import unicodedata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam2_widget.errors import (
    FrameIndexError,
    ProjectError,
    PromptError,
    SaveError,
    UnknownRegionError,
)
from sam2_widget.events import Change
from sam2_widget.ids import MAX_FRAMES, MAX_INSTANCE
from sam2_widget.keypoints import (
    Keypoint,
    Keypoints,
    free_name,
    in_order,
    make_keypoint,
    placed,
)
from sam2_widget.names import MAX_NAME, tidy_name
from sam2_widget.project import Project
from tests.clips import HEIGHT, WIDTH
from tests.projects import files, full_disk, open_project, own_threads, tell_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sam2_widget.session import Session

# What a user may type: any text, markup and all scripts, without what cannot be seen or sent.
names = (
    st.text(
        st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=MAX_NAME
    )
    .map(str.strip)
    .filter(bool)
)
xs = st.integers(0, WIDTH * 100 - 1).map(lambda x: x / 100)
ys = st.integers(0, HEIGHT * 100 - 1).map(lambda y: y / 100)
frame_keypoints = st.lists(
    st.builds(Keypoint, xs, ys, names, st.booleans()),
    min_size=1,
    max_size=6,
    unique_by=lambda keypoint: keypoint.name,
).map(in_order)
all_keypoints = st.dictionaries(
    st.integers(1, 3), st.dictionaries(st.integers(0, 9), frame_keypoints, max_size=4), max_size=3
)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with open_project(tmp_path) as session:
        yield session


def described(session: Session, instance: int = 1) -> list[tuple[object, ...]]:
    """Return the keypoints of an instance as plain tuples."""
    return [tuple(keypoint.values()) for keypoint in session.keypoints[instance]]


def saved(session: Session, instance: int = 1) -> dict[str, Any]:
    """Return what the file of an instance says."""
    path = session.folder / f"instance{instance}" / "keypoints.json"
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return content


# -- names and places -------------------------------------------------------------------------


@given(names, st.text(" \t\n\u00a0\u2028", max_size=3))
def test_any_text_of_one_line_is_a_name_without_the_blanks_round_it(name: str, blank: str) -> None:
    assert tidy_name(f"{blank}{name}{blank}") == name


@pytest.mark.parametrize(
    "name",
    ["", "  \n", "a\tb", "a\nb", "a\x00b", "a\x7fb", "a\u2028b", "\ud800", "x" * (MAX_NAME + 1)],
)
def test_a_name_that_cannot_be_shown_on_one_line_is_refused(name: str) -> None:
    with pytest.raises(PromptError, match=r"1 to 300 characters .* not '") as refused:
        tidy_name(name)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("name", [None, 5, True, ["tip"], b"tip"])
def test_a_name_that_is_no_text_is_refused(name: Any) -> None:
    with pytest.raises(PromptError, match="1 to 300 characters"):
        tidy_name(name)


@given(st.floats(0, WIDTH, exclude_max=True), st.floats(0, HEIGHT, exclude_max=True))
def test_a_keypoint_is_kept_to_two_decimals_inside_the_frame(x: float, y: float) -> None:
    keypoint = make_keypoint(x, y, "tip", True, WIDTH, HEIGHT)
    assert 0 <= keypoint.x < WIDTH
    assert 0 <= keypoint.y < HEIGHT
    assert (round(keypoint.x, 2), round(keypoint.y, 2)) == (keypoint.x, keypoint.y)


def test_the_first_free_name_fills_gaps() -> None:
    assert free_name([]) == "k1"
    assert free_name(["tip", "k1", "k3"]) == "k2"


def test_names_are_sorted_as_people_count() -> None:
    listed = in_order(Keypoint(1, 1, name) for name in ("k10", "tip", "k2", "k1"))
    assert [keypoint.name for keypoint in listed] == ["k1", "k2", "k10", "tip"]


@given(st.lists(names, unique=True, max_size=8), st.randoms())
def test_the_order_does_not_depend_on_what_was_placed_first(listed: list[str], random: Any) -> None:
    keypoints = [Keypoint(1, 1, name) for name in listed]
    shuffled = random.sample(keypoints, len(keypoints))
    assert placed((), keypoints) == placed((), shuffled)


@given(all_keypoints, st.integers(1, 3), st.integers(0, 9), st.just(()) | frame_keypoints)
def test_putting_keypoints_changes_one_frame_and_putting_the_old_ones_undoes_it(
    instances: dict[int, dict[int, tuple[Keypoint, ...]]],
    instance: int,
    frame: int,
    new: tuple[Keypoint, ...],
) -> None:
    before = Keypoints()
    for number, frames in instances.items():
        before = before.replace_instance(number, frames)
    after = before.put(instance, frame, new)
    assert after.at(instance, frame) == new
    assert after.put(instance, frame, before.at(instance, frame)) == before
    assert list(after) == sorted(number for number in range(1, 4) if after.of(number))


# -- editing ----------------------------------------------------------------------------------


def test_keypoints_are_added_moved_hidden_and_removed(session: Session) -> None:
    session.add_keypoint(3, 10.126, 20, "tip")
    session.add_keypoint(3, 30, 20, "base", visible=False)
    assert session.keypoints[1] == [
        {"frame_index": 3, "x": 30.0, "y": 20.0, "name": "base", "visible": False},
        {"frame_index": 3, "x": 10.13, "y": 20.0, "name": "tip", "visible": True},
    ]
    session.move_keypoint(3, "base", 40, 41)
    session.set_keypoint_visible(3, "tip", False)
    assert described(session) == [(3, 40, 41, "base", False), (3, 10.13, 20, "tip", False)]
    session.remove_keypoint(3, "base")
    assert described(session) == [(3, 10.13, 20, "tip", False)]


def test_adding_a_name_again_moves_its_keypoint(session: Session) -> None:
    session.add_keypoint(3, 10, 20, "tip")
    session.add_keypoint(3, 50, 60, " tip ")
    session.add_keypoint(4, 11, 21, "tip")
    assert described(session) == [(3, 50, 60, "tip", True), (4, 11, 21, "tip", True)]


def test_keypoints_without_a_name_are_counted_on_each_frame(session: Session) -> None:
    for frame in (0, 0, 1):
        session.add_keypoint(frame, 10, 20)
    session.remove_keypoint(0, "k1")
    session.add_keypoint(0, 30, 20)
    session.add_keypoint(0, 40, 20)
    assert [(f, x, name) for f, x, _, name, _ in described(session)] == [
        (0, 30, "k1"), (0, 10, "k2"), (0, 40, "k3"), (1, 10, "k1"),
    ]  # fmt: skip


def test_clearing_removes_the_keypoints_of_one_instance_on_one_frame(session: Session) -> None:
    session.add_keypoint(0, 10, 20)
    session.add_keypoint(0, 20, 20)
    session.add_keypoint(1, 10, 20)
    session.add_keypoint(0, 10, 20, instance=2)
    session.clear_keypoints(0)
    assert described(session) == [(1, 10, 20, "k1", True)]
    assert described(session, 2) == [(0, 10, 20, "k1", True)]


def test_copying_takes_all_keypoints_of_the_last_frame_that_has_any(session: Session) -> None:
    session.add_keypoint(0, 1, 1, "old")
    session.add_keypoint(2, 10, 20, "tip")
    session.add_keypoint(2, 30, 20, "base", visible=False)
    session.add_keypoint(6, 50, 50, "tip")
    session.add_keypoint(6, 60, 50, "own")
    session.add_keypoint(8, 9, 9, "later")
    session.copy_keypoints(6)
    assert described(session)[3:6] == [
        (6, 30, 20, "base", False), (6, 60, 50, "own", True), (6, 10, 20, "tip", True),
    ]  # fmt: skip
    assert session.undo() == "copy of keypoints"
    assert [name for frame, *_, name, _ in described(session) if frame == 6] == ["own", "tip"]


def test_the_next_frame_without_keypoints_is_found(session: Session) -> None:
    for frame in (0, 1, 2, 5, 8, 9):
        session.add_keypoint(frame, 10, 20)
    assert session.next_frame_without_keypoints(0) == 3
    assert session.next_frame_without_keypoints(3) == 4
    assert session.next_frame_without_keypoints(-3) is None
    assert session.next_frame_without_keypoints(0, instance=2) == 1
    with pytest.raises(FrameIndexError):
        session.next_frame_without_keypoints(10)


def test_keypoints_belong_to_the_instance_and_not_to_a_region(session: Session) -> None:
    session.add_keypoint(0, 10, 20)
    assert session.scopes == []
    session.add_point(0, 20, 20)
    session.delete_scope(1, "overall")
    assert described(session) == [(0, 10, 20, "k1", True)]


def test_listeners_are_told_which_frame_has_other_keypoints(session: Session) -> None:
    heard: list[Change] = []
    session.on_change(heard.append)
    revision = session.live.changes.revision
    session.add_keypoint(4, 10, 20)
    session.undo()
    tell_all(session)
    assert [change for change in heard if change.kind == "keypoints"] == [
        Change("keypoints", None, (4,))
    ] * 2
    assert session.live.changes.since(revision) == [(4, 5)]


def test_a_second_session_shares_the_keypoints(tmp_path: Path) -> None:
    with open_project(tmp_path) as first, open_project(tmp_path) as second:
        first.add_keypoint(0, 10, 20, "tip")
        assert described(second) == [(0, 10, 20, "tip", True)]
        assert second.undo() == "keypoint tip"
        assert first.keypoints[1] == []


# -- reading ----------------------------------------------------------------------------------


def test_keypoints_are_read_as_one_array(session: Session) -> None:
    session.add_keypoint(0, 10, 20, "k2")
    session.add_keypoint(0, 1.5, 2.25, "k10", visible=False)
    session.add_keypoint(9, 30, 40, "k10")
    listed, values = session.keypoints.array(1)
    assert listed == ["k2", "k10"]
    assert (values.shape, values.dtype) == ((10, 2, 3), np.float64)
    assert values[0].tolist() == [[10, 20, 1], [1.5, 2.25, 0]]
    assert values[9, 1].tolist() == [30, 40, 1]
    assert np.isnan(values[1:9]).all()
    assert np.isnan(values[9, 0]).all()


def test_an_instance_without_keypoints_is_empty(session: Session) -> None:
    assert session.keypoints[7] == []
    listed, values = session.keypoints.array(7)
    assert (listed, values.shape) == ([], (10, 0, 3))


def test_keypoints_are_a_mapping_of_the_instances_that_have_any(session: Session) -> None:
    session.add_keypoint(0, 10, 20, instance=3)
    session.add_keypoint(0, 10, 20, instance=np.int64(2))  # type: ignore[arg-type]
    assert list(session.keypoints) == [2, 3]
    assert len(session.keypoints) == 2
    assert 3 in session.keypoints
    assert 1 not in session.keypoints
    assert repr(session.keypoints) == "<Keypoints of [2, 3]>"
    session.undo()
    assert list(session.keypoints) == [3]


def test_what_users_do_to_a_list_leaves_the_session_alone(session: Session) -> None:
    session.add_keypoint(0, 10, 20)
    session.keypoints[1][0]["x"] = 50
    session.keypoints[1].clear()
    session.keypoints.array()[1][:] = 0
    assert described(session) == [(0, 10, 20, "k1", True)]


# -- files ------------------------------------------------------------------------------------


def test_the_file_has_the_agreed_form(session: Session) -> None:
    session.add_keypoint(2, 10, 20.126, "Spitze <b>é</b>")
    session.add_keypoint(0, 30, 20, visible=False, instance=1)
    assert saved(session) == {
        "video_id": "clip",
        "instance_id": 1,
        "num_keypoints": 2,
        "keypoints": [
            {
                "frame_index": 0,
                "frame_filename": "00000.jpg",
                "x": 30,
                "y": 20,
                "name": "k1",
                "visible": False,
            },
            {
                "frame_index": 2,
                "frame_filename": "00002.jpg",
                "x": 10,
                "y": 20.13,
                "name": "Spitze <b>é</b>",
                "visible": True,
            },
        ],
    }


def test_an_instance_without_keypoints_has_no_file(session: Session) -> None:
    session.add_keypoint(0, 10, 20, instance=2)
    session.clear_keypoints(0, instance=2)
    assert not (session.folder / "instance2" / "keypoints.json").exists()


def test_keypoints_are_there_when_the_project_is_opened_again(tmp_path: Path) -> None:
    with open_project(tmp_path) as session:
        session.add_keypoint(0, 10, 20, "tip", visible=False)
        session.add_keypoint(3, 95.999, 63.999, "日本", instance=12)
        before = described(session), described(session, 12)
    with open_project(tmp_path) as session:
        assert (described(session), described(session, 12)) == before
        assert session.undo() is None
        assert session.scopes == []


@given(all_keypoints)
def test_keypoints_of_any_names_are_read_back_as_they_were_written(
    instances: dict[int, dict[int, tuple[Keypoint, ...]]],
) -> None:
    expected = Keypoints()
    with TemporaryDirectory() as folder:
        project = Project(Path(folder))
        for number, frames in instances.items():
            expected = expected.replace_instance(number, frames)
            project.write_keypoints(number, frames)
        found = project.read_keypoints(WIDTH, HEIGHT)
        project.close()
    assert found == expected


def item(**other: object) -> dict[str, object]:
    return {"frame_index": 3, "x": 10, "y": 20, "name": "tip", "visible": True} | other


def write(root: Path, content: object) -> Path:
    path = root / "instance1" / "keypoints.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content), "utf-8")
    return path


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {},
        {"keypoints": None},
        {"keypoints": "tip"},
        {"keypoints": {"a": 1}},
        {"keypoints": [5]},
        {"keypoints": [{}]},
        {"keypoints": [item(x=WIDTH)]},
        {"keypoints": [item(y=-0.5)]},
        {"keypoints": [item(x=math.nan)]},
        {"keypoints": [item(x=10**400)]},
        {"keypoints": [item(x="10")]},
        {"keypoints": [item(x=True)]},
        {"keypoints": [item(frame_index=-1)]},
        {"keypoints": [item(frame_index=1.0)]},
        {"keypoints": [item(frame_index=MAX_FRAMES)]},
        {"keypoints": [item(name="")]},
        {"keypoints": [item(name=5)]},
        {"keypoints": [item(name="a\nb")]},
        {"keypoints": [item(name="\ud800")]},
        {"keypoints": [item(name="x" * 301)]},
        {"keypoints": [item(visible=2)]},
        {"keypoints": [item(visible=None)]},
    ],
    ids=lambda content: str(content)[:60].encode("ascii", "replace").decode(),
)
def test_a_damaged_file_is_one_clear_sentence_and_left_alone(
    tmp_path: Path, content: object
) -> None:
    open_project(tmp_path).close()
    path = write(tmp_path / "clip", content)
    before = files(tmp_path)
    with pytest.raises(ProjectError, match=r"keypoints\.json cannot be read .*Nothing was"):
        open_project(tmp_path)
    assert path.read_bytes() == before["clip/instance1/keypoints.json"]
    assert files(tmp_path) == before
    assert own_threads() == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)
hostile = st.fixed_dictionaries(
    {
        "keypoints": st.lists(
            st.fixed_dictionaries({key: st.just(value) | json_values for key, value in
                                   item().items()}),
            max_size=3,
        )
    }
)  # fmt: skip


@given(json_values | hostile)
def test_no_file_is_anything_but_sound_or_damaged(content: object) -> None:
    with TemporaryDirectory() as folder:
        project = Project(Path(folder))
        write(project.root, content)
        try:
            frames = project.read_keypoints(WIDTH, HEIGHT).of(1)
        except ProjectError:
            return
        finally:
            project.close()
    for keypoint in (keypoint for listed in frames.values() for keypoint in listed):
        assert 0 <= keypoint.x < WIDTH
        assert 0 <= keypoint.y < HEIGHT
        assert tidy_name(keypoint.name) == keypoint.name
        assert not any(unicodedata.category(character) == "Cc" for character in keypoint.name)


def test_keypoints_as_the_original_tool_left_them_are_read(tmp_path: Path) -> None:
    open_project(tmp_path).close()
    plain = {key: value for key, value in item().items() if key != "visible"}
    unnamed = item(name=None)
    write(tmp_path / "clip", {"keypoints": [unnamed, item(x=1), plain, item(name="k1"), unnamed]})
    with open_project(tmp_path) as session:
        assert described(session) == [
            (3, 10, 20, "k1", True), (3, 10, 20, "k2", True), (3, 10, 20, "k3", True),
            (3, 10, 20, "tip", True),
        ]  # fmt: skip


def test_frames_that_the_video_does_not_have_are_kept_and_left_out_of_the_array(
    tmp_path: Path,
) -> None:
    open_project(tmp_path).close()
    write(tmp_path / "clip", {"keypoints": [item(frame_index=10**7), item()]})
    with open_project(tmp_path) as session:
        assert len(session.keypoints[1]) == 2
        assert session.keypoints.array()[1].shape == (10, 1, 3)


# -- undo -------------------------------------------------------------------------------------


def test_undo_and_redo_walk_through_every_state_byte_by_byte(session: Session) -> None:
    acts: list[Callable[[], object]] = [
        lambda: session.add_keypoint(0, 10, 20, "tip"),
        lambda: session.add_point(0, 20, 20),
        lambda: session.add_keypoint(0, 30, 20, "tip"),
        lambda: session.add_keypoint(5, 30, 20, instance=2),
        lambda: session.set_keypoint_visible(0, "tip", False),
        lambda: session.track().wait(),
        lambda: session.copy_keypoints(7),
        lambda: session.move_keypoint(7, "tip", 50, 50),
        lambda: session.add_keypoint(7, 51, 50),
        lambda: session.delete_scope(1, "overall"),
        lambda: session.remove_keypoint(7, "tip"),
        lambda: session.clear_keypoints(0),
        lambda: session.clear_keypoints(7),
        lambda: session.clear_keypoints(5, instance=2),
    ]

    def state() -> tuple[object, ...]:
        stored = files(session.folder)
        results = {name: data for name, data in stored.items() if "track_" not in name}
        return results, described(session), described(session, 2)

    states = [state()]
    for act in acts:
        act()
        states.append(state())
    for before in states[-2::-1]:
        assert session.undo()
        assert state() == before
    assert session.undo() is None
    for after in states[1:]:
        assert session.redo()
        assert state() == after
    assert session.redo() is None


def test_undo_and_redo_say_what_they_did(session: Session) -> None:
    session.add_keypoint(0, 10, 20, "tip")
    session.move_keypoint(0, "tip", 20, 20)
    session.set_keypoint_visible(0, "tip", False)
    session.remove_keypoint(0, "tip")
    session.add_keypoint(0, 10, 20)
    session.clear_keypoints(0)
    assert [session.undo() for _ in range(7)] == [
        "clearing of the keypoints", "keypoint k1", "removal of keypoint tip",
        "visibility of keypoint tip", "move of keypoint tip", "keypoint tip", None,
    ]  # fmt: skip
    assert session.redo() == "keypoint tip"


def test_what_changes_nothing_is_no_step(session: Session) -> None:
    session.add_keypoint(0, 10, 20, "tip")
    session.add_keypoint(0, 10, 20, "tip")
    session.move_keypoint(0, "tip", 10, 20)
    session.set_keypoint_visible(0, "tip", True)
    session.clear_keypoints(1)
    assert session.undo() == "keypoint tip"
    assert session.undo() is None


def test_undoing_a_keypoint_stays_with_the_region_on_screen(session: Session) -> None:
    session.ui = {"region": "wrist"}
    session.add_keypoint(4, 10, 20, instance=2)
    step = session.undo_soon().result()
    assert step is not None
    assert (step.scope, step.frame) == ((2, "wrist"), 4)


# -- errors -----------------------------------------------------------------------------------

WRONG: dict[str, tuple[Callable[[Session], object], type[Exception], str]] = {
    "outside": (lambda s: s.add_keypoint(0, WIDTH, 5), PromptError, "outside the frame of 96 x 64"),
    "nowhere": (lambda s: s.add_keypoint(0, math.nan, 5), PromptError, "outside the frame"),
    "moved outside": (lambda s: s.move_keypoint(0, "tip", 5, -1), PromptError, "outside the frame"),
    "no name": (lambda s: s.add_keypoint(0, 5, 5, " "), PromptError, "1 to 300 characters"),
    "moving none": (lambda s: s.move_keypoint(0, "x", 5, 5), PromptError, "it has 'base', 'tip'"),
    "removing none": (lambda s: s.remove_keypoint(1, "tip"), PromptError, "it has none"),
    "hiding none": (
        lambda s: s.set_keypoint_visible(0, "tip", False, 2), PromptError, "it has none",
    ),
    "copying none": (lambda s: s.copy_keypoints(0), PromptError, "no keypoints before frame 0"),
    "no such frame": (lambda s: s.add_keypoint(10, 5, 5), FrameIndexError, "10 frames"),
    "clearing no frame": (lambda s: s.clear_keypoints(-11), FrameIndexError, "10 frames"),
    "instance 0": (
        lambda s: s.add_keypoint(0, 5, 5, instance=0), UnknownRegionError, "from 1 on",
    ),
    "instance too large": (
        lambda s: s.clear_keypoints(0, MAX_INSTANCE + 1), UnknownRegionError, "at most 1000000000",
    ),
    "a region": (lambda s: s.keypoints[1, "shaft"], UnknownRegionError, "from 1 on"),
}  # fmt: skip


@pytest.mark.parametrize(("act", "error", "match"), WRONG.values(), ids=WRONG)
def test_a_keypoint_that_makes_no_sense_changes_nothing(
    session: Session, act: Callable[[Session], object], error: type[Exception], match: str
) -> None:
    session.add_keypoint(0, 10, 20, "tip")
    session.add_keypoint(0, 30, 20, "base")
    before, seen = files(session.folder), described(session)
    with pytest.raises(error, match=match) as caught:
        act(session)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)
    assert files(session.folder) == before
    assert described(session) == seen
    assert len(session.live.history.done) == 2


def test_many_names_are_cut_short_in_an_error(session: Session) -> None:
    for number in range(12):
        session.add_keypoint(0, 5, 5, f"{'x' * 190} {number}")
    with pytest.raises(PromptError, match="4 more") as caught:
        session.remove_keypoint(0, "y" * 200)
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize(
    "act",
    [
        lambda s: s.add_keypoint(0, 40, 40, "new"),
        lambda s: s.add_keypoint(0, 40, 40, instance=2),
        lambda s: s.move_keypoint(0, "tip", 40, 40),
        lambda s: s.remove_keypoint(0, "tip"),
        lambda s: s.undo(),
    ],
    ids=["add", "add to another instance", "move", "remove", "undo"],
)
def test_a_full_disk_loses_and_changes_nothing(
    session: Session, monkeypatch: pytest.MonkeyPatch, act: Callable[[Session], object]
) -> None:
    session.add_keypoint(0, 10, 20, "tip")
    session.add_keypoint(0, 30, 20, "base")
    before, seen = files(session.folder), described(session)
    with full_disk(monkeypatch, "keypoints*") as refused:
        with pytest.raises(SaveError, match="The disk is full"):
            act(session)
        assert refused
        assert files(session.folder) == before
        assert described(session) == seen
        assert session.keypoints[2] == []
        assert len(session.live.history.done) == 2
        assert session.live.history.undone == []
    act(session)
    assert (described(session), session.keypoints[2]) != (seen, [])
