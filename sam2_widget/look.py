"""How the widget looks and plays: what its trait `look` may say; twin of look.ts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sam2_widget.errors import AppearanceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DEFAULT_LOOK: dict[str, Any] = {
    "opacity": 0.45,
    "outline": False,
    "height": None,
    "range": None,
    "speed": 1.0,
    "loop": False,
}
SPEEDS = (0.25, 4.0)
HEIGHTS = (80, 4000)


def check_look(told: Mapping[str, Any], frames: int) -> dict[str, Any]:
    """Return a look with every key, those that are not given as they are by default.

    Parameters
    ----------
    told : mapping
        Some or all of: opacity (0 to 1), outline (bool), height (CSS pixels, or None to fit the
        page), range ((first, last) frame, both included, or None), speed (0.25 to 4), loop (bool).
    frames : int
        Frames of the video as far as it is known, else 0.

    Raises
    ------
    AppearanceError
        If there is no such key, or it cannot have such a value.
    """
    if unknown := [key for key in told if key not in DEFAULT_LOOK]:
        raise AppearanceError(
            f"A look has no {unknown[0]!r:.60}; it has {', '.join(DEFAULT_LOOK)}."
        )
    look = dict(DEFAULT_LOOK)
    for key, value in told.items():
        parsed = _parse(key, value, frames)
        if parsed is _WRONG:
            raise AppearanceError(f"In a look, {key} is {_MEANING[key]}, not {value!r:.60}.")
        look[key] = parsed
    return look


def fitting_look(saved: object, frames: int) -> dict[str, Any]:
    """Return the look that a file holds; what is wrong in it says nothing."""
    look = dict(DEFAULT_LOOK)
    for key, value in saved.items() if isinstance(saved, dict) else ():
        parsed = _parse(key, value, frames) if key in DEFAULT_LOOK else _WRONG
        if parsed is not _WRONG:
            look[key] = parsed
    return look


_WRONG = object()
_MEANING = {
    "opacity": "a number from 0 to 1",
    "outline": "True or False",
    "height": f"a number of CSS pixels from {HEIGHTS[0]} to {HEIGHTS[1]}, or None",
    "range": "the first and the last frame of a part of the video, or None",
    "speed": f"a number from {SPEEDS[0]:g} to {SPEEDS[1]:g}",
    "loop": "True or False",
}


def _parse(key: str, value: object, frames: int) -> Any:
    return _PARSERS[key](value, frames)


def _between(low: float, high: float) -> Callable[[object, int], Any]:
    def parse(value: object, _frames: int) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return _WRONG
        return float(value) if math.isfinite(value) and low <= value <= high else _WRONG

    return parse


def _flag(value: object, _frames: int) -> Any:
    return value if isinstance(value, bool) else _WRONG


def _height(value: object, frames: int) -> Any:
    if value is None:
        return None
    height = _between(*HEIGHTS)(value, frames)
    return height if height is _WRONG else round(height)


def _span(value: object, frames: int) -> Any:
    if value is None:
        return None
    if not isinstance(value, list | tuple) or len(value) != 2:
        return _WRONG
    if any(type(frame) is not int or frame < 0 for frame in value) or value[0] > value[1]:
        return _WRONG
    return _WRONG if frames and value[1] >= frames else [value[0], value[1]]


_PARSERS: dict[str, Callable[[object, int], Any]] = {
    "opacity": _between(0.0, 1.0),
    "outline": _flag,
    "height": _height,
    "range": _span,
    "speed": _between(*SPEEDS),
    "loop": _flag,
}
