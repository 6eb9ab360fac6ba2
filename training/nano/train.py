"""Trains nano on synthetic clips; started again, it goes on where it was.

    python -m training.nano.train FOLDER [--steps 8000] [--scale 8 --workers 14 --device cuda]

FOLDER gets ``state.pt`` (every three minutes), ``log.jsonl``, and the weights to evaluate: the
average in ``average-<step>`` and ``final``, the weights themselves in ``last``. All that is random
depends on the seed and the step alone, so a run in several parts, paused or killed, is the same
run; ended by SIGTERM it loses no step. A file named ``anneal`` in FOLDER starts the
fall of the learning rate at once, after which the run ends; ``steady.pt`` is the state before it.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from training.nano.network import PACKAGED, build, save_half
from training.nano.passes import Pass
from training.nano.plan import Plan, batches
from training.nano.state import State

if TYPE_CHECKING:
    from training.nano.samples import Batch

_AVERAGE = 0.998


class Run:
    """A training run in a folder.

    Parameters
    ----------
    folder
        Holds its files.
    state
        What is trained; taken up from the folder if there is something.
    plan
        Its schedule.
    """

    def __init__(self, folder: Path, state: State, plan: Plan) -> None:
        self._folder, self._state, self._plan = folder, state, plan
        self._recent: dict[str, list[float]] = {}
        self._ended = False
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / "state.pt").exists():
            state.load(folder / "state.pt")

    def train(self, steps: int, workers: int = 0, keep: int = 500, most: int = 1 << 30) -> None:
        """Train up to a number of steps, the fall of the rate included.

        Parameters
        ----------
        steps
            Of all runs in the folder together.
        workers
            Processes that make batches.
        keep
            Every so many steps the averaged weights are kept.
        most
            Stop after so many steps now; the rest is for the next run.
        """
        state, plan = self._state, self._plan
        saved, stop = time.monotonic(), state.step + most
        ready = time.perf_counter()
        for batch in batches(plan, state.step, steps + plan.fade, workers):
            if state.step >= stop or self._ended:
                break
            self._begin_fading(steps)
            if state.fading_since is not None and state.step >= state.fading_since + plan.fade:
                break
            spent, clock = time.process_time(), time.perf_counter()
            self._note(train_step(state, batch, plan))
            state.seconds += time.process_time() - spent
            self._note({"seconds": [time.perf_counter() - clock], "waited": [clock - ready]})
            ready = time.perf_counter()
            if state.step % 25 == 0:
                self._write_log()
            if state.step % keep == 0:
                self._keep(f"average-{state.step:06d}")
            if time.monotonic() - saved > 180:
                state.save(self._folder / "state.pt")
                saved = time.monotonic()
        state.save(self._folder / "state.pt")
        self._keep("final")
        save_half(state.model.state_dict(), self._folder / "last.safetensors")

    def end(self) -> None:
        """Have the run save and end after the step it is at; it can be called from a signal."""
        self._ended = True

    def _begin_fading(self, steps: int) -> None:
        state = self._state
        asked = (self._folder / "anneal").exists()
        if state.fading_since is None and (asked or state.step >= steps - self._plan.fade):
            state.save(self._folder / "steady.pt")
            self._keep("steady")
            state.fading_since = state.step

    def _note(self, values: dict[str, list[float]]) -> None:
        for name, numbers in values.items():
            self._recent.setdefault(name, []).extend(numbers)

    def _write_log(self) -> None:
        state = self._state
        line = {"step": state.step, "cpu_seconds": round(state.seconds)}
        means = {name: round(float(np.mean(v)), 6) for name, v in sorted(self._recent.items())}
        with (self._folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(line | means) + "\n")
        self._recent.clear()

    def _keep(self, name: str) -> None:
        save_half(self._state.average.state_dict(), self._folder / f"{name}.safetensors")


def train_step(state: State, batch: Batch, plan: Plan) -> dict[str, list[float]]:
    """Train on one batch; return the loss and the overlaps by kind of prompt."""
    rate = plan.rate_at(state.step, state.fading_since)
    state.optimiser.set_rate(rate)
    device = next(state.model.parameters()).device
    run = Pass(state.model, batch, plan.prompts_at(state.step), plan.balance_at(state.step))
    with torch.autocast("cuda", torch.bfloat16, enabled=device.type == "cuda"):
        loss = run.run()
    state.optimiser.clear()
    loss.backward()  # type: ignore[no-untyped-call]
    norm = torch.nn.utils.clip_grad_norm_(state.model.parameters(), 1.0)
    if torch.isfinite(norm):
        state.optimiser.step()
    state.step += 1
    state.follow(_AVERAGE)
    where = "image " if batch.frames.shape[1] == 1 else ""
    overlaps = {where + name: values for name, values in run.overlaps.items()}
    return {"loss": [loss.item()], "norm": [float(norm)], "rate": [rate], **overlaps}


def main() -> None:
    """Train as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=8000)
    parser.add_argument("--most", type=int, default=1 << 30, help="steps of this run alone")
    parser.add_argument("--start", default="packaged", help="packaged, fresh, or a safetensors")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scale", type=int, default=1, help="times the clips of a batch")
    parser.add_argument("--rate", type=float, default=4e-4)
    parser.add_argument("--fade", type=int, default=300, help="steps at the end")
    parser.add_argument("--side", type=int, default=320, help="of frames, in pixels")
    parser.add_argument("--small", type=int, default=0, help="first steps at half size")
    parser.add_argument("--photos", type=Path, help="real pictures for the world, see collect")
    parser.add_argument("--keep", type=int, default=500, help="steps between kept weights")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=0, help="of torch; 0 leaves it the choice")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    # Threads of small pictures wait for each other, and for the cores that the workers have.
    cv2.setNumThreads(1)
    torch.set_flush_denormal(True)  # Six per cent of a step's time on a CPU.
    torch.set_float32_matmul_precision("high")
    # It plans anew, for tens of milliseconds, for each number of objects; every batch has another.
    torch.backends.cuda.enable_cudnn_sdp(False)
    torch.manual_seed(given.seed)
    named = {"packaged": PACKAGED / "nano.safetensors", "fresh": None}
    start = named.get(given.start, Path(given.start))
    given.folder.mkdir(parents=True, exist_ok=True)
    (given.folder / "pid").write_text(f"{os.getpid()}\n")
    plan = Plan(
        seed=given.seed,
        scale=given.scale,
        rate=given.rate,
        fade=given.fade,
        balanced=0 if start else 1500,
        side=given.side,
        small=given.small,
        photos=given.photos,
    )
    state = State(build(start).to(given.device))
    run = Run(given.folder, state, plan)
    signal.signal(signal.SIGTERM, lambda *_: run.end())
    run.train(given.steps, given.workers, given.keep, given.most)


if __name__ == "__main__":
    main()
