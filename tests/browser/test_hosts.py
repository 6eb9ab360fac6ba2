"""The main job in the other programs that show notebooks: Notebook 7, Voila and marimo."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.browser.hosts import marimo, notebook_server, voila
from tests.browser.notebook import Notebook
from tests.browser.test_main_job import BESIDE, DISC, SHOW, png
from tests.browser.test_views import CELL_COUNT
from tests.browser.widget import Widget

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

COLOURS = """(root) => {
  const { color, backgroundColor } = getComputedStyle(root);
  return [color, backgroundColor];
}"""

APP = """import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo
    import sam2_widget as sw
    ann = sw.Annotator(sw.sample_clip(), model="nano")
    ann.show()
    return ann, mo


@app.cell
def _(ann, mo):
    mo.ui.anywidget(ann)
    return


if __name__ == "__main__":
    app.run()
"""


def annotate(widget: Widget, folder: Path) -> None:
    """Click, correct, undo and move on, with mouse and keys, and find it on the disk."""
    page = widget.notebook.page
    widget.wait(frame=0, masks=0, points=0)
    beside = (DISC[0] + 20, DISC[1] + 20)
    plain = widget.colour(*beside, half=4)
    widget.click(*DISC)
    widget.wait(masks=1, saved="true")
    tinted = widget.colour(*beside, half=4)
    assert max(abs(a - b) for a, b in zip(tinted, plain, strict=True)) > 25
    first = png(folder, 0)
    assert 2000 < (first > 0).sum() < 20000

    widget.click(*BESIDE, button="right")
    # Notebook 7 would cut the cell at x, and add cells at a and b.
    for key in ("x", "a", "b", "u"):
        page.keyboard.press(key)
    widget.wait(points=1, masks=1, pending=0, saved="true")
    assert (png(folder, 0) == first).all()
    # Out of the crosshair that A began, and back to points from B's box.
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    page.keyboard.press("ArrowRight")
    widget.wait(frame=1, masks=0, points=0)


def track(widget: Widget, folder: Path) -> None:
    """Track through the whole clip."""
    widget.action("track").click()
    widget.wait(job="running")
    widget.wait(job="idle", masks=1, saved="true")
    files = list((folder / "outputs/sample/instance1/masks_overall").glob("*.png"))
    assert len(files) == 60


def is_dark(widget: Widget) -> bool:
    """Tell whether light text stands on dark ground."""
    text, ground = (
        sum(int(number) for number in re.findall(r"\d+", colour)[:3])
        for colour in widget.root.evaluate(COLOURS)
    )
    return text > 600 > 200 > ground


def test_notebook_7(tmp_path: Path, page: Page) -> None:
    with notebook_server(tmp_path) as server:
        nb = Notebook(page, server, server.root / "story", [SHOW, "1 + 1"])
        nb.run(0)
        widget = Widget(nb)
        annotate(widget, nb.folder)
        assert page.evaluate(CELL_COUNT) == 2
        assert nb.py("ann.points[1, 'overall'][0].shape") == [1, 3]
        nb.until("ann.frame_index == 1")
        nb.screenshot("host-notebook7")
        nb.close()
        assert not [error for error in nb.errors if "blob:" in error]


def test_voila(tmp_path: Path, page: Page) -> None:
    with voila(tmp_path, page, [SHOW]) as app:
        widget = Widget(app)
        annotate(widget, app.folder)
        assert is_dark(widget)
        assert page.locator("img").count() == 0
        app.screenshot("host-voila")
        track(widget, app.folder)


def test_marimo(tmp_path: Path, page: Page) -> None:
    with marimo(tmp_path, page, APP) as app:
        widget, second = Widget(app), Widget(app, nth=1)
        second.wait(frame=0, masks=0, points=0)
        annotate(widget, app.folder)
        assert page.get_by_test_id("cell-editor").count() == 2
        second.wait(frame=1)
        assert is_dark(widget)
        app.screenshot("host-marimo")
        track(widget, app.folder)
        second.wait(job="idle", masks=1)
