"""Fixtures of the browser stories: one JupyterLab for all, and a fresh kernel for each."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from tests.browser.chromium import find
from tests.browser.notebook import Notebook
from tests.browser.server import LabServer, lab_server
from tests.browser.tabs import Tabs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

HERE = Path(__file__).parent
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tell a story once more when it fails; the summary of the run lists those as rerun.

    A browser, a server and a kernel share the machine with whatever else runs there. What is wrong
    with the widget fails twice.
    """
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.flaky(reruns=1))


class OpenNotebook(Protocol):
    """Opens a notebook with the given code cells."""

    def __call__(self, cells: list[str]) -> Notebook:
        """Return the open notebook, its kernel ready."""


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Take the Chromium of this machine."""
    path = find()
    assert path, "No Chromium here: run `make test`, which installs one."
    return {**browser_type_launch_args, "executable_path": path, "args": list(CHROMIUM_FLAGS)}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """Give every page one size, so that screenshots compare."""
    return {
        **browser_context_args,
        "viewport": {"width": 1400, "height": 1000},
        "device_scale_factor": 1,
    }


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """Run one JupyterLab for the whole session."""
    with lab_server(tmp_path_factory.mktemp("lab")) as server:
        yield server


@pytest.fixture(scope="session")
def tabs(browser: Browser, browser_context_args: dict[str, Any]) -> Iterator[Tabs]:
    """Lend the page that the stories take in turns."""
    tabs = Tabs(browser, browser_context_args)
    yield tabs
    tabs.drop()


@pytest.fixture
def notebook(lab: LabServer, tabs: Tabs, request: pytest.FixtureRequest) -> Iterator[OpenNotebook]:
    """Open notebooks, each in a folder of its own; the story fails on an error in the widget."""
    opened: list[Notebook] = []
    page = tabs.take()
    name = re.sub(r"\W+", "-", request.node.name)

    def open_notebook(cells: list[str]) -> Notebook:
        tab = page.context.new_page() if opened else page
        folder = Path(tempfile.mkdtemp(prefix=f"{name[:60]}-", dir=lab.root))
        opened.append(Notebook(tab, lab, folder, cells))
        return opened[-1]

    yield open_notebook
    # What pytest-playwright keeps of the story; nothing where it did not come to it.
    told = getattr(request.node, "rep_call", None)
    clean = False
    try:
        for one in opened:
            one.close()
        clean = told is not None and told.passed
    finally:
        # What went wrong should not meet the next story.
        tabs.give_back() if clean else tabs.drop()
    # anywidget loads the bundle from a blob; errors of JupyterLab's own are not this test's.
    assert not [error for one in opened for error in one.errors if "blob:" in error]
