"""Says in sentences what loading a file of annotations would do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sam2_widget.annotations import FramePrompts, Scope
    from sam2_widget.editing import NewFrame
    from sam2_widget.history import KeypointChange
    from sam2_widget.keypoints import FrameKeypoints, Skeleton
    from sam2_widget.labels import Labels
    from sam2_widget.merging import Given, Plan

_MAX_SENTENCES = 24
NOTHING = "Changes nothing: all of it is here already."


@dataclass(frozen=True, slots=True)
class Preview:
    """What loading a file would do.

    Attributes
    ----------
    title : str
        What the file is, and what there is to know of it.
    merge, replace : list of str
        What merging it, or replacing by it, would do, a sentence each.
    """

    title: str
    merge: list[str]
    replace: list[str]


def sentences(made: Plan) -> list[str]:
    """Return what a plan does, a sentence each."""
    told = _label_sentences(*made.labels) + _line_sentences(*made.skeleton)
    for scope in sorted({new.scope for _, new in made.frames}):
        told += _scope_sentences(
            scope, [change for change in made.frames if change[1].scope == scope]
        )
    for instance in sorted({change.instance for change in made.keypoints}):
        told += _keypoint_sentences(
            instance, [change for change in made.keypoints if change.instance == instance]
        )
    if len(told) > _MAX_SENTENCES:
        more = len(told) - _MAX_SENTENCES + 1
        told = [*told[: _MAX_SENTENCES - 1], f"And {more} changes more of this kind."]
    return told or [NOTHING]


def _label_sentences(before: Labels, after: Labels) -> list[str]:
    told = [f"Adds the region {r}." for r in after.regions if r not in before.regions]
    names = _differing(before.region_names, after.region_names)
    names += _differing(before.instance_names, after.instance_names)
    colors = _differing(before.colors, after.colors)
    changes = [counted(names, "name")] * bool(names) + [counted(colors, "colour")] * bool(colors)
    return told + ([f"Changes {' and '.join(changes)}."] if changes else [])


def _line_sentences(before: Skeleton, after: Skeleton) -> list[str]:
    old, new = {*map(frozenset, before)}, {*map(frozenset, after)}
    return [
        f"{verb} {counted(len(lines), 'line')} between keypoints."
        for verb, lines in (("Adds", new - old), ("Removes", old - new))
        if lines
    ]


def _differing(before: Mapping[Any, str], after: Mapping[Any, str]) -> int:
    return sum(before.get(key) != after.get(key) for key in {*before, *after})


def _scope_sentences(scope: Scope, changes: list[tuple[Given, NewFrame]]) -> Iterator[str]:
    added = [new.prompts for before, new in changes if new.prompts and not before.prompts]
    changed = [
        new
        for before, new in changes
        if before.prompts and new.prompts not in (None, before.prompts)
    ]
    gone = [new for before, new in changes if before.prompts and not new.prompts]
    if added:
        yield f"Adds {_prompts(added)} on {counted(len(added), 'frame')} of {scope}."
    if changed:
        yield f"Replaces the prompts of {counted(len(changed), 'frame')} of {scope}."
    if gone:
        yield f"Removes the prompts of {counted(len(gone), 'frame')} of {scope}."
    masks = [(before, new) for before, new in changes if new.png not in (None, before.png)]
    fresh = sum(before.record is None for before, _ in masks)
    if fresh:
        yield f"Adds the masks of {counted(fresh, 'frame')} of {scope}."
    if len(masks) > fresh:
        yield f"Replaces the masks of {counted(len(masks) - fresh, 'frame')} of {scope}."
    made = sum(new.record is None and new.prompts is not None for _, new in changes)
    if made:
        yield f"Has the model make the masks of {counted(made, 'frame')} of {scope}."
    removed = sum(
        before.record is not None and new.record is None and new.prompts is None
        for before, new in changes
    )
    if removed:
        yield f"Removes the masks of {counted(removed, 'frame')} of {scope}."


def _keypoint_sentences(instance: int, changes: list[KeypointChange]) -> Iterator[str]:
    added = changed = removed = 0
    for change in changes:
        before, after = _by_name(change.before), _by_name(change.after)
        added += len(after.keys() - before.keys())
        removed += len(before.keys() - after.keys())
        changed += sum(before[name] != after[name] for name in before.keys() & after.keys())
    for verb, count in (("Adds", added), ("Changes", changed), ("Removes", removed)):
        if count:
            yield f"{verb} {counted(count, 'keypoint')} of instance {instance}."


def _by_name(keypoints: FrameKeypoints) -> dict[str, Any]:
    return {keypoint.name: keypoint for keypoint in keypoints}


def _prompts(listed: list[FramePrompts]) -> str:
    points = sum(len(prompts.points) for prompts in listed)
    boxes = sum(prompts.box is not None for prompts in listed)
    drawn = sum(prompts.mask is not None for prompts in listed)
    counts = ((points, "point", ""), (boxes, "box", "boxes"), (drawn, "drawn mask", ""))
    return " and ".join(counted(*count) for count in counts if count[0])


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun."""
    return f"{number} {one if number == 1 else many or one + 's'}"
