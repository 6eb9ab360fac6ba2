"""Finds what can be opened: videos below a folder, and projects that were opened before."""

from __future__ import annotations

import contextlib
import itertools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from natsort import natsorted, ns

from sam2_widget.errors import ProjectError
from sam2_widget.images import IMAGE_SUFFIXES
from sam2_widget.json_files import read_json
from sam2_widget.sources import open_source

if TYPE_CHECKING:
    from collections.abc import Iterator

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv"}
)
MAX_DEPTH = 4
MAX_VIDEOS = 1000
MAX_PROJECTS = 50
_MAX_ENTRIES = 100_000
"""Files looked at below a folder: it may be the wrong one, such as a home folder."""


@dataclass(frozen=True, slots=True)
class FoundVideo:
    """A video file, or a folder of images.

    Attributes
    ----------
    path : Path
        Where it is.
    label : str
        Its path below the folder that was searched, with ``/``; a folder ends with one.
    size : int
        Bytes, of all images of a folder.
    """

    path: Path
    label: str
    size: int


@dataclass(frozen=True, slots=True)
class FoundProject:
    """A project that was opened before.

    Attributes
    ----------
    folder : Path
        Where it is; its name is the project's.
    source : Path or None
        Its video; None where it cannot be opened.
    opened : float
        When it was looked at last, in seconds since 1970.
    obstacle : str
        Why it cannot be opened, a sentence; empty where it can.
    """

    folder: Path
    source: Path | None
    opened: float
    obstacle: str


def find_videos(folder: Path) -> list[FoundVideo]:
    """Return the videos below a folder in natural order.

    Hidden files and projects are left out. It looks `MAX_DEPTH` folders deep and finds at most
    `MAX_VIDEOS`. A folder below with two images or more is a video too.

    Parameters
    ----------
    folder : Path
        Where to look; one that does not exist has none.
    """
    found = list(itertools.islice(_videos(folder), MAX_VIDEOS))
    return natsorted(found, key=lambda video: video.label, alg=ns.PATH | ns.IGNORECASE)


def _videos(root: Path) -> Iterator[FoundVideo]:
    seen: set[tuple[int, int]] = set()
    left = _MAX_ENTRIES
    level = [root]
    # Level by level, so that a bound leaves out what lies deepest.
    for depth in range(MAX_DEPTH + 1):
        below: list[Path] = []
        for folder in level:
            entries = list(itertools.islice(_entries(folder, seen), left))
            left -= len(entries)
            if any(entry.name == "project.json" for entry in entries):
                continue
            yield from _in_folder(root, folder, entries, depth)
            below += [Path(entry) for entry in entries if _is(entry, "is_dir")]
        level = sorted(below)


def _entries(folder: Path, seen: set[tuple[int, int]]) -> Iterator[os.DirEntry[str]]:
    """Yield what a folder holds, once: links may lead in circles."""
    with contextlib.suppress(OSError):
        status = folder.stat()
        key = status.st_dev, status.st_ino
        if key in seen:
            return
        seen.add(key)
        with os.scandir(folder) as entries:
            yield from (entry for entry in entries if not entry.name.startswith("."))


def _in_folder(
    root: Path, folder: Path, entries: list[os.DirEntry[str]], depth: int
) -> Iterator[FoundVideo]:
    images = []
    for entry in entries:
        suffix = os.path.splitext(entry.name)[1].lower()
        if suffix in VIDEO_SUFFIXES and _is(entry, "is_file"):
            path = Path(entry)
            yield FoundVideo(path, _label(path, root), _size(entry))
        elif suffix in IMAGE_SUFFIXES and _is(entry, "is_file"):
            images.append(entry)
    if depth > 0 and len(images) >= 2:
        yield FoundVideo(folder, _label(folder, root) + "/", sum(map(_size, images)))


def _label(path: Path, root: Path) -> str:
    return printable(path.relative_to(root).as_posix())


def printable(text: str) -> str:
    """Return a text that JSON can carry: file names may hold bytes that are none."""
    return text.encode("utf-8", "replace").decode()


def _is(entry: os.DirEntry[str], kind: str) -> bool:
    with contextlib.suppress(OSError):
        return bool(getattr(entry, kind)())
    return False


def _size(entry: os.DirEntry[str]) -> int:
    with contextlib.suppress(OSError):
        return entry.stat().st_size
    return 0


def find_projects(output_dir: Path) -> list[FoundProject]:
    """Return the projects of a folder, those looked at last first, at most `MAX_PROJECTS`."""
    opened: list[tuple[float, Path]] = []
    with contextlib.suppress(OSError), os.scandir(output_dir) as entries:
        for entry in entries:
            folder = Path(entry)
            if not entry.name.startswith(".") and (folder / "project.json").is_file():
                opened.append((_opened(folder), folder))
    opened.sort(key=lambda item: (-item[0], item[1]))
    return [_project(folder, when) for when, folder in opened[:MAX_PROJECTS]]


def _opened(folder: Path) -> float:
    """Return when a project was looked at: its view is saved whenever that changes."""
    for name in ("ui.json", "project.json"):
        with contextlib.suppress(OSError):
            return (folder / name).stat().st_mtime
    return 0.0


def _project(folder: Path, when: float) -> FoundProject:
    source = None
    with contextlib.suppress(ProjectError):
        ui = read_json(folder / "ui.json")
        source = ui.get("source") if isinstance(ui, dict) else None
    if not isinstance(source, str) or not os.path.isabs(source):
        text = (
            "It is not known where its video is: open it in a cell, "
            f"Annotator(video, name={folder.name!r})."
        )
        return FoundProject(folder, None, when, text)
    path = Path(source)
    # What is neither may be a device that never ends.
    with contextlib.suppress(OSError, ValueError):
        if path.is_file() or path.is_dir():
            return FoundProject(folder, path, when, "")
    text = f"The video {source} is gone: put it back, or open it where it is now."
    return FoundProject(folder, None, when, text)


def settings_of(folder: Path) -> dict[str, Any]:
    """Return the arguments of `Session` that open a project as it was made."""
    settings: dict[str, Any] = {"name": folder.name, "output_dir": folder.parent}
    # What is wrong with the file says the session that opens it.
    with contextlib.suppress(ProjectError, KeyError, TypeError):
        video = read_json(folder / "project.json")["video"]
        settings |= {key: video[key] for key in ("frame_step", "max_side")}
    return settings


def settings_for(path: Path, output_dir: Path) -> dict[str, Any]:
    """Return the arguments of `Session` for a video that was chosen: a project of its own.

    Two videos of one name, in two folders, get projects ``clip`` and ``clip-2``; each is found
    again by its content.

    Raises
    ------
    VideoError
        If it cannot be opened.
    """
    source = open_source(path)
    number, damaged = 1, ""
    while True:
        name = source.default_name + (f"-{number}" if number > 1 else "")
        folder = output_dir / name
        if not (folder / "project.json").exists():
            return {"name": damaged or name, "output_dir": output_dir}
        try:
            if read_json(folder / "project.json")["video"]["fingerprint"] == source.fingerprint:
                return settings_of(folder)
        except (ProjectError, KeyError, TypeError):
            # It may be this video's: the session that opens it says what is wrong with the file.
            damaged = damaged or name
        number += 1
