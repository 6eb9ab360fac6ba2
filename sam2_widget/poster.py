"""The picture beside the widget: what a saved notebook shows where no kernel runs."""

from __future__ import annotations

import base64
import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from IPython.core.getipython import get_ipython
from IPython.display import publish_display_data

from sam2_widget import still

if TYPE_CHECKING:
    from collections.abc import Callable

    from sam2_widget.blending import Pixels

PAUSE = 2.0
"""Seconds without a change after which the picture is drawn anew."""

_log = logging.getLogger("sam2_widget")


def is_wanted() -> bool:
    """Tell whether what is displayed here is kept: in a notebook it is, in a served app not."""
    kernel = getattr(get_ipython(), "kernel", None)
    return kernel is not None and not os.environ.get("SERVER_SOFTWARE", "").startswith("voila/")


class Poster:
    """A picture in the output of a cell, drawn anew whenever the user pauses.

    It is an output of its own, below the widget's. In one output with two formats, JupyterLab
    would make a new view of the widget at every update, and what the user was doing there would be
    lost. The widget's styles hide the picture for as long as the widget lives.

    Parameters
    ----------
    draw : callable
        Returns the picture, (H, W, 3) uint8 RGB, or None if there is nothing to draw yet.
    """

    def __init__(self, draw: Callable[[], Pixels | None]) -> None:
        self._draw = draw
        self._id = f"sam2-widget-{os.urandom(8).hex()}"
        self._changed = threading.Condition()
        self._publishing = threading.Lock()
        self._waiting = False
        self._closed = False
        self._due = 0.0
        self._jpeg: bytes | None = None

    def show(self) -> None:
        """Display it here; an earlier display of it shows the same."""
        with self._publishing:
            self._jpeg = self._encoded() or self._jpeg or _dot()
            self._publish(update=False)

    def touch(self) -> None:
        """Have it drawn anew after a pause: something changed."""
        with self._changed:
            if self._jpeg is None or self._closed:
                return
            self._due = time.monotonic() + PAUSE
            if not self._waiting:
                self._waiting = True
                threading.Thread(target=self._wait, name="sam2-widget-picture", daemon=True).start()

    def close(self) -> None:
        """Draw it a last time if it is behind."""
        with self._changed:
            behind = self._waiting and not self._closed
            self._closed = True
            self._changed.notify_all()
        if behind:
            self._refresh()

    def _wait(self) -> None:
        with self._changed:
            while not self._closed and (left := self._due - time.monotonic()) > 0:
                self._changed.wait(left)
            self._waiting = False
            if self._closed:
                return
        self._refresh()

    def _refresh(self) -> None:
        with self._publishing:
            jpeg = self._encoded()
            if jpeg is not None and jpeg != self._jpeg:
                self._jpeg = jpeg
                self._publish(update=True)

    def _encoded(self) -> bytes | None:
        try:
            picture = self._draw()
            return None if picture is None else still.encode(picture)
        except Exception:  # the picture is a courtesy; the widget works without it
            _log.exception("The picture beside the widget could not be drawn.")
            return None

    def _publish(self, update: bool) -> None:
        data: dict[str, Any] = {
            "image/jpeg": base64.b64encode(self._jpeg or b"").decode(),
            "text/plain": "The last annotated frame.",
        }
        try:
            where = {"display_id": self._id}
            publish_display_data(data, transient=where, update=update)  # type: ignore[no-untyped-call]
        except Exception:  # the kernel is on its way out
            _log.exception("The picture beside the widget could not be displayed.")


def _dot() -> bytes:
    """Return the picture that there is before any frame is stored."""
    return still.encode(np.full((1, 1, 3), 128, np.uint8))
