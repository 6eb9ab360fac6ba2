"""Exports as JSON: everything in one file, and one scope in the original tool's shape."""

from __future__ import annotations

import base64
import io
import json
import shutil
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam2_widget import views
from sam2_widget.annotations import Scope
from sam2_widget.errors import ProjectError
from sam2_widget.exports import json_export
from sam2_widget.importing import import_project
from sam2_widget.project import Project
from tests.clips import HEIGHT, WIDTH
from tests.projects import open_project

if TYPE_CHECKING:
    from pathlib import Path

    from sam2_widget.session import Session

SHAFT = Scope(2, "shaft")


def exported(session: Session) -> Any:
    """Return the export of a session as a reader of the file gets it."""
    live = session.live
    content = json_export.project_export(
        live.project,
        live.video,
        live.masks,
        lambda scope, frame: views.is_stale(live, scope, frame),
    )
    return json.loads(json_export.encode(content))


def test_everything_is_in_one_file(tmp_path: Path) -> None:
    with open_project(tmp_path) as session:
        session.set_box(1, (10, 10, 50.5, 40))
        session.add_points(3, [(30, 20, 1), (31.25, 20, 0)], instance=2, region="shaft")
        session.track([(2, "shaft")], stop=5, direction="forward").wait()
        content = exported(session)
        assert content["video"] == {
            "name": "clip",
            "fps": session.video.fps,
            "width": WIDTH,
            "height": HEIGHT,
            "num_frames": 10,
            "fingerprint": session.video.fingerprint,
        }
    assert (content["format"], content["version"]) == ("sam2-widget-export", 1)
    assert content["regions"] == ["overall", "shaft", "wrist", "gripper"]
    overall, shaft = content["scopes"]
    assert (overall["instance_id"], overall["region"]) == (1, "overall")
    assert overall["boxes"] == [{"frame_index": 1, "x0": 10, "y0": 10, "x1": 50.5, "y1": 40}]
    assert shaft["prompts"] == [
        {"frame_index": 3, "x": 30, "y": 20, "label": 1},
        {"frame_index": 3, "x": 31.25, "y": 20, "label": 0},
    ]
    assert [(r["frame_index"], r["source"], r["stale"]) for r in shaft["records"]] == [
        (3, "click", False),
        (4, "track", False),
    ]


def test_every_record_names_its_png(tmp_path: Path) -> None:
    with open_project(tmp_path) as session:
        session.add_point(3, 30, 20)
        (scope,) = exported(session)["scopes"]
        assert [record["file"] for record in scope["records"]] == [
            "instance1/masks_overall/00003.png"
        ]
        assert (session.folder / scope["records"][0]["file"]).is_file()


def test_stale_masks_are_told(tmp_path: Path) -> None:
    with open_project(tmp_path) as session:
        session.add_point(0, 30, 20)
        session.track().wait()
        session.add_point(0, 50, 20)
        (scope,) = exported(session)["scopes"]
    assert [record["stale"] for record in scope["records"]] == [False] + [True] * 9


def test_keypoints_are_in_it(tmp_path: Path) -> None:
    keypoint = {"frame_index": 1, "x": 3, "y": 4.5, "name": "<b>té</b>", "visible": False}
    with open_project(tmp_path) as session:
        for number in (10, 2):
            content = {"video_id": "clip", "instance_id": number, "keypoints": [keypoint]}
            path = session.folder / f"instance{number}" / "keypoints.json"
            session.live.project.write_json(path, content)
        session.live.set_skeleton((("tip", "wrist"),))
        content = exported(session)
        keypoints = content["keypoints"]
        assert content["skeleton"] == [["tip", "wrist"]]
    assert keypoints == [
        {"instance_id": 2, "keypoints": [keypoint]},
        {"instance_id": 10, "keypoints": [keypoint]},
    ]


def test_keypoints_are_those_of_the_instance_whose_folder_they_are_in(tmp_path: Path) -> None:
    with open_project(tmp_path) as session:
        session.add_keypoint(0, 5, 6, "tip")
        folder = session.folder / "instance1"
        for copy in ("instance2", "instance1_backup"):
            shutil.copytree(folder, session.folder / copy)
        session.reload()
        session.move_keypoint(0, "tip", 9, 6)
        exported = session.export_json()["keypoints"]
        told = [(each["instance_id"], each["keypoints"][0]["x"]) for each in exported]
        assert told == [(1, 9), (2, 5)]
        content = json.loads(json.dumps(session.export_json()))
    with open_project(tmp_path / "other") as other:
        other.load(content)
        assert [other.keypoints[n][0]["x"] for n in (1, 2)] == [9, 5]


def test_an_empty_project_has_an_empty_export(tmp_path: Path) -> None:
    with open_project(tmp_path) as session:
        session.add_point(3, 30, 20)
        session.undo()
        content = exported(session)
    assert (content["scopes"], content["keypoints"]) == ([], [])


@pytest.mark.parametrize("text", ["[]", "{"])
def test_a_file_damaged_in_the_meantime_is_named(tmp_path: Path, text: str) -> None:
    with open_project(tmp_path) as session:
        session.add_point(3, 30, 20)
        (session.folder / "instance1" / "points_overall.json").write_text(text)
        with pytest.raises(ProjectError, match=r"points_overall\.json"):
            exported(session)


def test_a_scope_has_the_original_s_shape(tmp_path: Path) -> None:
    with open_project(tmp_path) as session:
        session.add_points(3, [(30, 20, 0), (31.5, 21, 1)], instance=2, region="shaft")
        session.add_point(1, 10, 10, instance=2, region="shaft")
        content = json_export.scope_export(
            session.name, SHAFT, len(session.video), session.points[SHAFT]
        )
    assert json.loads(json_export.encode(content)) == {
        "video_id": "clip",
        "instance_id": 2,
        "region": "shaft",
        "num_frames": 10,
        "annotations": {
            "1": {"pos": [{"x": 10, "y": 10}], "neg": []},
            "3": {"pos": [{"x": 31.5, "y": 21}], "neg": [{"x": 30, "y": 20}]},
        },
    }


def test_the_file_of_a_scope_is_named_as_the_original_names_it() -> None:
    assert json_export.scope_file_name("clip", SHAFT) == "clip.instance2.points_shaft.json"


points = st.tuples(st.integers(0, 639), st.integers(0, 351), st.sampled_from([0, 1]))


@given(frames=st.dictionaries(st.integers(0, 5), st.lists(points, min_size=1, max_size=5)))
def test_what_is_exported_in_the_original_s_shape_can_be_imported(
    frames: dict[int, list[tuple[int, int, int]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A video of the original's size, so that only the frame numbers change."""
    top = tmp_path_factory.mktemp("round")
    given_points = {frame: np.array(listed, dtype=np.float64) for frame, listed in frames.items()}
    content = json_export.scope_export("clip", SHAFT, 12, given_points)
    path = top / "clip" / "instance2" / "points_shaft.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(json_export.encode(content))
    video = np.zeros((12, 352, 640, 3), np.uint8)
    project = Project(import_project(top / "clip", video, top))
    try:
        prompts = project.read_prompts(640, 352).of(SHAFT)
    finally:
        project.close()
    read = {frame: [(p.x, p.y, p.label) for p in given.points] for frame, given in prompts.items()}
    assert read == {
        2 * frame: sorted(listed, key=lambda point: -point[2]) for frame, listed in frames.items()
    }


def test_pixels_are_the_bytes_of_the_png_files(tmp_path: Path) -> None:
    with open_project(tmp_path) as session:
        session.add_point(3, 30, 20)
        session.track(stop=6).wait()
        content = session.export_json(pixels=True)
        (scope,) = content["scopes"]
        for record in scope["records"]:
            png = (session.folder / record["file"]).read_bytes()
            assert base64.b64decode(record["png"]) == png
        file = io.BytesIO()
        session.write_export(file)
        assert json.loads(file.getvalue()) == json.loads(json_export.encode(content))
        assert all("png" not in record for record in session.export_json()["scopes"][0]["records"])


def test_one_scope_is_written_in_the_original_shape(tmp_path: Path) -> None:
    with open_project(tmp_path) as session:
        session.add_point(3, 30, 20)
        file = io.BytesIO()
        session.write_export(file, (1, "overall"))
        assert json.loads(file.getvalue()) == session.export_json((1, "overall"))


def test_a_mask_that_is_gone_is_named_in_the_error(tmp_path: Path) -> None:
    with open_project(tmp_path) as session:
        session.add_point(3, 30, 20)
        (session.folder / "instance1/masks_overall/00003.png").unlink()
        with pytest.raises(ProjectError, match=r"00003\.png"):
            session.write_export(io.BytesIO())


def test_writing_many_masks_needs_the_memory_of_few(tmp_path: Path) -> None:
    with open_project(tmp_path) as session:
        session.add_point(3, 30, 20)
        session.track().wait()
        for frame in range(10):
            path = session.folder / f"instance1/masks_overall/{frame:05d}.png"
            path.write_bytes(bytes(4 << 20))
        tracemalloc.start()
        with (tmp_path / "all.json").open("wb") as file:
            session.write_export(file)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert (tmp_path / "all.json").stat().st_size > 40 << 20
        assert peak < 32 << 20
