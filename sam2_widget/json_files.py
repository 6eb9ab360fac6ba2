"""Reads the JSON files and journals of a project."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from sam2_widget.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


def read_json(path: Path) -> Any:
    """Return the content of a JSON file, None where there is none.

    Raises
    ------
    ProjectError
        If it cannot be read.
    """
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise damaged(path) from error
    # Else a file of "null" would pass for none, and be overwritten.
    if content is None:
        raise damaged(path)
    return content


def read_journal(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a journal; a torn line is skipped."""
    try:
        # Line by line: one of an hour of video has 25 MB.
        with path.open("rb") as file:
            for line in file:
                with contextlib.suppress(ValueError, RecursionError):
                    record = json.loads(line)
                    if isinstance(record, dict):
                        yield record
    except FileNotFoundError:
        return
    except OSError as error:
        raise damaged(path) from error


def damaged(path: Path) -> ProjectError:
    """Return the error for a file of a project that cannot be understood."""
    return ProjectError(
        f"{path} cannot be read as a file of this project; mend it, move it away, "
        "or give another name=. Nothing was changed."
    )


def journal_line(record: Mapping[str, Any]) -> bytes:
    """Return a record as a line of a journal, less the line break."""
    return json.dumps(record, separators=(",", ":"), allow_nan=False).encode()
