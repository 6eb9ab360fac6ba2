"""Memory that runs out, wherever it does: the work goes on with the same masks, told of once.

Failures are put into the real calls of a real model; what follows from them is real too.
"""

from __future__ import annotations

import gc
import threading
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sam2_widget.engines.sam2 import archive
from sam2_widget.engines.sam2 import engine as engine_module
from sam2_widget.engines.sam2 import features as features_module
from sam2_widget.engines.sam2.features import FeatureCache, Features
from sam2_widget.engines.sam2.pressure import Pressure, is_out_of_memory
from sam2_widget.errors import OutOfMemoryError
from sam2_widget.sample import SAMPLE_CLICKS
from sam2_widget.session import Session
from tests.projects import files, hashed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy.typing as npt

    from sam2_widget.engines.sam2.engine import Sam2Engine

CPU = torch.device("cpu")
BOX = SAMPLE_CLICKS["box"]
# What allocators of the three kinds of devices and of numpy raise, in their own words.
ERRORS: dict[str, Callable[[], Exception]] = {
    "cuda": lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."),
    "mps": lambda: RuntimeError("MPS backend out of memory (MPS allocated: 9.05 GB)."),
    "cpu": lambda: RuntimeError(
        "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: "
        "you tried to allocate 1073741824 bytes. Error code 12 (Cannot allocate memory)"
    ),
    "numpy": lambda: MemoryError("Unable to allocate 1.00 GiB for an array"),
}


class Failing:
    """Fails at some of the calls of a function; the frames of the failure hold a large tensor."""

    def __init__(
        self,
        real: Callable[..., Any],
        at: Callable[[int], bool],
        kind: str = "cuda",
        on: str = "",
    ) -> None:
        self._real = real
        self._at = at
        self._kind = kind
        self._on = on
        self.calls = 0
        self.failed = 0
        self.held: list[weakref.ref[torch.Tensor]] = []
        self._mine: dict[int, list[weakref.ref[torch.Tensor]]] = {}

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        if not threading.current_thread().name.startswith(self._on):
            return self._real(*arguments, **named)
        self.calls += 1
        # What a failure held is free before it is tried again; others may fail at the same time.
        mine = self._mine.setdefault(threading.get_ident(), [])
        if not self._on:
            assert [ref() for ref in mine] == [None] * len(mine)
        if self._at(self.calls - 1):
            self.failed += 1
            held = torch.zeros(1000)
            self.held.append(weakref.ref(held))
            mine.append(self.held[-1])
            raise ERRORS[self._kind]()
        return self._real(*arguments, **named)


@pytest.fixture
def session(clip: Path, tmp_path: Path) -> Iterator[Session]:
    """Open every tenth frame of the sample clip: 6 frames."""
    with opened(clip, tmp_path / "outputs") as session:
        yield session


def opened(clip: Path, folder: Path, **arguments: Any) -> Session:
    given = {"model": "nano", "device": "cpu", "frame_step": 10, **arguments}
    session = Session(clip, output_dir=folder, **given)
    session.video.wait()
    return session


def engine(session: Session) -> Sam2Engine:
    session.live.worker.run(lambda: None)
    return session.live.engine  # type: ignore[return-value]


def work(session: Session) -> dict[int, npt.NDArray[np.bool_]]:
    """Click, track both ways, correct what was tracked, add an object, track again."""
    session.add_points(2, [(180, 110, 1), (300, 300, 0)])
    session.track().wait()
    session.add_point(4, 300, 128)
    session.add_point(0, *BOX, instance=2)
    session.track(force=True).wait()
    return {instance: np.asarray(session.masks[instance, "overall"]) for instance in (1, 2)}


@pytest.fixture(scope="module")
def expected(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Any]:
    """Return what the same work gives where there is memory enough."""
    with opened(clip, tmp_path_factory.mktemp("untroubled")) as session:
        masks = work(session)
        assert session.live.notices == []
    assert all(0.001 < mask.mean() < 0.9 for mask in masks.values())
    return masks


def check(session: Session, clip: Path, expected: dict[int, Any]) -> None:
    """Check that all is as if nothing had happened, and also once the project is opened again."""
    assert session.job is None
    folder, length = session.folder, len(session.video)
    for instance in expected:
        assert not any(session.is_stale(frame, instance) for frame in range(length))
    same(session, expected)
    session.close()
    with opened(clip, folder.parent) as again:
        same(again, expected)


def same(session: Session, expected: dict[int, Any]) -> None:
    for instance, masks in expected.items():
        track = session.masks[instance, "overall"]
        assert track.frames.tolist() == list(range(len(masks)))
        assert np.array_equal(np.asarray(track), masks)


def as_if_on_a_gpu(engine: Sam2Engine, budget: int) -> None:
    """Have a cache with a tier on the device, and the device's memory told from the host's."""
    engine.cache = engine.encoder.cache = FeatureCache(1 << 30, CPU, device_budget=budget)
    engine.pressure._device = torch.device("cuda")


def in_module(name: str) -> Callable[[Sam2Engine], tuple[object, str]]:
    return lambda engine: (getattr(engine._model, name), "forward")


# Where it may strike: what holds the call, and the call's name.
PLACES: dict[str, Callable[[Sam2Engine], tuple[object, str]]] = {
    "the image encoder": in_module("image_encoder"),
    "the memory attention": lambda engine: (
        engine._model.memory_attention.layers[0].linear1,
        "forward",
    ),
    "the prompt encoder": in_module("sam_prompt_encoder"),
    "the mask decoder": in_module("sam_mask_decoder"),
    "the memory encoder": in_module("memory_encoder"),
    "a frame that is read": lambda engine: (engine._images, "_read"),
    "what is kept of the past": lambda engine: (archive, "move"),
    "a large mask": lambda engine: (engine_module, "bring"),
    "features that change their place": lambda engine: (Features, "to"),
}


def break_at(
    engine: Sam2Engine, place: str, monkeypatch: pytest.MonkeyPatch, **how: Any
) -> Failing:
    holder, name = PLACES[place](engine)
    failing = Failing(getattr(holder, name), **how)
    if holder is Features:
        real = Features.to
        failing._real = real
        monkeypatch.setattr(Features, "to", lambda self, device: failing(self, device))
    else:
        monkeypatch.setattr(holder, name, failing)
    return failing


def at(*calls: int) -> Callable[[int], bool]:
    return lambda call: call in calls


TOLD = "Memory ran short"


def warnings(session: Session) -> list[str]:
    return [notice.text for notice in session.live.notices if notice.level == "warning"]


@pytest.mark.parametrize("kind", ERRORS)
def test_what_every_allocator_says_is_understood(kind: str) -> None:
    assert is_out_of_memory(ERRORS[kind]())


@pytest.mark.parametrize(
    "other", [RuntimeError("shape '[2]' is invalid"), ValueError("out of memory"), OSError(28, "x")]
)
def test_other_errors_are_not_taken_for_it(other: Exception) -> None:
    assert not is_out_of_memory(other)
    assert not is_out_of_memory(OutOfMemoryError("out of memory, in our own words"))


# Every place in the memory of one kind or the other; all others are tried by `make test-slow`.
HERE = [(place, bool(number % 2)) for number, place in enumerate(PLACES, start=1)]
THERE = [(place, not gpu) for place, gpu in HERE if place != "features that change their place"]


@pytest.mark.parametrize(
    ("place", "gpu"), [*HERE, *(pytest.param(*each, marks=pytest.mark.slow) for each in THERE)]
)
def test_the_work_goes_on_with_the_same_masks_and_one_notice(
    session: Session,
    clip: Path,
    expected: dict[int, Any],
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    gpu: bool,
) -> None:
    """The first two calls and two in the midst fail, in the words of one allocator or another."""
    model = engine(session)
    if gpu:
        as_if_on_a_gpu(model, 2_000_000)
    kinds, breaks = sorted(ERRORS), (0, 1, 6, 10)
    kind = kinds[sorted(PLACES).index(place) % len(kinds)]
    failing = break_at(model, place, monkeypatch, at=at(*breaks), kind=kind)
    masks = work(session)
    monkeypatch.undo()
    assert failing.failed == sum(call < failing.calls for call in breaks) > 1
    assert all(np.array_equal(masks[i], expected[i]) for i in expected)
    (told,) = warnings(session)
    assert told.startswith(TOLD)
    assert len(session.live.notices) == 1
    gc.collect()
    assert [ref() for ref in failing.held] == [None] * failing.failed
    check(session, clip, expected)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    breaks=st.sets(st.integers(0, 40), min_size=1, max_size=6),
    place=st.sampled_from(sorted(PLACES)),
    gpu=st.booleans(),
    kind=st.sampled_from(sorted(ERRORS)),
)
def test_it_may_strike_anywhere_at_any_time(
    clip: Path,
    tmp_path_factory: pytest.TempPathFactory,
    expected: dict[int, Any],
    breaks: set[int],
    place: str,
    gpu: bool,
    kind: str,
) -> None:
    # Apart from one another: there is little here to give back.
    broken = {call for call in breaks if not breaks & set(range(call - 8, call))}
    with (
        opened(clip, tmp_path_factory.mktemp("any")) as session,
        pytest.MonkeyPatch.context() as monkeypatch,
    ):
        if gpu:
            as_if_on_a_gpu(engine(session), 2_000_000)
        failing = break_at(engine(session), place, monkeypatch, at=broken.__contains__, kind=kind)
        masks = work(session)
        assert all(np.array_equal(masks[i], expected[i]) for i in expected)
        assert len(warnings(session)) == len(session.live.notices) == bool(failing.failed)


def test_it_may_strike_on_the_thread_that_encodes_ahead(
    clip: Path, tmp_path: Path, expected: dict[int, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features_module, "_can_encode_beside", lambda: True)
    with opened(clip, tmp_path) as session:
        failing = break_at(
            engine(session),
            "the image encoder",
            monkeypatch,
            at=at(0, 2),
            kind="numpy",
            on="sam2-widget-ahead",
        )
        masks = work(session)
        assert failing.failed
        assert all(np.array_equal(masks[i], expected[i]) for i in expected)
        assert len(warnings(session)) == 1
        check(session, clip, expected)


def test_a_step_that_is_done_again_reads_all_that_it_read_before(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it strikes last, over more frames than the model looks back."""
    masks = []
    for broken in (False, True):
        with opened(clip, tmp_path / str(broken), frame_step=6) as session:
            session.add_point(0, *BOX)
            if broken:
                place = "what is kept of the past"
                break_at(engine(session), place, monkeypatch, at=lambda call: call % 2 == 0)
            session.track().wait()
            masks.append(np.asarray(session.masks[1, "overall"]))
            assert len(warnings(session)) == broken
    assert np.array_equal(*masks)


@pytest.mark.parametrize("gpu", [False, True])
def test_where_nothing_helps_the_run_ends_with_one_error_and_keeps_what_it_tracked(
    session: Session,
    clip: Path,
    expected: dict[int, Any],
    monkeypatch: pytest.MonkeyPatch,
    gpu: bool,
) -> None:
    model = engine(session)
    if gpu:
        as_if_on_a_gpu(model, 1 << 30)
    session.add_points(2, [(180, 110, 1), (300, 300, 0)])
    failing = break_at(model, "the memory attention", monkeypatch, at=lambda call: call >= 2)
    job = session.track()
    with pytest.raises(OutOfMemoryError, match="what was tracked is kept") as caught:
        job.wait()
    for way_out in ("max_side=", "smaller model", "fewer objects", "device=" if gpu else "close"):
        assert way_out in str(caught.value)
    assert job.finished
    assert job.progress[0] == 2
    assert session.job is None
    (notice,) = session.live.notices
    assert (notice.level, notice.text) == ("error", f"{job.text} stopped: {caught.value}")
    # All was tried, and it came to an end.
    assert 2 < failing.calls < 20
    if gpu:
        assert model.pressure.on_host
    # The session is as usable as before, and goes on from where it stopped.
    monkeypatch.undo()
    assert session.masks[1, "overall"].frames.tolist() == [2, 3, 4]
    session.track().wait()
    session.add_point(4, 300, 128)
    session.add_point(0, *BOX, instance=2)
    session.track(force=True).wait()
    check(session, clip, expected)


def test_a_click_for_which_there_is_no_room_is_refused_and_changes_nothing(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.add_point(2, 180, 110)
    hashed(session)
    before = files(session.folder)
    break_at(engine(session), "the mask decoder", monkeypatch, at=lambda call: True)
    with pytest.raises(OutOfMemoryError):
        session.add_point(2, 300, 300, 0)
    monkeypatch.undo()
    assert files(session.folder) == before
    assert session.points[1, "overall"][2].tolist() == [[180, 110, 1]]
    session.add_point(2, 300, 300, 0)


@pytest.mark.parametrize("part", ["load_predictor", "cast_weights", "LazyImages"])
def test_a_model_that_does_not_fit_is_refused_in_words(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    def full(*arguments: object) -> None:
        raise ERRORS["cuda"]()

    monkeypatch.setattr(engine_module, part, full)
    with opened(clip, tmp_path) as session:
        with pytest.raises(OutOfMemoryError, match="smaller model"):
            session.add_point(2, 180, 110)
        assert session.live.status.status == "failed"


# -- what is given back, and in which order ---------------------------------------------------


def some() -> Features:
    return Features((torch.zeros(24),))


def test_a_cache_that_shrank_stays_small() -> None:
    cache = FeatureCache(10 * 96, CPU)
    for frame in range(8):
        cache.put(frame, some())
    assert cache.shrink(host=True)
    assert (len(cache), cache.budget) == (4, 4 * 96)
    for frame in range(20):
        cache.put(frame, some())
    assert len(cache) == 4
    while cache.shrink(host=True):
        pass
    assert len(cache) == 0
    assert not cache.shrink(host=True)


def test_what_leaves_the_device_is_kept_by_the_host() -> None:
    cache = FeatureCache(100 * 96, CPU, device_budget=8 * 96)
    for frame in range(8):
        cache.put(frame, some())
    assert cache.size == 0
    assert cache.shrink(host=False)
    assert (len(cache), cache.size) == (8, 4 * 96)
    cache.offload()
    assert (len(cache), cache.size) == (8, 8 * 96)
    assert not cache.shrink(host=False)
    cache.get(3)
    cache.put(9, some())
    assert (len(cache), cache.size) == (9, 9 * 96)


def test_first_features_go_then_batches_halve_then_memories_move() -> None:
    given: list[str] = []
    left = {"features": 2, "memories": 1}

    def give(what: str) -> bool:
        if what == "batch":
            gave = pressure.halve_batch()
        else:
            gave = left[what] > 0
            left[what] -= 1
        given.extend([what] * gave)
        return gave

    steps = [lambda host, what=what: give(what) for what in ("features", "batch", "memories")]
    pressure = Pressure(CPU, steps, pytest.fail)
    batches: list[int] = []

    def track() -> None:
        batches.append(pressure.fitting(7))
        raise ERRORS["cuda"]()

    with pytest.raises(OutOfMemoryError):
        pressure.survive(track)
    assert given == ["features", "features", "batch", "batch", "memories"]
    assert batches == [7, 7, 7, 3, 1, 1, 1]
    assert pressure.batch_limit == 1
    # It stays so, and a single object is no batch that could be halved.
    assert (pressure.fitting(9), pressure.fitting(1)) == (1, 1)


def test_errors_of_other_kinds_are_not_tried_again() -> None:
    pressure = Pressure(CPU, [lambda host: True], pytest.fail)
    calls: list[int] = []

    def wrong() -> None:
        calls.append(1)
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        pressure.survive(wrong)
    assert calls == [1]
