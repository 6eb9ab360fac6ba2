"""What an open viewer costs a track: the same track with and without it, in turns."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import psutil

from benchmarks.clip import centre
from benchmarks.figures import Figure, figure
from benchmarks.stage import HEIGHT, WIDTH

if TYPE_CHECKING:
    from benchmarks.stage import Stage, Theatre

FREE_CORES = 4
"""With fewer, the browser and the model share cores, and the cost is the machine's."""

# Seconds of a track, and of those the seconds that its thread stood in line for a core (on Linux).
TRACK = """
import pathlib, threading
def waited():
    (engine,) = [t for t in threading.enumerate() if t.name == "sam2-widget-engine"]
    path = pathlib.Path(f"/proc/self/task/{engine.native_id}/schedstat")
    return int(path.read_text().split()[1]) / 1e9 if path.exists() else 0
def track():
    before, began = waited(), time.perf_counter()
    ann.session.track(force=True).wait()
    return time.perf_counter() - began, waited() - before
"""

Times = tuple[float, float]
"""Milliseconds for each frame of a track: all, and without waiting for a core."""


def measure(theatre: Theatre, quick: bool) -> list[Figure]:
    """Track all frames anew, A-B-A-B; the engine has one thread on both sides."""
    free = _free_cores()
    frames, rounds = (40, 2) if quick else (200, 5)
    with theatre.open(frames) as stage:
        stage.notebook.py(_add_point(), setup=TRACK)
        _ = stage.notebook.py(
            "track()"
        )  # not counted: the first run makes files that later replace
        sides: dict[str, list[Times]] = {"headless": [], "open": []}
        for _ in range(rounds):
            stage.hide()
            sides["headless"].append(_track(stage, frames))
            widget = stage.show()
            sides["open"].append(_track(stage, frames))
            widget.wait(job="idle")
    headless, seen = ([took for took, _ in sides[side]] for side in ("headless", "open"))
    alone, working = ([own for _, own in sides[side]] for side in ("headless", "open"))
    few = "" if free >= FREE_CORES else f"{free:.1f} free cores of {FREE_CORES}"
    return [
        figure("a frame of a track without a viewer", headless, "ms"),
        figure(
            "a frame of a track with the viewer open",
            seen,
            "ms",
            reference=statistics.median(headless),
            most=1.05,
            without_verdict=few,
        ),
        # What is left where there are cores enough: the interpreter is shared, cores are not.
        figure(
            "the same without the time it stood in line for a core",
            working,
            "ms",
            reference=statistics.median(alone),
        ),
    ]


def _track(stage: Stage, frames: int) -> Times:
    took, waited = stage.notebook.py("track()")
    return 1000 * took / frames, 1000 * (took - waited) / frames


def _add_point() -> str:
    x, y = centre(0, 0, WIDTH, HEIGHT)
    return f"ann.session.add_point(0, {x}, {y}) is None"


def _free_cores() -> float:
    """Return how many cores have nothing to do now."""
    cores = len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else 0
    return (cores or psutil.cpu_count() or 1) - psutil.cpu_count() * psutil.cpu_percent(1) / 100
