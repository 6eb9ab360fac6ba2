"""Puts files back as they were when a change of several of them fails half-way."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from sam2_widget.durable import link_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sam2_widget.watching import Watch


@contextlib.contextmanager
def all_or_nothing(paths: Sequence[Path], folder: Path, watch: Watch) -> Iterator[None]:
    """Put files back if the block raises, by renaming, for which a full disk has room too.

    Parameters
    ----------
    paths : sequence of Path
        Files that the block replaces, makes or removes.
    folder : Path
        Where their second names are kept meanwhile.
    watch : Watch
        Knows whether another program changed one of them.

    Raises
    ------
    ChangedFileError
        If another program did; the block is not entered.
    SaveError
        If a file cannot be given a second name; the block is not entered.
    """
    watch.check(paths)
    copies = {path: folder / f"{number}.before" for number, path in enumerate(paths)}
    there = {path for path in paths if path.exists()}
    try:
        for path in there:
            link_file(path, copies[path])
        try:
            yield
        except BaseException:
            for path in paths:
                # What another program wrote meanwhile is not ours to put back.
                if watch.is_known(path):
                    _put_back(path, copies[path] if path in there else None)
                    watch.note(path)
            raise
    finally:
        for copy in copies.values():
            with contextlib.suppress(OSError):
                copy.unlink(missing_ok=True)


def _put_back(path: Path, copy: Path | None) -> None:
    # The error on its way tells the user more than one of this would.
    with contextlib.suppress(OSError):
        if copy is None:
            path.unlink(missing_ok=True)
        else:
            copy.replace(path)
