"""What was looked at last, as ``ui.json`` keeps it: as much of it as fits the project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sam2_widget.ids import MAX_INSTANCE
from sam2_widget.look import DEFAULT_LOOK, fitting_look

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MODES = ("segment", "keypoint")
"""What clicks in the widget make: prompts of a scope, or keypoints of an instance."""


def fitting_ui(saved: Mapping[str, Any], length: int, regions: Sequence[str]) -> dict[str, Any]:
    """Return the frame, scope, mode and look that were kept, as far as they exist.

    Parameters
    ----------
    saved : mapping
        What a file says: hostile until checked.
    length : int
        Number of frames of the video, as far as it is known.
    regions : sequence of str
        Region ids.
    """
    kept: dict[str, Any] = {}
    frame, instance = saved.get("frame_index"), saved.get("instance")
    if type(frame) is int and 0 <= frame < length:
        kept["frame_index"] = frame
    if type(instance) is int and instance >= 1:
        kept["instance"] = instance
    if saved.get("region") in regions:
        kept["region"] = saved["region"]
    if hidden := _scopes_of(saved.get("hidden"), regions):
        kept["hidden"] = hidden
    look = fitting_look(saved.get("look"), length)
    if look != DEFAULT_LOOK:
        kept["look"] = look
    if saved.get("mode") in MODES:
        kept["mode"] = saved["mode"]
    return kept


def _scopes_of(saved: object, regions: Sequence[str]) -> list[tuple[int, str]]:
    """Return the scopes in a list that ``ui.json`` holds; what else is in it says nothing."""
    return [
        (item[0], item[1])
        for item in (saved if isinstance(saved, list) else [])
        if isinstance(item, list | tuple)
        and len(item) == 2
        and type(item[0]) is int
        and 1 <= item[0] <= MAX_INSTANCE
        and item[1] in regions
    ]
