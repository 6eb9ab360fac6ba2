"""A line that tells how far a download is, in a terminal or under a notebook cell."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, TextIO

from sam2_widget.room import amount

if TYPE_CHECKING:
    from types import TracebackType

_EVERY = 0.25
"""Seconds between two changes of the line."""


class ProgressLine:
    """Shows a line as long as it is called, and nothing where nobody would look at it."""

    def __init__(self, title: str, stream: TextIO | None = None) -> None:
        self._title = title
        self._stream = stream or _screen()
        self._shown = 0.0
        self._width = 0
        self._since: tuple[float, int] | None = None

    def __call__(self, done: int, total: int) -> None:
        """Tell that `done` of `total` bytes are there."""
        now = time.monotonic()
        if self._since is None or done < self._since[1]:
            self._since = now, done
        if self._stream is None or (now - self._shown < _EVERY and done < total):
            return
        self._shown = now
        text = f"{self._title}: {amount(done)} of {amount(total)} ({100 * done // total} %)"
        seconds = now - self._since[0]
        if seconds > 1 and done < total:
            text += f", {amount(int((done - self._since[1]) / seconds))}/s"
        self._stream.write(f"\r{text.ljust(self._width)}")
        self._stream.flush()
        self._width = len(text)

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the line."""
        if self._stream is not None and self._width:
            self._stream.write("\n")
            self._stream.flush()


def _screen() -> TextIO | None:
    """Return where a person looks: a terminal, or the output of a notebook cell."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if hasattr(shell, "kernel"):
        return sys.stdout
    return sys.stderr if sys.stderr is not None and sys.stderr.isatty() else None
