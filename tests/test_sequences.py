"""Random sequences of what users do, each mask compared with upstream's predictor, bit by bit.

A seed that fails is repeated by ``pytest -m "slow or not slow" tests/test_sequences.py -k "seed"``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sam2_widget.engines.sam2 import Sam2Engine
from sam2_widget.session import Session
from tests.oracle import Prompts, Scope, with_point
from tests.reference import COUNT, HEIGHT, WIDTH, Upstream, disc_centre, model_spec, moving_discs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.reference import Array

SCOPES = [(1, "overall"), (1, "shaft"), (2, "overall")]
LENGTH = 14
"""Things done in a sequence before all is tracked and compared."""
TIGHT = {"nano": 1_000_000, "random": 350_000}
"""Bytes of the engine's archive where memory features and logits have to go, by model."""


@dataclass
class Model:
    """A model on both sides."""

    engine: Sam2Engine
    upstream: Upstream


@pytest.fixture(scope="module")
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("model")
    spec = model_spec(request.param, folder)
    engine = Sam2Engine(spec.name, spec.config, spec.checkpoint, "cpu")
    with Session(moving_discs(), name="stored", output_dir=folder, model=engine) as session:
        session.video.wait()
        return Model(engine, Upstream(spec, session.folder / "frames"))


@dataclass
class Sequence:
    """What is done, drawn from a seed, in a session and in the oracle alike."""

    session: Session
    model: Model
    seed: int
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)
        self.scopes = {scope: Scope(self.model.upstream) for scope in SCOPES}
        self.done: list[tuple[tuple[int, str], Scope, Scope]] = []
        self.undone: list[tuple[tuple[int, str], Scope, Scope]] = []

    def run(self) -> None:
        """Do some things, track all, compare all."""
        doings: list[tuple[Callable[[], None], int]] = [
            (self.click, 6), (self.box, 2), (self.draw, 2), (self.track, 6), (self.undo, 2),
            (self.redo, 1), (self.remove, 1), (self.clear, 1), (self.delete, 1), (self.evict, 3),
        ]  # fmt: skip
        weights = np.array([weight for _, weight in doings])
        self.click()
        for _ in range(LENGTH):
            doings[self.random.choice(len(doings), p=weights / weights.sum())][0]()
            self.compare()
        if not any(oracle.prompted for oracle in self.scopes.values()):
            self.click()
        self.track(everything=True)
        self.compare()

    def compare(self) -> None:
        """See that all masks are those of the oracle."""
        for scope, oracle in self.scopes.items():
            track = self.session.masks[scope]
            assert track.frames.tolist() == sorted(oracle.masks), self.text(scope)
            wrong = [f for f, mask in oracle.masks.items() if (track[f] != mask).any()]
            assert not wrong, f"frames {sorted(wrong)} differ: {self.text(scope)}"

    def text(self, scope: tuple[int, str]) -> str:
        """Return what was done."""
        return f"{scope}, seed {self.seed}: " + "; ".join(self.log)

    # -- prompts ------------------------------------------------------------------------------

    def click(self) -> None:
        scope, frame = self._scope(), self._frame()
        x, y = self._place(frame)
        label = int(self.random.random() < 0.8)
        before = self._prompts(scope, frame)
        mask = self._prompt(scope, frame, with_point(before, x, y, label))
        self.log.append(f"click {scope} {frame} {x, y, label}")
        assert self._equal(self.session.add_point(frame, x, y, label, *scope), mask)

    def box(self) -> None:
        scope, frame = self._scope(), self._frame()
        (x, y), (w, h) = self._place(frame), self.random.integers(8, 30, 2)
        edges = max(0, x - w), max(0, y - h), min(WIDTH, x + w), min(HEIGHT, y + h)
        box = tuple(float(edge) for edge in edges)
        mask = self._prompt(scope, frame, Prompts(box=box))  # type: ignore[arg-type]
        self.log.append(f"box {scope} {frame} {box}")
        assert self._equal(self.session.set_box(frame, box, *scope), mask)  # type: ignore[arg-type]

    def draw(self) -> None:
        scope, frame = self._scope(), self._frame()
        (x, y), (w, h) = self._place(frame), self.random.integers(8, 30, 2)
        yy, xx = np.mgrid[0:HEIGHT, 0:WIDTH]
        drawn = ((xx - x) / w) ** 2 + ((yy - y) / h) ** 2 <= 1
        self._prompt(scope, frame, Prompts(drawn=drawn))
        self.log.append(f"draw {scope} {frame} {x, y, w, h}")
        self.session.set_mask(frame, drawn, *scope)

    def remove(self) -> None:
        """Remove the last point of a frame; with its last prompt its mask goes."""
        for scope, frame in self._prompted():
            before = self._prompts(scope, frame)
            if before.points:
                left = replace(before, points=before.points[:-1])
                if left == Prompts():
                    self._clear(scope, frame)
                else:
                    self._prompt(scope, frame, left)
                self.log.append(f"remove {scope} {frame}")
                self.session.remove_point(frame, len(before.points) - 1, *scope)
                return

    def clear(self) -> None:
        for scope, frame in self._prompted()[:1]:
            self._clear(scope, frame)
            self.log.append(f"clear {scope} {frame}")
            self.session.clear_frame(frame, *scope)

    def delete(self) -> None:
        scope = self._scope()
        self.log.append(f"delete {scope}")
        self.session.delete_scope(*scope)
        self.scopes[scope] = Scope(self.model.upstream)
        self.done, self.undone = [], []

    def undo(self) -> None:
        if self.done:
            self.undone.append(self.done.pop())
            scope, before, _ = self.undone[-1]
            self.scopes[scope] = before
            self.log.append("undo")
            self.session.undo()

    def redo(self) -> None:
        if self.undone:
            self.done.append(self.undone.pop())
            scope, _, after = self.done[-1]
            self.scopes[scope] = after
            self.log.append("redo")
            self.session.redo()

    # -- tracking -----------------------------------------------------------------------------

    def track(self, *, everything: bool = False) -> None:
        """Track, and perhaps cancel; where there is nothing to do, nothing is done."""
        chosen = [s for s, oracle in self.scopes.items() if oracle.prompted]
        start, stop, direction, force, most = 0, COUNT, "both", False, None
        if not everything:
            chosen = [scope for scope in chosen if self.random.random() < 0.7]
            direction = str(self.random.choice(["both", "forward", "backward"], p=[0.6, 0.2, 0.2]))
            force = bool(self.random.random() < 0.15)
            if self.random.random() < 0.4:
                start, stop = sorted(self.random.choice(COUNT + 1, 2, replace=False).tolist())
            if self.random.random() < 0.25:
                most = int(self.random.integers(1, 6))
        if not chosen:
            return
        steps = {
            scope: self.scopes[scope].plan(range(start, stop), COUNT, direction, force)
            for scope in chosen
        }
        job = self.session.track(chosen, start, stop, direction, force)  # type: ignore[arg-type]
        if most is not None:
            for number, _ in enumerate(job, start=1):
                if number == most:
                    job.cancel()
        job.wait()
        together = {step for mine in steps.values() for step in mine}
        order = [
            step
            for reverse in (False, True)
            for step in sorted({s for s in together if s[1] == reverse}, reverse=reverse)
        ]
        done = set(order[: job.progress[0]])
        self.log.append(
            f"track {chosen} {start}:{stop} {direction}{' force' * force}, {len(done)} frames"
        )
        assert most is not None or len(done) == len(order), self.text(chosen[0])
        for scope in chosen:
            self.scopes[scope].track([s for s in steps[scope] if s in done], force=force)
        # Undo of a track brings masks back, but not what the model knew when it made them.
        self.done, self.undone = [], []

    def evict(self) -> None:
        """Have the engine forget what it can compute again."""
        engine = self.model.engine

        def forget() -> None:
            for frame in self.random.choice(COUNT, 5):
                engine.cache.drop(int(frame))
            if self.random.random() < 0.3:
                engine.cache.clear()

        self.log.append("evict")
        self.session.live.worker.run(forget)

    # -- drawn from the seed ------------------------------------------------------------------

    def _scope(self) -> tuple[int, str]:
        return SCOPES[self.random.integers(len(SCOPES))]

    def _frame(self) -> int:
        return int(self.random.integers(COUNT))

    def _place(self, frame: int) -> tuple[float, float]:
        """Return a place near a disc, or anywhere."""
        if self.random.random() < 0.25:
            return float(self.random.integers(WIDTH)), float(self.random.integers(HEIGHT))
        x, y = disc_centre(int(self.random.integers(3)), frame)
        dx, dy = self.random.normal(0, 4, 2)
        x, y = np.clip([x + dx, y + dy], 0, [WIDTH - 1, HEIGHT - 1]).round(2)
        return float(x), float(y)

    def _prompted(self) -> list[tuple[tuple[int, str], int]]:
        found = [(scope, f) for scope, oracle in self.scopes.items() for f in oracle.prompted]
        return [found[i] for i in self.random.permutation(len(found))]

    # -- both sides ---------------------------------------------------------------------------

    def _prompts(self, scope: tuple[int, str], frame: int) -> Prompts:
        prompted = self.scopes[scope].prompted.get(frame)
        return Prompts() if prompted is None else prompted.prompts

    def _prompt(self, scope: tuple[int, str], frame: int, prompts: Prompts) -> Array:
        self._change(scope, lambda oracle: oracle.prompt(frame, prompts))
        return self.scopes[scope].masks[frame]

    def _clear(self, scope: tuple[int, str], frame: int) -> None:
        self._change(scope, lambda oracle: oracle.clear(frame))

    def _change(self, scope: tuple[int, str], change: Callable[[Scope], object]) -> None:
        before = self.scopes[scope]
        after = self.scopes[scope] = before.copy()
        change(after)
        self.done.append((scope, before, after))
        self.undone = []

    def _equal(self, ours: Array, theirs: Array) -> bool:
        assert (ours == theirs).all(), self.text(SCOPES[0])
        return True


few = [("nano", seed) for seed in range(3)]
few += [("2.1 tiny", 4), ("2.0 tiny", 5), ("2.1 base+", 6)]
many = [(("nano", "2.1 tiny", "2.0 tiny", "2.1 base+")[s % 8 % 5 % 4], s) for s in range(100, 200)]


@pytest.mark.parametrize(
    ("model", "seed"),
    [*few, *(pytest.param(*each, marks=pytest.mark.slow) for each in many)],
    indirect=["model"],
)
def test_whatever_was_done_the_masks_are_upstreams(model: Model, seed: int, tmp_path: Path) -> None:
    with Session(moving_discs(), name="discs", output_dir=tmp_path, model=model.engine) as session:
        session.video.wait()
        model.engine.archive.budget = [1 << 30, TIGHT[model.engine.name]][seed % 2]
        Sequence(session, model, seed).run()
