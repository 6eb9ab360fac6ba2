"""The widget's traits and messages in Python; its browser part has tests of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import traitlets
from IPython.display import display

from sam2_widget.annotator import Annotator
from sam2_widget.engines.fake import FakeEngine
from sam2_widget.errors import ClosedError, FrameIndexError, UnknownRegionError, VideoError
from sam2_widget.look import DEFAULT_LOOK
from tests.clips import numbered_frames
from tests.projects import PATIENCE, open_project, own_threads, settle, tell_all

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def annotator(folder: Path, **arguments: Any) -> Annotator:
    given = {"name": "clip", "output_dir": folder, "model": FakeEngine(), **arguments}
    widget = Annotator(numbered_frames(10), **given)
    widget.session.video.wait()
    settle(widget.session)
    return widget


@pytest.fixture
def ann(tmp_path: Path) -> Iterator[Annotator]:
    widget = annotator(tmp_path)
    yield widget
    widget.close()


@pytest.fixture
def sent(ann: Annotator, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, list[bytes]]]:
    """Return what the widget sends to the browser."""
    messages: list[tuple[Any, list[bytes]]] = []
    monkeypatch.setattr(ann, "send", lambda content, buffers: messages.append((content, buffers)))
    return messages


def test_the_traits_begin_at_the_first_frame_instance_and_region(ann: Annotator) -> None:
    assert (ann.frame_index, ann.instance, ann.region, ann.mode) == (0, 1, "overall", "segment")


def test_the_traits_can_be_observed_and_linked(ann: Annotator) -> None:
    class Slider(traitlets.HasTraits):
        value = traitlets.Int()

    seen: list[int] = []
    slider = Slider()
    ann.observe(lambda change: seen.append(change["new"]), "frame_index")
    traitlets.link((ann, "frame_index"), (slider, "value"))
    slider.value = 7
    assert ann.frame_index == 7
    ann.frame_index = 3
    assert slider.value == 3
    assert seen == [7, 3]


def test_callbacks_hear_of_changes_and_of_progress_until_they_are_ended(ann: Annotator) -> None:
    changes: list[tuple[str, tuple[int, ...]]] = []
    progress: list[tuple[int, int]] = []
    stop = ann.on_change(lambda change: changes.append((change.kind, change.frames)))
    ann.on_progress(lambda job: progress.append(job.progress[:2]))
    ann.session.add_point(2, 20, 20)
    ann.session.track().wait()
    tell_all(ann.session)
    assert ("prompts", (2,)) in changes
    assert progress[-1] == (9, 9)
    stop()
    heard = len(changes)
    ann.session.undo()
    tell_all(ann.session)
    assert len(changes) == heard


@pytest.mark.parametrize("frame", [-1, 10, 1000])
def test_a_frame_that_does_not_exist_is_refused(ann: Annotator, frame: int) -> None:
    ann.frame_index = 4
    with pytest.raises(FrameIndexError, match=f"no frame {frame}; the video has 10 frames, 0 to 9"):
        ann.frame_index = frame
    assert ann.frame_index == 4


def test_a_scope_that_does_not_exist_is_refused(ann: Annotator) -> None:
    with pytest.raises(UnknownRegionError, match="overall, shaft, wrist, gripper"):
        ann.region = "nose"
    with pytest.raises(traitlets.TraitError):
        ann.instance = 0
    with pytest.raises(traitlets.TraitError):
        ann.mode = "fly"
    assert (ann.instance, ann.region, ann.mode) == (1, "overall", "segment")


def test_what_was_looked_at_is_there_after_reopening(tmp_path: Path) -> None:
    first = annotator(tmp_path)
    first.frame_index, first.instance, first.region, first.mode = 5, 2, "wrist", "keypoint"
    first.close()
    saved = json.loads((tmp_path / "clip" / "ui.json").read_text())
    assert saved == {"frame_index": 5, "instance": 2, "region": "wrist", "mode": "keypoint"}
    again = annotator(tmp_path)
    assert (again.frame_index, again.instance, again.region) == (5, 2, "wrist")
    assert again.mode == "keypoint"
    again.close()


def test_what_was_hidden_is_hidden_after_reopening(tmp_path: Path) -> None:
    first = annotator(tmp_path)
    first.hidden = [[2, "wrist"], (1, "overall"), (1, "overall")]
    assert first.hidden == [(2, "wrist"), (1, "overall")]
    second = annotator(tmp_path, model="auto")
    assert second.hidden == first.hidden
    second.close()
    first.close()
    again = annotator(tmp_path)
    assert again.hidden == [(2, "wrist"), (1, "overall")]
    again.hidden = []
    again.close()
    assert "hidden" not in json.loads((tmp_path / "clip" / "ui.json").read_text())


def test_a_region_that_undo_takes_back_is_left(ann: Annotator) -> None:
    ann.session.add_region("tip")
    ann.region = "tip"
    ann.hidden = [(1, "tip"), (1, "shaft")]
    ann.session.undo()
    tell_all(ann.session)
    assert (ann.region, ann.hidden) == ("overall", [(1, "shaft")])
    ann.session.redo()
    tell_all(ann.session)
    assert ann.region == "overall"


@pytest.mark.parametrize(
    "saved",
    [5, "overall", {"1": "overall"}, [1, "overall"], [[1]], [[True, "overall"]], [[0, "overall"]],
     [[10**30, "overall"]], [["1", "overall"]], [[1, "nose"]], [[1, ["overall"]]], [None]],
)  # fmt: skip
def test_a_view_file_that_hides_nonsense_hides_nothing(tmp_path: Path, saved: object) -> None:
    annotator(tmp_path).close()
    (tmp_path / "clip" / "ui.json").write_text(json.dumps({"hidden": saved}))
    again = annotator(tmp_path)
    assert again.hidden == []
    again.close()


@pytest.mark.parametrize(
    ("hidden", "problem"),
    [
        ([(1, "nose")], "no region 'nose'; the regions are overall"),
        ([(0, "overall")], "a number from 1 on"),
        ([1], "Give instance and region"),
        ([(1, "overall", 2)], "Give instance and region"),
        ([("1", "overall")], "a number from 1 on"),
    ],
)
def test_hiding_what_is_no_scope_is_refused(
    ann: Annotator, hidden: list[Any], problem: str
) -> None:
    ann.hidden = [(1, "shaft")]
    with pytest.raises(UnknownRegionError, match=problem):
        ann.hidden = hidden
    assert ann.hidden == [(1, "shaft")]


def test_the_results_are_those_of_the_session(ann: Annotator) -> None:
    mask = ann.session.add_point(2, 20, 20)
    assert np.array_equal(ann.masks[1, "overall"][2], mask)
    assert ann.points[1, "overall"][2].tolist() == [[20, 20, 1]]
    assert ann.scopes == [(1, "overall")]
    ann.session.add_keypoint(2, 30, 20, "tip")
    assert ann.keypoints[1] == ann.session.keypoints[1]
    assert ann.keypoints.array(1)[1][2].tolist() == [[30, 20, 1]]
    assert ann.to_dataframe().equals(ann.session.to_dataframe())
    assert len(ann.video) == 10


def test_nothing_but_small_state_is_in_traits(ann: Annotator) -> None:
    ann.session.add_point(2, 20, 20)
    state = ann.get_state()
    own = {key: value for key, value in state.items() if not key.startswith("_")}
    own.pop("layout", None)
    own.pop("tabbable", None)
    own.pop("tooltip", None)
    assert own == {
        "frame_index": 0, "instance": 1, "region": "overall", "mode": "segment", "hidden": [],
        "look": DEFAULT_LOOK, "shortcuts": {},
    }  # fmt: skip


def test_show_displays_and_returns_nothing(ann: Annotator, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[object] = []
    monkeypatch.setattr("sam2_widget.annotator.display", shown.append)
    assert ann.show() is None  # type: ignore[func-returns-value]
    assert shown == [ann]
    assert callable(display)


def test_the_last_expression_of_a_cell_is_displayed_as_a_widget(ann: Annotator) -> None:
    bundle = ann._repr_mimebundle_()
    assert bundle is not None
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert "application/vnd.jupyter.widget-view+json" in data


def test_a_message_of_the_browser_is_answered(
    ann: Annotator, sent: list[tuple[Any, list[bytes]]]
) -> None:
    click = {
        "id": 5, "view": "v", "kind": "add_point", "frame": 0, "instance": 1, "region": "overall",
        "x": 20, "y": 20, "label": 1,
    }  # fmt: skip
    ann._handle_custom_msg(click, [])
    ann.session.live.worker.run(lambda: None)
    ((content, buffers),) = sent
    assert (content["id"], content["view"], content["kind"]) == (5, "v", "overlay")
    assert len(buffers) == 1
    assert ann.masks[1, "overall"][0].any()


def test_a_widget_without_a_channel_sends_nothing(tmp_path: Path) -> None:
    widget = annotator(tmp_path)
    channel, widget.comm = widget.comm, None
    widget._handle_custom_msg({"id": 1, "view": "v", "kind": "hello"}, [])
    widget.session.add_point(0, 20, 20)
    tell_all(widget.session)
    widget.comm = channel
    widget.close()
    assert own_threads() == []


def test_close_closes_the_session_it_made_and_stops_listening(tmp_path: Path) -> None:
    with open_project(tmp_path) as other:
        widget = annotator(tmp_path, model="auto")
        assert widget.session.live is other.live
        widget._handle_custom_msg({"id": 1, "view": "v", "kind": "hello"}, [])
        assert other.live.dispatcher.listeners == 1
        widget.close()
        widget.close()
        assert other.live.dispatcher.listeners == 0
        assert widget.session.closed
        with pytest.raises(ClosedError):
            widget.session.add_point(0, 20, 20)
        assert other.add_point(0, 20, 20).any()
    assert own_threads() == []


def test_two_annotators_on_one_clip_share_their_session(tmp_path: Path) -> None:
    first = annotator(tmp_path)
    second = annotator(tmp_path, model="auto")
    first.session.add_point(0, 20, 20)
    job = second.session.track()
    assert job.wait(PATIENCE)
    assert first.masks[1, "overall"].frames.tolist() == list(range(10))
    first.frame_index = 4
    assert second.frame_index == 0
    first.close()
    second.close()
    assert own_threads() == []


def test_a_video_that_cannot_be_opened_leaves_nothing_open(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="There is no file or folder"):
        Annotator(tmp_path / "gone.mp4", output_dir=tmp_path, model=FakeEngine())
    assert own_threads() == []
