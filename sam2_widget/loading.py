"""Loads a file of annotations: an export, or one of the files of a project."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from sam2_widget.errors import LoadError, ProjectError
from sam2_widget.exports import json_export
from sam2_widget.formats import drawn_name, parse_keypoints, parse_prompts
from sam2_widget.ids import MAX_INSTANCE, check_region
from sam2_widget.importing import FRAME_STEP, HEIGHT, WIDTH
from sam2_widget.json_files import read_json
from sam2_widget.keypoints import check_skeleton
from sam2_widget.labels import Labels
from sam2_widget.merging import Given, Loaded
from sam2_widget.previewing import counted
from sam2_widget.provenance import checked_runs
from sam2_widget.records import parse_record, remeasured

if TYPE_CHECKING:
    from sam2_widget.annotations import ScopePrompts
    from sam2_widget.records import MaskRecord
    from sam2_widget.video import Video

Source = str | os.PathLike[str] | Mapping[str, Any]

MAX_BYTES = 1 << 31
"""Size of the largest file: it has to fit into memory."""


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
                f"{counted(self._lost, 'drawn mask')} of it cannot be brought back: export with "
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
                f"It was exported without pixels: {counted(left_out, 'tracked mask')} of it cannot "
                "be brought back, track again."
            )
        return Loaded(
            f"{self._name}, an export of everything",
            everything=True,
            scopes=scopes,
            keypoints=keypoints,
            labels=_labels(content, scopes),
            has_names="region_names" in content,
            runs=_runs(content),
            skeleton=check_skeleton(content.get("skeleton", ())),
        )

    def _check_project(self) -> None:
        """Refuse a file that lies in a project whose frames are others than this one's."""
        if self._folder is None:
            return
        try:
            video = read_json(self._folder.absolute().parent / "project.json")["video"]
            theirs = video["width"], video["height"], video["frame_step"]
        except (ProjectError, KeyError, TypeError):
            return
        if video.get("fingerprint") != self._video.fingerprint:
            self._tell_other(f"that of {self._folder.absolute().parent.name!r:.80}")
        ours = self._video.width, self._video.height, self._video.frame_step
        if theirs != ours:
            raise LoadError(
                f"{self._name} is of a project with max_side={video.get('max_side')} "
                f"and frame_step={theirs[2]}; this one has frame_step={ours[2]} and frames of "
                f"{ours[0]} x {ours[1]} pixels, so its frames and places are others."
            )

    def _points(self, content: dict[str, Any]) -> Loaded:
        self._check_project()
        scope = _scope(content)
        return self._one(scope, self._prompts(scope, content))

    def _keypoints(self, content: dict[str, Any]) -> Loaded:
        self._check_project()
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
        elif not _is_about(video["num_frames"], self._length):
            raise LoadError(
                f"{self._name} counts {video['num_frames']!r:.12} frames of this video, and this "
                f"project {self._length}; open the video with the frame_step= it was made with."
            )

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


def _is_about(count: object, length: int) -> bool:
    """Tell whether a number of frames is that of the video; headers announce a few more or less."""
    return type(count) is int and abs(count - length) <= max(2, length // 100)


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


def _runs(content: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what is said of runs; what is no list of them says nothing."""
    listed = content.get("runs")
    return checked_runs(listed if isinstance(listed, list) else [])


def _like(record: MaskRecord, mask: bits.Mask) -> MaskRecord:
    """Return the record, measured anew where it does not speak of these pixels."""
    if record.area == np.count_nonzero(mask):
        return record
    return remeasured(record, mask)


def _consistent(given: Given) -> Given:
    """Return what is given, less a mask that was not made from the prompts beside it."""
    prompts, record = given.prompts, given.record
    if prompts and record and record.revision != prompts.revision:
        return Given(prompts)
    return given
