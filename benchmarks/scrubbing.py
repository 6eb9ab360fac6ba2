"""How many different frames a second are painted while the slider moves: cold, and from cache."""

from __future__ import annotations

import itertools
import statistics
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, figure

if TYPE_CHECKING:
    from benchmarks.stage import Stage, Theatre
    from tests.browser.widget import Widget

ENOUGH = 30
"""Different frames a second that make scrubbing look smooth."""

COLD_FRAMES, COLD_SECONDS = 720, 4
CACHED_FRAMES, CACHED_SECONDS = 80, 3
SETTLING = 0.25
"""Seconds from the first drag on that are not counted: nothing has come yet."""

# Moves the slider at every animation frame, to and fro between two frames, and notes when which
# frame was painted. Reading an attribute in the observer costs next to nothing.
SWEEP = """async ([root, first, last, sweeps, seconds]) => {
  const slider = root.querySelector("input.s2w-slider");
  const painted = [], ticks = [];
  const note = () => painted.push([performance.now(), Number(root.dataset.frame)]);
  const watch = new MutationObserver(note);
  watch.observe(root, { attributes: true, attributeFilter: ["data-frame"] });
  const began = performance.now();
  await new Promise((done) => {
    const step = (now) => {
      ticks.push(now);
      const share = Math.max(0, now - began) / (1000 * seconds);
      if (share >= 1) return done();
      const way = (share * sweeps) % 2;
      const frame = Math.round(first + (way > 1 ? 2 - way : way) * (last - first));
      if (Number(slider.value) !== frame) {
        slider.value = String(frame);
        slider.dispatchEvent(new Event("input", { bubbles: true }));
      }
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  });
  watch.disconnect();
  return [painted.map(([at, frame]) => [(at - began) / 1000, frame]), ticks.length / seconds];
}"""

# The display's rate: animation frames a second while nothing happens.
IDLE = """async ([root, seconds]) => {
  const began = performance.now();
  for (let ticks = 0; ; ticks++) {
    const now = await new Promise(requestAnimationFrame);
    if (now - began >= 1000 * seconds) return ticks / ((now - began) / 1000);
  }
}"""


def measure(theatre: Theatre, quick: bool) -> list[Figure]:
    """Move from the first frame to the last in views that have seen nothing, then to and fro."""
    rounds = 2 if quick else 5
    cold: list[float] = []
    gaps: list[float] = []
    cached: list[float] = []
    display: list[float] = []
    with theatre.open(COLD_FRAMES) as stage:
        for _ in range(rounds):
            widget = stage.show()
            rate, between = _cold(stage, widget)
            cold.append(rate)
            gaps += between
            display.append(stage.evaluate(IDLE, widget, [1]))
            cached.append(_cached(stage, widget))
    return [
        figure(
            "scrubbing 720p from cold: different frames painted",
            cold,
            "frames/s",
            reference=ENOUGH,
            least=1,
        ),
        figure("scrubbing 720p from cold: from one frame to the next", gaps, "ms"),
        figure(
            "scrubbing from cache: different frames painted",
            cached,
            "frames/s",
            reference=statistics.median(display),
            least=0.95,
        ),
    ]


def _cold(stage: Stage, widget: Widget) -> tuple[float, list[float]]:
    """Return different frames a second, and the ms between them."""
    painted, _ = stage.evaluate(SWEEP, widget, [0, COLD_FRAMES - 1, 1, COLD_SECONDS])
    counted = [(at, frame) for at, frame in painted if at >= SETTLING]
    different = len({frame for _, frame in counted})
    # A frame is painted again when its masks come.
    new = [at for at, _ in _changes(counted)]
    gaps = [1000 * (after - before) for before, after in itertools.pairwise(new)]
    return different / (COLD_SECONDS - SETTLING), gaps


def _cached(stage: Stage, widget: Widget) -> float:
    """Return changes of the painted frame a second, all frames being in the browser."""
    whole = [0, CACHED_FRAMES - 1]
    for _ in range(2):
        stage.evaluate(SWEEP, widget, [*whole, 2, 2 * CACHED_SECONDS])
    # Fast enough for another frame at every tick of the display.
    painted, _ = stage.evaluate(SWEEP, widget, [*whole, 4, CACHED_SECONDS])
    return len(_changes(painted)) / CACHED_SECONDS


def _changes(painted: list[tuple[float, int]]) -> list[tuple[float, int]]:
    """Return the paints of another frame than the one before."""
    return [b for a, b in itertools.pairwise(painted) if a[1] != b[1]]
