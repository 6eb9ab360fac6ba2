"""Click to painted overlay in a real JupyterLab, next to a bare comm echo in the same run.

    python -m benchmarks.click [--quick] [--json FILE]

A 720p clip, nano, real mouse clicks in headless Chromium. The echo is a widget of five lines whose
Python side sends back what it gets: what any widget pays before it does anything.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from benchmarks.clip import centre, write_clip
from tests.browser.chromium import find
from tests.browser.conftest import CHROMIUM_FLAGS
from tests.browser.notebook import Notebook
from tests.browser.server import lab_server
from tests.browser.widget import Widget

WIDTH, HEIGHT = 1280, 720

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

SHOW = """import sam2_widget as sw
ann = sw.Annotator(r"{clip}", model="nano", name="bench")
ann.show()"""


def percentile(values: list[float], share: float) -> float:
    """Return the value below which this share of the values lies."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def measure(folder: Path, clicks: int) -> list[dict[str, Any]]:
    """Return echo and click times in milliseconds."""
    clip = write_clip(folder / "clip.mp4", 50)
    home = folder / "lab"
    home.mkdir()
    with lab_server(home) as server, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=find(), args=list(CHROMIUM_FLAGS))
        page = browser.new_context(viewport={"width": 1400, "height": 1000}).new_page()
        notebook = Notebook(page, server, server.root / "nb", [SHOW.format(clip=clip), ECHO])
        notebook.run(0)
        widget = Widget(notebook, WIDTH, HEIGHT)
        widget.wait(frame=0, model="ready")
        notebook.run(1)
        page.wait_for_selector(".bare-echo")
        notebook.py("ann.video.wait()")
        widget.click(*centre(0, 0, WIDTH, HEIGHT))  # the first click also pays the image encoder
        echoes, painted = [], []
        for number in range(clicks):
            echoes.append(page.evaluate("() => window.bareEcho()"))
            x, y = centre(0, 0, WIDTH, HEIGHT)
            widget.click(x + 3 * (number % 9) - 12, y + 3 * (number // 9) - 9)
            widget.wait(saved="true")
            painted.append(float(widget.data("click-ms")))
            page.keyboard.press("u")
            widget.wait(points=1, pending=0)
        engine = notebook.py(
            "[(lambda t: (ann.session.add_point(0, 400 + i, 300, instance=2), "
            "time.perf_counter() - t)[1] * 1000)(time.perf_counter()) for i in range(12)][2:]",
            setup="import time",
        )
        notebook.close()
        browser.close()
    return [
        row("bare comm echo", echoes),
        row("click to painted overlay", painted),
        row("add_point in Python, saved", engine),
    ]


def row(name: str, values: list[float]) -> dict[str, Any]:
    """Return a line of the table."""
    return {
        "name": name,
        "median": round(statistics.median(values), 1),
        "p95": round(percentile(values, 0.95), 1),
        "count": len(values),
        "unit": "ms",
    }


def main() -> None:
    """Run the benchmark and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="10 clicks in the place of 50")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        rows = measure(Path(name), 10 if given.quick else 50)
    for line in rows:
        print(
            f"{line['name']:<32} median {line['median']:>7} ms   p95 {line['p95']:>7} ms"
            f"   of {line['count']}"
        )
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
