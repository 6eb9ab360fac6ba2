"""Work that is recorded and replayed: the same masks, and as it is where that cannot be.

There is no CUDA here. In its place the work is traced by PyTorch, which like a recording holds on
to all that was not said to be an input.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from sam2_widget.engines.sam2 import engine as engines
from sam2_widget.engines.sam2.graphs import Graphs, Replay
from sam2_widget.sample import SAMPLE_CLICKS
from sam2_widget.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Tensors = tuple[torch.Tensor, ...]

CPU = torch.device("cpu")


def traced(work: Callable[..., Tensors], inputs: Tensors) -> Replay:
    """Record as CUDA does: on memory of its own, with everything else held fixed."""
    mine = tuple(tensor.clone() for tensor in inputs)
    trace: Any = make_fx(lambda *given: work(*given))(*mine)
    outputs = tuple(tensor.clone() for tensor in trace(*mine))

    def launch() -> None:
        for old, new in zip(outputs, trace(*mine), strict=True):
            old.copy_(new)

    return Replay(launch, mine, outputs)


def masks(session: Session) -> list[np.ndarray[Any, Any]]:
    """Track three objects, correct one, track again; return all masks."""
    with session:
        for number, click in enumerate(SAMPLE_CLICKS.values(), 1):
            session.add_point(0, *click, instance=number)
        session.track().wait()
        session.add_point(9, 60.0, 60.0, label=0, instance=2)
        session.track().wait()
        return [mask for n in (1, 2, 3) for mask in session.masks[n, "overall"]]


def test_what_is_replayed_makes_the_same_masks(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {"frame_step": 2, "device": "cpu"}
    plain = masks(Session(clip, output_dir=tmp_path / "plain", **given))
    recorded: list[Tensors] = []

    def record(work: Callable[..., Tensors], inputs: Tensors) -> Replay:
        recorded.append(inputs)
        return traced(work, inputs)

    monkeypatch.setattr(engines, "Graphs", partial(Graphs, record=record))
    # Frames are encoded in their turn, as on CUDA.
    monkeypatch.setattr("sam2_widget.engines.sam2.features._can_encode_beside", lambda: False)
    session = Session(clip, output_dir=tmp_path / "replayed", **given)
    replayed = masks(session)
    assert all(map(np.array_equal, plain, replayed))
    parts = "the encoder, a frame by itself, what is read of memory, and what follows"
    assert {len(inputs) for inputs in recorded} == {1, 4}, parts


def test_it_is_recorded_once_its_shapes_have_settled() -> None:
    made: list[Tensors] = []

    def record(work: Callable[..., Tensors], inputs: Tensors) -> Replay:
        made.append(inputs)
        return traced(work, inputs)

    graphs, calls = Graphs(CPU, record), []

    def double(x: torch.Tensor) -> Tensors:
        calls.append(x)
        return (2 * x,)

    def run(size: int, frame: int | None) -> None:
        given = torch.full((size,), float(len(calls)))
        (out,) = graphs.run("double", double, (given,), frame)
        assert torch.equal(out, 2 * given)

    for _ in range(20):
        run(3, 0)  # the same frame, as of many objects
        run(3, None)  # somebody waits
    assert not made
    for frame in range(1, 8):
        run(3, frame)
        run(4 + frame, frame)  # no two of a size
    assert [len(inputs[0]) for inputs in made] == [3]
    assert len(graphs) == 1
    before = len(calls)
    run(3, None)
    assert len(calls) == before, "what is recorded is replayed for whoever waits, too"


def test_results_are_not_overwritten_by_the_next_replay() -> None:
    graphs = Graphs(CPU, traced)
    outs = [
        graphs.run("double", lambda x: (2 * x,), (torch.full((2,), float(frame)),), frame)[0]
        for frame in range(9)
    ]
    assert [out[0].item() for out in outs] == [2.0 * frame for frame in range(9)]


@pytest.mark.parametrize("error", [RuntimeError("operation not permitted"), MemoryError()])
def test_where_recording_fails_the_work_is_done_as_it_is(error: Exception) -> None:
    tries = []

    def record(work: Callable[..., Tensors], inputs: Tensors) -> Replay:
        tries.append(inputs)
        raise error

    graphs = Graphs(CPU, record)
    for frame in range(12):
        (out,) = graphs.run("double", lambda x: (2 * x,), (torch.ones(2),), frame)
        assert out.tolist() == [2.0, 2.0]
    assert len(tries) == 1


def test_where_memory_is_short_recordings_are_given_up_for_good() -> None:
    graphs = Graphs(CPU, traced)
    for frame in range(8):
        graphs.run("double", lambda x: (2 * x,), (torch.ones(2),), frame)
    assert graphs.drop()
    assert not graphs.drop()
    for frame in range(20):
        graphs.run("double", lambda x: (2 * x,), (torch.ones(2),), frame)
    assert len(graphs) == 0


def test_of_many_shapes_those_used_last_stay_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sam2_widget.engines.sam2.graphs._MOST", 2)
    made: list[int] = []

    def record(work: Callable[..., Tensors], inputs: Tensors) -> Replay:
        made.append(len(inputs[0]))
        return traced(work, inputs)

    graphs = Graphs(CPU, record)

    def run(size: int, frames: int) -> None:
        for frame in range(frames):
            (out,) = graphs.run("double", lambda x: (2 * x,), (torch.ones(size),), frame)
            assert torch.equal(out, torch.full((size,), 2.0))

    for size in (1, 2, 1, 3):
        run(size, 6)
    assert made == [1, 2, 3]
    run(1, 6)
    assert made == [1, 2, 3], "used since the second was"
    run(2, 4)
    assert made == [1, 2, 3], "it has to settle again"
    run(2, 6)
    assert made == [1, 2, 3, 2]
    assert len(graphs) == 2


def test_nothing_is_recorded_while_it_is_paused() -> None:
    graphs = Graphs(CPU, traced)
    graphs.paused = True
    for frame in range(12):
        graphs.run("double", lambda x: (2 * x,), (torch.ones(2),), frame)
    assert len(graphs) == 0
    graphs.paused = False
    for frame in range(12):
        graphs.run("double", lambda x: (2 * x,), (torch.ones(2),), frame)
    assert len(graphs) == 1


def test_clicks_are_replayed_too(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def clicked(session: Session) -> list[np.ndarray[Any, Any]]:
        x, y = next(iter(SAMPLE_CLICKS.values()))
        with session:
            found = []
            for number in range(1, 8):
                found.append(session.add_point(0, x + number, y, instance=number))
                found.append(session.add_point(0, x, y + number, instance=number))
            return found

    given: dict[str, Any] = {"frame_step": 2, "device": "cpu"}
    plain = clicked(Session(clip, output_dir=tmp_path / "plain", **given))
    recorded: list[int] = []

    def record(work: Callable[..., Tensors], inputs: Tensors) -> Replay:
        recorded.append(len(inputs))
        return traced(work, inputs)

    monkeypatch.setattr(engines, "Graphs", partial(Graphs, record=record))
    replayed = clicked(Session(clip, output_dir=tmp_path / "replayed", **given))
    assert all(map(np.array_equal, plain, replayed))
    assert len(recorded) == 2, "the first point of an object, and the second with the mask so far"


def test_a_recording_that_gives_another_result_is_given_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    held = torch.ones(2)

    def work(x: torch.Tensor) -> Tensors:
        return (x + held,)

    def record(work: Callable[..., Tensors], inputs: Tensors) -> Replay:
        # As if what the work reads beside its inputs had been copied once and for all.
        replay = traced(work, inputs)
        return Replay(lambda: None, inputs, replay(inputs))

    graphs = Graphs(CPU, record)
    for frame in range(12):
        (out,) = graphs.run("add", work, (torch.full((2,), float(frame)),), frame)
        assert out.tolist() == [1.0 + frame] * 2
    assert len(graphs) == 0
    assert "another result" in caplog.text
