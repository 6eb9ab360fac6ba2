"""What can be opened: videos below a folder, and projects with the videos they were made from."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from sam2_widget import library
from sam2_widget.engines.fake import FakeEngine
from sam2_widget.errors import ProjectError, VideoError
from sam2_widget.library import find_projects, find_videos, settings_for, settings_of
from sam2_widget.locking import ProjectLock
from sam2_widget.session import Session
from tests.clips import numbered_frames, write_clip, write_images

if TYPE_CHECKING:
    from pathlib import Path


def touch(path: Path, size: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    return path


def labels(folder: Path) -> list[str]:
    return [video.label for video in find_videos(folder)]


def project(video: Any, folder: Path, **arguments: Any) -> Path:
    """Open a project and close it again."""
    with Session(video, output_dir=folder, model=FakeEngine(), **arguments) as session:
        session.video.wait()
        return session.folder


# -- videos -----------------------------------------------------------------------------------


def test_videos_are_found_below_a_folder_in_natural_order(tmp_path: Path) -> None:
    for name in ("take 10.mp4", "take 2.MOV", "day 10/a.avi", "day 2/b.mkv", "x/y/z/deep.webm"):
        touch(tmp_path / name, 3)
    touch(tmp_path / "notes.txt")
    touch(tmp_path / "image.png")
    assert labels(tmp_path) == [
        "day 2/b.mkv", "day 10/a.avi", "take 2.MOV", "take 10.mp4", "x/y/z/deep.webm",
    ]  # fmt: skip
    found = find_videos(tmp_path)[0]
    assert (found.path, found.size) == (tmp_path / "day 2" / "b.mkv", 3)


def test_a_folder_that_is_missing_or_a_file_has_no_videos(tmp_path: Path) -> None:
    assert find_videos(tmp_path / "videos") == []
    assert find_videos(touch(tmp_path / "clip.mp4")) == []


def test_a_folder_of_images_is_a_video_with_the_size_of_all(tmp_path: Path) -> None:
    write_images(tmp_path / "scan", ["1.png", "2.png"])
    touch(tmp_path / "one" / "1.png")
    touch(tmp_path / "1.jpg")
    touch(tmp_path / "2.jpg")
    (found,) = find_videos(tmp_path)
    assert (found.path, found.label) == (tmp_path / "scan", "scan/")
    assert found.size == sum(path.stat().st_size for path in (tmp_path / "scan").iterdir())


def test_hidden_files_uploads_under_way_and_projects_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path / ".hidden.mp4")
    touch(tmp_path / ".clip.mp4.9-1.part")
    touch(tmp_path / ".git" / "a.mp4")
    touch(tmp_path / "outputs" / "clip" / "project.json")
    touch(tmp_path / "outputs" / "clip" / "overlay.mp4")
    write_images(tmp_path / "outputs" / "clip" / "frames", ["0.jpg", "1.jpg"])
    assert labels(tmp_path) == []


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    touch(elsewhere / "clip.mp4")
    videos = tmp_path / "videos"
    videos.mkdir()
    (videos / "data").symlink_to(elsewhere)
    (videos / "again").symlink_to(videos)
    (videos / "gone.mp4").symlink_to(tmp_path / "nothing")
    assert labels(videos) == ["data/clip.mp4"]


def test_the_search_is_bounded_in_depth_and_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path / "1/2/3/4/found.mp4")
    touch(tmp_path / "1/2/3/4/5/too deep.mp4")
    assert labels(tmp_path) == ["1/2/3/4/found.mp4"]
    for number in range(20):
        touch(tmp_path / f"{number}.mp4")
    monkeypatch.setattr(library, "MAX_VIDEOS", 7)
    assert len(labels(tmp_path)) == 7
    monkeypatch.setattr(library, "_MAX_ENTRIES", 3)
    assert len(labels(tmp_path)) <= 3


def test_a_name_that_is_no_text_can_still_be_listed(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.mp4")
    touch(tmp_path / name)
    (found,) = find_videos(tmp_path)
    assert json.loads(json.dumps(found.label).encode()) == "caf?.mp4"
    assert found.path.is_file()


# -- projects ---------------------------------------------------------------------------------


def test_projects_are_listed_with_their_video_the_last_opened_first(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    images = write_images(tmp_path / "scan", ["1.png", "2.png"])
    first, second = project(clip, tmp_path / "out"), project(images, tmp_path / "out")
    os.utime(second / "ui.json", (1_000_000_000, 1_000_000_000))
    newest, oldest = find_projects(tmp_path / "out")
    assert (newest.folder, newest.source, newest.obstacle) == (first, clip, "")
    assert (oldest.folder, oldest.source, oldest.opened) == (second, images, 1_000_000_000)
    assert newest.opened == (first / "ui.json").stat().st_mtime
    os.utime(first / "ui.json", (1, 1))
    project(clip, tmp_path / "out")
    assert find_projects(tmp_path / "out")[0].folder == first


def test_a_project_whose_video_is_gone_says_so(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    project(clip, tmp_path / "out")
    clip.unlink()
    (found,) = find_projects(tmp_path / "out")
    assert found.source is None
    assert found.obstacle == f"The video {clip} is gone: put it back, or open it where it is now."


def test_a_project_of_an_array_says_how_it_is_opened(tmp_path: Path) -> None:
    project(numbered_frames(3), tmp_path, name="made")
    (found,) = find_projects(tmp_path)
    assert found.source is None
    assert "Annotator(video, name='made')" in found.obstacle
    assert "source" not in json.loads((tmp_path / "made" / "project.json").read_text())


@pytest.mark.parametrize(
    "content",
    ["{", "[]", '{"source": 3}', '{"source": "clip.mp4"}', '{"source": "/dev/zero"}',
     '{"source": "/a\\u0000b"}', '{"source": "/\\ud800"}'],
)  # fmt: skip
def test_a_source_that_cannot_be_is_not_offered(tmp_path: Path, content: str) -> None:
    touch(tmp_path / "clip" / "project.json")
    (tmp_path / "clip" / "ui.json").write_text(content)
    (found,) = find_projects(tmp_path)
    assert found.source is None
    assert found.obstacle


def test_only_folders_of_projects_are_listed_and_not_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_projects(tmp_path / "none") == []
    touch(tmp_path / "a file")
    (tmp_path / "empty").mkdir()
    for number in range(5):
        path = touch(tmp_path / f"p{number}" / "project.json")
        os.utime(path, (number, number))
    monkeypatch.setattr(library, "MAX_PROJECTS", 3)
    assert [found.folder.name for found in find_projects(tmp_path)] == ["p4", "p3", "p2"]


def test_opening_read_only_is_not_noted(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    folder = project(clip, tmp_path / "out")
    assert json.loads((folder / "ui.json").read_bytes()) == {"source": str(clip)}
    os.utime(folder / "ui.json", (1, 1))
    lock = ProjectLock(folder / ".lock")
    assert lock.try_again()
    with Session(clip, output_dir=tmp_path / "out", model=FakeEngine()) as session:
        assert session.read_only
    lock.release()
    assert find_projects(tmp_path / "out")[0].opened == 1


def test_what_was_looked_at_keeps_the_source(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    with Session(clip, output_dir=tmp_path / "out", model=FakeEngine()) as session:
        session.ui = {"frame_index": 2}
        saved = json.loads((session.folder / "ui.json").read_text())
    assert saved == {"frame_index": 2, "source": str(clip)}


# -- settings ---------------------------------------------------------------------------------


def test_a_project_is_opened_as_it_was_made(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    folder = project(clip, tmp_path / "out", frame_step=3, max_side=48, name="small")
    assert settings_of(folder) == {
        "name": "small", "output_dir": tmp_path / "out", "frame_step": 3, "max_side": 48,
    }  # fmt: skip
    (folder / "project.json").write_text("{")
    assert settings_of(folder) == {"name": "small", "output_dir": tmp_path / "out"}


def test_videos_of_one_name_get_projects_of_their_own_and_find_them_again(tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = write_clip(touch(tmp_path / "day 1" / "clip.mp4"), count=5)
    second = write_clip(touch(tmp_path / "day 2" / "clip.mp4"), count=7)
    for clip, name in ((first, "clip"), (second, "clip-2"), (first, "clip"), (second, "clip-2")):
        settings = settings_for(clip, out)
        assert settings["name"] == name
        assert settings.pop("output_dir") == out
        assert project(clip, out, **settings) == out / name


def test_a_damaged_project_is_not_passed_over_in_silence(tmp_path: Path) -> None:
    out = tmp_path / "out"
    clip = write_clip(tmp_path / "clip.mp4")
    folder = project(clip, out, name="clip")
    for damaged in ("{", "{}", "[]"):
        (folder / "project.json").write_text(damaged)
        settings = settings_for(clip, out)
        assert settings == {"name": "clip", "output_dir": out}
        with pytest.raises(ProjectError, match=r"project\.json"):
            project(clip, out, name="clip")


def test_a_damaged_project_keeps_no_other_video_from_its_own(tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = write_clip(touch(tmp_path / "day 1" / "clip.mp4"), count=5)
    second = write_clip(touch(tmp_path / "day 2" / "clip.mp4"), count=7)
    folder = project(first, out, name="clip")
    project(second, out, name="clip-2")
    (folder / "project.json").write_text("{")
    assert settings_for(second, out)["name"] == "clip-2"
    assert settings_for(first, out)["name"] == "clip"


def test_a_video_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="not a video that can be read"):
        settings_for(touch(tmp_path / "clip.mp4", 10), tmp_path)
