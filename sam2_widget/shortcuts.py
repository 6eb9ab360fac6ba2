"""The keys that a user gives to actions of the widget: what may be said, and how it is written."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from pathlib import Path

from sam2_widget.errors import ShortcutError

DEFAULTS: dict[str, list[str]] = json.loads(
    Path(__file__).with_name("shortcuts.json").read_text("utf-8")
)
"""The keys of every action, as `npm run shortcuts` writes them from the browser's table."""

_MODIFIERS = {
    "mod": "Mod", "ctrl": "Mod", "control": "Mod", "cmd": "Mod", "command": "Mod", "meta": "Mod",
    "alt": "Alt", "option": "Alt", "shift": "Shift",
}  # fmt: skip
_NAMED = {
    name.lower(): name
    for name in (
        *("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"),
        *("Space", "Enter", "Escape", "Delete", "Backspace", "Insert"),
        *(f"F{number}" for number in range(1, 13)),
    )
}
_ALIASES = {
    "left": "ArrowLeft", "right": "ArrowRight", "up": "ArrowUp", "down": "ArrowDown",
    "←": "ArrowLeft", "→": "ArrowRight", "↑": "ArrowUp", "↓": "ArrowDown",
    "esc": "Escape", "del": "Delete", "return": "Enter", "ins": "Insert",
    "pgup": "PageUp", "pgdn": "PageDown", "page up": "PageUp", "page down": "PageDown",
    " ": "Space",
}  # fmt: skip
_OF_THE_BROWSER = {"Mod+N", "Mod+T", "Mod+W", "Mod+Shift+N", "Mod+Shift+T", "Mod+Shift+W"}
_WHAT_KEYS_ARE = (
    "a letter, a digit or a sign as it is typed, or one of "
    f"{', '.join(_NAMED.values())}, after Ctrl+, Alt+ or Shift+ as needed"
)


def check_shortcuts(told: object) -> dict[str, list[str]]:
    """Return the keys of some actions, as the browser writes them.

    Parameters
    ----------
    told : mapping
        From the names of actions to a key, several, or None for no key. Ctrl and Cmd are one:
        ``"Ctrl+Z"`` is Cmd+Z on a Mac. Names of keys can be in any case and short (``"left"``).

    Returns
    -------
    dict
        Every action of `told` and its keys, such as ``"Mod+Shift+Z"``, ``"ArrowLeft"``, ``"?"``.

    Raises
    ------
    ShortcutError
        If there is no such action or key, or two of these actions would have the same key.
    """
    if not isinstance(told, Mapping):
        raise ShortcutError(
            "Shortcuts are a dict from actions to keys, such as {'undo': 'Z', 'clear': None}, "
            f"not {told!r:.60}."
        )
    keys = {_action(action): _keys(action, given) for action, given in told.items()}
    owners: dict[str, str] = {}
    for action, listed in keys.items():
        for key in listed:
            if key in owners:
                raise ShortcutError(
                    f"{owners[key]!r} and {action!r} cannot both have the key {key}: "
                    "give one of them another."
                )
            owners[key] = action
    return keys


def _action(told: object) -> str:
    if isinstance(told, str) and told in DEFAULTS:
        return told
    close = difflib.get_close_matches(str(told), DEFAULTS, 1)
    hint = f"did you mean {close[0]!r}? There are" if close else "there are"
    raise ShortcutError(f"There is no action {told!r:.60}; {hint} {', '.join(DEFAULTS)}.")


def _keys(action: str, given: object) -> list[str]:
    if given is None:
        return []
    listed = [given] if isinstance(given, str) else given
    if not isinstance(listed, list | tuple) or not all(isinstance(key, str) for key in listed):
        raise ShortcutError(
            f"The keys of {action!r} are a text, a list of texts, or None for no key; "
            f"not {given!r:.60}."
        )
    return list(dict.fromkeys(_key(action, key) for key in listed))


def _key(action: str, given: str) -> str:
    *modifiers, name = _parts(given)
    present = {_MODIFIERS.get(modifier.strip().lower(), "") for modifier in modifiers}
    known = _name(name)
    if known is None or "" in present:
        raise ShortcutError(
            f"There is no key {given!r:.60}, which {action!r} should have: a key is "
            f"{_WHAT_KEYS_ARE}."
        )
    if _is_sign(known) and present & {"Alt", "Shift"}:
        raise ShortcutError(
            f"The key {given!r:.60} of {action!r} depends on the keyboard: write the sign that it "
            "types, such as '!' for Shift+1."
        )
    key = "+".join([name for name in ("Mod", "Alt", "Shift") if name in present] + [known])
    if key in _OF_THE_BROWSER:
        raise ShortcutError(
            f"The browser keeps the key {given!r:.60} for itself: give {action!r} another."
        )
    return key


def _parts(given: str) -> list[str]:
    """Split at each plus that is not itself the key."""
    text = given if given == " " else given.strip()
    if text == "+":
        return ["+"]
    return [*text[:-2].split("+"), "+"] if text.endswith("++") else text.split("+")


def _name(told: str) -> str | None:
    name = told if told == " " else told.strip()
    named = _NAMED.get(name.lower()) or _ALIASES.get(name.lower())
    if named is not None:
        return named
    upper = name.upper()
    is_typed = len(upper) == 1 and ord(upper) < 0x10000 and upper.isprintable()
    return upper if is_typed and not upper.isspace() else None


def _is_sign(name: str) -> bool:
    return len(name) == 1 and name.upper() == name.lower()
