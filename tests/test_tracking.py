"""Tracking: which frames a run does in which order, what is fresh and what is stale."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from sam2_widget.engines.fake import FakeEngine
from sam2_widget.errors import FrameIndexError, PromptError
from tests.projects import calls, open_project, tell_all
from tests.tracks import OVERALL, SHAFT, stepped, tracked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sam2_widget.session import Session


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def session(tmp_path: Path, engine: FakeEngine) -> Iterator[Session]:
    with open_project(tmp_path, engine=engine) as session:
        yield session


# -- what a run does --------------------------------------------------------------------------


def test_tracking_goes_forward_from_the_first_prompt_and_then_back(
    session: Session, engine: FakeEngine
) -> None:
    session.add_point(4, 40, 30)
    session.add_point(7, 40, 30)
    assert list(session.track()) == [5, 6, 8, 9, 3, 2, 1, 0]
    assert stepped(engine) == [5, 6, 8, 9, 3, 2, 1, 0]
    assert tracked(session) == [0, 1, 2, 3, 5, 6, 8, 9]
    assert not session.to_dataframe()["stale"].any()


@pytest.mark.parametrize(
    ("direction", "frames"), [("forward", [5, 6, 7, 8, 9]), ("backward", [3, 2, 1, 0])]
)
def test_a_direction_leaves_the_other_side_alone(
    session: Session, direction: str, frames: list[int]
) -> None:
    session.add_point(4, 40, 30)
    assert list(session.track(direction=direction)) == frames  # type: ignore[arg-type]
    assert tracked(session) == sorted(frames)


@pytest.mark.parametrize(
    ("start", "stop", "frames"),
    [
        (None, 6, [5, 3, 2, 1, 0]),
        (2, 6, [5, 3, 2]),
        (6, None, [6, 7, 8, 9]),
        (6, 7, [6]),
        (4, 5, []),
        (0, 10, [5, 6, 7, 8, 9, 3, 2, 1, 0]),
    ],
)
def test_start_is_inclusive_and_stop_exclusive(
    session: Session, start: int | None, stop: int | None, frames: list[int]
) -> None:
    session.add_point(4, 40, 30)
    assert list(session.track(start=start, stop=stop)) == frames


@pytest.mark.parametrize(("start", "stop"), [(-1, None), (10, None), (None, 11), (5, 5), (6, 4)])
def test_a_range_outside_the_video_is_refused(
    session: Session, start: int | None, stop: int | None
) -> None:
    session.add_point(4, 40, 30)
    with pytest.raises(FrameIndexError, match="0 <= start < stop <= 10"):
        session.track(start=start, stop=stop)
    assert session.job is None


def test_prompts_outside_the_range_still_count(session: Session) -> None:
    session.add_point(0, 20, 30)
    session.add_point(9, 60, 30)
    session.track(start=8, stop=9).wait()
    yy, xx = np.mgrid[0:64, 0:96] + 0.5
    expected = (xx - 59) ** 2 + (yy - 30) ** 2 <= 144
    assert np.array_equal(session.masks[OVERALL][8], expected)


def test_all_scopes_of_a_run_are_tracked_on_a_frame_before_the_next(
    session: Session, engine: FakeEngine
) -> None:
    session.add_point(0, 20, 20)
    session.add_point(2, 20, 20, region="shaft")
    assert list(session.track(stop=5)) == [1, 2, 3, 4, 1, 0]
    assert [call[1:] for call in calls(engine, "step")] == [
        (OVERALL, 1), (OVERALL, 2), (OVERALL, 3), (SHAFT, 3), (OVERALL, 4), (SHAFT, 4),
        (SHAFT, 1), (SHAFT, 0),
    ]  # fmt: skip


def test_only_the_scopes_asked_for_are_tracked(session: Session) -> None:
    session.add_point(0, 20, 20)
    session.add_point(0, 20, 20, region="shaft")
    session.track([SHAFT, SHAFT]).wait()
    assert tracked(session) == []
    assert tracked(session, SHAFT) == list(range(1, 10))


@pytest.mark.parametrize("scopes", [None, [], [SHAFT], [OVERALL, SHAFT]])
def test_there_must_be_something_to_track(
    session: Session, scopes: list[tuple[int, str]] | None
) -> None:
    if scopes and OVERALL in scopes:
        session.add_point(0, 20, 20)
    with pytest.raises(PromptError, match="nothing to track"):
        session.track(scopes)


def test_a_direction_that_is_none_is_refused(session: Session) -> None:
    session.add_point(0, 20, 20)
    with pytest.raises(PromptError, match="'sideways'"):
        session.track(direction="sideways")  # type: ignore[arg-type]


def test_the_object_may_be_absent_and_the_frame_still_counts_as_tracked(session: Session) -> None:
    session.add_point(0, 20, 20, label=0)
    session.track(stop=3).wait()
    assert session.masks[OVERALL].frames.tolist() == [0, 1, 2]
    assert session.to_dataframe()["score"].tolist() == [5, -3, -3]


def test_listeners_hear_of_every_tracked_frame(session: Session) -> None:
    heard: list[int] = []
    session.on_change(lambda c: heard.extend(c.frames) if c.kind == "masks" else None)
    session.add_point(0, 20, 20)
    session.track().wait()
    tell_all(session)
    assert heard == list(range(1, 10))


# -- fresh and stale --------------------------------------------------------------------------


def test_what_is_fresh_is_not_tracked_again(session: Session, engine: FakeEngine) -> None:
    session.add_point(0, 20, 20)
    session.track(stop=5).wait()
    engine.calls.clear()
    assert list(session.track()) == [5, 6, 7, 8, 9]
    assert stepped(engine) == [5, 6, 7, 8, 9]
    assert calls(engine, "begin") == [("begin", OVERALL, False, (1, 2, 3, 4))]
    assert list(session.track()) == []


def test_force_starts_over(session: Session, engine: FakeEngine) -> None:
    session.add_point(0, 20, 20)
    session.track().wait()
    engine.calls.clear()
    assert list(session.track(force=True)) == list(range(1, 10))
    assert calls(engine, "begin") == [("begin", OVERALL, False, ())]


def test_force_on_a_range_keeps_what_lies_before_it(session: Session, engine: FakeEngine) -> None:
    session.add_point(0, 20, 20)
    session.track().wait()
    engine.calls.clear()
    assert list(session.track(start=6, stop=8, force=True)) == [6, 7]
    assert calls(engine, "begin") == [("begin", OVERALL, False, (1, 2, 3, 4, 5))]


def test_stale_frames_are_tracked_again(session: Session) -> None:
    session.add_point(0, 20, 20)
    session.track().wait()
    session.add_point(5, 60, 30)
    assert session.to_dataframe()["stale"].tolist() == [f not in (0, 5) for f in range(10)]
    assert list(session.track()) == [1, 2, 3, 4, 6, 7, 8, 9]
    assert not session.to_dataframe()["stale"].any()


def test_a_cleared_frame_is_a_gap_until_it_is_tracked_again(session: Session) -> None:
    session.add_point(0, 20, 20)
    session.track().wait()
    session.clear_frame(4)
    assert list(session.track()) == [4]


def test_a_run_goes_on_behind_a_gap_from_its_fresh_neighbours(
    session: Session, engine: FakeEngine
) -> None:
    session.add_point(0, 20, 20)
    session.track().wait()
    for frame in (3, 7):
        session.clear_frame(frame)
    engine.calls.clear()
    assert list(session.track()) == [3, 7]
    assert calls(engine, "begin") == [
        ("begin", OVERALL, False, (1, 2)),
        ("begin", OVERALL, False, (1, 2, 3, 4, 5, 6)),
    ]


def test_another_scopes_prompts_make_nothing_stale(session: Session) -> None:
    session.add_point(0, 20, 20)
    session.track().wait()
    session.add_point(3, 20, 20, region="shaft")
    session.add_point(3, 20, 20, instance=2)
    assert not session.to_dataframe()["stale"].any()
