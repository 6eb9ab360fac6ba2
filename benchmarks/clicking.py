"""From a click to its painted overlay: next to a bare comm echo, and while a track is running."""

from __future__ import annotations

import itertools
import statistics
from typing import TYPE_CHECKING

from benchmarks.clip import centre
from benchmarks.figures import Figure, figure, percentile
from benchmarks.stage import HEIGHT, WIDTH

if TYPE_CHECKING:
    from benchmarks.stage import Stage, Theatre
    from tests.browser.widget import Widget

CLICKED_FRAMES, TRACKED_FRAMES = 50, 600

# What any widget pays before it does anything: a message there, and the same one back.
ECHO = '''import anywidget
class Echo(anywidget.AnyWidget):
    _esm = """export default { render({ model, el }) {
      const waiting = new Map(); let id = 0;
      model.on("msg:custom", (m) => waiting.get(m.id)?.());
      window.bareEcho = () => new Promise((done) => {
        const n = ++id, start = performance.now();
        waiting.set(n, () => done(performance.now() - start)); model.send({ id: n });
      });
      el.textContent = "echo"; el.className = "bare-echo";
    } }"""
echo = Echo()
echo.on_msg(lambda widget, content, buffers: widget.send(content))
echo'''

# The time that the model itself takes for each click.
CLOCK = """
spent = []
def clock(engine):
    segment = engine.segment
    def timed(*given):
        began = time.perf_counter()
        try:
            return segment(*given)
        finally:
            spent.append(1000 * (time.perf_counter() - began))
    engine.segment = timed
clock(ann.session.live.engine)
"""

# When each frame of a track was done.
STEPS = """
steps = []
ann.on_progress(lambda job: steps.append(time.perf_counter()))
"""


def measure(theatre: Theatre, quick: bool) -> list[Figure]:
    """Click with the mouse, each click beside an echo, then among the frames of a track."""
    with theatre.open(CLICKED_FRAMES, ECHO) as stage:
        figures = _beside_echo(stage, 10 if quick else 50)
    with theatre.open(TRACKED_FRAMES) as stage:
        figures += _while_tracking(stage, 8 if quick else 30)
    return figures


def _beside_echo(stage: Stage, clicks: int) -> list[Figure]:
    widget = stage.show()
    stage.notebook.run(2)
    stage.notebook.page.wait_for_selector(".bare-echo")
    stage.notebook.py("1", setup=CLOCK)
    widget.click(*centre(0, 0, WIDTH, HEIGHT))  # the first click also pays the image encoder
    stage.notebook.py("spent.clear()")
    echoes, painted = [], []
    for number in range(clicks):
        echoes.append(stage.notebook.page.evaluate("() => window.bareEcho()"))
        painted.append(_click(stage, widget, number, before=1))
    engine = stage.notebook.py("spent")
    assert len(engine) == clicks, "a click that the model was not asked for"
    beside = [whole - own for whole, own in zip(painted, engine, strict=True)]
    return [
        figure("bare comm echo", echoes, "ms"),
        figure("click to painted overlay", painted, "ms"),
        figure("of that the engine's own time", engine, "ms"),
        figure(
            "click to painted overlay without it, beside the echo",
            beside,
            "ms",
            reference=statistics.median(echoes),
            most=1.25,
        ),
    ]


def _while_tracking(stage: Stage, clicks: int) -> list[Figure]:
    widget = stage.show()
    x, y = centre(1, 0, WIDTH, HEIGHT)
    stage.notebook.py(f"ann.session.add_point(0, {x}, {y}, instance=2).sum().item()", setup=STEPS)
    widget.wait(points=1)
    widget.click(*centre(0, 0, WIDTH, HEIGHT))
    stage.notebook.page.keyboard.press("u")
    widget.wait(points=1, pending=0)
    stage.notebook.py("ann.session.track([(2, 'overall')]) is None")
    widget.wait(job="running")
    stage.notebook.until("len(steps) > 8")
    painted = [_click(stage, widget, number, before=1) for number in range(clicks)]
    assert widget.data("job") == "running", "The track ended too early."
    times = stage.notebook.py("steps")
    stage.notebook.py("ann.session.job.cancel() is None")
    frames = [1000 * (after - at) for at, after in itertools.pairwise(times[3:])]
    frame = statistics.median(frames)
    return [
        figure("a frame of a running track, 1 scope", frames, "ms"),
        figure("click during that track to painted overlay", painted, "ms"),
        Figure(
            "the same, 95th percentile beside the time of a frame",
            percentile(painted, 0.95),
            "ms",
            reference=frame,
            most=2,
        ),
        figure("the same, median", painted, "ms", reference=frame, most=2),
    ]


def _click(stage: Stage, widget: Widget, number: int, before: int) -> float:
    """Click, wait for the overlay and take the click back; return ms from click to paint."""
    x, y = centre(0, 0, WIDTH, HEIGHT)
    # Away from the point that is there, which a click nearby would take hold of.
    widget.click(x + 4 * (number % 9) - 16, y + 30 + 4 * (number // 9 % 9))
    widget.until(lambda: widget.data("click-ms") != "")
    taken = float(widget.data("click-ms"))
    stage.notebook.page.keyboard.press("u")
    widget.wait(points=before, pending=0)
    return taken
