"""One project, one writer: between objects, between processes, and after a kill."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import filelock
import pytest

from sam2_widget.locking import ProjectLock

ROOT = Path(__file__).resolve().parents[1]
HOLDER = """
import sys
from pathlib import Path
from sam2_widget.locking import ProjectLock

lock = ProjectLock(Path(sys.argv[1]))
print(lock.try_again(), flush=True)
sys.stdin.read()
"""


def holder(path: Path) -> subprocess.Popen[str]:
    """Start a process that holds the lock until its input ends."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def raising(error: Exception) -> type[filelock.FileLock]:
    class Broken(filelock.FileLock):  # type: ignore[misc, valid-type]
        def acquire(self, *_: object, **__: object) -> object:
            raise error

    return Broken


def test_only_the_first_holds_the_lock(tmp_path: Path) -> None:
    first, second = ProjectLock(tmp_path / ".lock"), ProjectLock(tmp_path / ".lock")
    assert first.try_again()
    assert not second.try_again()
    assert (first.held, second.held) == (True, False)
    first.release()


def test_the_second_gets_the_lock_once_the_first_lets_go(tmp_path: Path) -> None:
    first, second = ProjectLock(tmp_path / ".lock"), ProjectLock(tmp_path / ".lock")
    first.try_again()
    second.try_again()
    first.release()
    assert not first.held
    assert second.try_again()
    second.release()


def test_trying_again_while_holding_changes_nothing(tmp_path: Path) -> None:
    lock, other = ProjectLock(tmp_path / ".lock"), ProjectLock(tmp_path / ".lock")
    assert lock.try_again()
    assert lock.try_again()
    lock.release()
    assert other.try_again()
    other.release()


def test_releasing_what_is_not_held_leaves_the_holder_alone(tmp_path: Path) -> None:
    first, second = ProjectLock(tmp_path / ".lock"), ProjectLock(tmp_path / ".lock")
    first.try_again()
    second.release()
    assert not second.try_again()
    first.release()


def test_a_killed_process_holds_nothing_any_more(tmp_path: Path) -> None:
    lock = ProjectLock(tmp_path / ".lock")
    with holder(tmp_path / ".lock") as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "True\n"
        assert not lock.try_again()
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert lock.try_again()
    lock.release()


@pytest.mark.parametrize(
    "error",
    [
        NotImplementedError("no flock"),
        OSError(errno.ENOLCK, "No locks available"),
        OSError(errno.ENOTSUP, "Operation not supported"),
    ],
)
def test_a_file_system_without_locks_gives_a_warning_and_works(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filelock, "FileLock", raising(error))
    lock = ProjectLock(tmp_path / ".lock")
    with pytest.warns(UserWarning, match="has no locks.*in one process only"):
        assert lock.try_again()
    assert lock.held
    lock.release()


@pytest.mark.parametrize(
    "error",
    [
        PermissionError(errno.EACCES, "Permission denied"),
        OSError(errno.EROFS, "Read-only file system"),
    ],
)
def test_a_folder_that_cannot_be_written_is_not_taken_for_one_without_locks(
    error: OSError, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filelock, "FileLock", raising(error))
    lock = ProjectLock(tmp_path / ".lock")
    with pytest.raises(OSError, match=error.strerror):
        lock.try_again()
    assert not lock.held
