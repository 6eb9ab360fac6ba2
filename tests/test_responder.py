"""Messages in, answers out, without a viewer."""

from __future__ import annotations

import itertools
import threading
import zlib
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from sam2_widget.bits import PackedMask
from sam2_widget.responder import Responder
from sam2_widget.session import Session
from sam2_widget.sources import open_source
from tests.clips import gated, number_of, numbered_frames
from tests.projects import (
    PATIENCE,
    GatedEngine,
    full_disk,
    open_project,
    tell_all,
    until,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Answer = tuple[dict[str, Any], list[bytes]]


class Viewer:
    """Sends requests to a responder and keeps every answer."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.responder = Responder(session, self._hear)
        self.answers: list[Answer] = []
        self._numbers = itertools.count(1)
        self._heard = threading.Condition()

    def _hear(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        with self._heard:
            self.answers.append((content, buffers))
            self._heard.notify_all()

    def send(self, kind: str, view: str = "view", **fields: Any) -> int:
        """Send a request and return its number."""
        number = next(self._numbers)
        self.responder.receive({"id": number, "view": view, "kind": kind, **fields})
        return number

    def answer(self, number: int) -> Answer:
        """Wait for the answer to a request."""
        with self._heard:
            assert self._heard.wait_for(lambda: self.to(number), PATIENCE)
            return self.to(number)[0]

    def to(self, number: int) -> list[Answer]:
        """Return the answers to a request so far."""
        return [answer for answer in self.answers if answer[0]["id"] == number]

    def ask(self, kind: str, view: str = "view", **fields: Any) -> dict[str, Any]:
        """Send a request and return the content of its answer."""
        return self.answer(self.send(kind, view, **fields))[0]

    def click(self, frame: int = 0, x: float = 20, y: float = 20, **fields: Any) -> int:
        """Click an object."""
        given = {"instance": 1, "region": "overall", "label": 1, **fields}
        return self.send("add_point", frame=frame, x=x, y=y, **given)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with open_project(tmp_path) as session:
        yield session


@pytest.fixture
def viewer(session: Session) -> Viewer:
    return Viewer(session)


# -- every kind of request --------------------------------------------------------------------


def test_hello_is_answered_with_the_whole_state(viewer: Viewer) -> None:
    viewer.session.add_point(0, 20, 20)
    state = viewer.ask("hello")
    assert (state["kind"], state["view"]) == ("state", "view")
    assert state["changed"] is None
    assert state["video"] == {
        "name": "clip", "width": 96, "height": 64, "fps": 25, "frames": 10, "ready": 10,
        "complete": True,
    }  # fmt: skip
    assert [region["id"] for region in state["regions"]] == list(viewer.session.regions)
    (scope,) = state["scopes"]
    assert (scope["instance"], scope["region"], scope["prompts"], scope["masks"]) == (
        1, "overall", 1, 1,
    )  # fmt: skip
    assert state["model"] == {
        "name": "fake", "device": "cpu", "status": "ready", "note": "", "reason": "", "offer": None,
    }  # fmt: skip
    assert state["download"] is None
    assert (state["job"], state["undo"], state["redo"]) == (None, "positive point", None)
    assert (state["saved"], state["read_only"]) == (True, False)


def test_ping_is_answered(viewer: Viewer) -> None:
    assert viewer.ask("ping")["kind"] == "done"


def test_a_frame_comes_as_its_own_file_or_smaller(viewer: Viewer) -> None:
    content, (jpeg,) = viewer.answer(viewer.send("frame", frame=3, max_width=500))
    assert (content["kind"], content["width"], content["height"]) == ("frame", 96, 64)
    assert jpeg == (viewer.session.folder / "frames" / "00003.jpg").read_bytes()
    content, (jpeg,) = viewer.answer(viewer.send("frame", frame=3, max_width=41))
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (content["height"], content["width"], 3)
    assert content["width"] == 41
    assert number_of(picture[..., ::-1]) == 3


def test_lanes_come_as_deflated_planes_and_then_as_what_changed(viewer: Viewer) -> None:
    viewer.session.add_point(3, 20, 20)
    viewer.session.set_mask(6, np.ones((64, 96), bool), instance=2, region="shaft")
    viewer.session.add_keypoint(4, 20, 20)
    content, buffers = viewer.answer(viewer.send("lanes", since=0))
    assert (content["length"], content["ranges"]) == (10, [(0, 10)])
    assert content["scopes"] == [
        {"instance": 1, "region": "overall", "buffer": 0},
        {"instance": 2, "region": "shaft", "buffer": 1},
    ]
    assert content["keypoints"] == [{"instance": 1, "buffer": 2}]
    first, second, counts = (np.frombuffer(zlib.decompress(b), np.uint8) for b in buffers)
    flags, suspicion, cause, score, area = first.reshape(5, 10).tolist()
    assert flags == [0, 0, 0, 0b1_0_001, 0, 0, 0, 0, 0, 0]
    assert suspicion == cause == [0] * 10
    assert score == [0, 0, 0, 1 + round(254 / (1 + np.exp(-5 / 4))), 0, 0, 0, 0, 0, 0]
    assert area == [0, 0, 0, 255, 0, 0, 0, 0, 0, 0]
    assert second.reshape(5, 10)[0, 6] == 0b1000_0_011
    assert counts.tolist() == [0, 0, 0, 0, 1, 0, 0, 0, 0, 0]

    since = content["revision"]
    viewer.session.add_point(8, 20, 20, 0)
    content, buffers = viewer.answer(viewer.send("lanes", since=since))
    assert content["ranges"] == [(8, 9)]
    assert [len(zlib.decompress(buffer)) for buffer in buffers] == [5, 5, 1]
    assert zlib.decompress(buffers[0])[0] == 0b10_0_001


@pytest.mark.parametrize("frame", [-1, 10, 10**12])
@pytest.mark.parametrize("kind", ["frame", "add_point"])
def test_a_frame_that_does_not_exist_is_refused(viewer: Viewer, kind: str, frame: int) -> None:
    number = viewer.click(frame)
    if kind == "frame":
        number = viewer.send("frame", frame=frame, max_width=500)
    content, _ = viewer.answer(number)
    assert content["kind"] == "error"
    assert f"There is no frame {frame}" in content["message"]


def test_times_come_as_float64(viewer: Viewer) -> None:
    content, (buffer,) = viewer.answer(viewer.send("times"))
    assert content["count"] == 10
    assert np.frombuffer(buffer, "<f8").tolist() == viewer.session.video.times.tolist()


def test_an_overlay_holds_all_scopes_of_its_frame(viewer: Viewer) -> None:
    viewer.session.add_points(2, [(20, 20, 1), (30.5, 20, 0)])
    mask = viewer.session.add_point(2, 60, 40, instance=2, region="shaft")
    viewer.session.add_point(3, 60, 40)
    content, buffers = viewer.answer(viewer.send("overlay", frame=2))
    assert [(item["instance"], item["region"]) for item in content["masks"]] == [
        (1, "overall"), (2, "shaft"),
    ]  # fmt: skip
    assert [(p["instance"], p["index"], p["x"], p["label"]) for p in content["points"]] == [
        (1, 0, 20, 1), (1, 1, 30.5, 0), (2, 0, 60, 1),
    ]  # fmt: skip
    assert np.array_equal(unpacked(content["masks"][1], buffers), mask)
    assert content["masks"][0]["color"] != content["masks"][1]["color"]


def unpacked(item: dict[str, Any], buffers: list[bytes]) -> np.ndarray:
    packed = PackedMask(
        item["x"], item["y"], item["width"], item["height"], buffers[item["buffer"]]
    )
    mask = np.zeros((64, 96), dtype=bool)
    rows = np.frombuffer(zlib.decompress(packed.data), np.uint8).reshape(packed.height, -1)
    bits = np.unpackbits(rows, axis=1)[:, : packed.width].astype(bool)
    mask[packed.y : packed.y + packed.height, packed.x : packed.x + packed.width] = bits
    return mask


def test_what_a_click_was_answered_with_is_up_to_date_once_it_is_saved(viewer: Viewer) -> None:
    content, _ = viewer.answer(viewer.click(4, 30.25, 20))
    viewer.session.live.worker.run(lambda: None)
    assert not viewer.session.live.unsaved
    assert viewer.session.live.changes.since(content["revision"]) == []


def test_a_frame_brings_its_overlay_when_asked_to(viewer: Viewer) -> None:
    mask = viewer.session.add_point(2, 20, 20)
    content, (jpeg, *buffers) = viewer.answer(
        viewer.send("frame", frame=2, max_width=500, overlay=True)
    )
    assert jpeg == (viewer.session.folder / "frames" / "00002.jpg").read_bytes()
    assert content["overlay"]["frame"] == 2
    assert np.array_equal(unpacked(content["overlay"]["masks"][0], buffers), mask)


def test_a_click_is_answered_with_its_overlay(viewer: Viewer) -> None:
    content, buffers = viewer.answer(viewer.click(4, 30.25, 20))
    assert (content["kind"], content["frame"]) == ("overlay", 4)
    assert content["points"][0]["x"] == 30.25
    assert content["masks"][0]["source"] == "click"
    mask = viewer.session.masks[1, "overall"][4]
    assert mask.any()
    assert np.array_equal(unpacked(content["masks"][0], buffers), mask)


def test_a_click_is_answered_once_its_prompts_are_saved_and_before_its_mask_is(
    session: Session,
) -> None:
    seen: list[tuple[bool, bool, bool]] = []
    folder = session.folder / "instance1"

    def send(content: dict[str, Any], _buffers: list[bytes]) -> None:
        points = (folder / "points_overall.json").is_file()
        png = (folder / "masks_overall" / "00000.png").is_file()
        seen.append((points, png, session.live.unsaved > 0))

    Viewer(session)
    responder = Responder(session, send)
    responder.receive(
        {"id": 1, "view": "v", "kind": "add_point", "frame": 0, "instance": 1, "region": "overall",
         "x": 20, "y": 20, "label": 1}
    )  # fmt: skip
    session.live.worker.run(lambda: None)
    assert seen == [(True, False, True)]
    assert (folder / "masks_overall" / "00000.png").is_file()
    assert session.live.unsaved == 0


def test_undo_and_redo_are_answered_with_the_overlay_of_their_frame(viewer: Viewer) -> None:
    viewer.session.add_point(4, 20, 20, region="shaft")
    undone = viewer.ask("undo")
    assert (undone["kind"], undone["frame"], undone["masks"]) == ("overlay", 4, [])
    assert undone["step"] == {
        "text": "Undone: positive point, frame 4, instance 1, shaft",
        "frame": 4, "instance": 1, "region": "shaft",
    }  # fmt: skip
    redone = viewer.ask("redo")
    assert redone["step"]["text"].startswith("Redone: positive point")
    assert len(redone["masks"]) == 1


@pytest.mark.parametrize("kind", ["undo", "redo"])
def test_nothing_to_undo_is_said(viewer: Viewer, kind: str) -> None:
    assert viewer.ask(kind)["message"] == f"There is nothing to {kind}."


def test_track_is_answered_when_it_has_begun_and_cancel_ends_it(tmp_path: Path) -> None:
    engine = GatedEngine()
    with open_project(tmp_path, engine=engine) as session:
        viewer = Viewer(session)
        session.add_point(0, 20, 20)
        assert viewer.ask("track")["kind"] == "done"
        job = session.job
        assert job is not None
        state = viewer.ask("hello")
        assert state["job"] == {
            "text": "Tracking instance 1, overall", "done": 0, "total": 9, "seconds_left": None,
        }  # fmt: skip
        assert engine.arrived()
        assert viewer.ask("cancel")["kind"] == "done"
        engine.open_gate()
        assert job.wait(PATIENCE)
        assert list(job) == [1]
        until(session, lambda: session.job is None)
        assert viewer.ask("hello")["job"] is None


def test_track_takes_what_session_track_takes(viewer: Viewer) -> None:
    viewer.session.add_point(3, 20, 20)
    viewer.session.add_point(3, 20, 20, region="shaft")
    viewer.ask("track", scopes=[[1, "shaft"]], start=1, stop=3, direction="backward", force=True)
    until(viewer.session, lambda: viewer.session.job is None)
    assert viewer.session.masks[1, "shaft"].frames.tolist() == [1, 2, 3]
    assert viewer.session.masks[1, "overall"].frames.tolist() == [3]


# -- errors -----------------------------------------------------------------------------------


def test_an_error_is_answered_with_its_sentence(viewer: Viewer) -> None:
    assert "lies outside the frame" in viewer.answer(viewer.click(x=96))[0]["message"]
    assert "There is no region" in viewer.answer(viewer.click(region="nose"))[0]["message"]
    assert "nothing to track" in viewer.ask("track")["message"]
    assert viewer.session.scopes == []


def test_what_is_no_request_is_answered_where_it_says_who_asks(viewer: Viewer) -> None:
    assert "Unknown request 'dance'" in viewer.ask("dance")["message"]
    assert "GetFrame.frame" in viewer.ask("frame", frame="x", max_width=1)["message"]
    viewer.responder.receive("nonsense")
    viewer.responder.receive({"kind": "ping"})
    assert len(viewer.answers) == 2


def test_requests_to_a_closed_session_are_answered(tmp_path: Path) -> None:
    session = open_project(tmp_path)
    viewer = Viewer(session)
    session.close()
    for number in (viewer.click(), viewer.send("undo"), viewer.send("hello")):
        assert "open the video again" in viewer.answer(number)[0]["message"]


def test_a_click_whose_mask_cannot_be_saved_is_answered_once_and_the_user_is_told(
    viewer: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer.ask("hello")
    with full_disk(monkeypatch, "*.png*"):
        number = viewer.click()
        assert viewer.answer(number)[0]["kind"] == "overlay"
        until(viewer.session, lambda: bool(viewer.session.live.notices))
    assert len(viewer.to(number)) == 1
    state = viewer.ask("hello")
    assert "The disk is full" in state["notices"][-1]["text"]
    assert (state["scopes"], state["saved"], state["undo"]) == ([], True, None)


def test_a_click_whose_prompts_cannot_be_saved_is_answered_with_the_error(
    viewer: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with full_disk(monkeypatch, "points_*"):
        assert "The disk is full" in viewer.answer(viewer.click())[0]["message"]
    assert viewer.session.live.notices == []


def test_a_browser_that_cannot_be_reached_keeps_no_click_from_being_saved(
    session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    def send(_content: dict[str, Any], _buffers: list[bytes]) -> None:
        raise RuntimeError("the channel is gone")

    Responder(session, send).receive(
        {"id": 1, "view": "v", "kind": "add_point", "frame": 0, "instance": 1, "region": "overall",
         "x": 20, "y": 20, "label": 1}
    )  # fmt: skip
    session.live.worker.run(lambda: None)
    assert (session.folder / "instance1" / "masks_overall" / "00000.png").is_file()
    assert session.undo() == "positive point"
    assert "could not be sent" in caplog.text


def test_a_frame_that_is_still_to_come_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = gated(open_source(numbered_frames(10)))
    monkeypatch.setattr("sam2_widget.session.open_source", lambda _video: source)
    with Session("slow", name="slow", output_dir=tmp_path, model=GatedEngine()) as session:
        viewer = Viewer(session)
        source.gate.release(2)
        session.video.wait_for(1)
        answer = viewer.ask("frame", frame=5, max_width=100)
        assert (answer["kind"], answer["frame"], answer["ready"]) == ("not_ready", 5, 2)
        assert "There is no frame -1" in viewer.ask("frame", frame=-1, max_width=9)["message"]
        assert "not extracted yet" in viewer.answer(viewer.click(5))[0]["message"]
        assert viewer.answer(viewer.click(1))[0]["kind"] == "overlay"
        source.gate.release(20)


# -- editing ----------------------------------------------------------------------------------


def test_points_boxes_and_scopes_are_edited_by_messages(viewer: Viewer) -> None:
    where = {"frame": 0, "instance": 1, "region": "overall"}
    viewer.ask("add_point", **where, x=20, y=20, label=1)
    moved = viewer.ask("move_point", **where, index=0, x=30, y=25)
    assert [(p["x"], p["y"]) for p in moved["points"]] == [(30, 25)]
    assert viewer.ask("remove_point", **where, index=0)["points"] == []
    boxed = viewer.ask("set_box", **where, x0=5, y0=6, x1=40, y1=50)
    assert [(b["x0"], b["y1"]) for b in boxed["boxes"]] == [(5, 50)]
    assert len(boxed["masks"]) == 1
    cleared = viewer.ask("clear_frame", **where)
    assert cleared["masks"] == cleared["boxes"] == []
    viewer.ask("add_point", **where, x=20, y=20, label=1)
    assert viewer.ask("delete_scope", instance=1, region="overall")["kind"] == "done"
    assert viewer.session.scopes == []
    assert viewer.ask("undo")["step"]["frame"] is None
    assert viewer.session.scopes == [(1, "overall")]
    assert viewer.ask("add_region", region="tip")["kind"] == "done"
    assert viewer.session.regions[-1] == "tip"
    assert "upper and lower case" in viewer.ask("add_region", region="TIP")["message"]


def test_keypoints_are_edited_by_messages(viewer: Viewer) -> None:
    where = {"frame": 4, "instance": 2}
    added = viewer.ask("add_keypoint", **where, x=20, y=20, name=None)
    assert added["keypoints"] == [
        {"instance": 2, "name": "k1", "x": 20, "y": 20, "visible": True}
    ]  # fmt: skip
    moved = viewer.ask("move_keypoint", **where, name="k1", x=30, y=25.5)
    assert [(k["x"], k["y"]) for k in moved["keypoints"]] == [(30, 25.5)]
    hidden = viewer.ask("set_keypoint_visible", **where, name="k1", visible=False)
    assert not hidden["keypoints"][0]["visible"]
    where_next = {"frame": 6, "instance": 2}
    assert viewer.ask("copy_keypoints", **where_next)["keypoints"] == hidden["keypoints"]
    named = viewer.ask("add_keypoint", **where_next, x=1, y=1, name="<b>tip</b>")
    assert [k["name"] for k in named["keypoints"]] == ["<b>tip</b>", "k1"]
    removed = viewer.ask("remove_keypoint", **where_next, name="k1")
    assert [k["name"] for k in removed["keypoints"]] == ["<b>tip</b>"]
    assert viewer.ask("clear_keypoints", **where_next)["keypoints"] == []
    assert "it has none" in viewer.ask("remove_keypoint", **where_next, name="k1")["message"]
    undone = viewer.ask("undo")
    assert [k["name"] for k in undone["keypoints"]] == ["<b>tip</b>"]
    assert undone["step"] == {
        "text": "Undone: clearing of the keypoints, frame 6, instance 2",
        "frame": 6,
        "instance": 2,
        "region": "",
    }


def test_the_next_frame_without_keypoints_is_answered_with_its_overlay(viewer: Viewer) -> None:
    for frame in (1, 2, 3, 9):
        viewer.session.add_keypoint(frame, 20, 20, instance=2)
    viewer.session.add_keypoint(4, 30, 20, "of another")
    gap = viewer.ask("next_gap", frame=0, instance=2)
    assert (gap["frame"], [k["name"] for k in gap["keypoints"]]) == (4, ["of another"])
    assert viewer.ask("next_gap", frame=8, instance=2)["frame"] == 8
    assert "An instance is a number" in viewer.ask("next_gap", frame=0, instance=0)["message"]


def test_the_state_tells_names_and_skeleton(viewer: Viewer) -> None:
    viewer.session.add_keypoint(1, 20, 20, "tip")
    viewer.session.live.set_skeleton((("tip", "wrist"),))
    state = viewer.ask("hello")
    assert (state["keypoint_names"], state["skeleton"]) == (["tip"], [("tip", "wrist")])


# -- pushes -----------------------------------------------------------------------------------


def test_nothing_is_pushed_without_a_listen(viewer: Viewer) -> None:
    viewer.ask("hello")
    viewer.session.add_point(0, 20, 20)
    tell_all(viewer.session)
    assert len(viewer.answers) == 1


def test_a_listen_is_good_for_one_push(viewer: Viewer) -> None:
    revision = viewer.ask("hello")["revision"]
    number = viewer.send("listen", since=revision)
    viewer.session.add_point(3, 20, 20)
    viewer.session.track().wait()
    tell_all(viewer.session)
    (pushed,) = viewer.to(number)
    assert pushed[0]["kind"] == "state"
    assert pushed[0]["revision"] > revision
    # What the push has seen of the track that began meanwhile is a matter of luck.
    assert any(start <= 3 < stop for start, stop in pushed[0]["changed"])
    assert len(viewer.answers) == 2


def test_a_listen_is_answered_at_once_when_something_has_changed_since(viewer: Viewer) -> None:
    revision = viewer.ask("hello")["revision"]
    viewer.session.add_point(3, 20, 20)
    assert viewer.ask("listen", since=revision)["undo"] == "positive point"


def test_a_second_listen_takes_the_place_of_the_first_and_both_are_answered(
    viewer: Viewer,
) -> None:
    tell_all(viewer.session)
    revision = viewer.ask("hello")["revision"]
    first, second = (viewer.send("listen", since=revision) for _ in range(2))
    assert viewer.answer(first)[0]["kind"] == "state"
    assert viewer.to(second) == []
    viewer.session.add_point(3, 20, 20)
    assert viewer.answer(second)[0]["revision"] > revision
    tell_all(viewer.session)
    assert (len(viewer.to(first)), len(viewer.to(second))) == (1, 1)


def test_every_view_has_its_own_credit(viewer: Viewer) -> None:
    for view in ("a", "b", "c"):
        revision = viewer.ask("hello", view)["revision"]
    numbers = {view: viewer.send("listen", view, since=revision) for view in ("a", "b")}
    viewer.session.add_point(3, 20, 20)
    for view, number in numbers.items():
        assert viewer.answer(number)[0]["view"] == view
    tell_all(viewer.session)
    assert len(viewer.answers) == 3 + 2


def test_bye_stops_listening(viewer: Viewer) -> None:
    revision = viewer.ask("hello")["revision"]
    viewer.ask("hello", "other")
    number = viewer.send("listen", since=revision)
    viewer.ask("bye")
    assert viewer.session.live.dispatcher.listeners == 1
    viewer.ask("bye", "other")
    assert viewer.session.live.dispatcher.listeners == 0
    viewer.session.add_point(0, 20, 20)
    assert viewer.to(number) == []
    viewer.ask("hello", "again")
    assert viewer.session.live.dispatcher.listeners == 1


def test_views_that_come_and_go_on_two_threads_leave_the_last_one_listening(
    viewer: Viewer,
) -> None:
    together = threading.Barrier(2)

    def come_and_go(name: str) -> None:
        for number in range(100):
            view = f"{name}{number}"
            viewer.ask("hello", view)
            together.wait(PATIENCE)
            viewer.ask("bye", view)

    def come_and_stay() -> None:
        for number in range(100):
            together.wait(PATIENCE)
            viewer.ask("hello", "stays")
            if viewer.session.live.dispatcher.listeners != 1:
                deaf.append(number)

    deaf: list[int] = []
    threads = [
        threading.Thread(target=come_and_go, args=("v",)),
        threading.Thread(target=come_and_stay),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert deaf == []
    number = viewer.send("listen", "stays", since=viewer.session.live.changes.revision)
    viewer.session.add_point(0, 20, 20)
    assert viewer.answer(number)[0]["kind"] == "state"


def test_two_threads_at_once_get_every_request_answered_exactly_once(viewer: Viewer) -> None:
    viewer.ask("hello")
    numbers: list[int] = []

    def work(instance: int) -> None:
        for frame in range(10):
            numbers.append(viewer.click(frame, instance=instance))
            numbers.append(viewer.send("frame", frame=frame, max_width=50))
            numbers.append(viewer.send("overlay", frame=frame))
            numbers.append(viewer.send("ping"))

    threads = [threading.Thread(target=work, args=(instance,)) for instance in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    for number in numbers:
        assert viewer.answer(number)[0]["kind"] != "error"
    tell_all(viewer.session)
    assert len(viewer.answers) == len(numbers) + 1 == 81
    for instance in (1, 2):
        assert viewer.session.masks[instance, "overall"].frames.tolist() == list(range(10))


def test_a_closed_responder_pushes_nothing(viewer: Viewer) -> None:
    revision = viewer.ask("hello")["revision"]
    number = viewer.send("listen", since=revision)
    viewer.responder.close()
    viewer.session.add_point(0, 20, 20)
    tell_all(viewer.session)
    assert viewer.to(number) == []
