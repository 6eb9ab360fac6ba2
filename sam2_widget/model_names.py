"""Short names of models: what users write for the names of the catalogue."""

from __future__ import annotations

import re

_SIZES = {"l": "large", "b+": "base_plus", "s": "small", "t": "tiny"}
_SHORT = re.compile(r"(sam2(?:\.1)?_hiera_)(l|b\+|s|t)")


def official_name(name: str) -> str:
    """Return the official name for a short one such as ``sam2.1_hiera_b+``; others as they are."""
    found = _SHORT.fullmatch(name)
    return found[1] + _SIZES[found[2]] if found else name
