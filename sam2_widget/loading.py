"""Loads a file of annotations: an export, or one of the files of a project."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sam2_widget import bits
from sam2_widget.annotations import (
    Annotations,
    FramePrompts,
    MaskPrompt,
    Point,
    Scope,
    make_point,
)
from sam2_widget.editing import NewFrame
from sam2_widget.errors import LoadError
from sam2_widget.exports import json_export
from sam2_widget.history import KeypointChange
from sam2_widget.importing import FRAME_STEP, HEIGHT, WIDTH
from sam2_widget.keypoints import Keypoints, placed
from sam2_widget.labels import Labels
from sam2_widget.masks import measure, parse_record
from sam2_widget.project import (
    MAX_INSTANCE,
    check_region,
    drawn_name,
    parse_keypoints,
    parse_prompts,
)

if TYPE_CHECKING:
    from sam2_widget.annotations import ScopePrompts
    from sam2_widget.keypoints import FrameKeypoints, InstanceKeypoints
    from sam2_widget.masks import MaskRecord
    from sam2_widget.video import Video

How = Literal["merge", "replace"]
Source = str | os.PathLike[str] | Mapping[str, Any]

MAX_BYTES = 1 << 31
"""Size of the largest file: it has to fit into memory."""
_MAX_SENTENCES = 24
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
    """

    title: str
    notes: tuple[str, ...] = ()
    everything: bool = False
    scopes: Mapping[Scope, Mapping[int, Given]] = field(default_factory=dict)
    keypoints: Mapping[int, InstanceKeypoints] = field(default_factory=dict)
    labels: Labels = _NO_LABELS
    has_names: bool = False


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
    """

    annotations: Annotations
    keypoints: Keypoints
    labels: Labels
    records: Mapping[Scope, Mapping[int, MaskRecord]]
    png: Callable[[Scope, int], bytes | None]


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
    """

    frames: list[tuple[Given, NewFrame]]
    keypoints: list[KeypointChange]
    labels: tuple[Labels, Labels]


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


# -- reading ----------------------------------------------------------------------------------


def read(source: Source, video: Video, annotations: Annotations) -> Loaded:
    """Return what a file of annotations says, all of it checked.

    Parameters
    ----------
    source : str, Path or dict
        A JSON file or its content: what `Session.export_json` returns, a ``points_<region>.json``,
        a ``keypoints.json``, or the points of one scope as the original tool exports them.
    video : Video
        What it has to fit.
    annotations : Annotations
        The prompts of the project: a drawn mask that the file only names may be among them.

    Raises
    ------
    LoadError
        If it cannot be read, is no such file, is of a newer format, or does not fit the video.
    """
    path = None if isinstance(source, Mapping) else Path(source)
    content = dict(source) if isinstance(source, Mapping) else _content(Path(source))
    name = "This content" if path is None else path.name
    try:
        return _Reader(name, path, video, annotations).read(content)
    except LoadError:
        raise
    except (
        AttributeError, KeyError, TypeError, ValueError, LookupError, OverflowError, RecursionError
    ) as error:  # fmt: skip
        raise LoadError(
            f"{name} cannot be read as annotations of a video of {video.width} x {video.height} "
            f"pixels ({_reason(error)}); nothing was changed."
        ) from error


def _content(path: Path) -> Any:
    try:
        # A file must not fill the memory by its mere size.
        data = path.read_bytes() if path.stat().st_size <= MAX_BYTES else None
    except OSError as error:
        raise LoadError(f"{path} cannot be read ({error.strerror}); give another file.") from error
    if data is None:
        raise LoadError(f"{path.name} is larger than 2 GiB; load a part of it.")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise LoadError(f"{path.name} is no JSON file; give one that was exported.") from error


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"{error.args[0]!r:.60} is missing"
    return f"{str(error)[:120] or type(error).__name__}"


class _Reader:
    def __init__(
        self, name: str, path: Path | None, video: Video, annotations: Annotations
    ) -> None:
        self._name = name
        self._folder = None if path is None else path.parent
        self._annotations = annotations
        self._lost = 0
        self._video = video
        self._length = len(video)
        self._notes: list[str] = []

    def read(self, content: Any) -> Loaded:
        if not isinstance(content, dict):
            raise LoadError(f"{self._name} holds no annotations; give a file that was exported.")
        if "format" in content:
            loaded = self._export(content)
        elif "annotations" in content:
            loaded = self._original(content)
        elif "prompts" in content:
            loaded = self._points(content)
        elif "keypoints" in content:
            loaded = self._keypoints(content)
        else:
            raise LoadError(
                f"{self._name} holds no annotations; give an export, a points_<region>.json or a "
                "keypoints.json."
            )
        if self._lost:
            self._notes.append(
                f"{_count(self._lost, 'drawn mask')} of it cannot be brought back: export with "
                "pixels."
            )
        self._check_frames(loaded)
        return replace(loaded, notes=tuple(self._notes))

    def _export(self, content: dict[str, Any]) -> Loaded:
        version = content.get("version")
        if content["format"] != json_export.FORMAT or type(version) is not int or version < 1:
            raise LoadError(f"{self._name} is no export of sam2-widget; press Export to make one.")
        if version > json_export.VERSION:
            raise LoadError(
                f"{self._name} was written by a newer sam2-widget (version {version}); "
                "update sam2-widget to load it."
            )
        self._check_video(content["video"])
        scopes: dict[Scope, dict[int, Given]] = {}
        for entry in content["scopes"]:
            scope = _scope(entry)
            scopes[scope] = self._frames(scope, entry)
        size = self._video.width, self._video.height
        keypoints = {
            _instance(entry): parse_keypoints(entry, *size) for entry in content["keypoints"]
        }
        left_out = sum(
            given.record is not None and given.png is None and not given.prompts
            for frames in scopes.values()
            for given in frames.values()
        )
        if left_out:
            self._notes.append(
                f"It was exported without pixels: {_count(left_out, 'tracked mask')} of it cannot "
                "be brought back, track again."
            )
        return Loaded(
            f"{self._name}, an export of everything",
            everything=True,
            scopes=scopes,
            keypoints=keypoints,
            labels=_labels(content, scopes),
            has_names="region_names" in content,
        )

    def _points(self, content: dict[str, Any]) -> Loaded:
        scope = _scope(content)
        return self._one(scope, self._prompts(scope, content))

    def _keypoints(self, content: dict[str, Any]) -> Loaded:
        instance = _instance(content)
        frames = parse_keypoints(content, self._video.width, self._video.height)
        title = f"{self._name}, the keypoints of instance {instance}"
        return Loaded(title, keypoints={instance: frames})

    def _original(self, content: dict[str, Any]) -> Loaded:
        scope, count = _scope(content), content["num_frames"]
        if type(count) is not int:
            raise TypeError("num_frames is no number")
        step, across, down = 1, 1.0, 1.0
        if count != self._length and abs(FRAME_STEP * count - self._length) <= FRAME_STEP:
            step, across, down = FRAME_STEP, self._video.width / WIDTH, self._video.height / HEIGHT
            self._notes.append(
                f"It counts every second frame, {WIDTH} x {HEIGHT} pixels large, as the original "
                "tool does: frames and places are converted."
            )
        elif count != self._length:
            self._tell_other(f"one of {count} frames")
        prompts = {}
        for key, lists in content["annotations"].items():
            if not re.fullmatch(r"[0-9]{1,9}", key):
                raise ValueError(f"there is no frame {key!r:.40}")
            points = [
                self._point(item["x"] * across, item["y"] * down, label)
                for kind, label in (("pos", 1), ("neg", 0))
                for item in lists[kind]
            ]
            if points:
                prompts[int(key) * step] = FramePrompts(tuple(points))
        return self._one(scope, prompts)

    def _one(self, scope: Scope, prompts: ScopePrompts) -> Loaded:
        given = {frame: Given(listed) for frame, listed in prompts.items()}
        title = f"{self._name}, the prompts of {scope}"
        return Loaded(title, scopes={scope: given}, labels=Labels((scope.region,)))

    def _point(self, x: float, y: float, label: int) -> Point:
        width, height = self._video.width, self._video.height
        # The original's page rounds: a click on the last pixel can lie on the frame's edge.
        x = min(x, width - 0.01) if x <= width else x
        y = min(y, height - 0.01) if y <= height else y
        return make_point(x, y, label, width, height)

    def _prompts(self, scope: Scope, content: dict[str, Any]) -> ScopePrompts:
        masks = {}
        for item in content.get("masks", []):
            frame = item["frame_index"]
            if type(frame) is not int or not 0 <= frame < self._length:
                raise ValueError(f"there is no frame {frame!r:.40}")
            mask = self._drawn(scope, frame, item)
            if mask is None:
                self._lost += 1
            else:
                masks[frame] = mask
        return parse_prompts(content, masks, self._video.width, self._video.height)

    def _drawn(self, scope: Scope, frame: int, item: dict[str, Any]) -> MaskPrompt | None:
        """Return a drawn mask: in the file, in the project already, or in a file beside it."""
        if "png" in item:
            return MaskPrompt(self._pixels(item["png"])[0])
        name = Path(item["file"]).name
        there = self._annotations.at(scope, frame)
        if there and there.mask and name == drawn_name(frame, there.mask):
            return there.mask
        try:
            path = Path(self._folder or "") / f"prompts_{scope.region}" / name
            data = path.read_bytes() if self._folder else b""
        except OSError:
            return None
        mask = MaskPrompt(data)
        fits = bits.from_png(data, self._video.height, self._video.width) is not None
        return mask if fits and name == drawn_name(frame, mask) else None

    def _frames(self, scope: Scope, entry: dict[str, Any]) -> dict[int, Given]:
        width, height = self._video.width, self._video.height
        prompts = self._prompts(scope, entry)
        frames = {frame: Given(listed) for frame, listed in prompts.items()}
        for item in entry["records"]:
            record = parse_record(item, width, height)
            if record is None or type(record.frame_index) is not int or record.frame_index < 0:
                raise ValueError("a mask is not described as an export does it")
            frame = record.frame_index
            png = self._pixels(item["png"]) if "png" in item else None
            given = Given(prompts.get(frame), record, png and png[0])
            if png is not None:
                given = replace(given, record=_like(record, png[1]))
            frames[frame] = _consistent(given)
        return frames

    def _pixels(self, text: Any) -> tuple[bytes, bits.Mask]:
        """Return the PNG of a mask, and the mask."""
        width, height = self._video.width, self._video.height
        # A PNG never needs much more than the bytes of its pixels.
        if not isinstance(text, str) or len(text) > 2 * (width * height + height) + (1 << 16):
            raise ValueError("the pixels of a mask are no PNG")
        data = base64.b64decode(text, validate=True)
        mask = bits.from_png(data, height, width)
        if mask is None or not bits.is_grey(data):
            raise ValueError(f"a mask is no grey PNG of {width} x {height} pixels")
        return data, mask

    def _check_video(self, video: dict[str, Any]) -> None:
        size = video["width"], video["height"]
        if size != (self._video.width, self._video.height):
            raise LoadError(
                f"{self._name} was made on frames of {size[0]!r:.12} x {size[1]!r:.12} pixels, and "
                f"this video has {self._video.width} x {self._video.height}; open the video that "
                "it was made from."
            )
        if video["fingerprint"] != self._video.fingerprint:
            self._tell_other(f"{video['name']!r:.80}")
        elif video["num_frames"] != self._length:
            self._tell_other(f"one of {video['num_frames']!r:.12} frames")

    def _tell_other(self, what: str) -> None:
        self._notes.append(f"It was made from another video, {what}: check that it fits.")

    def _check_frames(self, loaded: Loaded) -> None:
        used = [max(frames) for frames in loaded.scopes.values() if frames]
        used += [max(frames) for frames in loaded.keypoints.values() if frames]
        if max(used, default=0) >= self._length:
            raise LoadError(
                f"{self._name} speaks of frame {max(used)}, and this video has {self._length} "
                "frames; open the video that it was made from."
            )


def _scope(content: Mapping[str, Any]) -> Scope:
    return Scope(_instance(content), check_region(content["region"]))


def _instance(content: Mapping[str, Any]) -> int:
    return _number(content["instance_id"])


def _number(number: Any) -> int:
    if type(number) is not int or not 1 <= number <= MAX_INSTANCE:
        raise ValueError(f"there is no instance {number!r:.40}")
    return number


def _labels(content: Mapping[str, Any], scopes: Iterable[Scope]) -> Labels:
    listed = [*content["regions"], *(scope.region for scope in scopes)]
    labels = Labels(tuple(dict.fromkeys(check_region(region) for region in listed)))
    for region, name in content.get("region_names", {}).items():
        labels = labels.with_region_name(check_region(region), name)
    for item in content.get("instances", []):
        labels = labels.with_instance_name(_number(item["id"]), item["name"])
    for item in content.get("colors", []):
        scope = Scope(_number(item["instance"]), check_region(item["region"]))
        labels = labels.with_color(scope, item["color"])
    return labels


def _like(record: MaskRecord, mask: bits.Mask) -> MaskRecord:
    """Return the record, measured anew where it does not speak of these pixels."""
    if record.area == np.count_nonzero(mask):
        return record
    found = measure(mask, record.frame_index, record.source)
    return replace(record, area=found.area, bbox=found.bbox, centroid=found.centroid)


def _consistent(given: Given) -> Given:
    """Return what is given, less a mask that was not made from the prompts beside it."""
    prompts, record = given.prompts, given.record
    if prompts and record and record.revision != prompts.revision:
        return Given(prompts)
    return given


# -- planning ---------------------------------------------------------------------------------


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
    return Plan(frames, _plan_keypoints(loaded, present.keypoints, how), labels)


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
    if prompts.corrects and before.record is None:
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


# -- words ------------------------------------------------------------------------------------


def sentences(made: Plan) -> list[str]:
    """Return what a plan does, a sentence each."""
    told = _label_sentences(*made.labels)
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
    return told or ["Changes nothing: all of it is here already."]


def _label_sentences(before: Labels, after: Labels) -> list[str]:
    told = [f"Adds the region {r}." for r in after.regions if r not in before.regions]
    names = _differing(before.region_names, after.region_names)
    names += _differing(before.instance_names, after.instance_names)
    colors = _differing(before.colors, after.colors)
    changes = [_count(names, "name")] * bool(names) + [_count(colors, "colour")] * bool(colors)
    return told + ([f"Changes {' and '.join(changes)}."] if changes else [])


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
        yield f"Adds {_prompts(added)} on {_count(len(added), 'frame')} of {scope}."
    if changed:
        yield f"Replaces the prompts of {_count(len(changed), 'frame')} of {scope}."
    if gone:
        yield f"Removes the prompts of {_count(len(gone), 'frame')} of {scope}."
    masks = [(before, new) for before, new in changes if new.png not in (None, before.png)]
    fresh = sum(before.record is None for before, _ in masks)
    if fresh:
        yield f"Adds the masks of {_count(fresh, 'frame')} of {scope}."
    if len(masks) > fresh:
        yield f"Replaces the masks of {_count(len(masks) - fresh, 'frame')} of {scope}."
    made = sum(new.record is None and new.prompts is not None for _, new in changes)
    if made:
        yield f"Has the model make the masks of {_count(made, 'frame')} of {scope}."
    removed = sum(
        before.record is not None and new.record is None and new.prompts is None
        for before, new in changes
    )
    if removed:
        yield f"Removes the masks of {_count(removed, 'frame')} of {scope}."


def _keypoint_sentences(instance: int, changes: list[KeypointChange]) -> Iterator[str]:
    added = changed = removed = 0
    for change in changes:
        before, after = _by_name(change.before), _by_name(change.after)
        added += len(after.keys() - before.keys())
        removed += len(before.keys() - after.keys())
        changed += sum(before[name] != after[name] for name in before.keys() & after.keys())
    for verb, count in (("Adds", added), ("Changes", changed), ("Removes", removed)):
        if count:
            yield f"{verb} {_count(count, 'keypoint')} of instance {instance}."


def _by_name(keypoints: FrameKeypoints) -> dict[str, Any]:
    return {keypoint.name: keypoint for keypoint in keypoints}


def _prompts(listed: list[FramePrompts]) -> str:
    points = sum(len(prompts.points) for prompts in listed)
    boxes = sum(prompts.box is not None for prompts in listed)
    drawn = sum(prompts.mask is not None for prompts in listed)
    counts = ((points, "point", ""), (boxes, "box", "boxes"), (drawn, "drawn mask", ""))
    return " and ".join(_count(*count) for count in counts if count[0])


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
