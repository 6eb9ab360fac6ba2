"""Whether minutes of scrubbing and playing leave the memory of browser and kernel as it was."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import psutil

from benchmarks.clip import centre
from benchmarks.figures import Figure, percentile
from benchmarks.scrubbing import SWEEP
from benchmarks.stage import HEIGHT, WIDTH

if TYPE_CHECKING:
    from benchmarks.stage import Stage, Theatre
    from tests.browser.widget import Widget

FRAMES = 300
FLAT = 1.1
ROUND = 15
"""Seconds of a round: two sweeps, one of them over all frames, then playing."""
WARM_UP = 1 / 5
"""Share of the time after which all caches are full."""
SAMPLES = 3
"""Rounds at either end whose median is compared."""


def measure(theatre: Theatre, quick: bool) -> list[Figure]:
    """Scrub and play over masks on all frames; compare after the warm-up and at the end."""
    minutes = 1.5 if quick else 10
    with theatre.open(FRAMES) as stage:
        x, y = centre(0, 0, WIDTH, HEIGHT)
        stage.notebook.py(f"ann.session.add_point(0, {x}, {y}) is None")
        stage.notebook.py("ann.session.track().wait()")
        widget = stage.show()
        heap: list[float] = []
        kernel: list[float] = []
        pages: list[float] = []
        ends = time.monotonic() + 60 * minutes
        while time.monotonic() < ends:
            _round(stage, widget, len(heap))
            heap.append(stage.heap())
            kernel.append(stage.kernel_memory())
            pages.append(_page_memory())
    warm = min(int(WARM_UP * len(heap)), max(0, len(heap) - 2))
    return [
        _flat(f"browser heap after {minutes:g} minutes of scrubbing and playing", heap[warm:]),
        _flat(f"memory of the kernel after {minutes:g} minutes", kernel[warm:]),
        # With all images of frames, which the heap does not count.
        _flat(f"memory of the browser's pages after {minutes:g} minutes", pages[warm:]),
    ]


def _round(stage: Stage, widget: Widget, number: int) -> None:
    first = 37 * number % (FRAMES // 2)
    stage.evaluate(SWEEP, widget, [0, FRAMES - 1, 2, 5])
    stage.evaluate(SWEEP, widget, [first, first + 60, 3, 4])
    widget.root.focus()
    stage.notebook.page.keyboard.press("Space")
    widget.wait(playing="true")
    stage.notebook.page.wait_for_timeout(1000 * (ROUND - 9))
    stage.notebook.page.keyboard.press("Home")
    widget.wait(playing="false", frame=0)


def _page_memory() -> float:
    """Return the MB that are resident of the browser's processes that hold pages."""
    children = psutil.Process().children(recursive=True)
    pages = [child for child in children if "--type=renderer" in child.cmdline()]
    return float(sum(page.memory_info().rss for page in pages)) / 2**20


def _flat(name: str, megabytes: list[float]) -> Figure:
    """Compare the last rounds with the first ones."""
    count = min(SAMPLES, max(1, len(megabytes) // 2))
    return Figure(
        name,
        statistics.median(megabytes[-count:]),
        "MB",
        p95=percentile(megabytes, 0.95),
        reference=statistics.median(megabytes[:count]),
        most=FLAT,
    )
