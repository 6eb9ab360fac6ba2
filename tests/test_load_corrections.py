"""Corrections that are loaded: which mask further prompts refine, also after undo and reopening."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from sam2_widget.annotations import Scope
from sam2_widget.engines.fake import FakeEngine
from tests.projects import open_project
from tests.test_load import export

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator
    from pathlib import Path

    from sam2_widget.engines.base import FrameInput, Segmentation
    from sam2_widget.session import Session

OVERALL = Scope(1, "overall")


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """Open a project with a track that is corrected on frame 5."""
    with open_project(tmp_path) as session:
        session.add_points(0, [(20, 20, 1), (30, 20, 0)])
        session.track().wait()
        session.add_point(5, 40, 30)
        yield session


class NotingEngine(FakeEngine):
    """Notes what it is given of corrected frames: the mask, and how many prompts it shows."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[tuple[np.ndarray, int]] = []

    def segment(self, scope: Hashable, frame: int, given: FrameInput) -> Segmentation:
        if given.tracked is not None:
            self.given.append((given.tracked.load(), given.included))
        return super().segment(scope, frame, given)


def test_a_loaded_correction_is_refined_as_after_reopening(
    session: Session, tmp_path: Path
) -> None:
    engines = NotingEngine(), NotingEngine()
    with open_project(tmp_path / "other", engine=engines[0]) as other:
        other.load(export(session))
        other.add_point(5, 44, 30)
        other.undo()
    with open_project(tmp_path / "other", engine=engines[1]) as other:
        other.add_point(5, 44, 30)
    ((first, included),), ((second, again),) = (engine.given for engine in engines)
    assert included == again == 1
    assert np.array_equal(first, second)


def test_undoing_the_load_of_a_correction_has_the_old_one_refined_again(
    session: Session, tmp_path: Path
) -> None:
    content = export(session)
    with open_project(tmp_path / "other") as other:
        other.load(content)
        other.clear_frame(5)
        other.track().wait()
        other.add_point(5, 50, 30)
    engine = NotingEngine()
    with open_project(tmp_path / "other", engine=engine) as other:
        other.load(content)
        other.undo()
        other.add_point(5, 60, 30)
        (_, included), *_ = engine.given
        assert included == 1, "the point that the saved mask shows"
        other.undo()
        for _ in range(2):
            other.add_point(5, 62, 30)
            other.load(content)
            other.undo()
            other.undo()
        engine.given.clear()
        other.add_point(5, 60, 30)
        assert [included for _, included in engine.given] == [1]
        other.undo()
        other.redo()
        other.undo()
        # Where a load is undone on a tracked frame nothing is shown yet.
        other.clear_frame(5)
        other.track().wait()
        other.load(content)
        other.undo()
        engine.given.clear()
        other.add_point(5, 40, 30)
        (_, included), *_ = engine.given
        assert included == 0


def test_a_correction_loaded_over_a_track_refines_the_mask_it_came_with(
    session: Session, tmp_path: Path
) -> None:
    engine = NotingEngine()
    with open_project(tmp_path / "other", engine=engine) as other:
        other.add_point(0, 70, 40)
        other.track().wait()
        other.load(export(session))
        loaded = other.masks[OVERALL][5]
        other.add_point(5, 44, 30)
        other.undo()
        ((given, included),) = engine.given
        assert included == 1
        assert np.array_equal(given, loaded)
        other.clean(min_mask_region_area=10)


@pytest.mark.parametrize("pixels", [True, False])
def test_a_correction_loaded_over_what_corrects_nothing_can_be_refined(
    session: Session, tmp_path: Path, pixels: bool
) -> None:
    assert session.live.annotations.of(OVERALL)[5].corrects
    with open_project(tmp_path / "other") as other:
        other.paint(5, [(60, 20)], 4)
        other.load(export(session, pixels))
        assert other.live.annotations.of(OVERALL)[5].corrects == pixels
        assert other.add_point(5, 44, 30).any()
        assert other.track(force=True).wait()
