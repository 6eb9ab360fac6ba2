"""Which projects are open in this process: each once, shared by its sessions."""

from __future__ import annotations

import atexit
import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sam2_widget.live import Live

_log = logging.getLogger("sam2_widget")
_projects: dict[Path, Live] = {}
_closing: dict[Path, threading.Event] = {}
_registry = threading.Lock()


def attach(root: Path, make: Callable[[], Live], check: Callable[[Live], None]) -> Live:
    """Return the live project of a folder, opening it if no session has.

    Parameters
    ----------
    root : Path
        Resolved folder.
    make : callable
        Opens it.
    check : callable
        Refuses an open one whose arguments differ.
    """
    while True:
        with _registry:
            ended = _closing.get(root)
            if ended is None:
                live = _projects.get(root)
                if live is None:
                    live = _projects[root] = make()
                else:
                    check(live)
                live.users += 1
                return live
        ended.wait()


def release(live: Live) -> None:
    """Close a live project when its last session goes.

    Raises
    ------
    Exception
        What kept something from being saved.
    KeyboardInterrupt
        If the kernel is interrupted meanwhile: closing goes on, and who opens the project waits.
    """
    with _registry:
        live.users -= 1
        if live.users > 0 or _projects.get(live.root) is not live:
            return
        del _projects[live.root]
        ended = _closing[live.root] = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        # It may be one that closing waits for, and is never interrupted.
        _close(live, ended)
        return
    closing = ThreadPoolExecutor(1, "sam2-widget closing")
    try:
        done = closing.submit(_close, live, ended)
    except RuntimeError:  # the interpreter ends, and no thread can be started any more
        _close(live, ended)
        return
    closing.shutdown(wait=False)
    try:
        done.result()
    except KeyboardInterrupt:
        done.add_done_callback(_tell_failure)
        raise


def _tell_failure(done: Future[None]) -> None:
    """Log what nobody waits for any more."""
    error = done.exception()
    if error is not None:
        _log.error("The session was closed, but: %s", error)


def _close(live: Live, ended: threading.Event) -> None:
    try:
        live.close()
    finally:
        with _registry:
            del _closing[live.root]
        ended.set()


@atexit.register
def _close_all() -> None:
    for live in list(_projects.values()):
        live.users = 1
        release(live)
