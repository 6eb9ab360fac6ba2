"""Keypoints: named places on an instance as pure values; knows no files and no browser."""

from __future__ import annotations

import itertools
import reprlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from natsort import natsort_keygen

from sam2_widget.annotations import make_point
from sam2_widget.errors import PromptError
from sam2_widget.names import tidy_name

_natural = natsort_keygen()


@dataclass(frozen=True, slots=True)
class Keypoint:
    """A named place in pixels of the stored frame; one that is not `visible` is occluded."""

    x: float
    y: float
    name: str
    visible: bool = True


FrameKeypoints = tuple[Keypoint, ...]
"""The keypoints of an instance on a frame, every name once, in the order of `in_order`."""
InstanceKeypoints = Mapping[int, FrameKeypoints]
"""The keypoints of an instance by frame index; frames without any are left out."""
Skeleton = tuple[tuple[str, str], ...]
"""Pairs of names between whose keypoints, of one instance, lines are drawn."""


def check_skeleton(pairs: Iterable[Iterable[str]]) -> Skeleton:
    """Return pairs of keypoint names as a skeleton; a pair given twice counts once.

    Raises
    ------
    PromptError
        If they are no pairs of two names.
    """
    checked: dict[frozenset[str], tuple[str, str]] = {}
    for pair in _listed(pairs, [pairs]):
        names = [tidy_name(name) for name in _listed(pair, [])]
        if len(names) != 2 or names[0] == names[1]:
            raise PromptError(
                "A skeleton is a list of pairs of two keypoint names, such as "
                f"[('tip', 'wrist')]; {reprlib.repr(pair)} is no such pair."
            )
        checked.setdefault(frozenset(names), (names[0], names[1]))
    return tuple(checked.values())


def _listed(value: object, other: list[Any]) -> list[Any]:
    """Return the items of what has any, else something other; a text is one thing."""
    return list(value) if isinstance(value, Iterable) and not isinstance(value, str) else other


def make_keypoint(
    x: float, y: float, name: str, visible: bool, width: int, height: int
) -> Keypoint:
    """Return a checked keypoint, its place rounded like that of a point.

    Raises
    ------
    PromptError
        If it lies outside the frame or cannot be named so.
    """
    place = make_point(x, y, 1, width, height)
    return Keypoint(place.x, place.y, tidy_name(name), bool(visible))


def name_order(name: str) -> tuple[Any, str]:
    """Return what names are sorted by: k2 comes before k10."""
    return _natural(name), name


def in_order(keypoints: Iterable[Keypoint]) -> FrameKeypoints:
    """Return keypoints sorted by name."""
    return tuple(sorted(keypoints, key=lambda keypoint: name_order(keypoint.name)))


def named(keypoints: FrameKeypoints, name: str) -> Keypoint | None:
    """Return the keypoint of a name."""
    return next((keypoint for keypoint in keypoints if keypoint.name == name), None)


def placed(keypoints: FrameKeypoints, new: Iterable[Keypoint]) -> FrameKeypoints:
    """Return keypoints with new ones, which replace those of the same names."""
    return in_order({keypoint.name: keypoint for keypoint in (*keypoints, *new)}.values())


def without(keypoints: FrameKeypoints, name: str) -> FrameKeypoints:
    """Return keypoints without the one of a name."""
    return tuple(keypoint for keypoint in keypoints if keypoint.name != name)


def free_name(names: Iterable[str]) -> str:
    """Return the first of k1, k2, ... that is not among the names."""
    taken = set(names)
    return next(name for name in map("k{}".format, itertools.count(1)) if name not in taken)


@dataclass(frozen=True, slots=True)
class Keypoints:
    """All keypoints of a project: an immutable value that every change replaces."""

    instances: Mapping[int, InstanceKeypoints] = field(default_factory=dict)

    def __iter__(self) -> Iterator[int]:
        """Iterate over the instances that have keypoints, in order."""
        return iter(sorted(self.instances))

    def names(self) -> list[str]:
        """Return the names used on any frame of any instance, in order."""
        listed = (frame for frames in self.instances.values() for frame in frames.values())
        return sorted({keypoint.name for frame in listed for keypoint in frame}, key=name_order)

    def of(self, instance: int) -> InstanceKeypoints:
        """Return the keypoints of an instance by frame, in order, empty when it has none."""
        return self.instances.get(instance, {})

    def at(self, instance: int, frame: int) -> FrameKeypoints:
        """Return the keypoints of an instance on a frame."""
        return self.of(instance).get(frame, ())

    def put(self, instance: int, frame: int, keypoints: FrameKeypoints) -> Keypoints:
        """Return the state with other keypoints of an instance on one frame."""
        return self.replace_instance(instance, {**self.of(instance), frame: keypoints})

    def replace_instance(self, instance: int, frames: InstanceKeypoints) -> Keypoints:
        """Return the state with other keypoints of a whole instance."""
        kept = {frame: frames[frame] for frame in sorted(frames) if frames[frame]}
        others = {other: self.instances[other] for other in self.instances if other != instance}
        return Keypoints({**others, instance: kept} if kept else others)

    def before(self, instance: int, frame: int) -> FrameKeypoints:
        """Return the keypoints of the last frame before this one that has any."""
        earlier = [other for other in self.of(instance) if other < frame]
        return self.at(instance, max(earlier)) if earlier else ()

    def next_gap(self, instance: int, frame: int) -> int:
        """Return the first frame after this one that has no keypoints."""
        frames = self.of(instance)
        return next(after for after in itertools.count(frame + 1) if after not in frames)
