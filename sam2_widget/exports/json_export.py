"""Results as JSON: everything in one file, or one scope in the original tool's shape."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sam2_widget.json_files import damaged, read_json
from sam2_widget.labels import Labels
from sam2_widget.provenance import checked, is_cleaning_of, read_runs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import IO

    import numpy as np
    import numpy.typing as npt

    from sam2_widget.annotations import Scope
    from sam2_widget.masks import MaskStore
    from sam2_widget.project import Project
    from sam2_widget.video import Video

FORMAT = "sam2-widget-export"
VERSION = 1


class PngFile:
    """A PNG in an export, whose bytes are read when the export is written."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def text(self) -> str:
        """Return its bytes in base64.

        Raises
        ------
        ProjectError
            If it cannot be read.
        """
        try:
            return base64.b64encode(self._path.read_bytes()).decode()
        except OSError as error:
            raise damaged(self._path) from error


def project_export(
    project: Project,
    video: Video,
    masks: MaskStore,
    is_stale: Callable[[Scope, int], bool],
    png: Callable[[PngFile], object] | None = None,
) -> dict[str, Any]:
    """Return all results of a project.

    Parameters
    ----------
    project : Project
        Prompts and keypoints are taken from its files, which hold every change.
    video : Video
        The frames they belong to.
    masks : MaskStore
        The masks, whose records are taken.
    is_stale : callable
        Tells whether the mask of a scope on a frame is stale.
    png : callable, optional
        What to put for the pixels of a mask, under the key ``png``; by default they are left out.

    Returns
    -------
    dict
        ``format`` and ``version`` of this shape; ``video`` with name, fps, width, height,
        num_frames and fingerprint; ``regions``, their ids; ``region_names``, ``instances`` and
        ``colors``, what the user named and coloured; ``scopes``, a list with one entry per
        (instance, region): the content of its ``points_<region>.json`` (instance_id, region,
        prompts, boxes, masks with the drawn ones' files inside the instance's folder, corrections)
        and ``records``, one for each mask: the line of ``track_<region>.jsonl``, ``stale``,
        ``file``, the mask's PNG inside the project folder, and ``png``, the bytes of that file in
        base64, if wanted; so do the entries of ``masks``;
        ``keypoints``, a list with the content of each ``keypoints.json``; ``skeleton``, the pairs
        of names between which lines are drawn; ``engine``, what makes masks now, and ``runs``, the
        tracking runs that the masks are of and cleanings of some: see `Session.provenance`.
        Coordinates are pixels of the stored frame, origin at the top-left corner of the top-left
        pixel; frames count from 0.

    Raises
    ------
    ProjectError
        If a file of the project is damaged.
    """
    scopes = [
        entry
        for scope in project.scopes()
        if (entry := _scope(project, masks, scope, is_stale, png)) is not None
    ]
    used = {record["run"] for entry in scopes for record in entry["records"]}
    cleaned = {(e["instance_id"], e["region"]) for e in scopes if e["records"]}
    return {
        "format": FORMAT,
        "version": VERSION,
        "video": _video(project, video),
        **_labels(project),
        "scopes": scopes,
        "keypoints": [
            # Instance last: a folder may be a copy of another's.
            {**saved, "instance_id": instance}
            for instance, _ in sorted(project.instances())
            if (saved := _saved(project.keypoints_path(instance)))
        ],
        "skeleton": [list(pair) for pair in project.info.skeleton] if project.info else [],
        "engine": checked(dict(project.info.engine)) if project.info else {},
        "runs": [
            told
            for run, told in read_runs(project.root).items()
            if run in used or is_cleaning_of(told, cleaned)
        ],
    }


def scope_export(
    video_id: str, scope: Scope, length: int, points: Mapping[int, npt.NDArray[np.float64]]
) -> dict[str, Any]:
    """Return the points of one scope in the shape that the original tool's Export downloads.

    That shape holds points alone, positive before negative ones: boxes, masks and the order in
    which points were placed are not in it. Frames and pixels are those of this project, where the
    original counted every second frame and squeezed to 640 x 352.

    Parameters
    ----------
    video_id : str
        Name of the video.
    scope : Scope
        Whose points they are.
    length : int
        Number of frames of the video.
    points : mapping of int to ndarray
        (N, 3) float64 x, y, label by frame, as ``session.points[scope]``.

    Returns
    -------
    dict
        video_id, instance_id, region, num_frames and annotations:
        ``{frame: {pos: [{x, y}], neg: [{x, y}]}}``, frames as text.
    """
    return {
        "video_id": video_id,
        "instance_id": scope.instance,
        "region": scope.region,
        "num_frames": length,
        "annotations": {
            str(frame): {"pos": _labelled(listed, 1), "neg": _labelled(listed, 0)}
            for frame, listed in sorted(points.items())
        },
    }


def scope_file_name(video_id: str, scope: Scope) -> str:
    """Return the name that the original tool gives to the file of `scope_export`."""
    return f"{video_id}.instance{scope.instance}.points_{scope.region}.json"


def encode(content: Mapping[str, Any]) -> bytes:
    """Return an export as the bytes of a UTF-8 JSON file."""
    file = io.BytesIO()
    write(content, file)
    return file.getvalue()


def write(content: Mapping[str, Any], file: IO[bytes]) -> None:
    """Write an export as UTF-8 JSON, part by part; a `PngFile` in it is read when its turn comes.

    Raises
    ------
    ProjectError
        If a mask cannot be read.
    """
    encoder = json.JSONEncoder(
        indent=1, ensure_ascii=False, allow_nan=False, default=lambda png: png.text()
    )
    for part in encoder.iterencode(content):
        # File names can hold bytes that are no text; JSON escapes those.
        file.write(part.encode("utf-8", "backslashreplace"))
    file.write(b"\n")


def _video(project: Project, video: Video) -> dict[str, Any]:
    return {
        "name": project.name,
        "fps": video.fps,
        "width": video.width,
        "height": video.height,
        "num_frames": len(video),
        "fingerprint": video.fingerprint,
    }


def _labels(project: Project) -> dict[str, Any]:
    labels = project.info.labels if project.info else Labels(())
    return {
        "regions": list(labels.regions),
        "region_names": dict(labels.region_names),
        "instances": [{"id": i, "name": name} for i, name in sorted(labels.instance_names.items())],
        "colors": [
            {"instance": scope.instance, "region": scope.region, "color": color}
            for scope, color in sorted(labels.colors.items())
        ],
    }


def _scope(
    project: Project,
    masks: MaskStore,
    scope: Scope,
    is_stale: Callable[[Scope, int], bool],
    png: Callable[[PngFile], object] | None,
) -> dict[str, Any] | None:
    def pixels(path: Path) -> dict[str, object]:
        return {} if png is None else {"png": png(PngFile(path))}

    path = project.points_path(scope)
    saved = _saved(path)
    records = [
        {
            **asdict(record),
            "stale": is_stale(scope, frame),
            "file": project.mask_path(scope, frame).relative_to(project.root).as_posix(),
            **pixels(project.mask_path(scope, frame)),
        }
        for frame, record in sorted(masks.records(scope).items())
    ]
    if not saved and not records:
        return None
    if saved.get("masks"):
        given = [{**item, **pixels(path.parent / item["file"])} for item in saved["masks"]]
        saved = {**saved, "masks": given}
    empty = {"num_prompts": 0, "prompts": [], "boxes": [], "masks": [], "corrections": []}
    # Scope last: a file that was put elsewhere by hand keeps its old one inside.
    whose = {"instance_id": scope.instance, "region": scope.region}
    return {**empty, **saved, **whose, "records": records}


def _saved(path: Path) -> dict[str, Any]:
    """Return a file of the project less the video's name, nothing where there is no file."""
    content = read_json(path)
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise damaged(path)
    return {key: value for key, value in content.items() if key != "video_id"}


def _labelled(points: npt.NDArray[np.float64], label: int) -> list[dict[str, int | float]]:
    return [{"x": _short(x), "y": _short(y)} for x, y, given in points.tolist() if given == label]


def _short(value: float) -> int | float:
    return int(value) if value.is_integer() else value
