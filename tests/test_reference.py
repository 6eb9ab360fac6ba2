"""The session against ``SAM2VideoPredictor`` on the same stored frames, weights and clicks.

The reference is upstream's own predictor with one fresh inference state per scope and direction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from sam2_widget.engines.sam2.loading import find_config, load_predictor
from sam2_widget.engines.sam2.precision import limit_threads
from sam2_widget.sample import SAMPLE_CLICKS, sample_clip, sample_masks
from sam2_widget.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sam2_widget.engines.sam2.engine import Sam2Engine

Masks = dict[int, npt.NDArray[np.bool_]]
Clicks = dict[int, list[tuple[float, float, int]]]

STEP = 3
DISC, BOX = SAMPLE_CLICKS["disc"], SAMPLE_CLICKS["box"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample_clip(tmp_path_factory.mktemp("clip") / "sample.mp4")


@pytest.fixture
def session(request: pytest.FixtureRequest, clip: Path, tmp_path: Path) -> Iterator[Session]:
    """Open every third frame of the sample clip: 20 frames, larger motion."""
    model: dict[str, Any] = {"model": "nano"}
    if getattr(request, "param", "nano") != "nano":
        config, checkpoint = request.getfixturevalue("random_tiny")
        model = {"model": checkpoint, "config": config}
    with Session(clip, output_dir=tmp_path, frame_step=STEP, device="cpu", **model) as session:
        session.video.wait()
        yield session


with_both_models = pytest.mark.parametrize("session", ["nano", "random tiny"], indirect=True)
# The larger model takes its time: with it drawn masks are tried by `make test-slow`.
with_nano_first = pytest.mark.parametrize(
    "session", ["nano", pytest.param("random tiny", marks=pytest.mark.slow)], indirect=True
)


@pytest.fixture(scope="module")
def random_tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return sam2.1_hiera_t with random weights at 128 pixels: the real config, soon computed."""
    folder = tmp_path_factory.mktemp("tiny")
    tree = OmegaConf.load(find_config("configs/sam2.1/sam2.1_hiera_t.yaml"))
    tree.model.image_size = 128
    config, checkpoint = folder / "tiny.yaml", folder / "tiny.pt"
    OmegaConf.save(tree, config)
    torch.manual_seed(1)  # with it, masks are neither empty nor full
    tree.model._target_ = "sam2.modeling.sam2_base.SAM2Base"
    model = instantiate(tree.model, _recursive_=True)
    # Random weights say "no object" as often as not, which makes every mask empty.
    model.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.data.fill_(5.0)
    torch.save({"model": model.state_dict()}, checkpoint)
    return config, checkpoint


class Reference:
    """Upstream's predictor with one inference state, for one scope and one direction."""

    def __init__(self, session: Session) -> None:
        limit_threads(torch.device("cpu"))  # another number of threads adds up in another order
        engine: Sam2Engine = session.live.engine  # type: ignore[assignment]
        spec = session.live.model[0]  # type: ignore[index]
        self.predictor = load_predictor(spec.config, spec.checkpoint, torch.device("cpu"))
        assert engine.name == spec.name
        self.state = self.predictor.init_state(str(session.folder / "frames"))

    def click(self, frame: int, points: list[tuple[float, float, int]]) -> npt.NDArray[np.bool_]:
        """Give the points of a frame, one call at a time, each with all points so far."""
        for count in range(1, len(points) + 1):
            xy = np.array([(x, y) for x, y, _ in points[:count]], np.float32)
            labels = np.array([label for *_, label in points[:count]], np.int32)
            _, _, logits = self.predictor.add_new_points_or_box(
                self.state, frame, obj_id=1, points=xy, labels=labels
            )
        return (logits[0, 0] > 0).numpy()

    def draw(self, frame: int, mask: npt.NDArray[np.bool_]) -> None:
        """Give a frame a mask."""
        self.predictor.add_new_mask(self.state, frame, obj_id=1, mask=mask)

    def track(self, start: int, *, reverse: bool = False) -> Masks:
        """Propagate from a frame to the end, or to frame 0."""
        found = self.predictor.propagate_in_video(self.state, start, reverse=reverse)
        return {frame: (logits[0, 0] > 0).numpy() for frame, _, logits in found}


def both_ways(session: Session, clicks: Clicks) -> Masks:
    """Return upstream's masks of a scope, forward and backward from its first prompted frame."""
    first, masks = min(clicks), {}
    for reverse in (True, False):
        reference = Reference(session)
        for frame, points in sorted(clicks.items()):
            reference.click(frame, points)
        masks.update(reference.track(first, reverse=reverse))
    return masks


def assert_equal(session: Session, scope: tuple[int, str], expected: Masks) -> None:
    """Compare all masks bit by bit, and see that there is something to compare."""
    track = session.masks[scope]
    areas = [mask.mean() for mask in expected.values()]
    assert 0.001 < np.mean(areas) < 0.9
    assert track.frames.tolist() == sorted(expected)
    differing = {f: int((track[f] != mask).sum()) for f, mask in expected.items()}
    assert not {f: count for f, count in differing.items() if count}


def add(session: Session, clicks: Clicks, instance: int = 1, region: str = "overall") -> None:
    for frame, points in clicks.items():
        for point in points:
            session.add_point(frame, *point, instance=instance, region=region)


DISC_CLICKS: Clicks = {4: [(165.0, 112.0, 1), (30.0, 30.0, 0)], 12: [(272.0, 126.0, 1)]}
BOX_CLICKS: Clicks = {0: [(*BOX, 1)], 9: [(440.0, 235.0, 1), (440.0, 100.0, 0)]}


@with_both_models
def test_clicks_and_tracking_of_two_scopes_equal_upstream_one_scope_at_a_time(
    session: Session,
) -> None:
    add(session, DISC_CLICKS)
    add(session, BOX_CLICKS, instance=2, region="shaft")
    session.track().wait()
    assert_equal(session, (1, "overall"), both_ways(session, DISC_CLICKS))
    assert_equal(session, (2, "shaft"), both_ways(session, BOX_CLICKS))


@with_both_models
def test_a_correction_of_a_tracked_frame_equals_upstream(session: Session) -> None:
    first: Clicks = {2: [(*DISC, 1)]}
    correction = [(300.0, 128.0, 1), (300.0, 300.0, 0)]
    add(session, first)
    session.track(direction="forward").wait()
    reference = Reference(session)
    reference.click(2, first[2])
    assert_equal(session, (1, "overall"), reference.track(2))

    corrected = session.add_points(14, correction[:1])
    corrected = session.add_points(14, correction[1:])
    assert (corrected == reference.click(14, correction)).all()
    session.track(direction="forward").wait()
    assert_equal(session, (1, "overall"), reference.track(2))


def test_a_cancelled_run_that_is_resumed_equals_an_uninterrupted_one(session: Session) -> None:
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


def test_ranges_that_follow_each_other_equal_one_run(session: Session) -> None:
    add(session, DISC_CLICKS)
    for start in (4, 9, 14):
        session.track(start=start, stop=min(start + 6, 20)).wait()
    session.track(start=2, stop=4).wait()
    session.track(start=0, stop=2).wait()
    assert_equal(session, (1, "overall"), both_ways(session, DISC_CLICKS))


def test_a_reopened_session_tracks_from_its_saved_prompts_alone(
    session: Session, clip: Path
) -> None:
    add(session, DISC_CLICKS)
    session.close()
    with Session(clip, output_dir=session.folder.parent, frame_step=STEP, model="nano") as again:
        again.track().wait()
        assert_equal(again, (1, "overall"), both_ways(again, DISC_CLICKS))


def ellipse(session: Session, x: float, y: float) -> npt.NDArray[np.bool_]:
    """Return a mask that no click gives, with its centre at a place."""
    yy, xx = np.mgrid[0 : session.video.height, 0 : session.video.width] + 0.5
    return ((xx - x) / 40) ** 2 + ((yy - y) / 25) ** 2 <= 1


@with_nano_first
@pytest.mark.parametrize("points", [[], DISC_CLICKS[4]], ids=["alone", "refined by points"])
def test_tracking_from_a_drawn_mask_equals_upstream(
    session: Session, points: list[tuple[float, float, int]]
) -> None:
    mask, expected = ellipse(session, *DISC), {}
    session.set_mask(4, mask)
    add(session, {4: points})
    session.track().wait()
    for reverse in (True, False):
        reference = Reference(session)
        reference.draw(4, mask)
        if points:
            reference.click(4, points)
        expected.update(reference.track(4, reverse=reverse))
    if not points:
        expected[4] = mask  # ours is the drawn one, not what upstream makes of it
    assert_equal(session, (1, "overall"), expected)


@with_nano_first
def test_a_drawn_mask_on_a_tracked_frame_and_points_on_it_equal_upstream(
    session: Session,
) -> None:
    first: Clicks = {2: [(*DISC, 1)]}
    mask, points = ellipse(session, 290, 130), [(300.0, 128.0, 1), (300.0, 300.0, 0)]
    add(session, first)
    session.track(direction="forward").wait()
    reference = Reference(session)
    reference.click(2, first[2])
    reference.track(2)

    session.set_mask(14, mask)
    session.add_points(14, points[:1])
    refined = session.add_points(14, points[1:])
    reference.draw(14, mask)
    assert (refined == reference.click(14, points)).all()
    session.track(direction="forward").wait()
    assert_equal(session, (1, "overall"), reference.track(2))


def test_a_correction_that_was_cleared_and_brought_back_equals_upstream(session: Session) -> None:
    first: Clicks = {2: [(*DISC, 1)]}
    correction = [(300.0, 128.0, 1), (300.0, 300.0, 0)]
    add(session, first)
    session.track(direction="forward").wait()
    session.add_point(14, *correction[0])
    session.clear_frame(14)
    session.undo()
    corrected = session.add_point(14, *correction[1])
    reference = Reference(session)
    reference.click(2, first[2])
    reference.track(2)
    assert (corrected == reference.click(14, correction)).all()


@pytest.mark.parametrize("used", [False, True], ids=["at once", "after it was tracked from"])
def test_an_undone_stroke_leaves_no_trace_in_the_model(session: Session, used: bool) -> None:
    first: Clicks = {2: [(*DISC, 1)]}
    correction = [(300.0, 128.0, 1), (300.0, 300.0, 0)]
    add(session, first)
    session.track(direction="forward").wait()
    session.paint(14, [(100, 100), (200, 200)], 12)
    if used:
        session.track(start=15, stop=17).wait()
        session.undo()
    session.undo()
    reference = Reference(session)
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
            assert np.mean(ious) > 0.95, shape
