"""What every test gets, an empty folder and nothing of the user's own, and what files share."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from sam2_widget.sample import sample_clip
from tests.fetches import CONTENT, without_proxies
from tests.projects import GatedEngine, note_threads, open_project
from tests.servers import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sam2_widget.session import Session
    from tests.servers import Web

# Time limits of single examples measure the machine, not the code.
settings.register_profile("sam2-widget", deadline=None)
settings.load_profile("sam2-widget")

# A shell that runs tests in its background has them ignore interrupts, and so what they start.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the browser stories last: they are slow, and say little when a layer below fails."""
    items.sort(key=lambda item: "browser" in item.path.parts)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw the sample clip, which nobody changes."""
    return sample_clip(tmp_path_factory.mktemp("clip") / "sample.mp4")


@pytest.fixture
def gate() -> GatedEngine:
    """Return an engine that tracks a frame only when its gate lets it."""
    return GatedEngine()


@pytest.fixture
def slow(tmp_path: Path, gate: GatedEngine) -> Iterator[Session]:
    """Open a project whose engine is the gated one."""
    with open_project(tmp_path, engine=gate) as session:
        yield session
        gate.open_gate()


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no proxy of the user's between a test and its server."""
    without_proxies(monkeypatch)


@pytest.fixture
def web() -> Iterator[Web]:
    """Serve the file of `fetches`."""
    with serving(CONTENT) as running:
        yield running


@pytest.fixture(autouse=True)
def _own_threads() -> None:
    """Have only threads that the test starts counted as its own."""
    note_threads()


@pytest.fixture(autouse=True)
def _own_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty folder with an empty cache: no checkpoint of the user's is found there."""
    home: Path = tmp_path_factory.mktemp("home")
    monkeypatch.chdir(home)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
    monkeypatch.delenv("SAM2_WIDGET_CHECKPOINTS", raising=False)
