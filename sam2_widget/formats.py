"""Prompts, keypoints and labels as the JSON of a project's files, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sam2_widget.annotations import (
    Box,
    FramePrompts,
    MaskPrompt,
    Point,
    Scope,
    ScopePrompts,
    make_point,
    tidy,
)
from sam2_widget.ids import MAX_FRAMES, MAX_INSTANCE, check_region
from sam2_widget.keypoints import Keypoint, free_name, in_order, make_keypoint
from sam2_widget.labels import Labels
from sam2_widget.names import name_or_none
from sam2_widget.palette import check_color

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sam2_widget.keypoints import InstanceKeypoints


def _number(value: float) -> int | float:
    return int(value) if value == int(value) else round(value, 2)


def drawn_name(frame: int, mask: MaskPrompt) -> str:
    """Return the file name of a drawn mask."""
    return f"{frame:05d}-{mask.digest}.png"


def labels_json(labels: Labels, kept: Mapping[str | int, Mapping[str, Any]]) -> dict[str, Any]:
    """Return regions, names and colours; instances and colours only where there are any."""
    content: dict[str, Any] = {
        "regions": [
            {"id": region, "name": labels.region_name(region), **kept.get(region, {})}
            for region in labels.regions
        ]
    }
    if labels.instance_names:
        content["instances"] = [
            {"id": instance, "name": name, **kept.get(instance, {})}
            for instance, name in sorted(labels.instance_names.items())
        ]
    if labels.colors:
        content["colors"] = [
            {"instance": scope.instance, "region": scope.region, "color": color}
            for scope, color in sorted(labels.colors.items())
        ]
    return content


def parse_labels(content: Any, regions: tuple[str, ...]) -> Labels:
    """Return names and colours; wrong values raise KeyError, TypeError or ValueError."""
    names = {
        entry["id"]: name_or_none(entry.get("name"), "A region's name")
        for entry in content["regions"]
    }
    instances = {
        _instance_number(entry["id"]): name_or_none(entry["name"], "An instance's name")
        for entry in content.get("instances", [])
    }
    colors = {
        Scope(_instance_number(entry["instance"]), check_region(entry["region"])): check_color(
            entry["color"]
        )
        for entry in content.get("colors", [])
    }
    return Labels(
        regions,
        {region: name for region, name in names.items() if name not in ("", region)},
        {instance: name for instance, name in instances.items() if name},
        colors,
    )


def _instance_number(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= MAX_INSTANCE:
        raise ValueError(value)
    return value


def prompts_json(video: str, scope: Scope, prompts: ScopePrompts) -> dict[str, Any]:
    """Return the content of ``points_<region>.json``; drawn masks are named by their files."""
    points = [
        {"frame_index": frame, "x": _number(p.x), "y": _number(p.y), "label": p.label}
        for frame, given in sorted(prompts.items())
        for p in given.points
    ]
    boxes = [
        {
            "frame_index": frame,
            "x0": _number(given.box.x0),
            "y0": _number(given.box.y0),
            "x1": _number(given.box.x1),
            "y1": _number(given.box.y1),
        }
        for frame, given in sorted(prompts.items())
        if given.box is not None
    ]
    masks = [
        {"frame_index": frame, "file": f"prompts_{scope.region}/{drawn_name(frame, given.mask)}"}
        for frame, given in sorted(prompts.items())
        if given.mask is not None
    ]
    return {
        "video_id": video,
        "instance_id": scope.instance,
        "region": scope.region,
        "num_prompts": len(points) + len(boxes) + len(masks),
        "prompts": points,
        "boxes": boxes,
        "masks": masks,
        "corrections": [frame for frame, given in sorted(prompts.items()) if given.corrects],
    }


def keypoints_json(video: str, instance: int, frames: InstanceKeypoints) -> dict[str, Any]:
    """Return the content of ``keypoints.json``."""
    keypoints = [
        {
            "frame_index": frame,
            "frame_filename": f"{frame:05d}.jpg",
            "x": _number(keypoint.x),
            "y": _number(keypoint.y),
            "name": keypoint.name,
            "visible": keypoint.visible,
        }
        for frame, listed in sorted(frames.items())
        for keypoint in listed
    ]
    return {
        "video_id": video,
        "instance_id": instance,
        "num_keypoints": len(keypoints),
        "keypoints": keypoints,
    }


def _inside(value: Any, limit: int, closed: bool = False) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not (0 <= value < limit or (closed and value == limit)):
        raise ValueError(value)
    return float(value)


def frame_index(value: Any) -> int:
    """Return a frame index that a file gives; anything else raises ValueError."""
    if type(value) is not int or not 0 <= value < MAX_FRAMES:
        raise ValueError(value)
    return value


def parse_keypoints(content: Any, width: int, height: int) -> InstanceKeypoints:
    """Return what a ``keypoints.json`` says; raises nearly anything where it is no such file."""
    frames: dict[int, dict[str, Keypoint]] = {}
    # Those without a name, as the original tool left them, take what the others leave free.
    for item in sorted(content["keypoints"], key=lambda item: item["name"] is None):
        listed = frames.setdefault(frame_index(item["frame_index"]), {})
        x, y, visible = item["x"], item["y"], item.get("visible", True)
        if not isinstance(visible, bool):
            raise TypeError(visible)
        name = free_name(listed) if item["name"] is None else item["name"]
        keypoint = make_keypoint(
            _inside(x, width), _inside(y, height), name, visible, width, height
        )
        listed[keypoint.name] = keypoint
    return {frame: in_order(listed.values()) for frame, listed in sorted(frames.items())}


def parse_prompts(
    content: Any, masks: Mapping[int, MaskPrompt], width: int, height: int
) -> ScopePrompts:
    """Return what a ``points_<region>.json`` says, its drawn masks given by frame.

    Raises nearly anything where it is no such file.
    """

    def parse_box(item: Any) -> Box:
        # Rounded before they are compared, as the file that is written next will have them.
        x0, x1 = (tidy(_inside(item[key], width, closed=True)) for key in ("x0", "x1"))
        y0, y1 = (tidy(_inside(item[key], height, closed=True)) for key in ("y0", "y1"))
        if not (x0 < x1 and y0 < y1):
            raise ValueError(item)
        return Box(x0, y0, x1, y1)

    boxes = {frame_index(item["frame_index"]): parse_box(item) for item in content.get("boxes", [])}
    if boxes.keys() & masks.keys():
        raise ValueError(content)
    points: dict[int, list[Point]] = {frame: [] for frame in (*boxes, *masks)}
    for item in content["prompts"]:
        if type(item["label"]) is not int or item["label"] not in (0, 1):
            raise ValueError(item["label"])
        x, y = _inside(item["x"], width), _inside(item["y"], height)
        point = make_point(x, y, item["label"], width, height)
        points.setdefault(frame_index(item["frame_index"]), []).append(point)
    corrected = {frame_index(frame) for frame in content.get("corrections", [])}
    return {
        frame: FramePrompts(tuple(listed), boxes.get(frame), frame in corrected, masks.get(frame))
        for frame, listed in sorted(points.items())
    }
