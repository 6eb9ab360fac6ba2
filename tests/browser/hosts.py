"""Start the other programs that show notebooks: Notebook 7, Voila and marimo."""

from __future__ import annotations

import contextlib
import secrets
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.browser.notebook import SCREENSHOTS, write_notebook
from tests.browser.server import FLAGS, LabServer, free_port, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Locator, Page

MARIMO_SETTINGS = """[runtime]
auto_instantiate = true

[display]
theme = "dark"
"""


class NotebookServer(LabServer):
    """A running Notebook 7."""

    def address(self, notebook: Path) -> str:
        """Return the address that opens a notebook."""
        path = notebook.relative_to(self.root).as_posix()
        return f"{self.url}/notebooks/{path}?token={self.token}"


@dataclass(frozen=True)
class App:
    """A page with a widget, without a way to ask Python: what it did is in ``folder``."""

    page: Page
    folder: Path

    def screenshot(self, name: str, part: Locator | None = None) -> None:
        """Save ``screenshots/<name>.png`` of the page, or of a part of it, to be looked at."""
        (part or self.page).screenshot(path=SCREENSHOTS / f"{name}.png")


@contextlib.contextmanager
def notebook_server(folder: Path) -> Iterator[NotebookServer]:
    """Serve ``folder / "notebooks"`` with Notebook 7."""
    root = folder / "notebooks"
    root.mkdir()
    port, token = free_port(), secrets.token_hex(16)
    command = [
        *(sys.executable, "-m", "notebook", *(flag for flag in FLAGS if "LabApp" not in flag)),
        "--JupyterNotebookApp.expose_app_in_browser=True",
        f"--ServerApp.port={port}",
        f"--ServerApp.root_dir={root}",
        f"--IdentityProvider.token={token}",
    ]
    server = NotebookServer(f"http://127.0.0.1:{port}", token, root)
    with running(command, folder, root, f"{server.url}/api/status?token={token}"):
        yield server


@contextlib.contextmanager
def voila(folder: Path, page: Page, cells: list[str], theme: str = "dark") -> Iterator[App]:
    """Serve a notebook with Voila, which runs it when the page opens."""
    root = folder / "notebooks"
    root.mkdir()
    port = free_port()
    notebook = write_notebook(root, cells)
    command = [
        *(sys.executable, "-m", "voila", str(notebook), "--no-browser"),
        *(f"--port={port}", "--Voila.ip=127.0.0.1", f"--theme={theme}"),
    ]
    url = f"http://127.0.0.1:{port}"
    with running(command, folder, root, f"{url}/voila/static/voila.js"):
        page.goto(url, wait_until="domcontentloaded")
        yield App(page, root)


@contextlib.contextmanager
def marimo(folder: Path, page: Page, source: str) -> Iterator[App]:
    """Serve a notebook with marimo's editor, which is told to run it when the page opens."""
    root = folder / "notebooks"
    root.mkdir()
    port = free_port()
    app = root / "app.py"
    app.write_text(source)
    settings = folder / ".config" / "marimo" / "marimo.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(MARIMO_SETTINGS)
    command = [
        *(sys.executable, "-m", "marimo", "edit", str(app), "--headless", "--no-token"),
        *("--host=127.0.0.1", f"--port={port}", "--skip-update-check"),
    ]
    url = f"http://127.0.0.1:{port}"
    with running(command, folder, root, f"{url}/health"):
        page.goto(url, wait_until="domcontentloaded")
        yield App(page, root)
