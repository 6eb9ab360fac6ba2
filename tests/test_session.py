"""The public API on real files, with an engine that needs no model, and a little with nano."""

from __future__ import annotations

import threading
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sam2_widget.engines.fake import FakeEngine
from sam2_widget.errors import (
    ClosedError,
    FrameIndexError,
    ProjectError,
    PromptError,
    UnknownRegionError,
)
from sam2_widget.sample import SAMPLE_CLICKS, sample_clip, sample_masks
from sam2_widget.session import Session
from sam2_widget.sources import open_source
from tests.clips import gated, numbered_frames
from tests.projects import PATIENCE, files, open_project, tell_all, truncated_clip, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sam2_widget.events import Change


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with open_project(tmp_path) as session:
        yield session


SlowVideo = tuple[Session, threading.Semaphore]


@pytest.fixture
def slow_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowVideo]:
    """Open a video of ten frames, each of which comes when the gate is released."""
    source = gated(open_source(numbered_frames(10)))
    monkeypatch.setattr("sam2_widget.session.open_source", lambda _video: source)
    with Session("slow", name="slow", output_dir=tmp_path, model=FakeEngine()) as session:
        yield session, source.gate
        source.gate.release(20)


def disc(x: float, y: float, radius: float = 12.0) -> np.ndarray:
    yy, xx = np.mgrid[0:64, 0:96] + 0.5
    return (xx - x) ** 2 + (yy - y) ** 2 <= radius**2


# -- prompts ----------------------------------------------------------------------------------


def test_a_point_gives_the_mask_that_is_on_disk(session: Session) -> None:
    mask = session.add_point(0, 40, 30)
    assert mask.dtype == bool
    assert np.array_equal(mask, disc(40, 30))
    assert np.array_equal(session.masks[1, "overall"][0], mask)
    assert (session.folder / "instance1" / "masks_overall" / "00000.png").is_file()


def test_the_mask_a_point_returns_is_the_callers_own(session: Session) -> None:
    session.add_point(0, 40, 30)[:] = True
    assert np.array_equal(session.masks[1, "overall"][0], disc(40, 30))


def test_points_keep_their_order_and_labels(session: Session) -> None:
    session.add_points(3, [(40, 30, 1), (50.126, 30.5, 0)])
    session.add_point(3, 10, 11)
    expected = [[40, 30, 1], [50.13, 30.5, 0], [10, 11, 1]]
    assert session.points[1, "overall"].keys() == {3}
    assert session.points[1, "overall"][3].dtype == np.float64
    assert session.points[1, "overall"][3].tolist() == expected


def test_points_given_together_are_one_step_of_undo(session: Session) -> None:
    session.add_points(0, np.array([[40, 30, 1], [50, 30, 1]]))
    assert session.undo() == "points"
    assert session.points[1, "overall"] == {}


def test_no_points_change_nothing(session: Session) -> None:
    before = files(session.folder)
    assert not session.add_points(0, []).any()
    assert files(session.folder) == before
    assert session.undo() is None


def test_scopes_do_not_touch_each_other(session: Session) -> None:
    session.add_point(0, 20, 20)
    session.add_point(0, 60, 40, instance=2, region="shaft")
    session.add_point(0, 30, 40, region="shaft")
    session.clear_frame(0, region="shaft")
    assert session.scopes == [(1, "overall"), (2, "shaft")]
    assert np.array_equal(session.masks[1, "overall"][0], disc(20, 20))
    assert np.array_equal(session.masks[2, "shaft"][0], disc(60, 40))


def test_a_point_can_be_moved_and_removed(session: Session) -> None:
    session.add_points(0, [(20, 20, 1), (60, 40, 1)])
    assert np.array_equal(session.move_point(0, 0, 30, 20), disc(30, 20) | disc(60, 40))
    assert np.array_equal(session.remove_point(0, 1), disc(30, 20))
    assert session.points[1, "overall"][0].tolist() == [[30, 20, 1]]


def test_removing_the_last_point_leaves_a_gap(session: Session) -> None:
    session.add_point(4, 20, 20)
    assert not session.remove_point(4, 0).any()
    assert session.masks[1, "overall"].frames.tolist() == []
    assert session.scopes == []
    assert not list(session.folder.glob("instance*/*/*.png"))


@pytest.mark.parametrize("index", [-1, 1, 7])
def test_a_point_that_is_not_there_is_neither_moved_nor_removed(
    session: Session, index: int
) -> None:
    session.add_point(0, 20, 20)
    for act in (lambda: session.move_point(0, index, 1, 1), lambda: session.remove_point(0, index)):
        with pytest.raises(PromptError, match=f"no point {index} on frame 0"):
            act()
    assert session.points[1, "overall"][0].tolist() == [[20, 20, 1]]


def test_a_box_takes_the_place_of_earlier_prompts_and_points_refine_it(session: Session) -> None:
    session.add_point(0, 80, 50)
    box = session.set_box(0, (10, 10, 40, 30))
    assert box.sum() == 30 * 20
    assert session.points[1, "overall"] == {}
    refined = session.add_point(0, 60, 20)
    assert np.array_equal(refined, box | disc(60, 20))
    assert np.array_equal(session.clear_box(0), disc(60, 20))


def test_clearing_a_box_that_is_not_there_changes_nothing(session: Session) -> None:
    session.add_point(0, 20, 20)
    assert np.array_equal(session.clear_box(0), disc(20, 20))
    assert session.undo() == "positive point"


def test_clearing_an_empty_frame_is_no_step(session: Session) -> None:
    session.clear_frame(0)
    assert session.undo() is None


@pytest.mark.parametrize("label", [0.5, 2, -1, float("nan")])
def test_a_label_is_0_or_1_and_nothing_is_rounded_to_it(session: Session, label: float) -> None:
    with pytest.raises(PromptError, match="label"):
        session.add_point(0, 20, 20, label)  # type: ignore[arg-type]
    assert session.scopes == []


def test_numpy_numbers_are_taken(session: Session) -> None:
    session.add_point(np.int64(2), np.float32(20), np.float64(20), np.int8(1), np.int16(3))
    assert session.points[3, "overall"].keys() == {2}
    assert np.array_equal(session.masks[np.int64(3), "overall"][np.int32(2)], disc(20, 20))


def test_numpy_numbers_say_how_frames_are_taken(tmp_path: Path) -> None:
    step, side = np.int64(3), np.int32(48)
    with open_project(tmp_path, frame_step=step, max_side=side) as session:
        assert len(session.video) == 4
        assert session.video.width == 48
    with open_project(tmp_path, frame_step=3, max_side=48) as session:
        assert not session.read_only


def test_negative_frames_count_from_the_end(session: Session) -> None:
    session.add_point(-1, 20, 20)
    session.add_point(-10, 20, 20)
    assert sorted(session.points[1, "overall"]) == [0, 9]


@pytest.mark.parametrize("frame", [-11, -12, -20, -21, 10, 10**9])
def test_a_frame_outside_the_video_is_refused(session: Session, frame: int) -> None:
    with pytest.raises(FrameIndexError, match=f"{frame}\\b"):
        session.add_point(frame, 20, 20)
    assert session.scopes == []


def test_negative_frames_count_from_the_real_end_of_a_truncated_video(tmp_path: Path) -> None:
    cut = truncated_clip(tmp_path / "cut.mp4")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Session(cut, output_dir=tmp_path, model=FakeEngine()) as session:
            session.add_point(-1, 20, 20)
            last = len(session.video) - 1
            assert 2 < last < 18
            assert list(session.points[1, "overall"]) == [last]


# -- views ------------------------------------------------------------------------------------


def test_a_known_region_with_nothing_in_it_is_empty(session: Session) -> None:
    assert session.points[7, "wrist"] == {}
    track = session.masks[7, "wrist"]
    assert track.shape == (10, 64, 96)
    assert track.frames.size == 0
    assert not track[3].any()
    assert (7, "wrist") not in session.masks
    assert dict(session.masks) == {}


@pytest.mark.parametrize("view", ["masks", "points"])
def test_an_unknown_region_is_a_key_error_that_lists_the_regions(
    session: Session, view: str
) -> None:
    with pytest.raises(KeyError, match="overall, shaft, wrist, gripper") as caught:
        getattr(session, view)[1, "nose"]
    assert "'nose'" in str(caught.value)


@pytest.mark.parametrize("key", ["overall", 1, (1,), (0, "overall"), (True, "overall"), (1, 2)])
def test_a_key_that_is_no_scope_is_a_key_error(session: Session, key: object) -> None:
    with pytest.raises(UnknownRegionError):
        session.masks[key]
    assert session.masks.get(key) is None


def test_views_are_mappings_of_the_scopes_that_hold_anything(session: Session) -> None:
    session.add_point(0, 20, 20)
    session.add_point(0, 20, 20, instance=2, region="wrist")
    assert list(session.masks) == list(session.points) == [(1, "overall"), (2, "wrist")]
    assert (2, "wrist") in session.points
    assert len(session.masks) == 2
    assert repr(session.points) == "<Points of [(1, 'overall'), (2, 'wrist')]>"


def test_the_table_has_one_row_per_mask(session: Session) -> None:
    session.add_point(1, 20, 20)
    session.add_point(1, 30, 30, instance=2)
    session.track([(1, "overall")], stop=4).wait()
    table = session.to_dataframe()
    assert list(table.columns) == [
        "frame", "time", "instance", "region", "area", "x0", "y0", "x1", "y1",
        "centroid_x", "centroid_y", "score", "source", "stale", "model",
        "area_change", "centroid_jump", "suspicion", "cause", "run",
    ]  # fmt: skip
    assert table[["frame", "instance"]].to_numpy().tolist() == [
        [0, 1], [1, 1], [1, 2], [2, 1], [3, 1],
    ]  # fmt: skip
    row = table.iloc[1]
    assert row["area"] == disc(20, 20).sum()
    assert (row["x0"], row["y0"], row["x1"], row["y1"]) == (8, 8, 32, 32)
    assert (row["centroid_x"], row["centroid_y"]) == (20, 20)
    assert row["time"] == pytest.approx(session.video.times[1])
    assert table["source"].tolist() == ["track", "click", "click", "track", "track"]
    assert not table["stale"].any()
    assert set(table["model"]) == {"fake"}


def test_suspects_are_where_the_track_was_lost(session: Session) -> None:
    assert session.suspects() == []
    session.add_point(0, 20, 20)
    session.track().wait()
    assert session.suspects() == []
    engine = session.live.engine
    assert isinstance(engine, FakeEngine)
    engine.radius = 3
    session.track(start=6, force=True).wait()
    assert session.suspects() == session.suspects(1, "overall") == [6]
    assert session.suspects(1, "shaft") == []
    row = session.to_dataframe().iloc[6]
    assert row["area_change"] == pytest.approx(np.log(disc(26, 20, 3).sum() / disc(25, 20).sum()))
    assert row["centroid_jump"] == pytest.approx(1 / np.sqrt(disc(25, 20).sum()), rel=0.01)
    assert row["suspicion"] > 0.7
    assert row["cause"] == "area"
    assert session.to_dataframe()["suspicion"].drop(6).max() < 0.3


@pytest.mark.parametrize("threshold", [0, -1, 1.1, float("nan")])
def test_a_threshold_that_makes_no_sense_is_refused(session: Session, threshold: float) -> None:
    with pytest.raises(PromptError, match="above 0 and at most 1"):
        session.suspects(threshold=threshold)


def test_the_table_of_nothing_has_its_columns(session: Session) -> None:
    assert session.to_dataframe().shape == (0, 20)


def test_an_empty_mask_has_a_row_without_a_box(session: Session) -> None:
    session.add_point(0, 20, 20, label=0)
    row = session.to_dataframe().iloc[0]
    assert row["area"] == 0
    assert np.isnan(row["x0"])
    assert np.isnan(row["centroid_x"])
    assert session.masks[1, "overall"].frames.tolist() == [0]


# -- frames that are still to come ------------------------------------------------------------


def test_a_click_waits_for_its_frame_alone(slow_video: SlowVideo) -> None:
    session, gate = slow_video
    gate.release(3)
    session.add_point(2, 20, 20)
    assert session.video.ready == 3
    gate.release(1)
    session.add_point(3, 20, 20)
    assert not session.video.complete


def test_a_click_on_a_stored_frame_is_served_while_another_waits_for_its_frame(
    slow_video: SlowVideo,
) -> None:
    session, gate = slow_video
    gate.release(1)
    session.video.wait_for(0)
    late = threading.Thread(target=session.add_point, args=(9, 20, 20))
    late.start()
    session.add_point(0, 20, 20)
    assert session.masks[1, "overall"].frames.tolist() == [0]
    gate.release(9)
    late.join()
    assert session.masks[1, "overall"].frames.tolist() == [0, 9]


# -- listeners --------------------------------------------------------------------------------


def test_listeners_run_on_the_dispatchers_thread_and_may_call_the_session(
    session: Session,
) -> None:
    seen: list[tuple[str, int]] = []

    def hear(change: Change) -> None:
        if change.kind == "prompts":
            mask = session.add_point(5, 20, 20, instance=2) if change.frames == (0,) else None
            seen.append((threading.current_thread().name, 0 if mask is None else int(mask.sum())))

    session.on_change(hear)
    session.add_point(0, 20, 20)
    until(session, lambda: len(seen) == 2)
    assert seen == [("sam2-widget-events", disc(20, 20).sum()), ("sam2-widget-events", 0)]


def test_a_listener_may_close_the_session(tmp_path: Path) -> None:
    session, closed = open_project(tmp_path), threading.Event()

    def hear(change: Change) -> None:
        session.close()
        closed.set()

    session.on_change(hear)
    session.add_point(0, 20, 20)
    assert closed.wait(PATIENCE)
    with open_project(tmp_path) as again:
        assert not again.read_only


def test_a_listener_that_fails_harms_nobody(
    session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Change] = []
    session.on_change(lambda _change: 1 / 0)
    session.on_change(heard.append)
    session.add_point(0, 20, 20)
    tell_all(session)
    assert "prompts" in [change.kind for change in heard]
    assert "A listener of a session failed" in caplog.text


def test_a_listener_that_stopped_hears_nothing(session: Session) -> None:
    heard: list[Change] = []
    session.on_change(heard.append)()
    session.add_point(0, 20, 20)
    tell_all(session)
    assert heard == []


def test_progress_is_told_up_to_the_end(session: Session) -> None:
    progress: list[tuple[int, int]] = []
    session.on_progress(lambda job: progress.append(job.progress[:2]))
    session.add_point(0, 20, 20)
    session.track().wait()
    tell_all(session)
    assert progress[-1] == (9, 9)
    assert progress == sorted(progress)


def test_notices_have_ids_that_grow(session: Session) -> None:
    for number in range(30):
        session.live.notify("info", f"line {number}")
    ids = [notice.id for notice in session.live.notices]
    assert ids == list(range(11, 31))


# -- the end ----------------------------------------------------------------------------------


def test_a_closed_session_refuses_and_says_so(tmp_path: Path) -> None:
    session = open_project(tmp_path)
    session.add_point(0, 20, 20)
    session.close()
    session.close()
    assert session.closed
    for act in (
        lambda: session.add_point(0, 20, 20), session.undo, session.track, lambda: session.video,
        lambda: session.on_change(print), session.cancel,
    ):  # fmt: skip
        with pytest.raises(ClosedError, match="open the video again"):
            act()
    assert repr(session) == "<Session clip: closed>"


def test_what_was_annotated_is_there_after_reopening(tmp_path: Path) -> None:
    with open_project(tmp_path) as session:
        session.add_points(0, [(20, 20, 1), (30, 20, 0)])
        session.set_box(5, (10, 10, 40, 30), instance=2, region="shaft")
        session.track().wait()
        before = session.to_dataframe()
        masks = np.asarray(session.masks[1, "overall"])
    engine = FakeEngine()
    with open_project(tmp_path, engine=engine) as session:
        assert session.to_dataframe().equals(before)
        assert np.array_equal(session.masks[1, "overall"], masks)
        assert session.points[1, "overall"][0].tolist() == [[20, 20, 1], [30, 20, 0]]
        session.live.worker.run(lambda: None)
    assert engine.calls == []


def test_a_mask_that_a_kill_prevented_is_made_again_on_opening(tmp_path: Path) -> None:
    with open_project(tmp_path) as session:
        session.add_point(2, 20, 20)
        png = session.folder / "instance1" / "masks_overall" / "00002.png"
    png.unlink()
    with open_project(tmp_path) as session:
        session.live.worker.run(lambda: None)
        assert np.array_equal(session.masks[1, "overall"][2], disc(20, 20))
        assert png.is_file()


def test_what_the_view_was_like_is_kept_as_far_as_it_fits(tmp_path: Path) -> None:
    with open_project(tmp_path) as session:
        session.ui = {"frame_index": 4, "instance": 2, "region": "wrist"}
    with open_project(tmp_path) as session:
        assert session.ui == {"frame_index": 4, "instance": 2, "region": "wrist"}
        session.ui = {"frame_index": 99, "instance": 0, "region": "nose"}
        assert session.ui == {}


def test_regions_of_ones_own_name_the_folders(tmp_path: Path) -> None:
    with open_project(tmp_path, regions=["left-hand", "right_hand"]) as session:
        session.add_point(0, 20, 20)
        assert session.regions == ("left-hand", "right_hand")
        assert session.scopes == [(1, "left-hand")]
    with open_project(tmp_path, regions=["right_hand", "tool"]) as session:
        assert session.regions == ("left-hand", "right_hand", "tool")
    with open_project(tmp_path) as session:
        assert session.regions == ("left-hand", "right_hand", "tool")


def test_a_project_of_a_newer_format_is_left_alone(tmp_path: Path) -> None:
    open_project(tmp_path).close()
    path = tmp_path / "clip" / "project.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    before = files(tmp_path / "clip")
    with pytest.raises(ProjectError, match="newer sam2-widget"):
        open_project(tmp_path)
    assert files(tmp_path / "clip") == before


# -- the packaged model -----------------------------------------------------------------------


def test_nano_finds_the_discs_of_the_sample_clip_and_tracks_one(tmp_path: Path) -> None:
    truth = sample_masks()["disc"]
    clip = sample_clip(tmp_path / "sample.mp4")
    with Session(clip, output_dir=tmp_path, model="nano", device="cpu", frame_step=6) as session:
        mask = session.add_point(0, *SAMPLE_CLICKS["disc"])
        assert iou(mask, truth[0]) > 0.8
        job = session.track(stop=4)
        assert list(job) == [1, 2, 3]
        assert iou(session.masks[1, "overall"][3], truth[18]) > 0.7
        assert set(session.to_dataframe()["model"]) == {"nano"}


def test_a_correction_that_was_undone_and_redone_gives_nano_the_same_masks(tmp_path: Path) -> None:
    clip = sample_clip(tmp_path / "sample.mp4")
    x, y = SAMPLE_CLICKS["disc"]

    def annotate(name: str, detour: bool) -> np.ndarray:
        with Session(
            clip, name=name, output_dir=tmp_path, model="nano", device="cpu", frame_step=20
        ) as session:
            session.add_point(0, x, y)
            session.track().wait()
            session.add_point(1, x + 60, y, 0)
            if detour:
                session.undo()
                session.redo()
            return session.add_point(1, x + 100, y + 12)

    assert np.array_equal(annotate("straight", detour=False), annotate("detour", detour=True))


def test_points_loaded_over_a_correction_give_nano_s_mask_of_these_points(tmp_path: Path) -> None:
    clip = sample_clip(tmp_path / "sample.mp4")
    x, y = SAMPLE_CLICKS["disc"]
    given = {"region": "overall", "instance_id": 1, "video_id": "sample"}
    told = [(0, x, y), (1, x + 100, y + 12)]
    given["prompts"] = [{"frame_index": f, "x": x, "y": y, "label": 1} for f, x, y in told]

    def load(name: str, corrected: bool) -> np.ndarray:
        with Session(
            clip, name=name, output_dir=tmp_path, model="nano", device="cpu", frame_step=20
        ) as session:
            if corrected:
                session.add_point(0, x, y)
                session.track().wait()
                session.add_point(1, x + 60, y, 0)
            session.load(given)
            return session.masks[1, "overall"][1]

    assert np.array_equal(load("fresh", corrected=False), load("corrected", corrected=True))


def iou(mask: np.ndarray, truth: np.ndarray) -> float:
    return float((mask & truth).sum() / (mask | truth).sum())
