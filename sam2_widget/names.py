"""The one rule for names that users give and read: of instances, regions and keypoints."""

from __future__ import annotations

import reprlib
import unicodedata

from sam2_widget.errors import PromptError

MAX_NAME = 300
"""Characters of a name."""
# Control characters, halves of surrogate pairs, and what breaks a line.
_NOT_IN_A_NAME = {"Cc", "Cs", "Zl", "Zp"}


def tidy_name(name: str, what: str = "A keypoint's name") -> str:
    """Return a name without the blanks round it; any text will do, markup too.

    Parameters
    ----------
    name : str
        What the user gave.
    what : str
        What it is, for the error.

    Raises
    ------
    PromptError
        If it is empty, longer than 300 characters, or has control characters or line breaks.
    """
    text = name.strip() if isinstance(name, str) else ""
    if not 1 <= len(text) <= MAX_NAME or _NOT_IN_A_NAME & set(map(unicodedata.category, text)):
        raise PromptError(
            f"{what} is 1 to {MAX_NAME} characters without control characters or line "
            f"breaks, not {reprlib.repr(name)}."
        )
    return text


def name_or_none(name: str | None, what: str) -> str:
    """Return a name like `tidy_name`, or "" for what has none: None, "" and blanks.

    Raises
    ------
    PromptError
        If it is no name.
    """
    if name is None or (isinstance(name, str) and not name.strip()):
        return ""
    return tidy_name(name, what)
