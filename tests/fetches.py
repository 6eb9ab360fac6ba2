"""Fetches the file of a server of `servers` in a hurry, and looks at what came of it."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING, Any

import pytest

from sam2_widget.errors import DownloadError
from sam2_widget.fetching import Patience, fetch

if TYPE_CHECKING:
    from pathlib import Path

    from sam2_widget.catalogue import Entry
    from tests.servers import Web

SIZE = 400_000
CONTENT = random.Random(1).randbytes(SIZE)
HALF = SIZE // 2
HURRY = Patience(tries=3, most=8, pause=0.01, timeout=0.3)


def without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no proxy of the user's between a test and its server."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def contents(folder: Path) -> dict[str, int]:
    """Return the files in a folder with their sizes."""
    return {path.name: path.stat().st_size for path in sorted(folder.iterdir())}


def refused(web: Web, folder: Path, entry: Entry | None = None, **how: Any) -> str:
    """Return the one sentence that a download ends with."""
    with pytest.raises(DownloadError) as error:
        fetch(entry or web.entry(), folder, **{"patience": HURRY, **how})
    text = str(error.value)
    assert len(text.splitlines()) == 1
    assert text.endswith(".")
    assert ". " not in text
    return text


def is_whole(folder: Path) -> bool:
    """Tell whether the file is there, and nothing else."""
    return contents(folder) == {"test.pt": SIZE} and (folder / "test.pt").read_bytes() == CONTENT
