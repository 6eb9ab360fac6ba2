"""Objects tracked in batches: the masks of objects tracked one by one, and who goes with whom."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from sam2_widget import models
from sam2_widget.annotator import Annotator
from sam2_widget.engines.sam2 import Sam2Engine
from sam2_widget.engines.sam2.batching import MOST, Batching
from sam2_widget.engines.sam2.loading import find_config, load_predictor
from sam2_widget.errors import ModelError, ProjectError
from sam2_widget.sample import SAMPLE_CLICKS
from sam2_widget.session import Session
from tests.projects import until

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence
    from pathlib import Path

    from sam2_widget.engines.base import Segmentation
    from sam2_widget.engines.sam2.features import Features
    from sam2_widget.engines.sam2.memory import Memory, Output

    Masks = dict[tuple[int, int], npt.NDArray[np.bool_]]
    """By instance and frame."""

STEP, LENGTH = 2, 30
DISC, BOX = SAMPLE_CLICKS["disc"], SAMPLE_CLICKS["box"]
CLICKS: dict[int, dict[int, tuple[float, float]]] = {
    1: {2: DISC},
    2: {2: BOX},
    3: {2: DISC, 14: (220.0, 122.0)},
    4: {5: BOX},
    5: {5: DISC},
}
"""By instance and frame: two from each of two frames, and one that has another prompt later."""


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


@pytest.fixture(params=["nano", "random tiny"])
def open_clip(
    request: pytest.FixtureRequest, clip: Path, tmp_path: Path
) -> Iterator[Callable[..., Session]]:
    """Return a function that opens every third frame of the sample clip in a new project."""
    model: dict[str, Any] = {"model": "nano"}
    if request.param != "nano":
        config, checkpoint = request.getfixturevalue("random_tiny")
        model = {"model": checkpoint, "config": config}
    opened: list[Session] = []

    def start(**arguments: Any) -> Session:
        folder = tmp_path / str(len(opened))
        given = {"frame_step": STEP, "device": "cpu", "output_dir": folder, **model, **arguments}
        session = Session(clip, **given)
        opened.append(session)
        session.video.wait()
        session.live.worker.run(lambda: None)
        return session

    yield start
    for session in opened:
        session.close()


# The larger model takes its time: with it corrections are tried by `make test-slow`.
with_nano_first = pytest.mark.parametrize(
    "open_clip", ["nano", pytest.param("random tiny", marks=pytest.mark.slow)], indirect=True
)
only_nano = pytest.mark.parametrize("open_clip", ["nano"], indirect=True)


def engine_of(session: Session) -> Sam2Engine:
    engine = session.live.engine
    assert isinstance(engine, Sam2Engine)
    return engine


def watch(session: Session) -> list[tuple[int, int]]:
    """Return a list that gets the frame and the size of every batch from now on."""
    propagation = engine_of(session)._propagation
    inner, seen = propagation.track_batch, list[tuple[int, int]]()

    def track_batch(frame: int, features: Features, memories: Sequence[Memory]) -> Output:
        seen.append((frame, len(memories)))
        return inner(frame, features, memories)

    propagation.track_batch = track_batch  # type: ignore[method-assign]
    return seen


def click(session: Session, clicks: dict[int, dict[int, tuple[float, float]]]) -> None:
    for instance, frames in clicks.items():
        for frame, where in frames.items():
            session.add_point(frame, *where, instance=instance)


def masks_of(session: Session) -> Masks:
    return {
        (instance, frame): session.masks[instance, region][frame]
        for instance, region in session.scopes
        for frame in session.masks[instance, region].frames.tolist()
    }


def assert_alike(ours: Masks, expected: Masks) -> None:
    """Compare all masks, and see that there is something to compare."""
    assert ours.keys() == expected.keys()
    assert 0.001 < np.mean([mask.mean() for mask in expected.values()]) < 0.9
    low = {}
    for key, mask in expected.items():
        union = (mask | ours[key]).sum()
        iou = (mask & ours[key]).sum() / union if union else 1.0
        if iou < 0.99:
            low[key] = float(iou)
    assert not low


# -- masks ------------------------------------------------------------------------------------


def test_batches_give_the_masks_of_one_by_one_wherever_objects_were_prompted(
    open_clip: Callable[..., Session],
) -> None:
    together, alone = open_clip(batch_objects=True), open_clip(batch_objects=False)
    for session in (together, alone):
        click(session, CLICKS)
        sizes = watch(session)
        session.track().wait()
        if session is together:
            sizes_at = {frame: [size for at, size in sizes if at == frame] for frame in range(30)}
            assert sizes_at[8] == [2, 1, 2]
            # From frame 21 on the four read as many pointers as there can be.
            assert 4 not in sizes_at[20]
            assert sizes_at[21] == [4, 1]
            assert sizes_at[4] == [2, 1, 2], "the last of these on the way back"
        else:
            assert {size for _, size in sizes} == {1}
    assert_alike(masks_of(together), masks_of(alone))


@with_nano_first
def test_corrections_in_the_middle_track_those_objects_and_leave_the_others(
    open_clip: Callable[..., Session],
) -> None:
    together, alone = open_clip(batch_objects=True), open_clip(batch_objects=False)
    untouched = []
    for session in (together, alone):
        click(session, {instance: CLICKS[instance] for instance in (1, 2, 5)})
        session.track().wait()
        folder = session.folder / "instance5" / "masks_overall"
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        sizes = watch(session)
        session.add_point(12, 280.0, 126.0, instance=1)
        session.add_point(15, 440.0, 240.0, instance=2)
        session.track().wait()
        untouched.append(before == {path.name: path.read_bytes() for path in folder.iterdir()})
        pairs = {frame for frame, size in sizes if size == 2}
        if session is together:
            assert pairs >= {*range(3, 12), *range(22, 28)}
            # A correction is no tracked frame: who was corrected just now reads one memory less.
            assert not pairs & {13, 14}
        else:
            assert not pairs
    assert untouched == [True, True]
    assert_alike(masks_of(together), masks_of(alone))


@only_nano
def test_forced_one_by_one_equals_upstream_bit_for_bit(open_clip: Callable[..., Session]) -> None:
    session = open_clip(batch_objects=False)
    click(session, {1: CLICKS[1], 2: CLICKS[2]})
    session.track(direction="forward", stop=14).wait()
    spec = models.nano()
    predictor = load_predictor(spec.config, spec.checkpoint, torch.device("cpu"))
    for instance in (1, 2):
        state = predictor.init_state(str(session.folder / "frames"))
        xy, labels = np.array([CLICKS[instance][2]], np.float32), np.array([1], np.int32)
        predictor.add_new_points_or_box(state, 2, obj_id=1, points=xy, labels=labels)
        for frame, _, logits in predictor.propagate_in_video(state, 2, 11):
            mask = session.masks[instance, "overall"][frame]
            assert np.array_equal(mask, (logits[0, 0] > 0).numpy()), (instance, frame)


@only_nano
def test_on_the_cpu_nothing_is_batched_unless_it_is_asked_for(
    open_clip: Callable[..., Session],
) -> None:
    session = open_clip()
    click(session, {1: CLICKS[1], 2: CLICKS[2]})
    sizes = watch(session)
    session.track(stop=8).wait()
    assert {size for _, size in sizes} == {1}
    (run,) = session.provenance()["runs"]
    assert (run["batch_objects"], run["batched"]) == ("auto", False)


# -- a run with batches -----------------------------------------------------------------------


@only_nano
def test_a_scope_that_is_clicked_while_it_is_tracked_leaves_its_batch(
    open_clip: Callable[..., Session],
) -> None:
    session, alone = open_clip(batch_objects=True), open_clip(batch_objects=False)
    asked = [each.provenance() for each in (session, alone)]
    assert [each["batch_objects"] for each in asked] == [True, False]
    assert [each["batched"] for each in asked] == [True, False]
    clicks = {instance: {2: where} for instance, where in enumerate((DISC, BOX, DISC), start=1)}
    for each in (session, alone):
        click(each, clicks)
    sizes = watch(session)
    job = session.track(direction="forward")
    for frame in job:
        if frame == 6:
            break
    session.add_point(18, 440.0, 240.0, instance=2)
    job.wait()
    assert {size for frame, size in sizes if frame <= 6} == {3}
    assert sizes[-1] == (LENGTH - 1, 2)
    left = session.masks[2, "overall"].frames.tolist()
    assert left[-1] == 18
    assert len(left) < LENGTH - 2
    alone.track(direction="forward").wait()
    ours, expected = masks_of(session), masks_of(alone)
    assert_alike(
        {key: mask for key, mask in ours.items() if key[0] != 2},
        {key: mask for key, mask in expected.items() if key[0] != 2},
    )


@only_nano
def test_a_cancelled_run_ends_after_the_frame_at_hand_and_goes_on_from_there(
    open_clip: Callable[..., Session],
) -> None:
    session, whole = open_clip(batch_objects=True), open_clip(batch_objects=True)
    for each in (session, whole):
        click(each, {instance: CLICKS[instance] for instance in (1, 2, 4)})
    engine = engine_of(session)
    inner, begun = engine.steps, list[int]()

    def steps(scopes: Sequence[Hashable], frame: int) -> Iterator[tuple[Hashable, Segmentation]]:
        begun.append(frame)
        return inner(scopes, frame)

    engine.steps = steps  # type: ignore[method-assign]
    job = session.track()
    for frame in job:
        if frame == 10:
            job.cancel()
            break
    known = len(begun)
    assert job.wait(60)
    assert len(begun) <= known + 1
    assert job.progress[0] == len(begun)
    session.track().wait()
    whole.track().wait()
    assert_alike(masks_of(session), masks_of(whole))


@only_nano
def test_more_objects_than_a_batch_takes_are_tracked_in_several(
    open_clip: Callable[..., Session],
) -> None:
    session = open_clip(batch_objects=True)
    click(session, {instance: {2: (DISC[0] + instance, DISC[1])} for instance in range(1, 12)})
    sizes = watch(session)
    session.track(start=3, stop=5).wait()
    assert sizes == [(3, 6), (3, 5), (4, 6), (4, 5)]


# -- who goes with whom -----------------------------------------------------------------------


def groups(batching: Batching, layouts: dict[str, int]) -> list[tuple[Hashable, ...]]:
    """Return the groups of a frame in order."""
    waiting, found = list(layouts), []
    while waiting:
        found.append(batching.choose(waiting, layouts))
        waiting = [name for name in waiting if name not in found[-1]]
    return found


def test_objects_of_one_layout_go_together_in_batches_of_bounded_size() -> None:
    batching = Batching(True, torch.device("cpu"), "test")
    assert groups(batching, {"a": 1, "b": 2, "c": 1, "d": 3}) == [("a", "c"), ("b",), ("d",)]
    many = {str(number): 0 for number in range(2 * MOST + 1)}
    assert [len(group) for group in groups(batching, many)] == [6, 6, 5]
    batching.most = 1
    assert groups(batching, {"a": 1, "b": 1}) == [("a",), ("b",)]


@pytest.mark.parametrize(("wanted", "device"), [(False, "cuda"), ("auto", "cpu"), ("auto", "mps")])
def test_without_a_gain_to_be_had_every_object_goes_alone(wanted: Any, device: str) -> None:
    batching = Batching(wanted, torch.device(device), "test")
    assert not batching.considers(8)
    assert batching.choose(["a", "b"], {}) == ("a",)


class Work:
    """Takes as many seconds an object as it says, on a clock of its own; more with every frame."""

    def __init__(self, alone: float, batch: float) -> None:
        self.alone, self.batch, self.now, self.frames = alone, batch, 0.0, 0
        self.calls: list[int] = []

    def __call__(self, group: tuple[Hashable, ...]) -> list[Hashable]:
        self.calls.append(len(group))
        each = self.alone if len(group) == 1 else self.batch
        self.now += len(group) * (each + 0.1 * self.frames)
        return list(group)


def tried(work: Work, frames: int) -> Batching:
    """Track two objects for some frames on CUDA, as far as the decision goes."""
    batching = Batching("auto", torch.device("cuda"), "test", lambda: work.now)
    for _ in range(frames):
        group = batching.choose(["a", "b"], {"a": 0, "b": 0})
        assert batching.track(group, work) == list(group)
        work.frames += 1
    return batching


@pytest.mark.parametrize(("batch", "pays"), [(1.0, True), (2.0, False), (3.0, False)])
def test_what_was_faster_is_kept_and_told_in_the_log(
    batch: float, pays: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sam2_widget")
    work = Work(alone=2.0, batch=batch)
    batching = tried(work, 9)
    assert batching.batches is None
    assert work.calls == [1, 1, 2, 1, 1, 2, 2, 1, 1, 1, 1, 2, 2]
    assert not caplog.records
    batching = tried(Work(alone=2.0, batch=batch), 10)
    chosen = batching.choose(["a", "b"], {"a": 0, "b": 0})
    assert chosen == (("a", "b") if pays else ("a",))
    assert batching.batches is pays
    [record] = caplog.records
    assert ("in batches" if pays else "one by one") in record.getMessage()
    # Of other sizes nothing is known yet.
    assert batching.choose(list("abcd"), dict.fromkeys("abcd", 0)) == tuple("abcd")


def test_frames_of_different_passes_are_not_compared() -> None:
    work = Work(alone=2.0, batch=1.0)
    batching = tried(work, 3)
    work.alone = 100.0
    batching.interrupt()
    work.calls.clear()
    batching.track(("a", "b"), work)
    # The pair begins anew: one by one first.
    assert work.calls == [1, 1]


@only_nano
def test_the_frames_of_a_trial_are_results_like_others(open_clip: Callable[..., Session]) -> None:
    tried, alone = open_clip(batch_objects=True), open_clip(batch_objects=False)
    engine_of(tried).batching = Batching(
        "auto", torch.device("cuda"), "nano", clock=time.perf_counter
    )
    for session in (tried, alone):
        click(session, {1: CLICKS[1], 2: CLICKS[2]})
        sizes = watch(session)
        session.track(direction="forward", stop=16).wait()
        if session is tried:
            assert [size for _, size in sizes][:4] == [1, 1, 2, 1]
    assert_alike(masks_of(tried), masks_of(alone))


def test_objects_that_a_model_keeps_apart_are_not_batched(clip: Path, tmp_path: Path) -> None:
    spec = models.nano()
    tree = OmegaConf.load(spec.config)
    tree.model.non_overlap_masks_for_mem_enc = True
    OmegaConf.save(tree, tmp_path / "apart.yaml")
    engine = Sam2Engine(
        "apart", str(tmp_path / "apart.yaml"), spec.checkpoint, "cpu", batch_objects=True
    )
    with Session(clip, output_dir=tmp_path, frame_step=STEP, model=engine) as session:
        session.live.worker.run(lambda: None)
        assert not engine.batching.considers(8)


# -- the argument -----------------------------------------------------------------------------


def test_a_choice_that_is_none_is_refused(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="give True, False or 'auto'"):
        Session(clip, output_dir=tmp_path, model="nano", batch_objects="yes")  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_sessions_of_one_project_share_the_choice_and_the_widget_takes_it(
    clip: Path, tmp_path: Path
) -> None:
    given: dict[str, Any] = {"output_dir": tmp_path, "frame_step": STEP, "model": "nano"}
    annotator = Annotator(clip, batch_objects=True, **given)
    assert annotator.session is not None
    until(annotator.session, lambda: annotator.session.live.status.status == "ready")
    assert engine_of(annotator.session).batching.considers(2)
    with pytest.raises(ProjectError, match="other arguments \\(batch_objects\\)"):
        Session(clip, batch_objects=False, **given)
    annotator.close()
