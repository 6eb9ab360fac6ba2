"""The files of a project: formats, names that are allowed, and files that are damaged."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam2_widget.annotations import (
    Annotations,
    Box,
    FramePrompts,
    MaskPrompt,
    Point,
    Scope,
    make_point,
)
from sam2_widget.bits import to_png
from sam2_widget.durable import TEMPORARY
from sam2_widget.errors import ProjectError, SaveError
from sam2_widget.ids import MAX_FRAMES, check_name, check_region, check_regions
from sam2_widget.json_files import read_journal, read_json
from sam2_widget.labels import Labels
from sam2_widget.project import Project, ProjectInfo

if TYPE_CHECKING:
    from collections.abc import Iterator

SHAFT = Scope(1, "shaft")
WIDTH, HEIGHT = 96, 64
INFO = ProjectInfo(
    {"fingerprint": "abc", "fps": 29.97, "times": [0.0, 0.033]},
    Labels(("overall", "shaft")),
    "nano",
    {"later": {"key": 1}},
)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    project = Project(tmp_path / "clip")
    yield project
    project.close()


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def write_points(project: Project, content: object) -> Path:
    path = project.points_path(SHAFT)
    path.parent.mkdir(exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


def prompt(**other: object) -> dict[str, object]:
    return {"frame_index": 3, "x": 10, "y": 20, "label": 1} | other


# Names


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", fullmatch=True))
def test_a_region_id_of_the_agreed_form_is_allowed(region: str) -> None:
    assert check_region(region) == region


@pytest.mark.parametrize(
    "region",
    [
        "",
        "-a",
        "_a",
        "a b",
        "a/b",
        "..",
        "a.b",
        "a\n",
        "é",
        "²",
        "a" * 65,
        "<b>",
        "a\0",
        None,
        5,
        ["a"],
    ],
)
def test_any_other_region_id_is_refused_with_the_rule(region: Any) -> None:
    with pytest.raises(ProjectError, match="1 to 64 letters, digits"):
        check_region(region)


def test_regions_differ_by_more_than_case() -> None:
    assert check_regions(["Shaft", "wrist"]) == ("Shaft", "wrist")
    for regions in (["Shaft", "shaft"], ["a", "a"]):
        with pytest.raises(ProjectError, match="differ by more than upper and lower case"):
            check_regions(regions)


def test_a_single_text_is_no_list_of_regions() -> None:
    with pytest.raises(ProjectError, match=r"give \['shaft'\]"):
        check_regions("shaft")


def test_a_project_needs_a_region() -> None:
    with pytest.raises(ProjectError, match="at least one region"):
        check_regions([])


@pytest.mark.parametrize(
    "name", ["clip", "My clip (2)", "日本", "a.b", ".hidden", "12:30", "x" * 200]
)
def test_a_name_that_can_be_a_folder_is_allowed(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "...",
        ". .",
        "a/b",
        "../a",
        "/etc",
        "a\\b",
        "C:",
        "c:temp",
        "a\0",
        "a\nb",
        "x" * 201,
        None,
        5,
        Path("a"),
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(name: Any) -> None:
    with pytest.raises(ProjectError, match="cannot name a folder; give another name="):
        check_name(name)


@given(st.text(max_size=12))
def test_an_allowed_name_stays_inside_the_output_folder(name: str) -> None:
    try:
        check_name(name)
    except ProjectError:
        return
    output = Path("/outputs")
    assert (output / name).resolve().parent == output


# project.json


def test_the_info_reads_back_as_it_was_written(project: Project) -> None:
    assert project.info is None
    project.write_info(INFO)
    assert project.info == INFO
    project.close()
    again = Project(project.root)
    assert again.info == INFO
    again.close()


def test_the_info_is_a_readable_file_with_a_format_number(project: Project) -> None:
    project.write_info(INFO)
    assert json.loads((project.root / "project.json").read_text("utf-8")) == {
        "format": 1,
        "video": INFO.video,
        "regions": [
            {"id": "overall", "name": "overall"},
            {"id": "shaft", "name": "shaft"},
        ],
        "model": "nano",
        "later": {"key": 1},
    }


def test_a_display_name_in_the_file_outlives_a_save(project: Project) -> None:
    path = project.root / "project.json"
    project.write_info(INFO)
    content = json.loads(path.read_text("utf-8"))
    content["regions"][1] |= {"name": "Schaft <b>é</b>", "color": "#123456"}
    path.write_text(json.dumps(content), "utf-8")
    project.close()
    again = Project(project.root)
    assert again.info is not None
    labels = again.info.labels.with_regions(("overall", "shaft", "new"))
    again.write_info(replace(again.info, model="other", labels=labels))
    again.close()
    assert json.loads(path.read_text("utf-8"))["regions"] == [
        {"id": "overall", "name": "overall"},
        {"id": "shaft", "name": "Schaft <b>é</b>", "color": "#123456"},
        {"id": "new", "name": "new"},
    ]


def test_the_skeleton_is_in_the_file_only_where_there_is_one(project: Project) -> None:
    project.write_info(replace(INFO, skeleton=(("tip", "wrist"),)))
    path = project.root / "project.json"
    assert json.loads(path.read_text("utf-8"))["skeleton"] == [["tip", "wrist"]]
    again = project._read_info()
    assert again == project.info
    project.write_info(replace(INFO, skeleton=()))
    assert "skeleton" not in json.loads(path.read_text("utf-8"))


@pytest.mark.parametrize("version", [2, 99, 10**30])
def test_a_newer_format_is_refused_and_nothing_is_changed(project: Project, version: int) -> None:
    project.write_info(INFO)
    project.close()
    path = project.root / "project.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"format": version}), "utf-8")
    before = files(project.root)
    with pytest.raises(ProjectError, match=r"newer sam2-widget .*update sam2-widget"):
        Project(project.root)
    assert files(project.root) == before


GOOD = {"format": 1, "video": {}, "regions": [{"id": "overall"}], "model": "nano"}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[" * 100_000,
        "null",
        "null null",
        "1" * 5000,
        "\udcff",
        "[]",
        "5",
        '"text"',
        "{}",
        GOOD | {"format": "1"},
        GOOD | {"format": 1.5},
        GOOD | {"format": True},
        GOOD | {"format": 0},
        GOOD | {"format": None},
        GOOD | {"video": 5},
        GOOD | {"video": None},
        GOOD | {"regions": []},
        GOOD | {"regions": None},
        GOOD | {"regions": "overall"},
        GOOD | {"regions": ["overall"]},
        GOOD | {"regions": [{"id": "../x"}]},
        GOOD | {"regions": [{"id": ["overall"]}]},
        GOOD | {"regions": [{"id": "a"}, {"id": "A"}]},
        GOOD | {"skeleton": 5},
        GOOD | {"skeleton": ["tip", "wrist"]},
        GOOD | {"skeleton": [["tip", None]]},
        {key: value for key, value in GOOD.items() if key != "model"},
    ],
    ids=lambda content: str(content)[:40].encode("ascii", "replace").decode(),
)
def test_a_damaged_project_file_is_one_clear_sentence_and_nothing_is_changed(
    tmp_path: Path, content: object
) -> None:
    root = tmp_path / "clip"
    Project(root).close()
    text = content if isinstance(content, str) else json.dumps(content)
    (root / "project.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    before = files(root)
    with pytest.raises(ProjectError, match=r"project\.json cannot be read .*Nothing was changed\."):
        Project(root)
    assert files(root) == before
    # Nor is the folder left locked.
    (root / "project.json").write_text(json.dumps(GOOD), "utf-8")
    project = Project(root)
    assert project.lock.held
    project.close()


def test_the_smallest_sound_project_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "project.json").write_text(json.dumps(GOOD), "utf-8")
    project = Project(tmp_path)
    assert project.info == ProjectInfo({}, Labels(("overall",)), "nano", {})
    project.close()


def test_a_folder_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "outputs").write_bytes(b"a file")
    with pytest.raises(SaveError, match="outputs/clip was not saved"):
        Project(tmp_path / "outputs" / "clip")


@pytest.mark.parametrize("text", ["", "{", "[]", "5", "[" * 100_000, '{"frame_index": 3}'])
def test_a_damaged_view_file_says_nothing_and_stops_nothing(project: Project, text: str) -> None:
    (project.root / "ui.json").write_text(text, "utf-8")
    assert project.read_ui() == ({"frame_index": 3} if "frame" in text else {})


# Prompts


def test_prompts_are_the_agreed_file(project: Project) -> None:
    project.write_prompts(
        SHAFT,
        {
            7: FramePrompts((Point(1.0, 2.25, 0),), Box(0.0, 1.5, 96.0, 64.0)),
            3: FramePrompts((Point(10.0, 20.5, 1), Point(0.0149, 0.0, 0)), corrects=True),
        },
    )
    path = project.root / "instance1" / "points_shaft.json"
    content = json.loads(path.read_text("utf-8"))
    assert content == {
        "video_id": "clip",
        "instance_id": 1,
        "region": "shaft",
        "num_prompts": 4,
        "prompts": [
            {"frame_index": 3, "x": 10, "y": 20.5, "label": 1},
            {"frame_index": 3, "x": 0.01, "y": 0, "label": 0},
            {"frame_index": 7, "x": 1, "y": 2.25, "label": 0},
        ],
        "boxes": [{"frame_index": 7, "x0": 0, "y0": 1.5, "x1": 96, "y1": 64}],
        "masks": [],
        "corrections": [3],
    }
    assert [type(item["x"]) for item in content["prompts"]] == [int, float, int]


points = st.builds(
    make_point,
    st.floats(0, WIDTH, exclude_max=True),
    st.floats(0, HEIGHT, exclude_max=True),
    st.sampled_from([0, 1]),
    st.just(WIDTH),
    st.just(HEIGHT),
)
prompts = st.builds(
    FramePrompts,
    st.lists(points, max_size=4).map(tuple),
    st.sampled_from([None, Box(0.5, 2.0, 30.5, 64.0), Box(0.0, 0.0, 96.0, 0.01)]),
    st.booleans(),
    st.sampled_from([None, *(MaskPrompt(to_png(np.eye(HEIGHT, WIDTH, k) > 0)) for k in (0, 99))]),
).filter(lambda given: given and not (given.box and given.mask))
states = st.dictionaries(
    st.builds(Scope, st.integers(1, 3), st.sampled_from(["overall", "a-b_c"])),
    st.dictionaries(st.integers(0, 200), prompts, min_size=1, max_size=3),
    max_size=3,
)


@given(states)
def test_prompts_read_back_as_they_were_written(
    scopes: dict[Scope, dict[int, FramePrompts]],
) -> None:
    state = Annotations()
    with TemporaryDirectory() as folder:
        project = Project(Path(folder))
        try:
            for scope, frames in scopes.items():
                state = state.replace_scope(scope, frames)
                project.write_prompts(scope, frames)
                text = project.points_path(scope).read_text("utf-8")
                numbers = json.loads(text, parse_float=str)["prompts"]
                assert all(len(str(p[a]).partition(".")[2]) <= 2 for p in numbers for a in "xy")
            read = project.read_prompts(WIDTH, HEIGHT)
        finally:
            project.close()
    assert list(read) == list(state)
    for scope in state:
        assert read.of(scope) == state.of(scope)
        assert read.revision(scope) == state.revision(scope)


def test_the_file_of_the_original_tool_without_boxes_is_read(project: Project) -> None:
    write_points(project, {"prompts": [prompt(), prompt(x=11.5, label=0), prompt(frame_index=0)]})
    assert project.read_prompts(WIDTH, HEIGHT).of(SHAFT) == {
        0: FramePrompts((Point(10, 20, 1),)),
        3: FramePrompts((Point(10, 20, 1), Point(11.5, 20, 0))),
    }


def test_without_prompts_the_file_goes(project: Project) -> None:
    project.write_prompts(SHAFT, {3: FramePrompts((Point(1, 2, 1),))})
    project.write_prompts(SHAFT, {})
    assert not project.points_path(SHAFT).exists()
    project.write_prompts(SHAFT, {})


BOX = {"frame_index": 3, "x0": 1, "y0": 2, "x1": 3, "y1": 4}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[" * 100_000,
        [],
        5,
        "text",
        "null",
        {},
        {"prompts": None},
        {"prompts": 5},
        {"prompts": {"a": 1}},
        {"prompts": ["point"]},
        {"prompts": [{}]},
        {"prompts": [prompt(x=WIDTH)]},
        {"prompts": [prompt(x=-0.5)]},
        {"prompts": [prompt(y=HEIGHT)]},
        {"prompts": [prompt(x=math.nan)]},
        {"prompts": [prompt(x=math.inf)]},
        {"prompts": [prompt(x=10**400)]},
        {"prompts": [prompt(x="10")]},
        {"prompts": [prompt(x=True)]},
        {"prompts": [prompt(x=None)]},
        {"prompts": [prompt(x=[10])]},
        {"prompts": [prompt(label=2)]},
        {"prompts": [prompt(label="1")]},
        {"prompts": [prompt(label=True)]},
        {"prompts": [prompt(label=[])]},
        {"prompts": [prompt(frame_index=-1)]},
        {"prompts": [prompt(frame_index=1.0)]},
        {"prompts": [prompt(frame_index="3")]},
        {"prompts": [prompt(frame_index=True)]},
        {"prompts": [prompt(frame_index=MAX_FRAMES)]},
        {"prompts": [], "boxes": None},
        {"prompts": [], "boxes": [{}]},
        {"prompts": [], "boxes": [BOX | {"x1": WIDTH + 1}]},
        {"prompts": [], "boxes": [BOX | {"x1": 1}]},
        {"prompts": [], "boxes": [BOX | {"y0": 9}]},
        {"prompts": [], "boxes": [BOX | {"y0": math.nan}]},
        {"prompts": [prompt()], "corrections": ["3"]},
        {"prompts": [prompt()], "corrections": 3},
    ],
    ids=lambda content: str(content)[:60],
)
def test_damaged_prompts_are_one_clear_sentence_and_nothing_is_changed(
    project: Project, content: object
) -> None:
    path = write_points(project, content)
    before = path.read_bytes()
    with pytest.raises(ProjectError, match=r"points_shaft\.json cannot be read .*Nothing was"):
        project.read_prompts(WIDTH, HEIGHT)
    assert path.read_bytes() == before


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)
hostile = st.fixed_dictionaries(
    {"prompts": st.just([prompt()]) | json_values},
    optional={
        "boxes": st.just([BOX]) | json_values,
        "masks": json_values,
        "corrections": json_values,
    },
)


@given(json_values | hostile)
def test_no_prompts_file_is_anything_but_sound_or_damaged(content: object) -> None:
    with TemporaryDirectory() as folder:
        project = Project(Path(folder))
        try:
            write_points(project, content)
            try:
                frames = project.read_prompts(WIDTH, HEIGHT).of(SHAFT)
            except ProjectError:
                return
        finally:
            project.close()
    for given_prompts in frames.values():
        assert all(0 <= p.x < WIDTH and 0 <= p.y < HEIGHT for p in given_prompts.points)


# Folders


def test_scopes_are_found_by_their_files_in_order(project: Project) -> None:
    for path in (
        "instance10/points_shaft.json",
        "instance2/track_wrist.jsonl",
        "instance2/masks_a-b_c/00000.png",
        "instance2/keypoints.json",
    ):
        file = project.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")
    assert project.scopes() == [Scope(2, "a-b_c"), Scope(2, "wrist"), Scope(10, "shaft")]


@pytest.mark.parametrize(
    "path",
    [
        "instance0/points_shaft.json",
        "instance01/points_shaft.json",
        "instance-1/points_shaft.json",
        "instance1x/points_shaft.json",
        "instance٣/points_shaft.json",
        f"instance{10**30}/points_shaft.json",
        "instance/points_shaft.json",
        "instance1/points_.json",
        "instance1/points_a b.json",
        "instance1/points_..json",
        f"instance1/points_shaft-1a.json{TEMPORARY}",
        "instance1/prompts_shaft/00000.png",
        "instance1",
    ],
)
def test_files_of_other_names_are_no_scopes(project: Project, path: str) -> None:
    file = project.root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"")
    assert project.scopes() == []


def test_opening_removes_what_a_kill_left_half_done(tmp_path: Path) -> None:
    leftovers = [
        f"project-1a.json{TEMPORARY}",
        f"instance1/points_shaft-1a.json{TEMPORARY}",
        f"instance1/masks_shaft/00003-1a.png{TEMPORARY}",
        ".undo/000001/before.png",
    ]
    for name in [*leftovers, "instance1/masks_shaft/00003.png"]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    project = Project(tmp_path)
    assert set(files(tmp_path)) == {".lock", "instance1/masks_shaft/00003.png"}
    project.close()


def test_a_second_opener_removes_nothing_and_leaves_undo_alone(project: Project) -> None:
    (project.undo / "000001").mkdir(parents=True)
    (project.undo / "000001" / "before.png").write_bytes(b"mask")
    second = Project(project.root)
    assert not second.lock.held
    second.close()
    assert (project.undo / "000001" / "before.png").exists()


def test_closing_removes_what_undo_kept_and_lets_the_next_write(project: Project) -> None:
    (project.undo / "000001").mkdir(parents=True)
    project.close()
    assert not project.undo.exists()
    again = Project(project.root)
    assert again.lock.held
    again.close()


def test_an_undo_folder_that_leads_elsewhere_is_not_emptied(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_bytes(b"not ours")
    root = tmp_path / "clip"
    root.mkdir()
    (root / ".undo").symlink_to(outside)
    Project(root).close()
    assert (outside / "file").read_bytes() == b"not ours"


def test_a_project_can_be_moved(project: Project, tmp_path: Path) -> None:
    project.write_info(INFO)
    project.write_prompts(SHAFT, {3: FramePrompts((Point(1, 2, 1),))})
    project.close()
    moved = Path(shutil.move(str(project.root), str(tmp_path / "elsewhere")))
    again = Project(moved)
    assert again.info == INFO
    assert again.read_prompts(WIDTH, HEIGHT).at(SHAFT, 3) == FramePrompts((Point(1, 2, 1),))
    again.close()


# Plain files


def test_text_is_written_as_it_is_read_by_people(project: Project) -> None:
    path = project.root / "ui.json"
    project.write_json(path, {"name": "Schaft é 日本"})
    assert "Schaft é 日本" in path.read_text("utf-8")


def test_a_name_that_is_no_text_is_written_and_read_back(project: Project) -> None:
    path = project.root / "names.json"
    project.write_json(path, ["frame_\udcff.jpg"])
    assert json.loads(path.read_text("utf-8")) == ["frame_\udcff.jpg"]
    assert read_json(path) == ["frame_\udcff.jpg"]


def test_a_file_that_is_not_there_is_nothing(project: Project) -> None:
    assert read_json(project.root / "gone.json") is None
    assert list(read_journal(project.root / "gone.jsonl")) == []


def test_a_folder_in_the_place_of_a_file_is_damage(project: Project) -> None:
    (project.root / "a.json").mkdir()
    with pytest.raises(ProjectError, match="cannot be read"):
        read_json(project.root / "a.json")
    with pytest.raises(ProjectError, match="cannot be read"):
        list(read_journal(project.root / "a.json"))


def test_a_journal_yields_the_records_of_whole_lines(project: Project) -> None:
    path = project.root / "track.jsonl"
    path.write_bytes(b'{"a":1}\n\n[1]\n5\n\xff\xfe\n{"b"\n{"c":3}\n{"torn')
    assert list(read_journal(path)) == [{"a": 1}, {"c": 3}]
