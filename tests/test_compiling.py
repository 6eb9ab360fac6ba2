"""`compile=True`: compiled beside the work, used once it is ready, and no loss where it is not."""

from __future__ import annotations

import functools
import shutil
import sys
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from sam2_widget.engines.sam2.compiling import Compiled
from sam2_widget.errors import ProjectError
from sam2_widget.sample import SAMPLE_CLICKS
from tests.projects import PATIENCE, open_sample, own_threads

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from sam2_widget.engines.sam2.compiling import Compilation
    from sam2_widget.engines.sam2.graphs import Graphs
    from sam2_widget.session import Session

BOX = SAMPLE_CLICKS["box"]


def compilation(session: Session) -> Compilation:
    engine: Any = session.live.engine
    found: Compilation = engine._compilation
    return found


def is_compiled(session: Session) -> bool:
    engine: Any = session.live.engine
    return isinstance(engine._model.image_encoder, Compiled)


def graphs_of(session: Session) -> Graphs:
    engine: Any = session.live.engine
    found: Graphs = engine.graphs
    return found


def track(session: Session) -> npt.NDArray[np.bool_]:
    session.add_point(0, *BOX)
    session.track().wait()
    return np.asarray(session.masks[1, "overall"])


class Gate:
    """Stands in the way of compiling, which is then done without a C++ compiler, to be quick."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.arrived, self.go = threading.Event(), threading.Event()
        self._compile = functools.partial(torch.compile, backend="eager")
        monkeypatch.setattr(torch, "compile", self)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        self.arrived.set()
        assert self.go.wait(PATIENCE)
        return self._compile(*arguments, **named)


def test_clicks_and_tracks_do_not_wait_for_it_and_it_is_used_once_it_is_ready(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_sample(clip, tmp_path / "plain") as session:
        expected = track(session)
    gate, turns = Gate(monkeypatch), sys.getswitchinterval()
    with open_sample(clip, tmp_path / "compiled", compile=True, feature_cache=0) as session:
        assert gate.arrived.wait(PATIENCE)
        assert sys.getswitchinterval() < turns / 10, "whoever clicks has its turn soon"
        assert graphs_of(session).paused, "nothing is recorded on a GPU meanwhile"
        # It stands still, and everything else goes on.
        assert np.array_equal(track(session), expected)
        assert not is_compiled(session)
        gate.go.set()
        assert compilation(session).wait(120)
        assert is_compiled(session)
        assert sys.getswitchinterval() == turns
        assert not graphs_of(session).paused
        graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
        assert graphs > 0
        session.track(force=True).wait()
        session.add_point(5, *BOX, instance=2)
        # Nothing is compiled again on the thread that works.
        assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == graphs
        assert np.array_equal(np.asarray(session.masks[1, "overall"]), expected)
        assert session.live.notices == []


def test_a_session_that_is_closed_meanwhile_lets_go_of_the_model(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    session = open_sample(clip, tmp_path, compile=True)
    assert gate.arrived.wait(PATIENCE)
    engine: Any = session.live.engine
    model, under_way = engine._model, compilation(session)
    session.close()
    assert [name for name in own_threads() if "compile" not in name] == []
    gate.go.set()
    assert under_way.wait(120)
    assert own_threads() == []
    assert not isinstance(model.image_encoder, Compiled)


def test_where_it_fails_one_notice_says_so_and_the_work_goes_on(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="no such one"))
    with open_sample(clip, tmp_path, compile=True) as session:
        assert compilation(session).wait(120)
        assert track(session).any()
        (notice,) = session.live.notices
        assert notice.level == "warning"
        assert notice.text.startswith("The model could not be compiled (")
        assert "no such one" in notice.text
        assert not is_compiled(session)


def test_it_is_an_argument_that_sessions_on_one_project_share(clip: Path, tmp_path: Path) -> None:
    with open_sample(clip, tmp_path):
        for other in ({"compile": True}, {"precision": "bfloat16"}):
            with pytest.raises(ProjectError, match=rf"other arguments \({next(iter(other))}\)"):
                open_sample(clip, tmp_path, **other)


@pytest.mark.slow
# PyTorch imports parts of its own that it calls deprecated.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_compiled_masks_are_nearly_the_same(clip: Path, tmp_path: Path) -> None:
    """With a C++ compiler; without one there is a notice, and the masks are the same."""
    with open_sample(clip, tmp_path / "plain") as session:
        expected = track(session)
    with open_sample(clip, tmp_path / "compiled", compile=True) as session:
        assert compilation(session).wait(280)
        masks = track(session)
        if shutil.which("g++") or shutil.which("clang++"):
            assert session.live.notices == []
            assert is_compiled(session)
        else:
            assert len(session.live.notices) == 1
    shared = (masks & expected).sum(axis=(1, 2)) / (masks | expected).sum(axis=(1, 2))
    assert shared.min() >= 0.99
