"""The stage of the browser benchmarks: JupyterLab, Chromium, and an annotator on a 720p clip."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

from benchmarks.clip import write_clip
from tests.browser.chromium import find
from tests.browser.conftest import CHROMIUM_FLAGS
from tests.browser.notebook import Notebook
from tests.browser.server import LabServer, lab_server
from tests.browser.widget import Widget

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, CDPSession, ElementHandle

WIDTH, HEIGHT = 1280, 720

OPEN = """import gc, time
import psutil, torch
import sam2_widget as sw
torch.set_num_threads(1)
ann = sw.Annotator(r"{clip}", model="nano", name="bench")"""
SHOW = "ann.show()"

CLEAR = """async (index) => {
  window.jupyterapp.shell.currentWidget.content.activeCellIndex = index;
  await window.jupyterapp.commands.execute("notebook:clear-cell-output");
}"""


@dataclass
class Stage:
    """One open notebook: cell 0 has made `ann`, cell 1 shows it, then come the cells asked for."""

    notebook: Notebook
    devtools: CDPSession

    def show(self) -> Widget:
        """Show the annotator in a new view, whose caches are empty, in the place of the old one."""
        self.hide()
        self.notebook.run(1)
        widget = Widget(self.notebook, WIDTH, HEIGHT)
        widget.wait(frame=0, model="ready")
        return widget

    def hide(self) -> None:
        """Close the view."""
        self.notebook.page.evaluate(CLEAR, 1)
        self.notebook.page.wait_for_selector(".s2w-root", state="detached")
        self.notebook.py("setattr(ann, 'frame_index', 0)")

    def evaluate(self, script: str, root: Widget, arguments: list[Any]) -> Any:
        """Run a function of the page with the view's root and these arguments."""
        handle: ElementHandle | None = root.root.element_handle()
        return self.notebook.page.evaluate(script, [handle, *arguments])

    def heap(self) -> float:
        """Return the MB of JavaScript values that are alive in the page."""
        self.devtools.send("HeapProfiler.collectGarbage")
        metrics = self.devtools.send("Performance.getMetrics")["metrics"]
        return next(m["value"] for m in metrics if m["name"] == "JSHeapUsedSize") / 2**20

    def kernel_memory(self) -> float:
        """Return the MB that are resident of the kernel's process."""
        rss = self.notebook.py("(gc.collect(), psutil.Process().memory_info().rss)[1]")
        return float(rss) / 2**20


class Theatre:
    """Opens notebooks in one server and one browser, each with a kernel of its own."""

    def __init__(self, folder: Path, server: LabServer, browser: Browser) -> None:
        self._folder = folder
        self._server = server
        self._browser = browser
        self._clips: dict[int, Path] = {}
        self._opened = 0

    @contextlib.contextmanager
    def open(self, frames: int, *cells: str) -> Iterator[Stage]:
        """Open a clip of this many frames, all of them extracted."""
        if frames not in self._clips:
            self._clips[frames] = write_clip(self._folder / f"clip-{frames}.mp4", frames)
        self._opened += 1
        # JavaScript has clocks of 100 us only, unless the page is isolated; that is enough.
        context = self._browser.new_context(viewport={"width": 1400, "height": 1000})
        page = context.new_page()
        folder = self._server.root / f"bench-{self._opened}"
        code = [OPEN.format(clip=self._clips[frames]), SHOW, *cells]
        notebook = Notebook(page, self._server, folder, code)
        devtools = context.new_cdp_session(page)
        devtools.send("Performance.enable")
        try:
            notebook.run(0)
            notebook.py("ann.video.wait()")
            yield Stage(notebook, devtools)
        finally:
            notebook.close()
            context.close()


@contextlib.contextmanager
def theatre(folder: Path) -> Iterator[Theatre]:
    """Start JupyterLab and Chromium; everything they write lands in `folder`."""
    home = folder / "lab"
    home.mkdir()
    with lab_server(home) as server, sync_playwright() as driver:
        path = find()
        assert path, "No Chromium here: run `make test`, which installs one."
        browser = driver.chromium.launch(executable_path=path, args=list(CHROMIUM_FLAGS))
        try:
            yield Theatre(folder, server, browser)
        finally:
            browser.close()
