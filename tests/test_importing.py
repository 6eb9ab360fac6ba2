"""Projects of the original tool become ours: numbering, scale, both JSON shapes, hostile files."""

from __future__ import annotations

import json
import threading
import warnings
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sam2_widget.durable import saving
from sam2_widget.engines.fake import FakeEngine
from sam2_widget.errors import ProjectError, SaveError, VideoError
from sam2_widget.importing import import_project, imported_path, is_original_project
from sam2_widget.json_files import read_json
from sam2_widget.project import Project
from sam2_widget.session import Session
from tests.clips import HEIGHT, WIDTH, write_clip, write_images
from tests.projects import calls, files, full_disk, settle

if TYPE_CHECKING:
    from collections.abc import Iterator

COUNT = 12
SQUARE = np.s_[88:264, 160:480]
"""In the original's 640 x 352 pixels; in ours [16:48, 24:72]."""


def write_original(top: Path, name: str = "clip") -> Path:
    """Write a video, and the folders and frames that the original makes of it."""
    videos, folder = top / "videos", top / "outputs" / name
    videos.mkdir(parents=True, exist_ok=True)
    (folder / "frames").mkdir(parents=True)
    capture = cv2.VideoCapture(str(write_clip(videos / f"{name}.mp4", COUNT)))
    for index in range(COUNT):
        _, image = capture.read()
        if index % 2 == 0:
            path = folder / "frames" / f"{index // 2 + 1:05d}.png"
            assert cv2.imwrite(str(path), cv2.resize(image, (640, 352)))
    capture.release()
    return folder


def square() -> Any:
    mask = np.zeros((352, 640), np.uint8)
    mask[SQUARE] = 255
    return mask


def write_mask(folder: Path, index: int, region: str = "shaft", instance: int = 1) -> Path:
    path = folder / f"instance{instance}" / f"masks_{region}" / f"{index:05d}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), square())
    return path


def write_json(folder: Path, name: str, content: object, instance: int = 1) -> Path:
    path = folder / f"instance{instance}" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")
    return path


def write_points(folder: Path, prompts: list[Any], region: str = "shaft") -> Path:
    """Write points as the original's Save does."""
    content = {"video_id": "clip.mp4", "instance_id": 1, "region": region}
    content |= {"num_prompts": len(prompts), "prompts": prompts}
    return write_json(folder, f"points_{region}.json", content)


def point(frame: int, x: object = 320, y: object = 176, label: object = 1) -> dict[str, object]:
    return {"frame_index": frame, "x": x, "y": y, "label": label}


def keypoint(frame: int, x: int, y: int, name: object) -> dict[str, object]:
    file = f"{frame + 1:05d}.png"
    return {"frame_index": frame, "frame_filename": file, "x": x, "y": y, "name": name}


def write_keypoints(folder: Path, keypoints: list[Any]) -> Path:
    content = {"video_id": "clip.mp4", "instance_id": 1, "num_keypoints": len(keypoints)}
    return write_json(folder, "keypoints.json", {**content, "keypoints": keypoints})


@contextmanager
def opened(folder: Path, engine: FakeEngine | None = None) -> Iterator[Session]:
    video = folder.parents[1] / "videos" / "clip.mp4"
    arguments: dict[str, Any] = {"name": "clip-imported", "output_dir": folder.parent}
    with Session(video, model=engine or FakeEngine(), **arguments) as session:
        session.video.wait()
        settle(session)
        yield session


@pytest.fixture
def original(tmp_path: Path) -> Path:
    return write_original(tmp_path)


def imported(folder: Path) -> Path:
    return import_project(folder, output_dir=folder.parent)


# What is a project of the original


def test_a_folder_with_the_original_s_files_is_recognised(original: Path, tmp_path: Path) -> None:
    write_mask(original, 0)
    assert is_original_project(original)
    assert is_original_project(str(original))
    assert not is_original_project(tmp_path)
    assert not is_original_project(tmp_path / "nowhere")
    assert not is_original_project(tmp_path / "videos" / "clip.mp4")


def test_frames_alone_are_a_project_of_the_original(original: Path) -> None:
    assert is_original_project(original)


def test_our_own_project_is_none_of_the_original(original: Path) -> None:
    write_mask(original, 0)
    target = imported(original)
    assert not is_original_project(target)
    (target / "project.json").unlink()
    assert not is_original_project(target)
    with pytest.raises(ProjectError, match="no project of the original tool"):
        import_project(target, output_dir=original.parent)


# What comes over


def test_frame_k_becomes_frame_2k_and_masks_get_the_video_s_size(original: Path) -> None:
    write_mask(original, 0)
    write_mask(original, 3)
    assert imported(original) == original.parent / "clip-imported"
    expected = np.zeros((HEIGHT, WIDTH), bool)
    expected[16:48, 24:72] = True
    with opened(original) as session:
        track = session.masks[1, "shaft"]
        assert track.frames.tolist() == [0, 6]
        assert np.array_equal(track[6], expected)
        assert not track[1].any()
        assert len(session.video) == COUNT


def test_imported_masks_are_fresh_and_known_as_imported(original: Path) -> None:
    write_mask(original, 0)
    write_mask(original, 1)
    write_points(original, [point(2)])
    imported(original)
    with opened(original) as session:
        table = session.to_dataframe()
        rows = table[table["frame"] < 4]
        assert rows["source"].tolist() == ["import", "import"]
        assert not rows["stale"].any()
        assert rows["area"].tolist() == [32 * 48] * 2


def test_points_are_scaled_and_keep_their_order(original: Path) -> None:
    write_points(original, [point(4, 320, 176, 1), point(4, 0, 351, 0), point(0, 20, 11, 1)])
    imported(original)
    with opened(original) as session:
        points = session.points[1, "shaft"]
    assert {frame: rows.tolist() for frame, rows in points.items()} == {
        0: [[3, 2, 1]],
        8: [[48, 32, 1], [0, 63.82, 0]],
    }


def test_points_that_were_downloaded_by_export_are_read_too(original: Path) -> None:
    annotations = {
        "2": {"pos": [{"x": 320, "y": 176}], "neg": [{"x": 20, "y": 11}]},
        "3": {"pos": [], "neg": []},
        "4": None,
    }
    content = {"video_id": None, "instance_id": 1, "region": "wrist", "num_frames": 6}
    write_json(original, "points_wrist.json", {**content, "annotations": annotations})
    imported(original)
    with opened(original) as session:
        points = session.points[1, "wrist"]
    assert {frame: rows.tolist() for frame, rows in points.items()} == {
        4: [[48, 32, 1], [3, 2, 0]],
    }


def test_a_click_that_was_rounded_onto_the_edge_comes_inside(original: Path) -> None:
    write_points(original, [point(0, 640, 352)])
    imported(original)
    with opened(original) as session:
        assert session.points[1, "shaft"][0].tolist() == [[WIDTH - 0.01, HEIGHT - 0.01, 1]]


def test_opening_keeps_the_mask_of_a_prompted_frame(original: Path) -> None:
    write_points(original, [point(0, 20, 20), point(1, 20, 20)])
    write_mask(original, 0)
    imported(original)
    engine = FakeEngine()
    with opened(original, engine) as session:
        assert session.masks[1, "shaft"][0].sum() == 32 * 48
        assert session.masks[1, "shaft"][2].any()
    # Frame 2 had points and no mask, as a kill of the original leaves it.
    assert [call[2] for call in calls(engine, "segment")] == [2]


def test_tracking_fills_the_frames_between_and_keeps_the_imported_ones(original: Path) -> None:
    write_points(original, [point(0, 20, 20)])
    for index in range(COUNT // 2):
        write_mask(original, index)
    imported(original)
    with opened(original) as session:
        session.track().wait()
        track = session.masks[1, "shaft"]
        assert track.frames.tolist() == list(range(COUNT))
        assert track.areas()[::2].tolist() == [32 * 48] * (COUNT // 2)


def test_keypoints_saved_twice_are_merged(original: Path) -> None:
    first = [keypoint(1, 320, 176, "tip"), keypoint(1, 20, 11, None), keypoint(0, 0, 0, "tip")]
    moved = keypoint(1, 20, 176, "tip")
    write_keypoints(original, [*first, *first, moved])
    target = imported(original)
    content = read_json(target / "instance1" / "keypoints.json")
    expected = [(0, 0, 0, "tip"), (2, 3, 2, "k1"), (2, 3, 32, "tip")]
    assert content == {
        "video_id": "clip-imported",
        "instance_id": 1,
        "num_keypoints": 3,
        "keypoints": [
            {
                "frame_index": frame,
                "frame_filename": f"{frame:05d}.jpg",
                "x": x,
                "y": y,
                "name": name,
                "visible": True,
            }
            for frame, x, y, name in expected
        ],
    }


def test_instances_and_regions_of_any_name_come_over(original: Path) -> None:
    write_mask(original, 0, "Handle-2", 7)
    write_mask(original, 0, "gripper", 1)
    imported(original)
    with opened(original) as session:
        assert session.scopes == [(1, "gripper"), (7, "Handle-2")]
        assert session.regions == ("overall", "shaft", "wrist", "gripper", "Handle-2")


def test_the_original_stays_byte_for_byte(original: Path) -> None:
    write_mask(original, 0)
    write_points(original, [point(0)])
    write_keypoints(original, [keypoint(0, 1, 1, "tip")])
    before = files(original)
    imported(original)
    with opened(original) as session:
        session.add_point(0, 20, 20, region="shaft")
    assert files(original) == before


def test_nothing_is_left_beside_the_import(original: Path) -> None:
    write_mask(original, 0)
    imported(original)
    assert sorted(path.name for path in original.parent.iterdir()) == ["clip", "clip-imported"]


def test_the_import_says_where_it_came_from(original: Path) -> None:
    assert read_json(imported(original) / "project.json")["imported_from"] == "clip"


# Twice, half, and in the way


def test_importing_again_says_so_and_changes_nothing(original: Path) -> None:
    write_mask(original, 0)
    target = imported(original)
    before = files(target)
    write_mask(original, 1)
    with pytest.warns(UserWarning, match="exists already and is used as it is"):
        assert imported(original) == target
    assert files(target) == before


def test_a_folder_in_the_way_is_left_alone(original: Path) -> None:
    target = imported_path(original, original.parent)
    target.mkdir()
    (target / "notes.txt").write_text("mine")
    with pytest.raises(ProjectError, match="in the way"):
        imported(original)
    assert [path.name for path in target.iterdir()] == ["notes.txt"]


def test_what_a_killed_import_left_is_not_taken_over(original: Path) -> None:
    write_mask(original, 0)
    write_mask(original.parent / ".importing" / "clip-imported", 9, "wrist", 3)
    imported(original)
    with opened(original) as session:
        assert session.scopes == [(1, "shaft")]


def test_a_full_disk_leaves_no_half_project(
    original: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_mask(original, 0)
    write_points(original, [point(1)])
    with full_disk(monkeypatch, "*.png*"), pytest.raises(SaveError, match="disk is full"):
        imported(original)
    assert [path.name for path in original.parent.iterdir()] == ["clip"]
    imported(original)


def test_an_import_that_another_process_works_on_is_left_to_it(original: Path) -> None:
    write_mask(original, 0)
    other = Project(original.parent / ".importing" / "clip-imported")
    with pytest.raises(ProjectError, match="Another process is importing"):
        imported(original)
    assert other.root.is_dir()
    other.close()
    imported(original)


def test_no_thread_stays_after_an_import(original: Path) -> None:
    imported(original)
    assert not [t.name for t in threading.enumerate() if t.name == "sam2-widget-sync"]


# The video


def test_the_video_may_be_given(original: Path, tmp_path: Path) -> None:
    video = (tmp_path / "videos" / "clip.mp4").rename(tmp_path / "elsewhere.mp4")
    write_mask(original, 0)
    assert import_project(original, video, tmp_path / "out") == tmp_path / "out" / "clip-imported"


def test_a_missing_video_is_asked_for(original: Path, tmp_path: Path) -> None:
    (tmp_path / "videos" / "clip.mp4").unlink()
    with pytest.raises(VideoError, match="video="):
        imported(original)
    assert not (original.parent / "clip-imported").exists()


@pytest.mark.parametrize("place", ["outputs/clip.MP4", "outputs/videos/clip.mp4"])
def test_a_video_right_beside_is_found(original: Path, tmp_path: Path, place: str) -> None:
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / "videos" / "clip.mp4").rename(tmp_path / place)
    assert imported(original).is_dir()


def test_another_video_is_refused(original: Path, tmp_path: Path) -> None:
    white = np.full((COUNT, HEIGHT, WIDTH, 3), 255, np.uint8)
    with pytest.raises(ProjectError, match="is not the video"):
        import_project(original, white, tmp_path / "out")
    with pytest.raises(ProjectError, match="is not the video"):
        import_project(original, str(write_clip(tmp_path / "short.mp4", 6)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_frames_of_another_size_are_not_the_original_s(original: Path) -> None:
    cv2.imwrite(str(original / "frames" / "00001.png"), np.zeros((10, 10, 3), np.uint8))
    with pytest.raises(ProjectError, match="640 x 352"):
        imported(original)


def test_a_folder_of_images_serves_as_the_video(tmp_path: Path) -> None:
    images = write_images(tmp_path / "images", [f"{index:03d}.jpg" for index in range(COUNT)])
    folder = tmp_path / "outputs" / "clip"
    write_mask(folder, 5)
    target = import_project(folder, images, tmp_path / "outputs")
    with Session(images, target.name, target.parent, FakeEngine()) as session:
        assert session.masks[1, "shaft"].frames.tolist() == [10]


# Hostile and damaged files


def test_what_cannot_be_read_is_left_out_and_named(original: Path) -> None:
    good = write_mask(original, 0)
    (good.parent / "00001.png").write_bytes(good.read_bytes()[:60])
    cv2.imwrite(str(good.parent / "00002.png"), np.zeros((64, 96), np.uint8))
    write_mask(original, 6)  # frame 12 of 12
    good.with_name("3.png").write_bytes(good.read_bytes())
    with pytest.warns(UserWarning, match="left out") as caught:
        imported(original)
    (warning,) = caught
    for name in ("00001.png", "00002.png", "00006.png", "3.png"):
        assert f"{name}: no mask" in str(warning.message)
    with opened(original) as session:
        assert session.masks[1, "shaft"].frames.tolist() == [0]


HOSTILE_POINTS: list[Any] = [
    point(-1),
    point(6),
    point(10**400),
    point(0, -1),
    point(0, 641),
    point(0, float("nan")),
    point(0, float("inf")),
    point(0, 10**400),
    point(0, "1"),
    point(0, None),
    point(0, label=2),
    point(0, label=True),
    {"frame_index": True, "x": 1, "y": 1, "label": 1},
    {"frame_index": "0", "x": 1, "y": 1, "label": 1},
    {},
    [],
    None,
    "point",
]


@pytest.mark.parametrize("item", HOSTILE_POINTS, ids=lambda item: f"{item!r:.60}")
def test_a_point_that_makes_no_sense_is_left_out(original: Path, item: object) -> None:
    write_points(original, [item, point(1)])
    with pytest.warns(UserWarning, match="the point"):
        target = imported(original)
    prompts = read_json(target / "instance1" / "points_shaft.json")["prompts"]
    assert prompts == [{"frame_index": 2, "x": 48, "y": 32, "label": 1}]


@pytest.mark.parametrize(
    "text", ["", "{", "null", "[]", "7", '{"prompts": 1}', '{"annotations": []}', "[" * 100_000]
)
def test_a_damaged_json_file_is_left_out(original: Path, text: str) -> None:
    write_mask(original, 0)
    path = write_points(original, [])
    path.write_text(text)
    path.with_name("keypoints.json").write_text(text)
    with pytest.warns(UserWarning, match=r"points_shaft\.json: no such file"):
        imported(original)


@pytest.mark.parametrize("name", [["tip"], {"a": 1}, "x" * 301, 7, True, "\ud800"])
def test_a_keypoint_with_a_name_that_is_none_is_left_out(original: Path, name: object) -> None:
    write_keypoints(original, [keypoint(0, 1, 1, name), keypoint(0, 20, 11, "<b>tip</b>")])
    with pytest.warns(UserWarning, match="A keypoint's name"):
        target = imported(original)
    content = read_json(target / "instance1" / "keypoints.json")
    assert [item["name"] for item in content["keypoints"]] == ["<b>tip</b>"]


def test_a_keypoint_that_was_moved_back_is_where_it_was_saved_last(original: Path) -> None:
    places = [keypoint(0, x, 0, "tip") for x in (20, 40, 20)]
    write_keypoints(original, places)
    content = read_json(imported(original) / "instance1" / "keypoints.json")
    assert [item["x"] for item in content["keypoints"]] == [3]


def test_keypoints_without_a_name_get_free_ones(original: Path) -> None:
    nameless = [keypoint(0, 20, 11, None), keypoint(0, 40, 22, ""), keypoint(0, 20, 11, None)]
    write_keypoints(original, [*nameless, keypoint(0, 60, 33, "k1")])
    content = read_json(imported(original) / "instance1" / "keypoints.json")
    assert [(item["name"], item["x"]) for item in content["keypoints"]] == [
        ("k1", 9),
        ("k2", 3),
        ("k3", 6),
    ]


def test_a_keypoint_outside_the_frame_is_left_out(original: Path) -> None:
    write_keypoints(original, [keypoint(0, 641, 0, "tip"), keypoint(6, 0, 0, "tip")])
    with pytest.warns(UserWarning, match="the keypoint"):
        target = imported(original)
    assert not (target / "instance1").exists()


@pytest.mark.parametrize("name", ["instance0", "instance01", "instancex", "instance99999999999"])
def test_a_folder_that_is_no_instance_is_left_out(original: Path, name: str) -> None:
    (original / name).mkdir()
    with pytest.warns(UserWarning, match=f"{name}: no folder of an instance"):
        imported(original)


@pytest.mark.parametrize("region", [".hidden", "a b", "x" * 65, "SHAFT"])
def test_a_region_that_may_not_be_is_left_out(original: Path, region: str) -> None:
    write_mask(original, 0, region)
    with pytest.warns(UserWarning, match="region"):
        imported(original)
    with opened(original) as session:
        assert session.scopes == []


def test_links_out_of_the_folder_are_not_followed(original: Path, tmp_path: Path) -> None:
    secret = write_mask(tmp_path / "secret", 0)
    write_mask(original, 0)
    (original / "instance1" / "masks_shaft" / "00001.png").symlink_to(secret)
    (original / "instance2").symlink_to(tmp_path / "secret" / "instance1")
    (original / "instance1" / "masks_wrist").symlink_to(secret.parent)
    with pytest.warns(UserWarning, match="left out"):
        imported(original)
    with opened(original) as session:
        assert session.scopes == [(1, "shaft")]
        assert session.masks[1, "shaft"].frames.tolist() == [0]


def test_the_warning_stays_short(original: Path) -> None:
    write_points(original, [point(99)] * 1000)
    with pytest.warns(UserWarning, match="and 995 more") as caught:
        imported(original)
    assert len(str(caught[0].message)) < 1500


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
numbers = st.integers(-2, 700) | st.floats() | json_values
items = json_values | st.fixed_dictionaries(
    {"frame_index": st.integers(-1, 7) | json_values, "x": numbers, "y": numbers},
    optional={"label": st.integers(-1, 2) | json_values, "name": json_values},
)
pairs = st.fixed_dictionaries({}, optional={"pos": st.lists(items), "neg": json_values})
contents = (
    json_values
    | st.fixed_dictionaries({"prompts": st.lists(items, max_size=6)})
    | st.fixed_dictionaries({"keypoints": st.lists(items, max_size=6)})
    | st.fixed_dictionaries({"annotations": st.dictionaries(st.text(max_size=3), pairs | items)})
)


@settings(max_examples=40)
@given(points=contents, keypoints=contents)
def test_whatever_the_files_say_the_import_can_be_opened(points: object, keypoints: object) -> None:
    video = np.zeros((COUNT, HEIGHT, WIDTH, 3), np.uint8)
    with TemporaryDirectory() as top, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = Path(top) / "clip"
        write_json(folder, "points_shaft.json", points)
        write_json(folder, "keypoints.json", keypoints)
        project = Project(import_project(folder, video, top))
        try:
            annotations = project.read_prompts(WIDTH, HEIGHT)
            frames = [frame for scope in annotations for frame in annotations.of(scope)]
            assert all(0 <= frame < COUNT and frame % 2 == 0 for frame in frames)
            assert all(frame % 2 == 0 for frame in project.read_keypoints(WIDTH, HEIGHT).of(1))
        finally:
            project.close()


def test_a_folder_that_cannot_be_written_is_named(
    original: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, _target: Path) -> Path:
        with saving(path):
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(SaveError, match="cannot be written"):
        imported(original)
