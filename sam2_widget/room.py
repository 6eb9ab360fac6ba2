"""How much memory there is for caches, and sizes as people write them."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import psutil

from sam2_widget.errors import ModelError

_UNITS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\s*", re.IGNORECASE)
_CGROUPS = Path("/sys/fs/cgroup")


def parse_size(what: str, size: str | int) -> int:
    """Return a size in bytes.

    Parameters
    ----------
    what : str
        Name of the argument, for the error.
    size : str or int
        Bytes, or a text such as ``"8GB"``, ``"500 MB"`` or ``"1.5GiB"``.

    Raises
    ------
    ModelError
        If it is no size.
    """
    if isinstance(size, int) and not isinstance(size, bool) and size >= 0:
        return size
    found = _SIZE.fullmatch(size) if isinstance(size, str) else None
    if found is None:
        raise ModelError(f"{what} is a size such as '8GB' or a number of bytes, not {size!r}.")
    number, unit, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** _UNITS[unit.lower()])


def amount(size: int) -> str:
    """Return a number of bytes in words; decimal units, as file managers and disks have them."""
    value = float(size)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.{int(value < 10 and unit != 'bytes')}f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def free_memory() -> int:
    """Return the bytes that this process may still take, within the limit of its container."""
    free = psutil.virtual_memory().available
    return max(0, min([free, *_left_in_cgroups()]))


def _left_in_cgroups() -> list[int]:
    """Return what is left below every limit that a container or a batch system set."""
    left = []
    for folder in _cgroup_folders():
        for limit, usage, inactive in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            # "max" is no number; a folder that is not there sets no limit.
            with contextlib.suppress(OSError, ValueError):
                allowed = int((folder / limit).read_text())
                used = int((folder / usage).read_text())
                stat = (folder / "memory.stat").read_text().split()
                # Pages of files that were read once: the kernel gives them up first.
                cached = int(stat[stat.index(inactive) + 1]) if inactive in stat else 0
                left.append(allowed - used + cached)
    return left


def _cgroup_folders() -> list[Path]:
    folders = [_CGROUPS, _CGROUPS / "memory"]
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers in ("", "memory"):
                top = _CGROUPS / controllers
                below = top / path.lstrip("/")
                folders += [f for f in (below, *below.parents) if top in f.parents]
    return folders
