"""Regions, display names, colours, and the deletion of an instance: kept, undone, shown."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex

from sam2_widget.annotations import Scope
from sam2_widget.errors import ProjectError, PromptError, SaveError, UnknownRegionError
from sam2_widget.events import Change
from sam2_widget.exports import json_export
from sam2_widget.ids import DEFAULT_REGIONS
from sam2_widget.keypoints import Keypoint, Keypoints
from sam2_widget.labels import Labels
from sam2_widget.names import MAX_NAME, name_or_none, tidy_name
from sam2_widget.palette import OKABE_ITO
from sam2_widget.project import Project, ProjectInfo
from tests.projects import GatedEngine, files, full_disk, open_project, tell_all
from tests.test_responder import Viewer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sam2_widget.session import Session

RED = "#ff0000"
HOSTILE = 'Left <img src=x onerror="boom()"> \u202e \U0001f9a0 "hand" \\ \u0000'.replace("\0", "")

# What a user may type: any text, markup and all scripts, without what cannot be seen or sent.
names = (
    st.one_of(
        st.text(
            st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")),
            min_size=1,
            max_size=MAX_NAME,
        ),
        st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs")).map(
            lambda character: character * MAX_NAME
        ),
        st.just(HOSTILE),
    )
    .map(str.strip)
    .filter(bool)
)
scopes = st.builds(Scope, st.integers(1, 10**9), st.sampled_from(["overall", "shaft", "Tip-2"]))
colors = st.integers(0, 0xFFFFFF).map("#{:06x}".format)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with open_project(tmp_path) as session:
        yield session


def saved(session: Session) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((session.folder / "project.json").read_text("utf-8"))
    return content


def results(session: Session) -> dict[str, bytes]:
    """Return the bytes of everything but journals, which grow until they are compacted."""
    return {name: data for name, data in files(session.folder).items() if "track_" not in name}


# -- names and colours ------------------------------------------------------------------------


@given(names)
def test_any_text_of_one_line_is_a_name(name: str) -> None:
    assert tidy_name(f" {name}\t") == name_or_none(name, "A name") == name


@pytest.mark.parametrize("name", [None, "", " \t\n"])
def test_no_name_and_blanks_are_none(name: str | None) -> None:
    assert name_or_none(name, "A name") == ""


@pytest.mark.parametrize("name", ["a\nb", "a\x00b", "\ud800", "x" * (MAX_NAME + 1), 5, ["tip"]])
def test_what_cannot_be_shown_on_one_line_is_no_name(session: Session, name: Any) -> None:
    before = files(session.folder)
    with pytest.raises(PromptError, match="An instance's name is 1 to 300 characters"):
        session.rename_instance(1, name)
    with pytest.raises(PromptError, match="A region's name is 1 to 300 characters"):
        session.rename_region("shaft", name)
    assert files(session.folder) == before
    assert session.undo() is None


@pytest.mark.parametrize(
    "color", ["red", "#fff", "#ff00000", "#gg0000", "ff0000", "", 5, "#ff0000\n"]
)
def test_what_is_no_colour_is_refused(session: Session, color: Any) -> None:
    with pytest.raises(PromptError, match="A colour is written '#rrggbb', not"):
        session.set_color(1, "overall", color)
    assert session.color(1, "overall") == OKABE_ITO[0]


def test_an_unknown_scope_has_no_name_and_no_colour(session: Session) -> None:
    for act in (
        lambda: session.rename_region("nose", "Nose"),
        lambda: session.set_color(1, "nose", RED),
        lambda: session.color(1, "nose"),
        lambda: session.rename_instance(0, "Nobody"),
        lambda: session.delete_instance(-1),
    ):
        with pytest.raises(UnknownRegionError):
            act()


@given(
    st.dictionaries(st.sampled_from(DEFAULT_REGIONS), names),
    st.dictionaries(st.integers(1, 10**9), names, max_size=5),
    st.dictionaries(scopes, colors, max_size=5),
    names,
)
@settings(max_examples=60)
def test_names_and_colours_read_back_as_they_were_saved(
    region_names: dict[str, str],
    instance_names: dict[int, str],
    own: dict[Scope, str],
    keypoint: str,
) -> None:
    labels = Labels(DEFAULT_REGIONS)
    for region, name in region_names.items():
        labels = labels.with_region_name(region, name)
    for instance, name in instance_names.items():
        labels = labels.with_instance_name(instance, name)
    for scope, color in own.items():
        labels = labels.with_color(scope, color)
    with TemporaryDirectory() as folder:
        project = Project(Path(folder))
        project.write_info(ProjectInfo({}, labels, "nano", {"later": 1}))
        project.write_keypoints(1, {0: (Keypoint(1, 2, keypoint),)})
        first = files(Path(folder))
        project.close()
        again = Project(Path(folder))
        assert again.info == ProjectInfo({}, labels, "nano", {"later": 1})
        assert again.read_keypoints(9, 9) == Keypoints({1: {0: (Keypoint(1, 2, keypoint),)}})
        again.write_info(again.info)
        again.close()
        assert files(Path(folder)) == first


# -- files ------------------------------------------------------------------------------------


def test_the_file_says_names_and_colours(session: Session) -> None:
    session.rename_region("shaft", "Schaft <b>é</b>")
    session.rename_instance(2, "Left hand")
    session.set_color(1, "wrist", "#ABCDEF")
    content = saved(session)
    assert content["format"] == 1
    assert content["regions"][:2] == [
        {"id": "overall", "name": "overall"},
        {"id": "shaft", "name": "Schaft <b>é</b>"},
    ]
    assert content["instances"] == [{"id": 2, "name": "Left hand"}]
    assert content["colors"] == [{"instance": 1, "region": "wrist", "color": "#abcdef"}]


def test_names_and_colours_are_there_after_reopening(tmp_path: Path) -> None:
    with open_project(tmp_path) as session:
        session.rename_region("shaft", HOSTILE)
        session.rename_instance(2, "x" * 300)
        session.set_color(2, "shaft", RED)
    with open_project(tmp_path) as session:
        assert session.region_names == {
            "overall": "overall", "shaft": HOSTILE.strip(), "wrist": "wrist", "gripper": "gripper",
        }  # fmt: skip
        assert session.instance_names == {2: "x" * 300}
        assert session.color(2, "shaft") == RED
        assert session.undo() is None


def test_a_project_without_names_and_colours_is_saved_as_ever(session: Session) -> None:
    before = files(session.folder)["project.json"]
    session.rename_region("shaft", "Shaft")
    session.rename_region("shaft", "")
    session.rename_instance(1, "Left")
    session.rename_instance(1, "  ")
    session.set_color(1, "overall", RED)
    session.set_color(1, "overall", None)
    assert files(session.folder)["project.json"] == before
    assert {"instances", "colors"}.isdisjoint(json.loads(before))
    assert session.region_names["shaft"] == "shaft"


def test_what_a_later_version_says_of_a_region_or_an_instance_is_kept(tmp_path: Path) -> None:
    open_project(tmp_path).close()
    path = tmp_path / "clip" / "project.json"
    content = json.loads(path.read_text("utf-8"))
    content["regions"][1] |= {"name": "Shaft", "group": "tool"}
    content["instances"] = [{"id": 3, "name": "Left", "side": "left"}]
    path.write_text(json.dumps(content), "utf-8")
    with open_project(tmp_path) as session:
        session.rename_region("shaft", "Stem")
        session.rename_instance(3, "Right")
        assert saved(session)["regions"][1] == {"id": "shaft", "name": "Stem", "group": "tool"}
        assert saved(session)["instances"] == [{"id": 3, "name": "Right", "side": "left"}]
        session.delete_instance(3)
        session.undo()
        assert saved(session)["instances"] == [{"id": 3, "name": "Right", "side": "left"}]


@pytest.mark.parametrize(
    "change",
    [
        {"regions": [{"id": "overall", "name": 5}]},
        {"regions": [{"id": "overall", "name": "a\nb"}]},
        {"regions": [{"id": "overall", "name": "x" * 301}]},
        {"instances": None},
        {"instances": {"1": "Left"}},
        {"instances": ["Left"]},
        {"instances": [{"id": 1}]},
        {"instances": [{"id": 0, "name": "Left"}]},
        {"instances": [{"id": True, "name": "Left"}]},
        {"instances": [{"id": 10**30, "name": "Left"}]},
        {"instances": [{"id": 1, "name": ["Left"]}]},
        {"instances": [{"id": 1, "name": "\x1b[31m"}]},
        {"colors": 5},
        {"colors": [[1, "overall", RED]]},
        {"colors": [{"instance": 1, "region": "overall"}]},
        {"colors": [{"instance": 1, "region": "../up", "color": RED}]},
        {"colors": [{"instance": 1, "region": "overall", "color": "url(http://x)"}]},
        {"colors": [{"instance": "1", "region": "overall", "color": RED}]},
    ],
    ids=lambda change: str(change)[:60],
)
def test_a_damaged_name_or_colour_is_one_clear_sentence_and_left_alone(
    tmp_path: Path, change: dict[str, object]
) -> None:
    open_project(tmp_path).close()
    path = tmp_path / "clip" / "project.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | change), "utf-8")
    before = files(tmp_path)
    with pytest.raises(ProjectError, match=r"project\.json cannot be read .*Nothing was changed\."):
        open_project(tmp_path)
    assert files(tmp_path) == before


@pytest.mark.parametrize("name", [None, "", "overall"])
def test_a_region_without_a_name_is_called_by_its_id(tmp_path: Path, name: str | None) -> None:
    open_project(tmp_path).close()
    path = tmp_path / "clip" / "project.json"
    content = json.loads(path.read_text("utf-8"))
    content["regions"][0]["name"] = name
    path.write_text(json.dumps(content), "utf-8")
    with open_project(tmp_path) as session:
        assert session.region_names["overall"] == "overall"


# -- undo -------------------------------------------------------------------------------------


def test_every_change_is_a_step_that_says_what_it_was(session: Session) -> None:
    acts: list[tuple[Callable[[], object], str]] = [
        (lambda: session.add_point(0, 20, 20, instance=2), "positive point"),
        (lambda: session.add_region("tip"), "new region tip"),
        (lambda: session.rename_region("tip", "Tip"), "name of region tip"),
        (lambda: session.rename_instance(2, "Left"), "name of instance 2"),
        (lambda: session.set_color(2, "tip", RED), "colour of instance 2, tip"),
        (lambda: session.add_keypoint(4, 5, 5, "k", instance=2), "keypoint k"),
        (lambda: session.delete_instance(2), "deletion of instance 2"),
    ]
    states = [results(session)]
    for act, _ in acts:
        act()
        states.append(results(session))
    for state, (_, text) in zip(states[-2::-1], acts[::-1], strict=True):
        assert session.undo() == text
        assert results(session) == state
    assert session.undo() is None
    for state, (_, text) in zip(states[1:], acts, strict=True):
        assert session.redo() == text
        assert results(session) == state


def test_what_changes_nothing_is_no_step(session: Session) -> None:
    session.rename_instance(1, "")
    session.rename_region("shaft", "shaft")
    session.set_color(1, "overall", None)
    session.delete_instance(7)
    assert session.undo() is None


def test_deleting_an_instance_leaves_nothing_of_it_and_the_others_alone(session: Session) -> None:
    session.add_point(0, 20, 20)
    session.add_point(0, 40, 20, region="shaft")
    session.add_point(0, 60, 30, instance=2)
    session.track().wait()
    session.add_keypoint(3, 30, 30, "tip")
    session.add_keypoint(3, 30, 30, "tip", instance=2)
    session.rename_instance(1, "Left")
    session.set_color(1, "shaft", RED)
    session.set_color(2, "shaft", RED)
    before, table = results(session), session.to_dataframe()
    session.delete_instance(1)
    assert session.scopes == [(2, "overall")]
    assert list(session.keypoints) == [2]
    assert session.instance_names == {}
    assert session.color(1, "shaft") == OKABE_ITO[1]
    assert session.color(2, "shaft") == RED
    assert session.masks[2, "overall"].frames.tolist() == list(range(10))
    left = [path for path in (session.folder / "instance1").rglob("*") if path.is_file()]
    assert [path.name for path in left if not path.name.startswith("track_")] == []
    assert session.undo() == "deletion of instance 1"
    assert results(session) == before
    assert session.to_dataframe().equals(table)


def test_deleting_an_instance_takes_it_out_of_the_run_and_the_others_go_on(tmp_path: Path) -> None:
    engine = GatedEngine()
    with open_project(tmp_path, engine=engine) as session:
        session.add_point(0, 20, 20)
        session.add_point(0, 60, 30, instance=2)
        job = session.track()
        assert engine.arrived()
        done = session.soon(lambda s: s.delete_instance(1))
        engine.open_gate()
        done.result(10)
        assert job.wait(10)
        assert session.masks[2, "overall"].frames.tolist() == list(range(10))
        assert session.scopes == [(2, "overall")]


def test_a_full_disk_leaves_the_instance_whole_or_deleted(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.add_point(0, 20, 20)
    session.add_keypoint(0, 20, 20, "tip")
    session.rename_instance(1, "Left")
    whole = results(session)
    with full_disk(monkeypatch, "project*"), pytest.raises(SaveError, match="The disk is full"):
        session.delete_instance(1)
    assert results(session) == whole
    assert (list(session.keypoints), session.instance_names) == ([1], {1: "Left"})
    session.delete_instance(1)
    deleted = results(session)
    for pattern in ("keypoints*", "project*"):
        with full_disk(monkeypatch, pattern), pytest.raises(SaveError, match="The disk is full"):
            session.undo()
        assert results(session) == deleted
        assert (session.scopes, list(session.keypoints)) == ([], [])
    session.undo()
    assert results(session) == whole


def test_names_that_cannot_be_saved_are_not_taken(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    with full_disk(monkeypatch, "project*"):
        for act in (
            lambda: session.rename_instance(1, "Left"),
            lambda: session.rename_region("shaft", "Stem"),
            lambda: session.set_color(1, "shaft", RED),
            lambda: session.add_region("tip"),
        ):
            with pytest.raises(SaveError, match="The disk is full"):
                act()
    assert (session.instance_names, session.region_names["shaft"]) == ({}, "shaft")
    assert session.color(1, "shaft") == OKABE_ITO[1]
    assert "tip" not in session.regions
    assert session.undo() is None


named = st.tuples(st.integers(1, 2), st.sampled_from(["", "Left", HOSTILE]))
acts = st.one_of(
    st.tuples(st.just("instance"), named),
    st.tuples(st.just("region"), st.sampled_from(DEFAULT_REGIONS), st.sampled_from(["", "A"])),
    st.tuples(st.just("color"), st.integers(1, 2), st.sampled_from([None, RED, "#00ff00"])),
    st.tuples(st.just("add_region"), st.sampled_from(["tip", "end"])),
    st.tuples(st.just("delete"), st.integers(1, 2)),
    st.tuples(st.just("point"), st.integers(1, 2), st.integers(0, 2)),
    st.tuples(st.just("keypoint"), st.integers(1, 2), st.integers(0, 2)),
    st.tuples(st.just("track")),
    st.tuples(st.just("undo")),
    st.tuples(st.just("redo")),
)


def do(session: Session, kind: str, *rest: Any) -> None:
    if kind == "instance":
        session.rename_instance(*rest[0])
    elif kind == "region":
        session.rename_region(*rest)
    elif kind == "color":
        session.set_color(rest[0], "overall", rest[1])
    elif kind == "add_region" and rest[0] not in session.regions:
        session.add_region(rest[0])
    elif kind == "delete":
        session.delete_instance(*rest)
    elif kind == "point":
        session.add_point(rest[1], 20, 20, instance=rest[0], region=session.regions[-1])
    elif kind == "keypoint":
        session.add_keypoint(rest[1], 20, 20, "k", instance=rest[0])
    elif kind == "track" and session.scopes:
        session.track().wait()
    elif kind in ("undo", "redo"):
        session.undo() if kind == "undo" else session.redo()


@settings(max_examples=40)
@given(sequence=st.lists(acts, max_size=14))
def test_undoing_any_sequence_gives_back_the_same_files(
    sequence: list[tuple[Any, ...]],
) -> None:
    with TemporaryDirectory() as folder, open_project(Path(folder), 3) as session:
        before, labels = results(session), session.live.labels
        for act in sequence:
            do(session, *act)
        while session.undo():
            pass
        assert results(session) == before
        assert session.live.labels == labels


# -- shown ------------------------------------------------------------------------------------


def test_listeners_hear_of_names_and_colours(session: Session) -> None:
    heard: list[Change] = []
    session.on_change(heard.append)
    session.rename_instance(1, "Left")
    session.set_color(1, "overall", RED)
    session.add_region("tip")
    session.undo()
    tell_all(session)
    assert [change for change in heard if change.kind == "labels"] == [Change("labels")] * 4


def test_a_colour_of_its_own_is_everywhere(session: Session) -> None:
    mask = session.add_point(0, 20, 20, instance=2, region="shaft")
    session.set_color(2, "shaft", RED)
    picture, plain = session.overlay(0, points=False), session.video[0]
    inside = mask & (np.indices(mask.shape)[1] == 20)
    more_red = picture[inside].astype(int) - plain[inside]
    assert more_red[:, 0].min() > 5
    assert more_red[:, 1].max() <= 0
    lines = [line for line in session.plot().axes[0].lines if len(line.get_xdata())]  # type: ignore[arg-type]
    assert [to_hex(line.get_color()) for line in lines] == [RED]


def test_a_view_is_told_names_and_colours(session: Session) -> None:
    viewer = Viewer(session)
    session.add_point(0, 20, 20)
    for request in (
        {"kind": "rename_instance", "instance": 1, "name": " Left <b> "},
        {"kind": "rename_instance", "instance": 5, "name": "Empty"},
        {"kind": "rename_region", "region": "shaft", "name": "Stem"},
        {"kind": "set_color", "instance": 1, "region": "overall", "color": RED},
    ):
        assert viewer.ask(**request)["kind"] == "done"  # type: ignore[arg-type]
    state = viewer.ask("hello")
    assert state["instances"] == [{"id": 1, "name": "Left <b>"}, {"id": 5, "name": "Empty"}]
    assert state["regions"][1] == {"id": "shaft", "name": "Stem"}
    assert (state["scopes"][0]["color"], state["scopes"][0]["own_color"]) == (RED, True)
    assert viewer.ask("overlay", frame=0)["masks"][0]["color"] == RED
    assert viewer.ask("rename_instance", instance=1, name="a\nb")["kind"] == "error"
    assert viewer.ask("delete_instance", instance=1)["kind"] == "done"
    assert viewer.ask("hello")["scopes"] == []


def test_a_view_forgets_the_overlays_of_another_colour_and_of_another_name_none(
    session: Session,
) -> None:
    viewer = Viewer(session)
    since = viewer.ask("hello")["revision"]
    session.rename_instance(1, "Left")
    state = viewer.ask("listen", since=since)
    assert state["changed"] == []
    session.set_color(1, "overall", RED)
    assert viewer.ask("listen", since=state["revision"])["changed"] is None


def test_undo_tells_a_view_to_stay_or_where_to_go(session: Session) -> None:
    viewer = Viewer(session)
    session.ui = {"frame_index": 4, "instance": 3, "region": "wrist"}
    session.set_color(2, "shaft", RED)
    session.rename_instance(2, "Left")
    session.rename_region("gripper", "Jaw")
    session.add_region("tip")
    steps = [viewer.ask(kind) for kind in ("undo", "redo", "undo", "undo", "undo", "undo")]
    assert [answer["frame"] for answer in steps] == [4] * 6
    assert [list(answer["step"].values()) for answer in steps] == [
        ["Undone: new region tip", None, 3, "wrist"],
        ["Redone: new region tip", None, 3, "tip"],
        ["Undone: new region tip", None, 3, "wrist"],
        ["Undone: name of region gripper", None, 3, "gripper"],
        ["Undone: name of instance 2", None, 2, "wrist"],
        ["Undone: colour of instance 2, shaft", None, 2, "shaft"],
    ]


def test_undoing_the_deletion_of_an_instance_shows_it(session: Session) -> None:
    viewer = Viewer(session)
    session.add_keypoint(6, 20, 20, "k", instance=2)
    session.add_point(5, 20, 20, instance=2, region="wrist")
    session.delete_instance(2)
    answer = viewer.ask("undo")
    assert answer["step"] == {
        "text": "Undone: deletion of instance 2", "frame": None, "instance": 2, "region": "wrist",
    }  # fmt: skip
    assert (answer["frame"], len(answer["masks"])) == (5, 1)


def test_the_export_says_names_and_colours(session: Session) -> None:
    session.rename_region("shaft", "Stem")
    session.rename_instance(2, HOSTILE)
    session.set_color(1, "wrist", RED)
    content = json.loads(json_export.encode(session.export_json()))
    assert content["regions"] == list(DEFAULT_REGIONS)
    assert content["region_names"] == {"shaft": "Stem"}
    assert content["instances"] == [{"id": 2, "name": HOSTILE.strip()}]
    assert content["colors"] == [{"instance": 1, "region": "wrist", "color": RED}]
