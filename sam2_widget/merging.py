"""What loading a file of annotations changes in a project; pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from sam2_widget.editing import NewFrame
from sam2_widget.errors import LoadError
from sam2_widget.history import KeypointChange
from sam2_widget.keypoints import Keypoints, placed
from sam2_widget.labels import Labels
from sam2_widget.provenance import is_cleaning_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sam2_widget.annotations import Annotations, FramePrompts, Scope
    from sam2_widget.keypoints import InstanceKeypoints, Skeleton
    from sam2_widget.records import MaskRecord

How = Literal["merge", "replace"]
_NO_LABELS = Labels(())


@dataclass(frozen=True, slots=True)
class Given:
    """What a file says of a scope on a frame; `png` is the mask, if the file has its pixels."""

    prompts: FramePrompts | None = None
    record: MaskRecord | None = None
    png: bytes | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file of annotations, checked against the video.

    Attributes
    ----------
    title : str
        What it is, in words.
    notes : tuple of str
        What the user should know of it, a sentence each.
    everything : bool
        Whether it is about the whole project, so that replacing takes away what is not in it; else
        it is about its scopes and instances only.
    scopes : mapping
        What it says by scope and frame.
    keypoints : mapping
        Its keypoints by instance and frame.
    labels : Labels
        Its regions, display names and colours.
    has_names : bool
        Whether it speaks of names and colours at all.
    runs : mapping
        What it says of tracking runs and cleanings, by their ids.
    skeleton : tuple of (str, str)
        The pairs of keypoint names between which it has lines drawn.
    """

    title: str
    notes: tuple[str, ...] = ()
    everything: bool = False
    scopes: Mapping[Scope, Mapping[int, Given]] = field(default_factory=dict)
    keypoints: Mapping[int, InstanceKeypoints] = field(default_factory=dict)
    labels: Labels = _NO_LABELS
    has_names: bool = False
    runs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    skeleton: Skeleton = ()


@dataclass(frozen=True, slots=True)
class Present:
    """What there is in a project before a file is loaded.

    Attributes
    ----------
    annotations, keypoints, labels
        The prompts, keypoints, and regions, names and colours.
    records : mapping
        The records of all masks by scope and frame.
    png : callable
        Returns the bytes of the mask of a scope on a frame.
    skeleton : tuple of (str, str)
        The pairs of keypoint names between which lines are drawn.
    """

    annotations: Annotations
    keypoints: Keypoints
    labels: Labels
    records: Mapping[Scope, Mapping[int, MaskRecord]]
    png: Callable[[Scope, int], bytes | None]
    skeleton: Skeleton = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What loading a file changes.

    Attributes
    ----------
    frames : list of (Given, NewFrame)
        Frames that change: what is there, and what they become.
    keypoints : list of KeypointChange
        Keypoints that change.
    labels : pair of Labels
        Regions, names and colours as they are, and as they become.
    skeleton : pair of tuples of (str, str)
        Lines between keypoints as they are, and as they become.
    """

    frames: list[tuple[Given, NewFrame]]
    keypoints: list[KeypointChange]
    labels: tuple[Labels, Labels]
    skeleton: tuple[Skeleton, Skeleton] = ((), ())


def plan(loaded: Loaded, present: Present, how: How) -> Plan:
    """Return what loading a file changes; pure.

    Raises
    ------
    LoadError
        If a region of it differs from one of the project in upper and lower case only.
    """
    frames = [
        change
        for scope in sorted({*loaded.scopes, *(_scopes(present) if loaded.everything else ())})
        for change in _plan_scope(loaded, present, scope, how)
    ]
    labels = present.labels, _plan_labels(loaded, present.labels, how)
    keypoints = _plan_keypoints(loaded, present.keypoints, how)
    lines = present.skeleton, _plan_skeleton(loaded, present.skeleton, how)
    return Plan(frames, keypoints, labels, lines)


def runs_of(made: Plan, loaded: Loaded) -> dict[str, Mapping[str, Any]]:
    """Return what a file says of the runs of the masks that are taken from it; pure."""
    written = [new for _, new in made.frames if new.png and new.record]
    named = {new.record.run for new in written if new.record}
    scopes = {(new.scope.instance, new.scope.region) for new in written}
    return {
        run: told
        for run, told in loaded.runs.items()
        if run in named or is_cleaning_of(told, scopes)
    }


def _scopes(present: Present) -> set[Scope]:
    return {*present.annotations, *present.records}


def _plan_scope(
    loaded: Loaded, present: Present, scope: Scope, how: How
) -> Iterator[tuple[Given, NewFrame]]:
    given = loaded.scopes.get(scope, {})
    prompts, records = present.annotations.of(scope), present.records.get(scope, {})
    frames = set(given)
    if how == "replace":
        # A file of prompts alone says nothing of frames that were only tracked.
        frames |= {*prompts, *records} if loaded.everything else {*prompts}
    for frame in sorted(frames):
        before = Given(prompts.get(frame), records.get(frame))
        after = _becomes(given.get(frame), before, how)
        if after is None:
            continue
        if after.png is not None and after.record == before.record:
            before = replace(before, png=present.png(scope, frame))
        if after != before:
            yield before, NewFrame(scope, frame, after.prompts, after.record, after.png)


def _becomes(given: Given | None, before: Given, how: How) -> Given | None:
    """Return what a frame becomes, None where the file says nothing of use."""
    if given is None:
        return Given()
    if given.png is not None:
        return given
    if given.prompts is None:
        # A mask without its pixels: it is kept where it is there already.
        keeps = given.record == before.record and before.prompts is None
        return before if keeps else None if how == "merge" else Given()
    prompts = given.prompts
    corrects_here = before.prompts is None or before.prompts.corrects
    if prompts.corrects and (before.record is None or not corrects_here):
        # What it corrected is not here.
        prompts = replace(prompts, corrects=False)
    return before if prompts == before.prompts and before.record else Given(prompts)


def _plan_labels(loaded: Loaded, present: Labels, how: How) -> Labels:
    """Return the labels with new regions; names and colours of the file win."""
    there = {region.lower(): region for region in present.regions}
    for region in loaded.labels.regions:
        other = there.setdefault(region.lower(), region)
        if other != region:
            raise LoadError(
                f"The region {region} of the file differs from {other} in upper and lower case "
                "only; give it another name in the file."
            )
    given = loaded.labels
    old = Labels(()) if how == "replace" and loaded.has_names else present
    return Labels(
        tuple(there.values()),
        {**old.region_names, **given.region_names},
        {**old.instance_names, **given.instance_names},
        {**old.colors, **given.colors},
    )


def _plan_skeleton(loaded: Loaded, present: Skeleton, how: How) -> Skeleton:
    """Return the lines that there were, and new ones; or those of the file alone."""
    if how == "replace" and loaded.everything:
        return loaded.skeleton
    there = {frozenset(pair) for pair in present}
    return (*present, *(pair for pair in loaded.skeleton if frozenset(pair) not in there))


def _plan_keypoints(loaded: Loaded, present: Keypoints, how: How) -> list[KeypointChange]:
    instances = set(loaded.keypoints)
    if how == "replace" and loaded.everything:
        instances |= set(present)
    changes = []
    for instance in sorted(instances):
        given, there = loaded.keypoints.get(instance, {}), present.of(instance)
        for frame in sorted({*given, *there} if how == "replace" else given):
            before, new = there.get(frame, ()), given.get(frame, ())
            after = new if how == "replace" else placed(before, new)
            if after != before:
                changes.append(KeypointChange(instance, frame, before, after))
    return changes
