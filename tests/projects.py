"""Opens small projects with the engine that needs no model, and looks at their files."""

from __future__ import annotations

import errno
import signal
import threading
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sam2_widget.engines.fake import FakeEngine
from sam2_widget.events import Change
from sam2_widget.session import Session
from tests.clips import numbered_frames, write_timed_clip

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    import pytest

    from sam2_widget.engines.base import Segmentation

PATIENCE = 10.0
"""Seconds after which something that should have happened counts as missing."""
_earlier: set[threading.Thread] = set()


def open_project(
    folder: Path, count: int = 10, engine: FakeEngine | None = None, **arguments: Any
) -> Session:
    """Open a project of numbered frames, 96 x 64 pixels, all stored."""
    given = {"name": "clip", "model": engine or FakeEngine(), "output_dir": folder, **arguments}
    session = Session(numbered_frames(count), **given)
    if not session.read_only:
        session.video.wait()
    settle(session)
    return session


def open_sample(clip: Path, folder: Path, **arguments: Any) -> Session:
    """Open every tenth frame of the sample clip with nano, 6 frames, all stored."""
    given = {"model": "nano", "device": "cpu", "frame_step": 10, **arguments}
    session = Session(clip, output_dir=folder, **given)
    session.video.wait()
    session.live.worker.run(lambda: None)
    return session


def settle(session: Session) -> None:
    """Wait until the project says how many frames there are and which model it has."""
    for thread in threading.enumerate():
        if thread.name.startswith("sam2-widget frames"):
            thread.join(PATIENCE)
    session.live.worker.run(lambda: None)


def interrupt_soon() -> None:
    """Do what Jupyter does to a cell: its thread gets KeyboardInterrupt while it waits."""
    main = threading.main_thread().ident
    assert main is not None
    threading.Timer(0.1, signal.pthread_kill, [main, signal.SIGINT]).start()


class GatedEngine(FakeEngine):
    """Tracks a frame only when the gate lets it; `waiting` counts the steps that came to it."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Semaphore(0)
        self.waiting = threading.Semaphore(0)

    def step(self, scope: Hashable, frame: int) -> Segmentation:
        self.waiting.release()
        assert self.gate.acquire(timeout=PATIENCE)
        return super().step(scope, frame)

    def arrived(self) -> bool:
        """Wait until a step has come to the gate."""
        return self.waiting.acquire(timeout=PATIENCE)

    def open_gate(self) -> None:
        """Let everything through."""
        self.gate.release(10_000)


def truncated_clip(path: Path) -> Path:
    """Write an mp4 that announces 20 frames and ends in the midst of them."""
    write_timed_clip(path, range(0, 2000, 100), gop=1)
    data = path.read_bytes()
    start = data.index(b"mdat")
    path.write_bytes(data[: start + (len(data) - start) // 2])
    return path


def calls(engine: FakeEngine, kind: str) -> list[tuple[object, ...]]:
    """Return the calls of one kind that an engine got."""
    return [call for call in engine.calls if call[0] == kind]


def hashed(session: Session) -> None:
    """Wait until the checkpoint's hash is there, and written."""
    for thread in threading.enumerate():
        if thread.name == "sam2-widget-hash":
            thread.join(PATIENCE)
    session.live.worker.submit(lambda: None, urgent=False).result(PATIENCE)


def files(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file that holds results.

    Not the lock, the view, the list of runs, which undo leaves alone, and what undo itself keeps.
    """
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and path.name not in (".lock", "ui.json", "runs.jsonl")
        and ".undo" not in path.relative_to(folder).parts
    }


def tell_all(session: Session) -> None:
    """Wait until listeners were told of everything so far."""
    told = threading.Event()
    marker = Change("notice", frames=(-1,))
    remove = session.on_change(lambda change: told.set() if change is marker else None)
    session.live.dispatcher.tell(marker)
    assert told.wait(PATIENCE)
    remove()


def until(session: Session, condition: Callable[[], bool]) -> None:
    """Wait for changes of a session until a condition holds."""
    changed = threading.Condition()

    def hear(_change: Change) -> None:
        with changed:
            changed.notify_all()

    remove = session.on_change(hear)
    with changed:
        assert changed.wait_for(condition, PATIENCE)
    remove()


def note_threads() -> None:
    """Note the threads there are as a test begins: some of earlier ones end a little later."""
    _earlier.clear()
    _earlier.update(threading.enumerate())


def own_threads() -> list[str]:
    """Return the threads of projects opened in this test.

    The readers that all projects share do not count.
    """
    names = [thread.name for thread in threading.enumerate() if thread not in _earlier]
    shared = "sam2-widget-read"
    return [name for name in names if name.startswith("sam2-widget") and shared not in name]


@contextmanager
def full_disk(monkeypatch: pytest.MonkeyPatch, pattern: str) -> Iterator[list[str]]:
    """Let writing files whose names match fail half-way, as it does on a full disk.

    Yields the names of the files that were not written.
    """
    write_bytes, open_file = Path.write_bytes, Path.open
    refused: list[str] = []

    def refuse(path: Path) -> None:
        refused.append(path.name)
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    def write(path: Path, data: bytes) -> int:
        if fnmatch(path.name, pattern):
            write_bytes(path, data[: len(data) // 2])
            refuse(path)
        return write_bytes(path, data)

    class Full:
        """A file opened for appending that takes half of what is written."""

        def __init__(self, path: Path, file: Any) -> None:
            self._path, self._file = path, file

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *error: object) -> None:
            self._file.close()

        def __getattr__(self, name: str) -> Any:
            return getattr(self._file, name)

        def write(self, data: bytes) -> int:
            self._file.write(data[: len(data) // 2])
            self._file.flush()
            refuse(self._path)
            return 0

    def opened(path: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        file = open_file(path, mode, *rest, **more)
        return Full(path, file) if "a" in mode and fnmatch(path.name, pattern) else file

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", write)
        patch.setattr(Path, "open", opened)
        yield refused
