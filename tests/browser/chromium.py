"""Find a Chromium on this machine, or install one: the tests and ``make test`` share it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
ASK_PLAYWRIGHT = """
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
"""
APT_PACKAGES = ("chromium", "fonts-dejavu-core")


def find() -> str | None:
    """Return the path of a Chromium that starts, an installed one before Playwright's own."""
    for path in map(shutil.which, NAMES):
        if path and _starts(path):
            return path
    bundled = _bundled()
    return bundled if _starts(bundled) else None


def install() -> str:
    """Return a Chromium, installing one the way that this machine allows if there is none.

    Raises
    ------
    SystemExit
        If none could be installed.
    """
    for command in _ways():
        if path := find():
            return path
        print("No Chromium found:", " ".join(command), flush=True)
        subprocess.run(command, check=False)
    if path := find():
        return path
    sys.exit("No Chromium could be installed: install the package chromium, then run again.")


def _ways() -> list[list[str]]:
    playwright = [sys.executable, "-m", "playwright", "install", "chromium"]
    if sys.platform != "linux" or os.geteuid() != 0:
        return [playwright]
    if not shutil.which("apt-get"):
        return [playwright]
    apt = ["apt-get", "install", "-qq", "-y", "--no-install-recommends", *APT_PACKAGES]
    # Ubuntu's chromium is a snap, which a container cannot start: Playwright's comes to the rescue.
    return [["apt-get", "update", "-qq"], apt, [*playwright, "--with-deps"]]


def _bundled() -> str:
    """Ask Playwright in a process of its own: it cannot be started twice in one."""
    command = [sys.executable, "-c", ASK_PLAYWRIGHT]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _starts(path: str) -> bool:
    if not Path(path).exists():
        return False
    answer = subprocess.run([path, "--version"], capture_output=True, timeout=60, check=False)
    return answer.returncode == 0


if __name__ == "__main__":
    print(install())
