"""The cache of what the image encoder makes of frames: what it keeps, and that no mask notices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from sam2_widget.engines.sam2 import features as module
from sam2_widget.engines.sam2.features import FeatureCache, Features, FrameEncoder
from sam2_widget.errors import ModelError
from sam2_widget.sample import SAMPLE_CLICKS
from sam2_widget.session import Session

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from sam2_widget.engines.base import Segmentation
    from sam2_widget.engines.sam2.engine import Sam2Engine

CPU = torch.device("cpu")
SIZE = 96
"""Bytes of the features that `some` makes."""


def some(number: float = 0.0) -> Features:
    shapes = (1, 2, 2, 2), (1, 4, 2, 2)
    return Features(tuple(torch.full(shape, float(number)) for shape in shapes))


def kept(cache: FeatureCache) -> list[int]:
    return [frame for frame in range(1000) if frame in cache]


def visit(cache: FeatureCache, frames: range) -> int:
    """Track through frames as the engine does, and return how many had to be encoded."""
    cache.begin_pass()
    encoded = 0
    for frame in frames:
        if cache.get(frame) is None:
            encoded += 1
            cache.put(frame, some(frame), tracking=True)
    return encoded


def test_what_was_put_comes_back_as_it_was() -> None:
    cache = FeatureCache(10 * SIZE, CPU)
    assert some().nbytes == SIZE
    features = some(3.0)
    cache.put(5, features)
    assert cache.get(5) is features
    assert cache.get(4) is None
    assert (len(cache), cache.size) == (1, SIZE)


def test_the_frame_used_longest_ago_goes_first() -> None:
    cache = FeatureCache(3 * SIZE, CPU)
    for frame in (0, 1, 2):
        cache.put(frame, some())
    cache.get(0)
    cache.put(3, some())
    assert kept(cache) == [0, 2, 3]
    assert cache.size == 3 * SIZE


def test_a_frame_that_is_put_again_counts_once() -> None:
    cache = FeatureCache(3 * SIZE, CPU)
    for _ in range(5):
        cache.put(1, some())
    assert (len(cache), cache.size) == (1, SIZE)


def test_without_a_budget_nothing_is_kept_and_nothing_fails() -> None:
    cache = FeatureCache(0, CPU)
    cache.put(1, some())
    assert cache.get(1) is None
    assert (len(cache), cache.size) == (0, 0)


def test_passes_over_more_frames_than_fit_find_most_of_what_fits() -> None:
    cache = FeatureCache(40 * SIZE, CPU)
    assert visit(cache, range(100)) == 100
    # Without the exception for passes it would be 100 every time.
    assert [visit(cache, range(100)) for _ in range(4)] == [65] * 4
    assert cache.size == 40 * SIZE


def test_passes_over_frames_that_fit_find_them_all_though_older_ones_filled_the_cache() -> None:
    cache = FeatureCache(40 * SIZE, CPU)
    visit(cache, range(100))
    encoded = [visit(cache, range(500, 530)) for _ in range(8)]
    assert encoded[0] == 30
    assert encoded[-1] == 0
    assert encoded == sorted(encoded, reverse=True)


def test_features_leave_the_device_for_the_host_and_come_back_unchanged() -> None:
    cache = FeatureCache(10 * SIZE, CPU, device_budget=2 * SIZE)
    for frame in range(4):
        cache.put(frame, some(frame))
    assert len(cache) == 4
    # Those that were pushed out of the device's memory, and only those.
    assert cache.size == 2 * SIZE
    for frame in range(4):
        back = cache.get(frame)
        assert back is not None
        assert torch.equal(back.levels[1], some(frame).levels[1])
    cache.drop(2)
    assert cache.get(2) is None
    cache.clear()
    assert (len(cache), cache.size) == (0, 0)


def test_the_default_budget_is_half_of_what_is_free_and_shrinks_when_memory_runs_short(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    free = 8 << 30
    monkeypatch.setattr(module, "free_memory", lambda: free)
    cache = FeatureCache(None, CPU)
    given = FeatureCache(1 << 40, CPU)
    assert cache.budget == 4 << 30
    free = (1 << 30) - 10 * SIZE
    for frame in range(64):
        cache.put(frame, some())
        given.put(frame, some())
    # At the 32nd ten of 32 were to be given back, at the 64th ten of 23.
    assert len(cache) == 13
    assert len(given) == 64


class Pictures:
    """Images in the place of `LazyImages`, the first `count` of them stored."""

    depth = 1

    def __init__(self, count: int) -> None:
        self.count = count
        self.read: list[int] = []

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.full((3, 4, 4), float(index))

    def is_ready(self, index: int) -> bool:
        return 0 <= index < self.count

    def read_ahead(self, indices: Sequence[int]) -> None:
        self.read += indices


class Doubling:
    """A model whose features are the image twice as large."""

    num_feature_levels = 1
    image_encoder = None

    def forward_image(self, image: torch.Tensor) -> dict[str, list[torch.Tensor]]:
        return {"backbone_fpn": [image * 2]}


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("step", [1, -1])
def test_every_frame_of_a_pass_is_encoded_once_however_many_objects_go_through_it(
    monkeypatch: pytest.MonkeyPatch, beside: bool, step: int
) -> None:
    monkeypatch.setattr(module, "_can_encode_beside", lambda: beside)
    pictures, cache = Pictures(8), FeatureCache(1 << 20, CPU)
    encoder = FrameEncoder(Doubling(), pictures, cache, CPU)  # type: ignore[arg-type]
    for frame in range(8)[::step]:
        for _ in range(5):
            (level,) = encoder.get(frame, tracking=True).levels
            assert level.unique().tolist() == [2.0 * frame]
            encoder.go_ahead(frame, step)
            for future in list(encoder.ahead.values()):
                future.result(10)
    encoder.close()
    assert encoder.encoded == len(cache) == 8


# -- through the engine -----------------------------------------------------------------------

DISC, BOX = SAMPLE_CLICKS["disc"], SAMPLE_CLICKS["box"]


@pytest.fixture
def session(clip: Path, tmp_path: Path) -> Iterator[Session]:
    with opened(clip, tmp_path) as session:
        yield session


def opened(clip: Path, folder: Path, **arguments: object) -> Session:
    """Open every fifth frame: 12 frames."""
    session = Session(
        clip, output_dir=folder, model="nano", device="cpu", frame_step=5, **arguments
    )  # type: ignore[arg-type]
    session.video.wait()
    return session


def engine(session: Session) -> Sam2Engine:
    session.live.worker.run(lambda: None)
    return session.live.engine  # type: ignore[return-value]


def annotate(session: Session) -> dict[int, npt.NDArray[np.bool_]]:
    """Click, track, correct, add an object, track again; return the masks of both objects."""
    session.add_point(3, 180, 110)
    session.track().wait()
    session.add_points(7, [(300, 128, 1), (300, 300, 0)])
    session.add_point(0, *BOX, instance=2)
    session.track().wait()
    session.track(force=True).wait()
    return {instance: np.asarray(session.masks[instance, "overall"]) for instance in (1, 2)}


def test_a_visited_frame_never_pays_the_encoder_twice(session: Session) -> None:
    annotate(session)
    assert len(session.video) == 12
    assert engine(session).encoder.encoded == 12
    session.add_point(9, 300, 300, 0)
    session.add_point(5, *DISC, instance=3)
    session.track(force=True).wait()
    assert engine(session).encoder.encoded == 12


def test_masks_are_the_same_whatever_the_cache_forgets_and_whoever_encodes(
    clip: Path, tmp_path: Path, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = annotate(session)
    assert all(0.001 < mask.mean() < 0.9 for mask in expected.values())
    with opened(clip, tmp_path / "none", feature_cache=0) as without:
        masks = annotate(without)
        assert all(np.array_equal(masks[i], expected[i]) for i in expected)
        assert engine(without).encoder.encoded > 40
    for beside in (False, True):
        monkeypatch.setattr(module, "_can_encode_beside", lambda beside=beside: beside)
        with opened(clip, tmp_path / str(beside), feature_cache="1GB") as forgetful:
            forget_at_random(engine(forgetful), seed=int(beside))
            masks = annotate(forgetful)
            assert all(np.array_equal(masks[i], expected[i]) for i in expected)
            assert 12 < engine(forgetful).encoder.encoded < 60


def forget_at_random(engine: Sam2Engine, seed: int) -> None:
    """Have the cache lose any frame at any time."""
    random, cache = np.random.default_rng(seed), engine.cache
    get = cache.get

    def forgetting(frame: int) -> Features | None:
        for other in range(12):
            if random.random() < 0.2:
                cache.drop(other)
        return get(frame)

    cache.get = forgetting  # type: ignore[method-assign]


def test_an_object_that_is_added_later_leaves_the_others_as_they_are(session: Session) -> None:
    session.add_point(3, 180, 110)
    session.track().wait()
    folder = session.folder / "instance1" / "masks_overall"
    before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}
    assert len(before) == 12
    encoded = engine(session).encoder.encoded
    session.add_point(0, *BOX, instance=2)
    job = session.track()
    job.wait()
    after = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}
    assert after == before
    assert session.masks[2, "overall"].frames.tolist() == list(range(12))
    assert engine(session).encoder.encoded == encoded


def test_a_cache_that_is_no_size_is_refused(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="feature_cache is a size such as '8GB'"):
        Session(clip, output_dir=tmp_path, model="nano", feature_cache="plenty")
    assert not list(tmp_path.iterdir())


def test_a_cancel_waits_for_the_frame_at_hand_alone(session: Session) -> None:
    session.add_point(3, 180, 110)
    model = engine(session)
    inner, steps = model.steps, list[int]()

    def counted(scopes: Sequence[Hashable], frame: int) -> Iterator[tuple[Hashable, Segmentation]]:
        steps.append(frame)
        return inner(scopes, frame)

    model.steps = counted  # type: ignore[method-assign]
    job = session.track()
    for frame in job:
        if frame == 6:
            break
    job.cancel()
    begun = len(steps)
    assert job.wait(60)
    # It may have begun one more before it heard of it.
    assert len(steps) <= begun + 1
    assert job.progress[0] == len(steps)
