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

TRACK = """
def track():
    began = time.perf_counter()
    ann.session.track(force=True).wait()
    return time.perf_counter() - began
"""


def measure(theatre: Theatre, quick: bool) -> list[Figure]:
    """Track all frames anew, A-B-A-B; the engine has one thread on both sides."""
    free = _free_cores()
    frames, rounds = (40, 2) if quick else (200, 5)
    with theatre.open(frames) as stage:
        stage.notebook.py(_add_point(), setup=TRACK)
        _ = stage.notebook.py(
            "track()"
        )  # not counted: the first run makes files that later replace
        sides: dict[str, list[float]] = {"headless": [], "open": []}
        for _ in range(rounds):
            stage.hide()
            sides["headless"].append(_track(stage, frames))
            widget = stage.show()
            sides["open"].append(_track(stage, frames))
            widget.wait(job="idle")
    few = "" if free >= FREE_CORES else f"{free:.1f} free cores of {FREE_CORES}"
    return [
        figure("a frame of a track without a viewer", sides["headless"], "ms"),
        figure(
            "a frame of a track with the viewer open",
            sides["open"],
            "ms",
            reference=statistics.median(sides["headless"]),
            most=1.05,
            without_verdict=few,
        ),
    ]


def _track(stage: Stage, frames: int) -> float:
    """Return ms for each frame of a track."""
    return 1000 * float(stage.notebook.py("track()")) / frames


def _add_point() -> str:
    x, y = centre(0, 0, WIDTH, HEIGHT)
    return f"ann.session.add_point(0, {x}, {y}) is None"


def _free_cores() -> float:
    """Return how many cores have nothing to do now."""
    cores = len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else 0
    return (cores or psutil.cpu_count() or 1) - psutil.cpu_count() * psutil.cpu_percent(1) / 100
