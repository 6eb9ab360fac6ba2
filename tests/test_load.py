"""Loading exported files: merge, replace, their preview, and what does not fit."""

from __future__ import annotations

import base64
import io
import json
import shutil
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sam2_widget import bits, loading
from sam2_widget.annotations import Box, Scope
from sam2_widget.engines.fake import FakeEngine
from sam2_widget.errors import LoadError, ProjectError, SaveError
from sam2_widget.provenance import read_runs
from tests.doings import disc, do, doings
from tests.projects import calls, files, full_disk, open_project
from tests.test_undo import in_a_copy, results, template  # noqa: F401 (a fixture)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sam2_widget.session import Session

OVERALL, SHAFT = Scope(1, "overall"), Scope(2, "shaft")


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with open_project(tmp_path) as session:
        session.add_points(0, [(20, 20, 1), (30, 20, 0)])
        session.set_box(3, (40, 30, 60.5, 50), instance=2, region="shaft")
        session.track().wait()
        session.add_keypoint(0, 5, 6, "tip")
        session.add_keypoint(2, 7, 8, "base", visible=False)
        yield session


def export(session: Session, pixels: bool = True) -> dict[str, Any]:
    """Return everything as a reader of the downloaded file gets it."""
    content: dict[str, Any] = json.loads(json.dumps(session.export_json(pixels=pixels)))
    return content


def clear(session: Session) -> None:
    for scope in session.scopes:
        session.delete_scope(*scope)
    for frame in range(10):
        session.clear_keypoints(frame)


# -- everything comes back --------------------------------------------------------------------


@pytest.mark.parametrize("how", ["merge", "replace"])
def test_an_export_with_pixels_brings_everything_back_bit_for_bit(
    session: Session, how: Any
) -> None:
    content, before, table = export(session), results(session), session.to_dataframe()
    clear(session)
    emptied = results(session)
    assert session.load(content, how)
    assert results(session) == before
    assert session.to_dataframe().equals(table)
    assert session.undo() == "loading of This content, an export of everything"
    assert results(session) == emptied
    session.redo()
    assert results(session) == before
    session.save()
    assert json.loads(json.dumps(session.export_json(pixels=True))) == content


def test_an_export_brings_everything_back_in_another_project_without_the_model(
    session: Session, tmp_path: Path
) -> None:
    file = tmp_path / "all.json"
    with file.open("wb") as out:
        session.write_export(out)
    session.add_region("tail")
    engine = FakeEngine()
    with open_project(tmp_path / "other", engine=engine) as other:
        other.load(file, "replace")
        assert results(other).items() >= {
            (name, data) for name, data in results(session).items() if "masks_" in name
        }
        assert export(other)["scopes"] == export(session)["scopes"]
        assert calls(engine, "segment") == []
        assert not other.is_stale(5)
        assert other.track().progress[1] == 0
    with open_project(tmp_path / "other", engine=engine) as other:
        assert export(other)["scopes"] == export(session)["scopes"]
        assert calls(engine, "segment") == []


def test_what_made_loaded_masks_comes_with_them_and_nothing_there_is_overwritten(
    session: Session, tmp_path: Path
) -> None:
    content = export(session)
    ((run, told),) = read_runs(session.folder).items()
    cleaning = {"run": "ofthese", "what": "clean", "scopes": [[1, "overall"]], "masks": 2}
    others = {**cleaning, "run": "ofothers", "scopes": [[7, "overall"]]}
    content["runs"] += [{**told, "run": "nobodys"}, cleaning, others]
    with open_project(tmp_path / "other") as other:
        other.load(content)
        assert other.provenance(run) == session.provenance(run) == told
        assert [each["run"] for each in other.provenance()["runs"]] == [run, "ofthese"]
        assert other.provenance("ofthese") == cleaning
        assert set(other.to_dataframe()["run"]) == {"", run}
        other.undo()
        content["runs"][0]["model"] = "another"
        other.load(content)
        assert other.provenance(run) == told
        other.clear_frame(0)
    with open_project(tmp_path / "other") as other:
        assert other.provenance(run) == told
    with open_project(tmp_path / "third") as third:
        # Masks that are not brought back need none.
        third.load(export(session, pixels=False))
        assert third.provenance()["runs"] == []
        assert not (third.folder / "runs.jsonl").exists()


@pytest.mark.parametrize(
    "runs",
    [None, 5, "all", {}, [None, 5, [], {}, {"run": "../x"}], [{"run": "ID", "model": ["x"]}]],
)
def test_an_export_may_say_anything_of_its_runs(
    session: Session, tmp_path: Path, runs: Any
) -> None:
    content = export(session)
    (run,) = read_runs(session.folder)
    content["runs"] = json.loads(json.dumps(runs).replace("ID", run))
    with open_project(tmp_path / "other") as other:
        other.load(content)
        assert len(other.masks[OVERALL].frames) == 10
        assert other.provenance()["runs"] in ([], [{"run": run}])


def test_runs_that_cannot_be_written_keep_the_file_from_being_loaded(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = export(session)
    with open_project(tmp_path / "other") as other:
        before = files(other.folder)
        with full_disk(monkeypatch, "runs.jsonl") as refused, pytest.raises(SaveError):
            other.load(content)
        assert set(refused) == {"runs.jsonl"}
        monkeypatch.setattr("sam2_widget.provenance.MAX_BYTES", 100)
        with pytest.raises(SaveError, match="too large; take the runs out of the file"):
            other.load(content)
        monkeypatch.undo()
        assert other.provenance()["runs"] == []
        # They are there before the first mask that names them.
        with full_disk(monkeypatch, "*.png*"), pytest.raises(SaveError):
            other.load(content)
        assert len(other.provenance()["runs"]) == 1
        assert files(other.folder) == before
        assert other.scopes == []


def test_prompts_without_pixels_get_their_masks_from_the_model(
    session: Session, tmp_path: Path
) -> None:
    content = export(session, pixels=False)
    with open_project(tmp_path / "other") as other:
        told = other.load(content)
        assert "Has the model make the masks of 1 frame of instance 1, overall." in told
        assert np.array_equal(other.masks[OVERALL][0], session.masks[OVERALL][0])
        assert np.array_equal(other.masks[SHAFT][3], session.masks[SHAFT][3])
        assert other.masks[OVERALL].frames.tolist() == [0]
        assert other.undo()
        assert other.scopes == []
        other.redo()
        assert np.array_equal(other.masks[SHAFT][3], session.masks[SHAFT][3])


def test_loading_what_is_there_already_changes_nothing_and_makes_no_step(session: Session) -> None:
    undo = session.live.history.done[-1]
    for how in ("merge", "replace"):
        for pixels in (True, False):
            assert session.load(export(session, pixels), how) == [  # type: ignore[arg-type]
                "Changes nothing: all of it is here already."
            ]
    assert session.live.history.done[-1] is undo


@settings(max_examples=30)
@given(
    before=st.lists(doings, max_size=8),
    after=st.lists(doings, max_size=8),
    how=st.sampled_from(["merge", "replace"]),
)
def test_undo_of_loading_restores_every_byte_and_replace_everything_exported(
    template: Path,  # noqa: F811
    before: list[tuple[int, int, str, float, float]],
    after: list[tuple[int, int, str, float, float]],
    how: Any,
) -> None:
    with in_a_copy(template) as folder, open_project(Path(folder), 3) as session:
        for action in before:
            do(session, action)
        content, exported = export(session), results(session)
        for action in after:
            do(session, action)
        session.save()
        there = results(session)
        session.load(content, how)
        loaded = results(session)
        if how == "replace":
            # Regions are added and never taken away.
            assert {**loaded, "project.json": exported["project.json"]} == exported
        if loaded != there:
            session.undo()
            assert results(session) == there


# -- merge and replace ------------------------------------------------------------------------


def points(*items: tuple[int, float, float, int], **more: object) -> dict[str, Any]:
    prompts = [{"frame_index": f, "x": x, "y": y, "label": label} for f, x, y, label in items]
    return {"instance_id": 1, "region": "overall", "prompts": prompts, **more}


def test_merging_points_wins_on_their_frames_and_leaves_the_rest(session: Session) -> None:
    session.add_point(6, 50, 40)
    told = session.load(points((0, 70, 40, 1), (4, 20, 20, 1), (4, 25, 20, 1)))
    assert told == [
        "Adds 2 points on 1 frame of instance 1, overall.",
        "Replaces the prompts of 1 frame of instance 1, overall.",
        "Has the model make the masks of 2 frames of instance 1, overall.",
    ]
    assert session.points[OVERALL][0].tolist() == [[70, 40, 1]]
    assert sorted(session.points[OVERALL]) == [0, 4, 6]
    assert session.masks[OVERALL][0][40, 70]
    assert not session.masks[OVERALL][0][20, 20]
    assert len(session.masks[OVERALL].frames) == 10
    assert len(session.keypoints[1]) == 2


def test_points_and_boxes_are_rounded_as_the_files_of_a_project_are(
    session: Session, tmp_path: Path
) -> None:
    content = points((2, 95.998, 20.12345, 1))
    content["boxes"] = [
        {"frame_index": 5, "x0": 10.004, "y0": 8.128, "x1": 95.999, "y1": 63.999},
    ]
    with open_project(tmp_path / "other") as other:
        other.load(content)
        other.track().wait()
        assert other.points[OVERALL][2].tolist() == [[95.99, 20.12, 1]]
        assert other.live.annotations.of(OVERALL)[5].box == Box(10, 8.13, 96, 64)
        made = results(other)
    with open_project(tmp_path / "other") as other:
        assert results(other) == made
        assert not other.to_dataframe()["stale"].any()
    content["boxes"][0] = {"frame_index": 5, "x0": 9.999, "y0": 8, "x1": 10.001, "y1": 9}
    with pytest.raises(LoadError):
        session.load(content)


def test_a_file_of_other_frames_of_the_same_video_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_project(tmp_path / "small", frame_step=3, max_side=48) as small:
        small.add_point(1, 20, 20)
        small.add_keypoint(1, 20, 20, "tip")
        folder, content = small.folder / "instance1", export(small)
    with open_project(tmp_path / "other") as other:
        monkeypatch.chdir(folder)
        for name in ("points_overall.json", "keypoints.json"):
            with pytest.raises(LoadError, match="max_side=48 and frame_step=3"):
                other.load(name)
            with pytest.raises(LoadError, match="max_side=48 and frame_step=3"):
                other.load(folder / name)
        content["video"] |= {"width": 96, "height": 64}
        with pytest.raises(LoadError, match=r"counts 4 frames.* 10; .*frame_step="):
            other.load(content)
    with pytest.raises(ProjectError, match="with frame_step=3; give frame_step=3 to open it"):
        open_project(tmp_path / "small")


def test_a_header_that_announces_a_frame_too_many_keeps_nothing_from_being_loaded(
    session: Session, tmp_path: Path
) -> None:
    content = export(session)
    content["video"]["num_frames"] = 11
    with open_project(tmp_path / "other") as other:
        assert other.load(content)[0] == "Adds 2 points on 1 frame of instance 1, overall."


def test_loading_a_file_of_another_video_says_so(session: Session, tmp_path: Path) -> None:
    content = export(session)
    info = json.loads((session.folder / "project.json").read_bytes())
    info["video"]["fingerprint"] = "another"
    shutil.copytree(session.folder, tmp_path / "copy")
    (tmp_path / "copy" / "project.json").write_text(json.dumps(info))
    told = session.load(tmp_path / "copy" / "instance1" / "keypoints.json", "replace")
    assert told == ["Changes nothing: all of it is here already."]
    session.clear_keypoints(0)
    told = session.load(tmp_path / "copy" / "instance1" / "keypoints.json")
    assert told[0] == "It was made from another video, that of 'copy': check that it fits."
    content["video"]["fingerprint"] = "another"
    with open_project(tmp_path / "other") as other:
        told = other.load(content)
        assert told[0] == "It was made from another video, 'clip': check that it fits."


def test_replacing_by_points_takes_away_other_prompts_of_that_scope_alone(session: Session) -> None:
    session.add_point(6, 50, 40)
    told = session.load(points((4, 20, 20, 1)), "replace")
    assert told == [
        "Adds 1 point on 1 frame of instance 1, overall.",
        "Removes the prompts of 2 frames of instance 1, overall.",
        "Has the model make the masks of 1 frame of instance 1, overall.",
        "Removes the masks of 2 frames of instance 1, overall.",
    ]
    assert sorted(session.points[OVERALL]) == [4]
    assert session.masks[OVERALL].frames.tolist() == [1, 2, 3, 4, 5, 7, 8, 9]
    assert len(session.masks[SHAFT].frames) == 10


def test_keypoints_are_merged_by_name_and_replaced_by_instance(session: Session) -> None:
    item = {"frame_index": 0, "x": 50, "y": 51, "name": "tip", "visible": True}
    content = {"instance_id": 1, "keypoints": [item, {**item, "name": "end"}]}
    session.add_keypoint(0, 1, 2, "other")
    session.add_keypoint(0, 1, 2, "tip", instance=2)
    assert session.load(content) == [
        "Adds 1 keypoint of instance 1.",
        "Changes 1 keypoint of instance 1.",
    ]
    assert [(k["frame_index"], k["name"], k["x"]) for k in session.keypoints[1]] == [
        (0, "end", 50), (0, "other", 1), (0, "tip", 50), (2, "base", 7),
    ]  # fmt: skip
    assert session.undo() == "loading of This content, the keypoints of instance 1"
    session.load(content, "replace")
    assert [(k["frame_index"], k["name"]) for k in session.keypoints[1]] == [(0, "end"), (0, "tip")]
    assert len(session.keypoints[2]) == 1


def test_the_files_of_a_project_load_as_they_are(session: Session, tmp_path: Path) -> None:
    folder = session.folder / "instance2"
    with open_project(tmp_path / "other") as other:
        other.load(folder / "points_shaft.json")
        other.load(session.folder / "instance1/keypoints.json")
        assert other.live.annotations.of(SHAFT) == session.live.annotations.of(SHAFT)
        assert other.keypoints[1] == session.keypoints[1]


def test_the_original_shape_that_we_export_comes_back(session: Session, tmp_path: Path) -> None:
    content = json.loads(json.dumps(session.export_json((1, "overall"))))
    with open_project(tmp_path / "other") as other:
        preview = other.preview_load(content)
        assert preview.title == "This content, the prompts of instance 1, overall."
        other.load(content)
        assert other.points[OVERALL][0].tolist() == [[20, 20, 1], [30, 20, 0]]


def test_an_export_of_the_original_tool_is_converted(session: Session) -> None:
    content = {
        "video_id": "clip", "instance_id": 3, "region": "wrist", "num_frames": 5,
        "annotations": {"2": {"pos": [{"x": 320, "y": 176}], "neg": [{"x": 640, "y": 0}]}},
    }  # fmt: skip
    assert "every second frame" in session.preview_load(content).title
    session.load(content)
    assert {f: p.tolist() for f, p in session.points[3, "wrist"].items()} == {
        4: [[48, 32, 1], [95.99, 0, 0]]
    }


def test_new_regions_are_added_and_go_when_loading_fails(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = {**points((4, 20, 20, 1)), "region": "tail"}
    before = files(session.folder)
    with full_disk(monkeypatch, "points_tail*"), pytest.raises(SaveError):
        session.load(content)
    assert files(session.folder) == before
    assert session.regions == ("overall", "shaft", "wrist", "gripper")
    assert session.load(content)[0] == "Adds the region tail."
    assert session.regions[-1] == "tail"
    assert session.masks[1, "tail"][4].any()


def test_replacing_everything_ends_a_run_and_merging_takes_scopes_out_of_it(
    session: Session,
) -> None:
    content = export(session)
    session.add_point(0, 60, 40)
    job = session.track(force=True)
    session.load(content, "replace")
    assert job.wait(10)
    assert export(session) == content
    job = session.track(force=True)
    session.load(points((0, 70, 40, 1)))
    assert job.wait(10)
    assert session.points[OVERALL][0].tolist() == [[70, 40, 1]]
    assert len(session.masks[SHAFT].frames) == 10


def test_drawn_masks_come_back_from_the_file_the_project_or_a_file_beside_it(
    session: Session, tmp_path: Path
) -> None:
    drawn = disc(50, 30)
    session.set_mask(6, drawn)
    session.add_point(6, 60, 40, 0)
    content, there = export(session), results(session)
    session.clear_frame(6)
    session.load(content, "replace")
    assert results(session) == there
    assert session.load(export(session, pixels=False), "replace") == [
        "Changes nothing: all of it is here already."
    ]
    points_file = session.folder / "instance1/points_overall.json"
    for source, lost in ((points_file, False), (export(session, pixels=False), True)):
        with open_project(tmp_path / f"other {lost}") as other:
            assert ("1 drawn mask of it" in other.preview_load(source).title) == lost
            other.load(source)
            prompts = other.live.annotations.at(OVERALL, 6)
            assert prompts is not None
            assert (prompts.mask is None) == lost


def test_lines_between_keypoints_are_loaded_and_undone(tmp_path: Path) -> None:
    with open_project(tmp_path, skeleton=[("tip", "wrist"), ("wrist", "base")]) as session:
        content = export(session)
    mine, both = (("base", "wrist"), ("a", "b")), (("tip", "wrist"), ("wrist", "base"))
    with open_project(tmp_path / "other", skeleton=mine) as other:
        assert other.load(content) == ["Adds 1 line between keypoints."]
        assert other.skeleton == (*mine, both[0])
        other.undo()
        assert other.skeleton == mine
        assert other.load(content, "replace")[0:2] == [
            "Adds 1 line between keypoints.",
            "Removes 1 line between keypoints.",
        ]
        assert other.skeleton == both
        assert other.undo()
        assert other.redo()
        other.live.set_skeleton(mine)
        assert other.undo()
        assert other.skeleton == mine, "a later one counts"
    with open_project(tmp_path / "other") as other:
        assert other.skeleton == mine
        content["skeleton"] = [["tip"]]
        with pytest.raises(LoadError):
            other.load(content)


def test_names_and_colours_are_loaded_and_undone(session: Session) -> None:
    session.rename_instance(1, "<b>left</b>")
    session.rename_region("shaft", "the shaft")
    session.set_color(1, "overall", "#123456")
    content = export(session)
    session.rename_instance(1, "right")
    session.rename_instance(2, "other")
    session.set_color(1, "overall", None)
    assert session.load(content) == ["Changes 1 name and 1 colour."]
    assert session.instance_names == {1: "<b>left</b>", 2: "other"}
    assert session.color(1, "overall") == "#123456"
    session.undo()
    assert session.instance_names == {1: "right", 2: "other"}
    session.load(content, "replace")
    assert session.instance_names == {1: "<b>left</b>"}
    assert session.region_names["shaft"] == "the shaft"
    assert session.undo() == "loading of This content, an export of everything"
    assert session.instance_names == {1: "right", 2: "other"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("region_names", {"../a": "b"}),
        ("region_names", {"shaft": "x" * 301}),
        ("region_names", 5),
        ("instances", [{"id": 0, "name": "a"}]),
        ("instances", [{"id": 1, "name": "a\nb"}]),
        ("colors", [{"instance": 1, "region": "overall", "color": "red"}]),
        ("colors", [{"instance": 1, "region": "/", "color": "#123456"}]),
    ],
)
def test_names_and_colours_that_are_none_are_refused(
    session: Session, key: str, value: object
) -> None:
    before = files(session.folder)
    with pytest.raises(LoadError):
        session.load({**export(session), key: value})
    assert files(session.folder) == before


# -- preview ----------------------------------------------------------------------------------


def test_the_preview_says_what_either_way_does_and_changes_nothing(session: Session) -> None:
    content = export(session)
    clear(session)
    session.add_point(0, 70, 40)
    session.add_point(1, 70, 40, region="gripper")
    session.add_keypoint(0, 9, 9, "tip")
    session.add_keypoint(0, 9, 9, "tail")
    content["regions"].append("tail")
    before = files(session.folder)
    preview = session.preview_load(content)
    assert preview.title == "This content, an export of everything."
    assert preview.merge == [
        "Adds the region tail.",
        "Replaces the prompts of 1 frame of instance 1, overall.",
        "Adds the masks of 9 frames of instance 1, overall.",
        "Replaces the masks of 1 frame of instance 1, overall.",
        "Adds 1 box on 1 frame of instance 2, shaft.",
        "Adds the masks of 10 frames of instance 2, shaft.",
        "Adds 1 keypoint of instance 1.",
        "Changes 1 keypoint of instance 1.",
    ]
    assert preview.replace == [
        "Adds the region tail.",
        "Removes the prompts of 1 frame of instance 1, gripper.",
        "Removes the masks of 1 frame of instance 1, gripper.",
        *preview.merge[1:],
        "Removes 1 keypoint of instance 1.",
    ]
    assert files(session.folder) == before


def test_the_preview_says_when_the_file_is_of_another_video(session: Session) -> None:
    content = export(session)
    content["video"] |= {"fingerprint": "other", "name": "<b>film</b>"}
    assert "from another video, '<b>film</b>'" in session.preview_load(content).title
    content = session.export_json((1, "overall"))
    content["num_frames"] = 400
    assert "another video, one of 400 frames" in session.preview_load(content).title


def test_the_preview_says_what_an_export_without_pixels_lacks(session: Session) -> None:
    content = export(session, pixels=False)
    assert "18 tracked masks of it cannot be brought back" in session.preview_load(content).title


def test_a_long_preview_is_cut(session: Session) -> None:
    regions = [f"r{number}" for number in range(50)]
    preview = session.preview_load({**export(session), "regions": regions})
    assert len(preview.merge) == 24
    assert preview.merge[-1] == "And 27 changes more of this kind."


# -- what does not fit ------------------------------------------------------------------------


def png(width: int, height: int, data: bytes = b"", depth: int = 8, color: int = 0) -> str:
    """Return a PNG that claims a size, in base64."""

    def part(kind: bytes, content: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + crc

    head = part(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
    pixels = part(b"IDAT", zlib.compress(data))
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + head + pixels + part(b"IEND", b"")).decode()


def changed(session: Session, *path: Any, to: Any) -> dict[str, Any]:
    """Return an export with one value changed."""
    content: Any = export(session)
    place = content
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return content  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        (["version"], 2, "newer sam2-widget"),
        (["version"], "1", "no export of sam2-widget"),
        (["format"], 1, "no export of sam2-widget"),
        (["video", "width"], 1920, "made on frames of 1920 x 64 pixels"),
        (["video"], [], "cannot be read as annotations"),
        (["scopes"], {"a": 1}, "cannot be read as annotations"),
        (["scopes", 0, "instance_id"], 0, "no instance 0"),
        (["scopes", 0, "instance_id"], 10**30, "no instance"),
        (["scopes", 0, "instance_id"], True, "no instance True"),
        (["scopes", 0, "region"], "../../evil", "not allowed"),
        (["scopes", 0, "region"], "OVERALL", "upper and lower case only"),
        (["scopes", 0, "region"], None, "not allowed"),
        (["scopes", 0, "prompts", 0, "x"], 96, "cannot be read as annotations"),
        (["scopes", 0, "prompts", 0, "x"], 10**400, "cannot be read as annotations"),
        (["scopes", 0, "prompts", 0, "x"], float("nan"), "cannot be read as annotations"),
        (["scopes", 0, "prompts", 0, "label"], 2, "cannot be read as annotations"),
        (["scopes", 0, "prompts", 0, "frame_index"], 10, "speaks of frame 10"),
        (["scopes", 0, "prompts", 0, "frame_index"], -1, "cannot be read as annotations"),
        (["scopes", 0, "prompts", 0, "frame_index"], 1 << 60, "cannot be read as annotations"),
        (["scopes", 0, "records", 0, "frame_index"], 10, "speaks of frame 10"),
        (["scopes", 0, "records", 0, "frame_index"], "0", "not described"),
        (["scopes", 0, "records", 0, "area"], -5, "not described"),
        (["scopes", 0, "records", 0], 7, "not described"),
        (["scopes", 0, "records", 0, "png"], 7, "no PNG"),
        (["scopes", 0, "records", 0, "png"], "!", "cannot be read as annotations"),
        (["scopes", 0, "records", 0, "png"], "A" * 10**6, "no PNG"),
        (["scopes", 0, "records", 0, "png"], png(60000, 60000), "no grey PNG of 96 x 64"),
        (["scopes", 0, "records", 0, "png"], png(96, 64), "no grey PNG of 96 x 64"),
        (["scopes", 0, "records", 0, "png"], png(96, 64, depth=16, color=6), "no grey PNG"),
        (["keypoints", 0, "keypoints", 0, "name"], "a\nb", "name"),
        (["keypoints", 0, "keypoints", 0, "frame_index"], 99, "speaks of frame 99"),
        (["keypoints", 0, "instance_id"], "1", "no instance"),
        (["regions"], ["a b"], "not allowed"),
        (["regions"], ["tail", "Tail"], "upper and lower case only"),
    ],
)
def test_an_export_that_does_not_fit_is_refused_and_nothing_changes(
    session: Session, path: list[Any], value: object, text: str
) -> None:
    content = changed(session, *path, to=value)
    before = files(session.folder)
    for how in ("merge", "replace"):
        with pytest.raises(LoadError, match=text) as error:
            session.load(content, how)  # type: ignore[arg-type]
        assert len(str(error.value)) < 400
    with pytest.raises(LoadError, match=text):
        session.preview_load(content)
    assert files(session.folder) == before


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "no JSON file"),
        (b"{", "no JSON file"),
        (b"[" * 100_000, "no JSON file"),
        (b"[]", "holds no annotations"),
        (b"null", "holds no annotations"),
        (b"{}", "holds no annotations"),
        (b'{"prompts": 5, "instance_id": 1, "region": "a"}', "cannot be read"),
        (b'{"prompts": []}', "'instance_id' is missing"),
        (b'{"keypoints": [1], "instance_id": 1}', "cannot be read"),
        (b'{"annotations": [], "instance_id": 1, "region": "a", "num_frames": 10}', "cannot be"),
        (
            b'{"annotations": {"x": 1}, "instance_id": 1, "region": "a", "num_frames": 10}',
            "no frame 'x'",
        ),
        (
            b'{"annotations": {"1": {"pos": [{"x": 1e308, "y": 0}], "neg": []}},'
            b' "instance_id": 1, "region": "a", "num_frames": 5}',
            "outside the frame",
        ),
    ],
)
def test_other_files_are_refused_by_name(
    session: Session, tmp_path: Path, data: bytes, text: str
) -> None:
    path = tmp_path / "some file.json"
    path.write_bytes(data)
    with pytest.raises(LoadError, match=f"some file.json.*{text}"):
        session.load(path)
    with pytest.raises(LoadError, match=r"none\.json cannot be read"):
        session.load(tmp_path / "none.json")


def test_a_file_that_would_fill_the_memory_is_not_read(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "large.json"
    path.write_text(json.dumps(export(session)))
    monkeypatch.setattr(loading, "MAX_BYTES", 100)
    with pytest.raises(LoadError, match="larger than 2 GiB"):
        session.load(path)


def test_a_mask_that_belongs_to_other_prompts_is_made_anew(session: Session) -> None:
    content = changed(session, "scopes", 0, "prompts", 0, "x", to=60)
    session.load(content)
    assert session.masks[OVERALL][0][20, 60]
    assert not session.masks[OVERALL][0][20, 10]
    assert session.is_stale(5)


def test_a_record_that_does_not_speak_of_its_pixels_is_measured_anew(session: Session) -> None:
    content = changed(session, "scopes", 0, "records", 5, "area", to=1)
    session.load(content)
    table = session.to_dataframe()
    areas = table[table["region"] == "overall"].set_index("frame")["area"]
    assert areas[5] == session.masks[OVERALL][5].sum()


def test_there_are_two_ways_to_load(session: Session) -> None:
    with pytest.raises(LoadError, match="'merge' or 'replace', not 'add'"):
        session.load(export(session), "add")  # type: ignore[arg-type]


def test_a_full_disk_leaves_everything_as_it_was(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = export(session)
    clear(session)
    before = results(session)
    with full_disk(monkeypatch, "points_shaft*"), pytest.raises(SaveError):
        session.load(content)
    assert results(session) == before
    assert session.scopes == []
    session.load(content)
    assert bits.to_png(session.masks[OVERALL][5]) == base64.b64decode(
        content["scopes"][0]["records"][5]["png"]
    )


def test_an_open_file_is_not_needed(session: Session) -> None:
    file = io.BytesIO()
    session.write_export(file)
    assert session.load(json.loads(file.getvalue())) == [
        "Changes nothing: all of it is here already."
    ]
