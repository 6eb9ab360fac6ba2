"""Drive one notebook that is open in JupyterLab: run cells, ask its kernel, look at pixels."""

from __future__ import annotations

import ast
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import nbformat

if TYPE_CHECKING:
    from playwright.sync_api import Dialog, Error, Locator, Page

    from tests.browser.server import LabServer

SCREENSHOTS = Path(__file__).parents[2] / "screenshots"
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
SPLASH = "#jupyterlab-splash"
OPEN_MS = 90_000
POLL_MS = 100

HAS_KERNEL = """() =>
  Boolean(window.jupyterapp?.shell.currentWidget?.context?.sessionContext?.session?.kernel)"""

OPEN = """async (path) => {
  const { commands, shell } = window.jupyterapp;
  const widget = await commands.execute("docmanager:open", { path, factory: "Notebook" });
  shell.activateById(widget.id);
  // The launcher, which JupyterLab opens where nothing else is open.
  for (const other of [...shell.widgets("main")]) if (other !== widget) other.close();
}"""

SETTLE = """async () => {
  await window.jupyterapp.restored;
  const { context } = window.jupyterapp.shell.currentWidget;
  await context.ready;
  await context.sessionContext.ready;
  await context.sessionContext.session.kernel.info;
}"""

# JupyterLab moves the focus while a notebook is restored, so that clicking into a cell and
# pressing Shift+Enter fails now and then; the command does not.
START = """(index) => {
  const notebook = window.jupyterapp.shell.currentWidget.content;
  notebook.activeCellIndex = index;
  notebook.deselectAll();
  window.runningCell = window.jupyterapp.commands.execute("notebook:run-cell");
}"""

FINISH = "async () => { await window.runningCell; }"

# Asks the model, because a windowed notebook takes cells out of the page.
OUTPUTS = """(index) =>
  window.jupyterapp.shell.currentWidget.content.model.cells.get(index).outputs.toJSON()"""

EVALUATE = """async ([code, expression]) => {
  const session = window.jupyterapp.shell.currentWidget.context.sessionContext.session;
  const request = {code, silent: true, store_history: false, user_expressions: {expression}};
  const { content } = await session.kernel.requestExecute(request).done;
  if (content.status !== "ok") throw new Error(`${content.ename}: ${content.evalue}`);
  const value = content.user_expressions.expression;
  if (value.status !== "ok") throw new Error(`${value.ename}: ${value.evalue}`);
  return value.data["text/plain"];
}"""

SHUT_DOWN = """async () => {
  await window.jupyterapp?.shell.currentWidget?.context.sessionContext.shutdown();
}"""

PIXEL = """(canvas, [x, y]) => [...canvas.getContext("2d").getImageData(x, y, 1, 1).data]"""


class Notebook:
    """A notebook in a folder of its own, open in a page, its kernel ready.

    Parameters
    ----------
    page
        The browser page; everything that Playwright can do is done through it.
    server
        The JupyterLab that serves it.
    folder
        Working folder of the kernel, below the server's root.
    cells
        Source of the code cells.
    """

    def __init__(self, page: Page, server: LabServer, folder: Path, cells: list[str]) -> None:
        self.page = page
        self.folder = folder
        self.errors: list[str] = []
        folder.mkdir(exist_ok=True)
        page.on("pageerror", self._keep)
        # Leaving a page with unsaved changes asks first.
        page.on("dialog", _accept)
        path = write_notebook(folder, cells)
        if page.evaluate("() => Boolean(window.jupyterapp)"):
            page.evaluate(OPEN, path.relative_to(server.root).as_posix())
        else:
            page.goto(server.address(path), wait_until="domcontentloaded")
        self._wait_until_ready()

    def run(self, index: int) -> list[dict[str, Any]]:
        """Run a cell to its end and return its outputs.

        Raises
        ------
        AssertionError
            If the cell raises; the message is its traceback.
        """
        self.start(index)
        return self.finish(index)

    def start(self, index: int) -> None:
        """Run a cell without waiting for its end."""
        self.page.evaluate(START, index)

    def finish(self, index: int) -> list[dict[str, Any]]:
        """Wait for the end of the cell last started, and return its outputs as ``run`` does."""
        self.page.evaluate(FINISH)
        outputs: list[dict[str, Any]] = self.page.evaluate(OUTPUTS, index)
        for output in outputs:
            assert output["output_type"] != "error", "\n".join(output["traceback"])
        return outputs

    def py(self, expression: str, setup: str = "") -> Any:
        """Evaluate Python in the kernel, without a cell, and return its value by way of JSON.

        Waits behind a running cell.
        """
        code = f"import json as _json\n{setup}"
        text = self.page.evaluate(EVALUATE, [code, f"_json.dumps({expression})"])
        return json.loads(ast.literal_eval(text))

    def until(self, condition: str, seconds: float = 60) -> None:
        """Wait until a Python expression is true in the kernel.

        Traits that the view sets arrive there a moment after the view shows them.
        """
        end = time.monotonic() + seconds
        while not self.py(f"bool({condition})"):
            assert time.monotonic() < end, f"It never came true: {condition}"
            # Asking without a pause would take the processor from what is waited for.
            self.page.wait_for_timeout(POLL_MS)

    def pixel(self, canvas: Locator, x: int, y: int) -> tuple[int, int, int, int]:
        """Return RGBA of one pixel of a canvas, in the canvas's own pixels."""
        red, green, blue, alpha = canvas.evaluate(PIXEL, [x, y])
        return red, green, blue, alpha

    def screenshot(self, name: str, part: Locator | None = None) -> Path:
        """Save ``screenshots/<name>.png`` of the page, or of a part of it, to be looked at."""
        path = SCREENSHOTS / f"{name}.png"
        (part or self.page).screenshot(path=path)
        return path

    def theme(self, name: Literal["light", "dark"]) -> None:
        """Switch JupyterLab's theme and wait until it shows."""
        self.page.evaluate(
            "(theme) => window.jupyterapp.commands.execute('apputils:change-theme', { theme })",
            THEMES[name],
        )
        shown = f"body[data-jp-theme-name='{THEMES[name]}']"
        self.page.wait_for_selector(shown, state="attached")
        self.page.wait_for_selector(SPLASH, state="detached")

    def resize(self, width: int, height: int) -> None:
        """Give the page another size, in CSS pixels."""
        self.page.set_viewport_size({"width": width, "height": height})

    def save(self) -> None:
        """Save the notebook, outputs included."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")

    def reload(self) -> None:
        """Reload the page and wait until the notebook is back; the kernel lives on."""
        self.page.reload(wait_until="domcontentloaded")
        self._wait_until_ready()

    def close(self) -> None:
        """Shut the kernel down; the page may go on to another notebook."""
        self.page.evaluate(SHUT_DOWN)
        self.page.remove_listener("pageerror", self._keep)
        self.page.remove_listener("dialog", _accept)

    def _keep(self, error: Error) -> None:
        self.errors.append(f"{error}\n{error.stack}")

    def _wait_until_ready(self) -> None:
        self.page.wait_for_function(HAS_KERNEL, timeout=OPEN_MS)
        self.page.evaluate(SETTLE)
        self.page.wait_for_selector(SPLASH, state="detached")


def _accept(dialog: Dialog) -> None:
    dialog.accept()


def write_notebook(folder: Path, cells: list[str]) -> Path:
    """Write ``story.ipynb`` with the given code cells."""
    path = folder / "story.ipynb"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in cells],
        metadata={"kernelspec": kernel},
    )
    nbformat.write(notebook, path)
    return path
