"""An annotator without a video: choosing one, uploading one, and what takes over."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sam2_widget import annotator as annotator_module
from sam2_widget import requests
from sam2_widget.annotator import Annotator
from sam2_widget.engines.fake import FakeEngine
from sam2_widget.errors import NoVideoError
from sam2_widget.session import Session
from sam2_widget.uploads import CHUNK
from tests.clips import write_clip
from tests.projects import PATIENCE, own_threads, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NO_VIDEO = r"No video is open yet: pick one in the widget, or give one: Annotator\('clip\.mp4'\)\."


class Views:
    """Speaks for the views of an annotator and keeps every answer."""

    def __init__(self, ann: Annotator, monkeypatch: pytest.MonkeyPatch) -> None:
        self._ann = ann
        self._numbers = itertools.count(1)
        self._heard = threading.Condition()
        self._answers: dict[int, dict[str, Any]] = {}
        monkeypatch.setattr(ann, "send", self._hear)

    def _hear(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        with self._heard:
            assert content["id"] not in self._answers
            self._answers[content["id"]] = content
            self._heard.notify_all()

    def send(self, kind: str, view: str = "v1", buffers: Any = (), **fields: Any) -> int:
        """Send a request and return its number."""
        number = next(self._numbers)
        content = {"id": number, "view": view, "kind": kind, **fields}
        self._ann._handle_custom_msg(content, list(buffers))
        return number

    def answer(self, number: int) -> dict[str, Any]:
        """Wait for the answer to a request."""
        with self._heard:
            assert self._heard.wait_for(lambda: number in self._answers, PATIENCE)
            return self._answers[number]

    def is_answered(self, number: int) -> bool:
        """Tell whether a request has its answer."""
        return number in self._answers

    def ask(self, kind: str, view: str = "v1", **fields: Any) -> dict[str, Any]:
        """Send a request and return its answer."""
        return self.answer(self.send(kind, view, **fields))

    def upload(self, name: str, data: bytes, size: int = CHUNK) -> dict[str, Any]:
        """Upload a file and return the last answer."""
        told = self.begin(name, len(data))
        while told["received"] < len(data):
            start = told["received"]
            told = self.chunk(told["token"], start, data[start : start + size])
        return told

    def begin(self, name: str, size: int) -> dict[str, Any]:
        """Say that a file is coming."""
        return self.ask("begin_upload", purpose="video", name=name, size=size, modified=5)

    def chunk(self, token: str, offset: int, data: bytes) -> dict[str, Any]:
        """Send a part of a file."""
        return self.ask("upload_chunk", token=token, offset=offset, buffers=[memoryview(data)])


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    folder = tmp_path / "videos"
    folder.mkdir()
    write_clip(folder / "clip.mp4")
    return folder


@pytest.fixture
def ann(videos: Path, tmp_path: Path) -> Iterator[Annotator]:
    widget = Annotator(videos=videos, output_dir=tmp_path / "out", model=FakeEngine())
    yield widget
    widget.close()
    wait_for(lambda: own_threads() == [])


@pytest.fixture
def views(ann: Annotator, monkeypatch: pytest.MonkeyPatch) -> Views:
    return Views(ann, monkeypatch)


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait for threads that end by themselves."""
    for thread in threading.enumerate():
        if thread.name.startswith(("sam2-widget-open", "sam2-widget-upload")):
            thread.join(PATIENCE)
    assert condition()


# -- before a video is open -------------------------------------------------------------------


def test_without_a_video_there_is_no_session_and_nothing_is_made(
    ann: Annotator, tmp_path: Path
) -> None:
    assert ann.session is None
    assert (ann.frame_index, ann.instance, ann.region, ann.mode) == (0, 1, "", "segment")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "use",
    [
        lambda ann: ann.video,
        lambda ann: ann.masks,
        lambda ann: ann.points,
        lambda ann: ann.keypoints,
        lambda ann: ann.scopes,
        lambda ann: ann.overlay(0),
        lambda ann: ann.export_video("a.mp4"),
        lambda ann: ann.plot(),
        lambda ann: ann.to_dataframe(),
        lambda ann: ann.on_change(print),
        lambda ann: ann.on_progress(print),
        lambda ann: setattr(ann, "frame_index", 3),
        lambda ann: setattr(ann, "region", "shaft"),
    ],
)
def test_results_without_a_video_say_what_to_do(
    ann: Annotator, use: Callable[[Annotator], object]
) -> None:
    with pytest.raises(NoVideoError, match=NO_VIDEO):
        use(ann)


def test_an_argument_that_session_does_not_have_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="regoins"):
        Annotator(regoins=("overall",))


def test_every_other_request_is_answered_with_what_to_do(views: Views) -> None:
    assert views.ask("ping")["kind"] == "done"
    for kind, fields in (("undo", {}), ("frame", {"frame": 0, "max_width": 100})):
        answer = views.ask(kind, **fields)
        assert answer["kind"] == "error"
        assert "No video is open yet" in answer["message"]
    assert "Unknown request" in views.ask("dance")["message"]


# -- lists ------------------------------------------------------------------------------------


def test_hello_is_answered_with_what_there_is(views: Views, videos: Path, tmp_path: Path) -> None:
    with Session(videos / "clip.mp4", output_dir=tmp_path / "out", model=FakeEngine()) as session:
        folder = session.folder
    choices = views.ask("hello")
    assert (choices["kind"], choices["folder"]) == ("choices", str(videos))
    size = (videos / "clip.mp4").stat().st_size
    assert choices["videos"] == [{"path": "clip.mp4", "size": size}]
    (project,) = choices["projects"]
    assert (project["path"], project["name"], project["obstacle"]) == (str(folder), "clip", "")
    assert project["opened"] == (folder / "ui.json").stat().st_mtime


def test_refresh_finds_what_was_put_there_meanwhile(views: Views, videos: Path) -> None:
    views.ask("hello")
    write_clip(videos / "later.mp4")
    listed = views.ask("list_videos")["videos"]
    assert [video["path"] for video in listed] == ["clip.mp4", "later.mp4"]


def test_a_folder_of_videos_that_is_missing_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = Annotator()
    choices = Views(ann, monkeypatch).ask("hello")
    assert (choices["folder"], choices["videos"], choices["projects"]) == ("videos", [], [])
    ann.close()


# -- opening ----------------------------------------------------------------------------------


def test_a_video_is_opened_with_the_arguments_given_and_its_view_changes_over(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = FakeEngine()
    ann = Annotator(
        videos=videos, output_dir=tmp_path / "out", model=engine, regions=("a", "b"), max_side=48
    )
    views = Views(ann, monkeypatch)
    views.ask("hello")
    listen = views.send("listen", since=0)
    assert views.ask("open_video", path="clip.mp4")["kind"] == "done"
    state = views.answer(listen)
    assert (state["kind"], state["changed"]) == ("state", None)
    assert (state["video"]["name"], state["video"]["width"]) == ("clip", 48)
    assert ann.session is not None
    assert ann.session.regions == ("a", "b")
    assert ann.session.folder == tmp_path / "out" / "clip"
    assert (ann.region, ann.frame_index) == ("a", 0)
    settle(ann.session)
    assert ann.session.live.engine is engine
    mask = ann.session.add_point(0, 20, 20)
    assert np.array_equal(ann.masks[1, "a"][0], mask)
    ann.close()


def test_all_views_change_over_and_hear_of_changes(ann: Annotator, views: Views) -> None:
    pending = []
    for view in ("v1", "v2", "gone"):
        views.ask("hello", view)
        pending.append(views.send("listen", view, since=0))
    views.ask("bye", "gone")
    views.ask("open_video", path="clip.mp4")
    states = [views.answer(number) for number in pending[:2]]
    assert [state["view"] for state in states] == ["v1", "v2"]
    assert ann.session is not None
    settle(ann.session)
    hello = views.ask("hello", "v2")
    listen = views.send("listen", "v2", since=hello["revision"])
    ann.session.add_point(0, 20, 20)
    assert views.answer(listen)["changed"] == [(0, 1)]
    assert not views.is_answered(pending[2])


def test_a_view_that_listens_late_changes_over_too(ann: Annotator, views: Views) -> None:
    views.ask("hello")
    views.ask("open_video", path="clip.mp4")
    assert views.ask("listen", "v2", since=0)["kind"] == "state"
    picker = ann._picker
    assert picker is not None
    picker.receive({"id": 900, "view": "v3", "kind": "hello"})
    assert views.answer(900)["kind"] == "state"
    # One that passed the door before the session took over.
    picker._listen(requests.Listen(901, "v4", 0))
    assert views.answer(901)["kind"] == "state"


def test_a_recent_project_is_opened_as_it_was_made_with_what_it_holds(
    ann: Annotator, views: Views, videos: Path, tmp_path: Path
) -> None:
    with Session(
        videos / "clip.mp4", name="half", output_dir=tmp_path / "out", model=FakeEngine(),
        frame_step=2,
    ) as session:  # fmt: skip
        session.video.wait()
        mask = session.add_point(1, 20, 20, region="shaft")
        session.ui = {"frame_index": 1, "instance": 1, "region": "shaft"}
    (project,) = views.ask("hello")["projects"]
    assert views.ask("open_video", path=project["path"])["kind"] == "done"
    assert ann.session is not None
    assert (ann.session.name, len(ann.video)) == ("half", 6)
    assert np.array_equal(ann.masks[1, "shaft"][1], mask)
    assert (ann.frame_index, ann.region) == (1, "shaft")


def test_what_cannot_be_opened_says_why_and_another_can_be_picked(
    ann: Annotator, views: Views, videos: Path
) -> None:
    (videos / "broken.mp4").write_bytes(b"no video")
    views.ask("hello")
    refused = views.ask("open_video", path="broken.mp4")
    assert (refused["kind"], "not a video that can be read" in refused["message"]) == (
        "error", True,
    )  # fmt: skip
    assert ann.session is None
    assert views.ask("open_video", path="clip.mp4")["kind"] == "done"


def test_a_project_whose_video_is_gone_is_refused_with_its_obstacle(
    ann: Annotator, views: Views, videos: Path, tmp_path: Path
) -> None:
    with Session(videos / "clip.mp4", output_dir=tmp_path / "out", model=FakeEngine()):
        pass
    (videos / "clip.mp4").rename(videos / "moved.mp4")
    (project,) = views.ask("hello")["projects"]
    assert "is gone" in project["obstacle"]
    assert views.ask("open_video", path=project["path"])["message"] == project["obstacle"]


@pytest.mark.parametrize("path", ["../secret.mp4", "/etc/passwd", "clip.mp4/", ""])
def test_only_what_is_listed_can_be_opened(ann: Annotator, views: Views, path: str) -> None:
    assert "is not on the list" in views.ask("open_video", path="clip.mp4")["message"]
    views.ask("hello")
    assert "is not on the list" in views.ask("open_video", path=path)["message"]
    assert ann.session is None


class SlowSession(Session):
    """A session whose opening waits at a gate."""

    gate: threading.Event
    begun: threading.Event

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.begun.set()
        assert self.gate.wait(PATIENCE)
        super().__init__(*arguments, **named)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> type[SlowSession]:
    SlowSession.gate, SlowSession.begun = threading.Event(), threading.Event()
    monkeypatch.setattr(annotator_module, "Session", SlowSession)
    return SlowSession


def test_while_one_is_opened_others_are_answered_and_a_second_is_refused(
    ann: Annotator, views: Views, slow: type[SlowSession]
) -> None:
    views.ask("hello")
    opening = views.send("open_video", path="clip.mp4")
    assert slow.begun.wait(PATIENCE)
    assert views.ask("ping")["kind"] == "done"
    assert views.ask("list_videos", "v2")["kind"] == "choices"
    refused = views.ask("open_video", "v2", path="clip.mp4")
    assert refused["message"] == "clip.mp4 is being opened; wait for it."
    assert not views.is_answered(opening)
    slow.gate.set()
    assert views.answer(opening)["kind"] == "done"


def test_closing_while_one_is_opened_leaves_nothing_open(
    ann: Annotator, views: Views, slow: type[SlowSession]
) -> None:
    views.ask("hello")
    views.send("open_video", path="clip.mp4")
    assert slow.begun.wait(PATIENCE)
    ann.close()
    slow.gate.set()
    wait_for(lambda: own_threads() == [])
    assert ann.session is None


def test_closing_before_anything_is_open_is_clean_and_ends_all_answers(
    ann: Annotator, views: Views
) -> None:
    views.ask("hello")
    listen = views.send("listen", since=0)
    ann.close()
    ann.close()
    late = views.send("hello")
    wait_for(lambda: own_threads() == [])
    assert not views.is_answered(listen)
    assert not views.is_answered(late)


# -- uploads ----------------------------------------------------------------------------------


def test_an_uploaded_video_is_listed_and_opens(
    ann: Annotator, views: Views, videos: Path, tmp_path: Path
) -> None:
    data = write_clip(tmp_path / "other.mp4", count=9).read_bytes()
    views.ask("hello")
    told = views.upload("../clip.mp4", data, 1000)
    assert (told["kind"], told["name"], told["received"]) == ("upload", "clip-2.mp4", len(data))
    assert (videos / "clip-2.mp4").read_bytes() == data
    listed = views.ask("list_videos")["videos"]
    assert [video["path"] for video in listed] == ["clip.mp4", "clip-2.mp4"]
    assert views.ask("open_video", path="clip-2.mp4")["kind"] == "done"
    assert len(ann.video) == 9


def test_chunks_sent_without_waiting_keep_their_order(views: Views, videos: Path) -> None:
    data = bytes(range(200)) * 10
    token = views.begin("long.mp4", len(data))["token"]
    numbers = [
        views.send("upload_chunk", token=token, offset=at, buffers=[data[at : at + 10]])
        for at in range(0, len(data), 10)
    ]
    received = [views.answer(number)["received"] for number in numbers]
    assert received == list(range(10, len(data) + 10, 10))
    assert (videos / "long.mp4").read_bytes() == data


def test_a_broken_upload_goes_on_in_another_annotator(
    ann: Annotator, views: Views, videos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    views.chunk(views.begin("long.mp4", 10)["token"], 0, b"0123")
    ann.close()
    later = Annotator(videos=videos)
    told = Views(later, monkeypatch).begin("long.mp4", 10)
    assert told["received"] == 4
    later.close()


def test_the_folder_of_videos_is_made_by_the_first_upload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = Annotator(videos=tmp_path / "new" / "videos")
    Views(ann, monkeypatch).upload("clip.mp4", b"abc")
    assert (tmp_path / "new" / "videos" / "clip.mp4").read_bytes() == b"abc"
    ann.close()


def test_a_cancelled_upload_is_thrown_away(views: Views, videos: Path) -> None:
    token = views.begin("long.mp4", 10)["token"]
    views.chunk(token, 0, b"0123")
    assert views.ask("cancel_upload", token=token)["kind"] == "done"
    assert [path.name for path in videos.iterdir()] == ["clip.mp4"]


def test_what_is_no_video_is_not_uploaded(views: Views, videos: Path) -> None:
    for name in ("notes.txt", "clip", "clip.mp4.exe"):
        refused = views.begin(name, 10)
        assert f"{name} is no video that can be opened" in refused["message"]
    refused = views.ask("begin_upload", purpose="annotations", name="a.json", size=3, modified=5)
    assert "No video is open yet" in refused["message"]
    assert [path.name for path in videos.iterdir()] == ["clip.mp4"]


def test_a_chunk_without_its_bytes_is_refused(views: Views) -> None:
    token = views.begin("long.mp4", 10)["token"]
    refused = views.ask("upload_chunk", token=token, offset=0)
    assert refused["message"].startswith("A chunk came without its bytes")
