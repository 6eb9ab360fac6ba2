"""Names of models as users write them: short ones, and wrong ones."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_SIZES = {"l": "large", "b+": "base_plus", "s": "small", "t": "tiny"}
_SHORT = re.compile(r"(sam2(?:\.1)?_hiera_)(l|b\+|s|t)")


def official_name(name: str) -> str:
    """Return the official name for a short one such as ``sam2.1_hiera_b+``; others as they are."""
    found = _SHORT.fullmatch(name)
    return found[1] + _SIZES[found[2]] if found else name


def known_names(given: str, known: Sequence[str]) -> str:
    """Return the names that there are in words, first those that a wrong one probably means."""
    wrong = given.lower()
    near = [name for name in known if len(wrong) > 2 and wrong in name.lower()]
    near = near or difflib.get_close_matches(wrong, known, n=2)
    others = [name for name in known if name not in near]
    if not near or not others:
        return f"give one of {', '.join(known)}"
    return f"perhaps you mean {' or '.join(near)}; there are also {', '.join(others)}"
