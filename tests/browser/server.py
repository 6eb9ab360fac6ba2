"""Start a real JupyterLab, or another host, that shares nothing with the user's own."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START_SECONDS = 90
STOP_SECONDS = 15
FLAGS = (
    "--no-browser",
    "--allow-root",
    "--ServerApp.ip=127.0.0.1",
    "--ServerApp.port_retries=0",
    "--ServerApp.terminals_enabled=False",
    "--LabApp.expose_app_in_browser=True",
    "--LabApp.news_url=",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
)
# Without these a toast asks about news, on top of the notebook.
SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
    },
}


@dataclass(frozen=True)
class LabServer:
    """A running JupyterLab."""

    url: str
    token: str
    root: Path

    def address(self, notebook: Path) -> str:
        """Return the address that opens a notebook in an otherwise empty workspace."""
        path = notebook.relative_to(self.root).as_posix()
        return f"{self.url}/lab/tree/{path}?reset&token={self.token}"


@contextlib.contextmanager
def lab_server(folder: Path) -> Iterator[LabServer]:
    """Serve ``folder / "notebooks"``; everything that Jupyter writes lands in ``folder`` too.

    Raises
    ------
    RuntimeError
        If the server ends or does not answer; the message ends with its log.
    """
    root = folder / "notebooks"
    root.mkdir()
    port, token = free_port(), secrets.token_hex(16)
    command = [
        *(sys.executable, "-m", "jupyterlab", *FLAGS),
        f"--ServerApp.port={port}",
        f"--ServerApp.root_dir={root}",
        f"--IdentityProvider.token={token}",
    ]
    server = LabServer(f"http://127.0.0.1:{port}", token, root)
    with running(command, folder, root, f"{server.url}/api/status?token={token}"):
        yield server


@contextlib.contextmanager
def running(command: list[str], folder: Path, root: Path, address: str) -> Iterator[None]:
    """Run a server in ``root`` from when it answers on an address until the end of the block.

    Raises
    ------
    RuntimeError
        If the server ends or does not answer; the message ends with its log.
    """
    log = folder / "server.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=root,
            env=_environment(folder),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_up(address, process, log)
        yield
    finally:
        _stop(process)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _environment(folder: Path) -> dict[str, str]:
    """Return an environment for server and kernels, with every user folder inside ``folder``."""
    for plugin, values in SETTINGS.items():
        file = folder / "settings" / f"{plugin}.jupyterlab-settings"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(values))
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "SAM2_"))}
    return inherited | {
        "HOME": str(folder),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "run"),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        # Waiting OpenMP threads spin by default, and starve Chromium on a machine with two cores.
        "OMP_WAIT_POLICY": "PASSIVE",
        "PYTHONUNBUFFERED": "1",
    }


def _wait_until_up(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _answers(address):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"The server did not start: {log.read_text()[-3000:]}")
        time.sleep(0.1)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the server and, being of its process group, the kernels it left."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_SECONDS)
