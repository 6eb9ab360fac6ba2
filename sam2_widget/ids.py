"""What may name things on disk: regions, projects and instances."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sam2_widget.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Iterable

DEFAULT_REGIONS = ("overall", "shaft", "wrist", "gripper")
"""The parts of a surgical tool, what the first users annotate."""
MAX_FRAMES = 10**8
"""No video is longer: 38 days at 30 frames/s."""
MAX_INSTANCE = 10**9
_REGION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
# No folder of another, and no drive of Windows.
_NAME = re.compile(r"(?![A-Za-z]:)[^/\\\x00-\x1f]{1,200}")


def is_region(text: str) -> bool:
    """Tell whether a text may be a region id."""
    return _REGION.fullmatch(text) is not None


def check_region(region: str) -> str:
    """Return the region id if it may name a folder.

    Raises
    ------
    ProjectError
        If it may not.
    """
    if not isinstance(region, str) or not is_region(region):
        raise ProjectError(
            f"The region id {region!r:.80} is not allowed; use 1 to 64 letters, digits, "
            "'_' or '-', beginning with a letter or digit."
        )
    return region


def check_regions(regions: Iterable[str]) -> tuple[str, ...]:
    """Return the region ids if all are allowed and differ by more than case.

    Raises
    ------
    ProjectError
        If they are not.
    """
    if isinstance(regions, str):
        raise ProjectError(f"regions is a list of ids; give [{regions!r}].")
    ids = tuple(check_region(region) for region in regions)
    if not ids:
        raise ProjectError("Give at least one region, for example regions=['overall'].")
    if len({region.lower() for region in ids}) < len(ids):
        raise ProjectError(
            f"The regions {list(ids)} must differ by more than upper and lower case."
        )
    return ids


def check_name(name: str) -> str:
    """Return the project name if it may name a folder.

    Raises
    ------
    ProjectError
        If it may not.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name.strip(". ") == "":
        raise ProjectError(f"The name {name!r:.80} cannot name a folder; give another name=.")
    return name
