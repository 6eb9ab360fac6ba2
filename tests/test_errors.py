"""Every error a user can meet: one clear sentence of the right class, and nothing half-written."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from sam2_widget.engines.fake import FakeEngine
from sam2_widget.errors import (
    FrameIndexError,
    ModelError,
    ProjectError,
    PromptError,
    Sam2WidgetError,
    SaveError,
    UnknownRegionError,
    VideoError,
)
from sam2_widget.models import nano
from sam2_widget.session import Session
from tests.clips import HEIGHT, WIDTH, numbered_frames, write_clip, write_images
from tests.projects import files, full_disk, open_project, own_threads, truncated_clip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt


def assert_sentence(error: BaseException) -> None:
    """Check that an error is one sentence that a user can act upon."""
    text = str(error)
    assert isinstance(error, Sam2WidgetError)
    assert "\n" not in text
    assert text.endswith((".", ")")), text
    assert "Traceback" not in text
    assert "<" not in text.replace("<=", "").replace("< ", "")
    assert len(text) < 700


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """Open a project with two prompted frames, tracked up to frame 6."""
    with open_project(tmp_path) as session:
        session.add_point(0, 20, 20)
        session.add_point(5, 40, 30)
        session.track(stop=7).wait()
        yield session


def results(session: Session) -> tuple[Any, ...]:
    """Return all that a user can see of a session."""
    points = {scope: {f: p.tolist() for f, p in session.points[scope].items()} for scope in
              session.points}  # fmt: skip
    masks = np.asarray(session.masks[1, "overall"])
    undo = [step.text for step in session.live.history.done]
    redo = [step.text for step in session.live.history.undone]
    return points, masks.tobytes(), session.to_dataframe().to_csv(), undo, redo


# -- opening ----------------------------------------------------------------------------------


def no_video(folder: Path) -> Path:
    path = folder / "notes.mp4"
    path.write_text("not a video, whatever its name says")
    return path


def no_frames(folder: Path) -> Path:
    path = write_clip(folder / "empty.avi", 1, codec="MJPG")
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"movi") + 4])
    return path


def unreadable_image(folder: Path) -> Path:
    images = write_images(folder / "images", ["0.png", "1.png"])
    (images / "1.png").write_bytes(b"no picture")
    return images


def images_of_two_sizes(folder: Path) -> Path:
    images = write_images(folder / "images", ["0.png", "1.png"])
    cv2.imwrite(str(images / "2.png"), np.zeros((8, 8, 3), np.uint8))
    return images


def array(*shape: int, dtype: npt.DTypeLike = np.uint8) -> Callable[[Path], object]:
    return lambda _folder: np.zeros(shape, dtype)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda folder: folder / "gone.mp4", "There is no file or folder"),
        (no_video, "is not a video"),
        (no_frames, "no frame that can be read|not a video"),
        (lambda folder: folder, "has no images"),
        (unreadable_image, r"1\.png"),
        (images_of_two_sizes, r"differ in size.*2\.png"),
        (array(4, 8, 8), "grey frames become RGB"),
        (array(8, 8, 3), r"video\[None\]"),
        (array(4, 8, 8, 4), "alpha"),
        (array(0, 8, 8, 3), "at least one frame"),
        (array(4, 8, 8, 3, dtype=np.float32), "pass uint8"),
        (lambda _folder: [], "empty"),
        (lambda _folder: 42, "A int is not a video"),
    ],
)
def test_what_is_no_video_is_refused_before_anything_is_written(
    tmp_path: Path, make: Callable[[Path], Any], match: str
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    with pytest.raises(VideoError, match=match) as caught:
        Session(make(source), output_dir=tmp_path / "outputs", model=FakeEngine())
    assert_sentence(caught.value)
    assert not (tmp_path / "outputs").exists()
    assert own_threads() == []


def test_a_missing_file_is_a_file_not_found_error_too(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Session(tmp_path / "gone.mp4", output_dir=tmp_path, model=FakeEngine())


def test_a_truncated_video_is_opened_with_a_warning_that_says_how_many_frames(
    tmp_path: Path,
) -> None:
    clip = truncated_clip(tmp_path / "cut.mp4")
    with Session(clip, output_dir=tmp_path, model=FakeEngine()) as session:
        with pytest.warns(UserWarning, match=r"announces 20 frames, but \d+ could be read"):
            session.video.wait()
        count = len(session.video)
        assert 2 < count < 19
        session.add_point(count - 1, 20, 20)
        with pytest.raises(FrameIndexError, match=f"{count} frames") as caught:
            session.add_point(count, 20, 20)
        assert_sentence(caught.value)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"model": "sam3"}, ModelError, "There is no model 'sam3'.*nano"),
        ({"model": "sam2.1_hiera_large"}, ModelError, "`sam2-widget download sam2.1_hiera_large`"),
        ({"model": "gone.pt"}, ModelError, "does not exist"),
        ({"regions": ["../up"]}, ProjectError, "'../up' is not allowed"),
        ({"regions": ["a", "A"]}, ProjectError, "upper and lower case"),
        ({"regions": []}, ProjectError, "at least one region"),
        ({"regions": "overall"}, ProjectError, r"\['overall'\]"),
        ({"name": "../up"}, ProjectError, "'../up' cannot name a folder"),
        ({"name": ".."}, ProjectError, "cannot name a folder"),
    ],
)
def test_an_argument_that_makes_no_sense_is_refused_before_anything_is_written(
    tmp_path: Path, arguments: dict[str, Any], error: type[Exception], match: str
) -> None:
    given = {"model": FakeEngine(), "output_dir": tmp_path / "outputs", **arguments}
    with pytest.raises(error, match=match) as caught:
        Session(numbered_frames(2), **given)
    assert_sentence(caught.value)
    assert not (tmp_path / "outputs").exists()
    assert own_threads() == []


@pytest.mark.parametrize(
    ("arguments", "match"), [({"frame_step": 0}, "frame_step"), ({"max_side": -1}, "max_side")]
)
def test_a_size_that_makes_no_sense_leaves_no_result_and_no_thread(
    tmp_path: Path, arguments: dict[str, int], match: str
) -> None:
    with pytest.raises(VideoError, match=match) as caught:
        open_project(tmp_path, **arguments)
    assert_sentence(caught.value)
    assert files(tmp_path) == {}
    assert own_threads() == []
    open_project(tmp_path).close()


def test_a_checkpoint_that_does_not_fit_its_config_is_said_at_the_first_click(
    tmp_path: Path,
) -> None:
    spec = nano()
    config = "configs/sam2.1/sam2.1_hiera_t.yaml"
    session = Session(
        numbered_frames(3), name="clip", output_dir=tmp_path, model=spec.checkpoint, config=config,
        device="cpu",
    )  # fmt: skip
    with session:
        session.video.wait()
        for _ in range(2):
            with pytest.raises(ModelError, match="config") as caught:
                session.add_point(0, 20, 20)
            assert_sentence(caught.value)
        assert session.scopes == []
        assert not (session.folder / "instance1").exists()
        status = session.live.status
        assert (status.status, status.note) == ("failed", str(caught.value))
        # Another model mends it, in the same project and without closing it.
        with Session(
            numbered_frames(3), name="clip", output_dir=tmp_path, model=FakeEngine(), device="cpu"
        ):
            assert session.add_point(0, 20, 20).any()


def test_a_model_that_failed_is_tried_again_by_the_next_session(tmp_path: Path) -> None:
    class Moody(FakeEngine):
        fails = True

        def open(self, frames: Any) -> None:
            if self.fails:
                raise ModelError("The checkpoint is damaged; copy it again.")
            super().open(frames)

    engine = Moody()
    with open_project(tmp_path, engine=engine) as session:
        with pytest.raises(ModelError, match="damaged"):
            session.add_point(0, 20, 20)
        engine.fails = False
        with open_project(tmp_path, engine=engine):
            assert session.add_point(0, 20, 20).any()


@pytest.mark.parametrize("arguments", [{}, {"frame_step": 2}, {"max_side": 48}])
def test_another_video_under_the_same_name_is_refused(
    tmp_path: Path, arguments: dict[str, Any]
) -> None:
    with open_project(tmp_path, count=10) as session:
        session.add_point(0, 20, 20)
    before = files(tmp_path)
    count = 10 if arguments else 9
    with pytest.raises(ProjectError, match="name=") as caught:
        open_project(tmp_path, count=count, **arguments)
    assert_sentence(caught.value)
    assert files(tmp_path) == before
    assert own_threads() == []


def test_another_video_under_the_name_of_an_open_project_is_refused(session: Session) -> None:
    before = files(session.folder)
    with pytest.raises(ProjectError, match="another video; give name=") as caught:
        open_project(session.folder.parent, count=9)
    assert_sentence(caught.value)
    assert files(session.folder) == before


def test_an_output_folder_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SaveError) as caught:
        open_project(tmp_path / "file" / "outputs")
    assert_sentence(caught.value)
    assert (tmp_path / "file").read_text() == "in the way"
    assert own_threads() == []


def test_an_output_folder_that_cannot_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *_: Any, **__: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", refuse)
        with pytest.raises(SaveError, match="make the folder writable") as caught:
            open_project(tmp_path / "outputs")
    assert_sentence(caught.value)
    assert own_threads() == []
    assert not (tmp_path / "outputs").exists()


def test_a_frames_folder_that_cannot_be_made_leaves_no_thread_and_no_lock(tmp_path: Path) -> None:
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip" / "frames").write_text("in the way")
    with pytest.raises(SaveError) as caught:
        open_project(tmp_path)
    assert_sentence(caught.value)
    assert own_threads() == []
    (tmp_path / "clip" / "frames").unlink()
    with open_project(tmp_path) as session:
        assert not session.read_only


@pytest.mark.parametrize("name", ["project.json", "instance1/points_overall.json"])
def test_a_damaged_file_is_named_and_left_alone(tmp_path: Path, name: str) -> None:
    with open_project(tmp_path) as session:
        session.add_point(0, 20, 20)
    path = tmp_path / "clip" / name
    path.write_bytes(path.read_bytes()[:-20])
    before = files(tmp_path)
    with pytest.raises(ProjectError, match=path.name) as caught:
        open_project(tmp_path)
    assert_sentence(caught.value)
    assert files(tmp_path) == before
    assert own_threads() == []


# -- prompts ----------------------------------------------------------------------------------

WRONG: dict[str, tuple[Callable[[Session], object], type[Exception], str]] = {
    "left of the frame": (lambda s: s.add_point(0, -1, 5), PromptError, "outside the frame"),
    "right of the frame": (lambda s: s.add_point(0, WIDTH, 5), PromptError, "outside the frame"),
    "below the frame": (lambda s: s.add_point(0, 5, HEIGHT), PromptError, "outside the frame"),
    "nowhere": (lambda s: s.add_point(0, float("nan"), 5), PromptError, "outside the frame"),
    "infinitely far": (lambda s: s.add_point(0, 5, float("inf")), PromptError, "outside the frame"),
    "one of several": (lambda s: s.add_points(0, [(5, 5, 1), (96, 5, 1)]), PromptError, "outside"),
    "moved outside": (lambda s: s.move_point(0, 0, 96, 5), PromptError, "outside the frame"),
    "label": (lambda s: s.add_point(0, 5, 5, 2), PromptError, "1 .inside. or 0"),
    "empty box": (lambda s: s.set_box(0, (9, 9, 9, 20)), PromptError, "not a box"),
    "box outside": (lambda s: s.set_box(0, (9, 9, 97, 20)), PromptError, "not a box"),
    "box of nan": (lambda s: s.set_box(0, (9, 9, float("nan"), 20)), PromptError, "not a box"),
    "frame too large": (lambda s: s.add_point(10, 5, 5), FrameIndexError, "10 frames"),
    "frame too small": (lambda s: s.add_point(-11, 5, 5), FrameIndexError, "10 frames"),
    "clearing no frame": (lambda s: s.clear_frame(10), FrameIndexError, "10 frames"),
    "unknown region": (lambda s: s.add_point(0, 5, 5, region="x"), UnknownRegionError, "overall"),
    "instance 0": (lambda s: s.add_point(0, 5, 5, instance=0), UnknownRegionError, "from 1 on"),
    "tracking nothing": (lambda s: s.track([(2, "shaft")]), PromptError, "click the object first"),
    "range": (lambda s: s.track(start=8, stop=12), FrameIndexError, "start < stop <= 10"),
}


@pytest.mark.parametrize(("act", "error", "match"), WRONG.values(), ids=WRONG)
def test_a_prompt_that_makes_no_sense_changes_nothing(
    session: Session, act: Callable[[Session], object], error: type[Exception], match: str
) -> None:
    before, seen = files(session.folder), results(session)
    with pytest.raises(error, match=match) as caught:
        act(session)
    assert_sentence(caught.value)
    assert files(session.folder) == before
    assert results(session) == seen


def test_errors_are_the_built_in_ones_too() -> None:
    pairs = [
        (VideoError, ValueError), (ProjectError, ValueError), (PromptError, ValueError),
        (FrameIndexError, IndexError), (UnknownRegionError, KeyError), (ModelError, ValueError),
        (SaveError, OSError),
    ]  # fmt: skip
    assert all(issubclass(ours, builtin) for ours, builtin in pairs)


# -- a full disk ------------------------------------------------------------------------------

CHANGES: dict[str, Callable[[Session], object]] = {
    "click on a new frame": lambda s: s.add_point(9, 20, 20),
    "click in a new scope": lambda s: s.add_point(0, 20, 20, instance=2, region="shaft"),
    "second click": lambda s: s.add_point(0, 30, 20),
    "correction": lambda s: s.add_point(3, 60, 40),
    "move": lambda s: s.move_point(5, 0, 50, 30),
    "undo": lambda s: s.undo(),
    "redo": lambda s: s.redo(),
    "track": lambda s: s.track().wait(),
    "track anew": lambda s: s.track(force=True).wait(),
}
# What each of the changes has to write.
FULL = [
    (name, what)
    for name in CHANGES
    for what in ("points_*", "*.png*", "track_*")
    if not (name.startswith("track") and what == "points_*")
    and not (name in ("undo", "redo") and what == "*.png*")  # linked, which takes no room
]


@pytest.mark.parametrize(("name", "what"), FULL)
def test_a_full_disk_loses_and_changes_nothing(
    session: Session, monkeypatch: pytest.MonkeyPatch, name: str, what: str
) -> None:
    if name in ("undo", "redo"):
        session.add_point(0, 30, 20)
        session.add_point(0, 40, 20)
    if name == "redo":
        session.undo()
    before, seen = files(session.folder), results(session)
    with full_disk(monkeypatch, what) as refused:
        with pytest.raises(SaveError, match="The disk is full") as caught:
            CHANGES[name](session)
        assert_sentence(caught.value)
        assert files(session.folder) == before
        assert results(session) == seen
        assert session.live.unsaved == 0
        assert refused
    CHANGES[name](session)
    assert results(session) != seen or name == "track anew"
    after = results(session)[:2]
    session.close()
    with open_project(session.folder.parent) as again:
        assert results(again)[:2] == after


def test_a_disk_that_is_full_for_everything_changes_nothing(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, seen = files(session.folder), results(session)
    with full_disk(monkeypatch, "*"):
        for name in ("second click", "correction", "move", "track"):
            with pytest.raises(SaveError):
                CHANGES[name](session)
            assert files(session.folder) == before
            assert results(session) == seen


def test_a_full_disk_while_frames_are_stored_reaches_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        full_disk(monkeypatch, "00004*"),
        Session(
            numbered_frames(10), name="clip", output_dir=tmp_path, model=FakeEngine()
        ) as session,
    ):
        session.add_point(3, 20, 20)
        for act in (session.video.wait, lambda: session.add_point(4, 20, 20)):
            with pytest.raises(SaveError, match="The disk is full") as caught:
                act()
            assert_sentence(caught.value)
        with pytest.raises(SaveError, match="The disk is full"):
            session.track().wait(10)
    with open_project(tmp_path) as session:
        session.track().wait()
        assert session.masks[1, "overall"].frames.tolist() == list(range(10))


def test_a_full_disk_at_the_end_is_said_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_project(tmp_path)
    session.add_point(0, 20, 20)
    session.track().wait()
    seen = session.to_dataframe()
    with full_disk(monkeypatch, "track_*"), pytest.raises(SaveError, match="The disk is full"):
        session.close()
    assert own_threads() == []
    with open_project(tmp_path) as again:
        assert not again.read_only
        assert again.to_dataframe().equals(seen)
