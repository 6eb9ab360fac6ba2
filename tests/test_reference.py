"""The session against ``SAM2VideoPredictor`` on the same stored frames, weights and clicks.

The reference is upstream's own predictor with one fresh inference state per scope and direction.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sam2_widget.engines.sam2 import Sam2Engine
from sam2_widget.sample import SAMPLE_CLICKS, sample_masks
from sam2_widget.session import Session
from tests.reference import RANDOM, Clicks, Masks, Reference, Upstream, model_spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy.typing as npt

    from sam2_widget.models import ModelSpec

STEP = 3
DISC, BOX = SAMPLE_CLICKS["disc"], SAMPLE_CLICKS["box"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Model]:
    """Return a function that returns a model by name, made once."""

    @cache
    def make(name: str) -> Model:
        spec = model_spec(name, tmp_path_factory.mktemp("model"))
        return Model(spec, Sam2Engine(spec.name, spec.config, spec.checkpoint, "cpu"))

    return make


class Model:
    """A model on both sides; every session stores the same frames of the clip."""

    def __init__(self, spec: ModelSpec, engine: Sam2Engine) -> None:
        self.spec, self.engine = spec, engine
        self.upstream: Upstream | None = None

    def reference(self, session: Opened) -> Reference:
        """Return upstream's predictor with a fresh inference state."""
        if self.upstream is None:
            self.upstream = Upstream(self.spec, session.folder / "frames")
        return Reference(self.upstream)


class Opened(Session):
    """A session that knows its reference."""

    sides: Model

    def reference(self) -> Reference:
        return self.sides.reference(self)


@pytest.fixture
def session(
    request: pytest.FixtureRequest,
    clip: Path,
    tmp_path: Path,
    models: Callable[[str], Model],
) -> Iterator[Opened]:
    """Open every third frame of the sample clip: 20 frames, larger motion."""
    model = models(getattr(request, "param", "nano"))
    with Opened(clip, output_dir=tmp_path, frame_step=STEP, model=model.engine) as session:
        session.sides = model
        session.video.wait()
        yield session


def with_models(*names: str) -> pytest.MarkDecorator:
    """Try a test with some models; with the others, which take their time, when slow ones run."""
    others = [pytest.param(name, marks=pytest.mark.slow) for name in RANDOM if name not in names]
    return pytest.mark.parametrize("session", [*names, *others], indirect=True)


def both_ways(session: Opened, clicks: Clicks) -> Masks:
    """Return upstream's masks of a scope, forward and backward from its first prompted frame."""
    first, masks = min(clicks), {}
    for reverse in (True, False):
        reference = session.reference()
        for frame, points in sorted(clicks.items()):
            reference.click(frame, points)
        masks.update(reference.track(first, reverse=reverse))
    return masks


def assert_equal(session: Opened, scope: tuple[int, str], expected: Masks) -> None:
    """Compare all masks bit by bit, and see that there is something to compare."""
    track = session.masks[scope]
    areas = [mask.mean() for mask in expected.values()]
    assert 0.001 < np.mean(areas) < 0.9
    assert track.frames.tolist() == sorted(expected)
    differing = {f: int((track[f] != mask).sum()) for f, mask in expected.items()}
    assert not {f: count for f, count in differing.items() if count}


def add(session: Opened, clicks: Clicks, instance: int = 1, region: str = "overall") -> None:
    for frame, points in clicks.items():
        for point in points:
            session.add_point(frame, *point, instance=instance, region=region)


DISC_CLICKS: Clicks = {4: [(165.0, 112.0, 1), (30.0, 30.0, 0)], 12: [(272.0, 126.0, 1)]}
BOX_CLICKS: Clicks = {0: [(*BOX, 1)], 9: [(440.0, 235.0, 1), (440.0, 100.0, 0)]}


@with_models("nano", "2.1 tiny")
def test_clicks_and_tracking_of_two_scopes_equal_upstream_one_scope_at_a_time(
    session: Opened,
) -> None:
    add(session, DISC_CLICKS)
    add(session, BOX_CLICKS, instance=2, region="shaft")
    session.track().wait()
    assert_equal(session, (1, "overall"), both_ways(session, DISC_CLICKS))
    assert_equal(session, (2, "shaft"), both_ways(session, BOX_CLICKS))


@with_models("nano", *RANDOM)
def test_a_correction_of_a_tracked_frame_equals_upstream(session: Opened) -> None:
    first: Clicks = {2: [(*DISC, 1)]}
    correction = [(300.0, 128.0, 1), (300.0, 300.0, 0)]
    add(session, first)
    session.track(direction="forward").wait()
    reference = session.reference()
    reference.click(2, first[2])
    assert_equal(session, (1, "overall"), reference.track(2))

    corrected = session.add_points(14, correction[:1])
    corrected = session.add_points(14, correction[1:])
    assert (corrected == reference.click(14, correction)).all()
    session.track(direction="forward").wait()
    assert_equal(session, (1, "overall"), reference.track(2))


@with_models("nano")
def test_a_cancelled_run_that_is_resumed_equals_an_uninterrupted_one(session: Opened) -> None:
    add(session, DISC_CLICKS)
    job = session.track()
    for frame in job:
        if frame == 8:
            job.cancel()
            break
    job.wait()
    done = job.progress[0]
    assert 0 < done < 18
    resumed = session.track()
    resumed.wait()
    assert resumed.progress[:2] == (18 - done, 18 - done)
    assert_equal(session, (1, "overall"), both_ways(session, DISC_CLICKS))


@with_models("nano")
def test_ranges_that_follow_each_other_equal_one_run(session: Opened) -> None:
    add(session, DISC_CLICKS)
    for start in (4, 9, 14):
        session.track(start=start, stop=min(start + 6, 20)).wait()
    session.track(start=2, stop=4).wait()
    session.track(start=0, stop=2).wait()
    assert_equal(session, (1, "overall"), both_ways(session, DISC_CLICKS))


@with_models("nano")
def test_a_reopened_session_tracks_from_its_saved_prompts_alone(
    session: Opened, clip: Path
) -> None:
    add(session, DISC_CLICKS)
    session.close()
    folder, model = session.folder.parent, session.sides
    with Opened(clip, output_dir=folder, frame_step=STEP, model=model.engine) as again:
        again.sides = model
        again.track().wait()
        assert_equal(again, (1, "overall"), both_ways(again, DISC_CLICKS))


def ellipse(session: Opened, x: float, y: float) -> npt.NDArray[np.bool_]:
    """Return a mask that no click gives, with its centre at a place."""
    yy, xx = np.mgrid[0 : session.video.height, 0 : session.video.width] + 0.5
    return ((xx - x) / 40) ** 2 + ((yy - y) / 25) ** 2 <= 1


@with_models("nano")
@pytest.mark.parametrize("points", [[], DISC_CLICKS[4]], ids=["alone", "refined by points"])
def test_tracking_from_a_drawn_mask_equals_upstream(
    session: Opened, points: list[tuple[float, float, int]]
) -> None:
    mask, expected = ellipse(session, *DISC), {}
    session.set_mask(4, mask)
    add(session, {4: points})
    session.track().wait()
    for reverse in (True, False):
        reference = session.reference()
        reference.draw(4, mask)
        if points:
            reference.click(4, points)
        expected.update(reference.track(4, reverse=reverse))
    if not points:
        expected[4] = mask  # ours is the drawn one, not what upstream makes of it
    assert_equal(session, (1, "overall"), expected)


@with_models("nano")
def test_a_drawn_mask_on_a_tracked_frame_and_points_on_it_equal_upstream(
    session: Opened,
) -> None:
    first: Clicks = {2: [(*DISC, 1)]}
    mask, points = ellipse(session, 290, 130), [(300.0, 128.0, 1), (300.0, 300.0, 0)]
    add(session, first)
    session.track(direction="forward").wait()
    reference = session.reference()
    reference.click(2, first[2])
    reference.track(2)

    session.set_mask(14, mask)
    session.add_points(14, points[:1])
    refined = session.add_points(14, points[1:])
    reference.draw(14, mask)
    assert (refined == reference.click(14, points)).all()
    session.track(direction="forward").wait()
    assert_equal(session, (1, "overall"), reference.track(2))


@with_models("nano")
def test_a_correction_that_was_cleared_and_brought_back_equals_upstream(session: Opened) -> None:
    first: Clicks = {2: [(*DISC, 1)]}
    correction = [(300.0, 128.0, 1), (300.0, 300.0, 0)]
    add(session, first)
    session.track(direction="forward").wait()
    session.add_point(14, *correction[0])
    session.clear_frame(14)
    session.undo()
    corrected = session.add_point(14, *correction[1])
    reference = session.reference()
    reference.click(2, first[2])
    reference.track(2)
    assert (corrected == reference.click(14, correction)).all()


@with_models("nano")
@pytest.mark.parametrize("used", [False, True], ids=["at once", "after it was tracked from"])
def test_an_undone_stroke_leaves_no_trace_in_the_model(session: Opened, used: bool) -> None:
    first: Clicks = {2: [(*DISC, 1)]}
    correction = [(300.0, 128.0, 1), (300.0, 300.0, 0)]
    add(session, first)
    session.track(direction="forward").wait()
    session.paint(14, [(100, 100), (200, 200)], 12)
    if used:
        session.track(start=15, stop=17).wait()
        session.undo()
    session.undo()
    reference = session.reference()
    reference.click(2, first[2])
    assert_equal(session, (1, "overall"), reference.track(2))
    add(session, {14: correction})
    assert (session.masks[1, "overall"][14] == reference.click(14, correction)).all()


def test_nano_reaches_on_the_sample_clip_what_the_readme_states(clip: Path, tmp_path: Path) -> None:
    truth = sample_masks()
    with Session(clip, output_dir=tmp_path, model="nano") as session:
        for instance, click in enumerate(SAMPLE_CLICKS.values(), start=1):
            session.add_point(0, *click, instance=instance)
        session.track().wait()
        for instance, shape in enumerate(truth, start=1):
            track = session.masks[instance, "overall"]
            pairs = zip(track, truth[shape], strict=True)
            ious = [(ours & true).sum() / (ours | true).sum() for ours, true in pairs]
            assert ious[0] > 0.9, shape
            assert np.mean(ious) > 0.94, shape
