"""Imports a project of the original tool, SAM2_Annotation_Tool, into one of ours."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import cv2
import numpy as np

from sam2_widget import bits
from sam2_widget.annotations import Annotations, FramePrompts, Point, Scope, make_point
from sam2_widget.durable import saving
from sam2_widget.errors import ProjectError, PromptError, VideoError
from sam2_widget.ids import DEFAULT_REGIONS, MAX_FRAMES, MAX_INSTANCE, check_name, check_region
from sam2_widget.images import image_size, read_rgb
from sam2_widget.keypoints import Keypoint, free_name, placed
from sam2_widget.labels import Labels
from sam2_widget.masks import MaskStore
from sam2_widget.names import tidy_name
from sam2_widget.project import Project, ProjectInfo
from sam2_widget.records import Mask, measure
from sam2_widget.sources import open_source

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    from sam2_widget.annotations import ScopePrompts
    from sam2_widget.images import Pixels
    from sam2_widget.keypoints import FrameKeypoints
    from sam2_widget.sources import Source, VideoLike

# The original keeps every second frame, squeezed to this size; all it saves is in its pixels.
FRAME_STEP = 2
WIDTH, HEIGHT = 640, 352
VIDEO_SUFFIXES = (".mp4", ".mov", ".avi", ".mkv", ".webm")
# Far more than the original writes: a file must not fill the memory by its mere size.
_MAX_PNG = 4 << 20
_MAX_JSON = 64 << 20
# Mean difference in grey levels between a stored frame and the video's; decoders differ by less.
_SAME_PICTURE = 12.0
_TOLD = 5


def is_original_project(path: str | os.PathLike[str]) -> bool:
    """Tell whether a folder holds a project of the original tool and none of ours."""
    folder = Path(path)
    if not folder.is_dir() or (folder / "project.json").exists():
        return False
    if any(folder.glob("instance*/track_*.jsonl")):
        return False  # ours, whose project.json was lost
    patterns = ("points_*.json", "masks_*/*.png", "keypoints.json")
    if any(any(folder.glob(f"instance*/{pattern}")) for pattern in patterns):
        return True
    return (folder / "frames" / "00001.png").is_file()


def imported_path(path: str | os.PathLike[str], output_dir: str | os.PathLike[str]) -> Path:
    """Return where `import_project` puts a project.

    Raises
    ------
    ProjectError
        If the folder's name cannot name a project.
    """
    name = check_name(f"{Path(path).expanduser().resolve().name}-imported")
    return Path(output_dir).expanduser().resolve() / name


def import_project(
    path: str | os.PathLike[str],
    video: VideoLike | None = None,
    output_dir: str | os.PathLike[str] = "outputs",
) -> Path:
    """Import a project of the original tool; its own folder is read, never written.

    The original kept every second frame, squeezed to 640 x 352 pixels. Its frame k becomes frame 2k
    of the video, coordinates are scaled to the video's size, and masks are resized and cut at 0.5;
    the frames between stay empty until tracked. What cannot be read is left out, and one warning
    says what. Keypoints that were saved twice are merged.

    Parameters
    ----------
    path : str or Path
        Folder of the project, with ``instance<id>`` folders inside.
    video : str, Path, ndarray or sequence of ndarray, optional
        The video it was made from; by default a file named like the folder, in ``videos`` beside
        the project, beside its parent or in the working folder, or right beside the project.
    output_dir : str or Path
        Where projects are kept.

    Returns
    -------
    Path
        ``<output_dir>/<name>-imported``. Where it exists already a warning says so and nothing is
        done. Open it with ``Session(video, name=path.name, output_dir=path.parent)``.

    Raises
    ------
    ProjectError
        If the folder is no project of the original tool, does not belong to the video, or is being
        imported by another process.
    VideoError
        If there is no video.
    SaveError
        If the import cannot be written.
    """
    folder = Path(path).expanduser().resolve()
    target = imported_path(folder, output_dir)
    if (target / "project.json").exists():
        warnings.warn(
            f"{target} exists already and is used as it is; remove it to import {folder} again.",
            stacklevel=2,
        )
        return target
    _check_folders(folder, target)
    source = open_source(_find_video(folder) if video is None else video)
    length = _check_video(folder, source)
    with _staged(target) as project:
        left_out = _Importer(folder, project, source, length).run()
    if left_out:
        warnings.warn(_leftovers(folder, target, left_out), stacklevel=2)
    return target


def _check_folders(folder: Path, target: Path) -> None:
    if not is_original_project(folder):
        raise ProjectError(
            f"{folder} is no project of the original tool; give the folder that holds its "
            "instance1, instance2, ... (a project of sam2-widget is opened with its video)."
        )
    if target.exists():
        raise ProjectError(f"{target} is in the way of the import; move it or give output_dir=.")


def _find_video(folder: Path) -> Path:
    name, beside = folder.name, folder.parent
    for place in (beside.parent / "videos", beside / "videos", Path.cwd() / "videos", beside):
        files = place.iterdir() if place.is_dir() else ()
        found = {path.suffix.lower(): path for path in files if path.stem == name}
        for suffix in VIDEO_SUFFIXES:
            if suffix in found and found[suffix].is_file():
                return found[suffix]
    raise VideoError(
        f"The video of {folder} was not found, and the import needs its size and frames; give it "
        f"with video=, or put it at {beside.parent / 'videos' / name}.mp4."
    )


def _check_video(folder: Path, source: Source) -> int:
    """Return the number of frames of the video, once it is known to be the project's."""
    frames = folder / "frames"
    stored = sum(_number_of(path.stem) is not None for path in frames.glob("*.png"))
    length = source.count
    if length is None or stored > _kept(length):
        # Headers announce too much or too little; skimming the file tells.
        length = sum(1 for _ in source.frames(first=MAX_FRAMES))
    # An extraction that was interrupted left fewer; decoders differ by one.
    if stored > _kept(length) + 1 or not _same_picture(frames / "00001.png", source):
        raise ProjectError(
            f"{source.title} is not the video that {folder} was made from; give that with video=."
        )
    return length


def _kept(length: int) -> int:
    return -(-length // FRAME_STEP)


def _same_picture(path: Path, source: Source) -> bool:
    """Compare the first stored frame with the video's; without that frame nothing speaks for no."""
    if not path.is_file():
        return True
    try:
        if image_size(path) != (WIDTH, HEIGHT):
            raise ProjectError(
                f"{path} does not have {WIDTH} x {HEIGHT} pixels, so that this is no project of "
                "the original tool."
            )
        stored = read_rgb(path)
    except VideoError:
        return True  # cut off, as a kill leaves it
    squeezed = cv2.resize(_first_frame(source), (WIDTH, HEIGHT))
    return float(cv2.absdiff(stored, squeezed).mean()) <= _SAME_PICTURE


def _first_frame(source: Source) -> Pixels:
    frame = next(source.frames())
    if frame.jpeg is not None:
        return read_rgb(frame.jpeg)
    return cast("Pixels", cv2.cvtColor(cast("Pixels", frame.bgr), cv2.COLOR_BGR2RGB))


@contextlib.contextmanager
def _staged(target: Path) -> Iterator[Project]:
    """Give an empty project to write to, which then takes its place whole or not at all."""
    # The folder has the final name already, since files of the project repeat it.
    folder = target.parent / ".importing" / target.name
    project = Project(folder)
    held = project.lock.held
    try:
        if not held:
            raise ProjectError(f"Another process is importing {target.name}; wait for it.")
        for old in folder.glob("instance*"):
            shutil.rmtree(old, ignore_errors=True)
        yield project
        project.close()
        with saving(target):
            folder.rename(target)
    finally:
        project.close()
        if held:
            shutil.rmtree(folder, ignore_errors=True)
            with contextlib.suppress(OSError):
                folder.parent.rmdir()


def _leftovers(folder: Path, target: Path, left_out: list[str]) -> str:
    told = "; ".join(left_out[:_TOLD])
    more = f"; and {len(left_out) - _TOLD} more" if len(left_out) > _TOLD else ""
    return (
        f"The import of {folder} left out what it could not read or place: {told}{more}. To try "
        f"again, mend that and remove {target}."
    )


class _Importer:
    """Reads one project of the original tool, whose content is checked item by item."""

    def __init__(self, folder: Path, project: Project, source: Source, length: int) -> None:
        self._folder = folder
        self._project = project
        self._source = source
        self._length = length
        self._masks = MaskStore(project, source.width, source.height)
        self._left_out: list[str] = []

    def run(self) -> list[str]:
        """Import everything and return what was left out, in words."""
        regions = {region.lower(): region for region in DEFAULT_REGIONS}
        for instance, folder in self._instances():
            self._import_keypoints(instance, folder / "keypoints.json")
            for region in self._regions(folder):
                if regions.setdefault(region.lower(), region) == region:
                    self._import_scope(Scope(instance, region), folder)
                else:
                    self._leave(folder, f"the region {region}, of which only the case is new")
        self._project.write_info(self._info(tuple(regions.values())))
        return self._left_out

    def _info(self, regions: tuple[str, ...]) -> ProjectInfo:
        video = {
            "fingerprint": self._source.fingerprint,
            "frame_step": 1,
            "max_side": None,
            "fps": self._source.fps,
            "width": self._source.width,
            "height": self._source.height,
        }
        return ProjectInfo(video, Labels(regions), extra={"imported_from": self._folder.name})

    def _leave(self, path: Path, why: str) -> None:
        self._left_out.append(f"{path.relative_to(self._folder)}: {why}")

    # -- what there is ------------------------------------------------------------------------

    def _instances(self) -> Iterator[tuple[int, Path]]:
        for folder in sorted(self._folder.glob("instance*")):
            name = folder.name.removeprefix("instance")
            number = int(name) if re.fullmatch(r"[1-9][0-9]{0,9}", name) else MAX_INSTANCE + 1
            if number <= MAX_INSTANCE and folder.is_dir() and self._is_inside(folder):
                yield number, folder
            else:
                self._leave(folder, "no folder of an instance")

    def _regions(self, folder: Path) -> list[str]:
        found = {path.stem.removeprefix("points_") for path in folder.glob("points_*.json")}
        found |= {path.parent.name.removeprefix("masks_") for path in folder.glob("masks_*/*.png")}
        return [region for region in sorted(found) if self._is_allowed(folder, region)]

    def _is_allowed(self, folder: Path, region: str) -> bool:
        try:
            check_region(region)
        except ProjectError as error:
            self._leave(folder, str(error))
            return False
        return True

    def _is_inside(self, path: Path) -> bool:
        """Tell whether a path stays in the project's folder when links are followed."""
        return path.resolve().is_relative_to(self._folder)

    # -- scopes -------------------------------------------------------------------------------

    def _import_scope(self, scope: Scope, folder: Path) -> None:
        points = folder / f"points_{scope.region}.json"
        prompts = self._read_prompts(points) if points.exists() else {}
        if prompts:
            self._project.write_prompts(scope, prompts)
        revision = Annotations().replace_scope(scope, prompts).revision(scope)
        for path in sorted((folder / f"masks_{scope.region}").glob("*.png")):
            self._import_mask(scope, path, prompts, revision)

    def _import_mask(self, scope: Scope, path: Path, prompts: ScopePrompts, revision: str) -> None:
        frame = self._frame(_number_of(path.stem))
        data = self._read(path, _MAX_PNG)
        mask = None if data is None else bits.from_png(data, HEIGHT, WIDTH)
        if frame is None or mask is None:
            self._leave(path, "no mask of a frame of the video")
            return
        mask = self._resized(mask)
        given = prompts.get(frame)
        # Prompts made the mask of a prompted frame, and nothing shall make it anew on opening.
        source, made_from = ("click", given.revision) if given else ("import", revision)
        self._masks.write(scope, mask, measure(mask, frame, source, revision=made_from))

    def _resized(self, mask: Mask) -> Mask:
        size = self._source.width, self._source.height
        smaller = size[0] < WIDTH or size[1] < HEIGHT
        how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=how) >= 0.5)

    def _read_prompts(self, path: Path) -> ScopePrompts:
        frames: dict[int, list[Point]] = {}
        for index, item in self._entries(path, _prompt_entries):
            frame, point = self._frame(index), self._point(item, item.get("label"))
            if frame is None or point is None:
                self._leave(path, f"the point {item!r:.80}")
            else:
                frames.setdefault(frame, []).append(point)
        return {frame: FramePrompts(tuple(frames[frame])) for frame in sorted(frames)}

    def _import_keypoints(self, instance: int, path: Path) -> None:
        frames: dict[int, FrameKeypoints] = {}
        for frame, point, name in self._read_keypoints(path) if path.exists() else ():
            listed = frames.get(frame, ())
            given = free_name(each.name for each in listed) if name is None else name
            try:
                keypoint = Keypoint(point.x, point.y, tidy_name(given))
            except PromptError as error:
                self._leave(path, str(error))
            else:
                frames[frame] = placed(listed, [keypoint])
        if frames:
            self._project.write_keypoints(instance, frames)

    def _read_keypoints(self, path: Path) -> list[tuple[int, Point, Any]]:
        """Return every keypoint once; those without a name last, to take what others leave free."""
        found: dict[tuple[int, Point, str], tuple[int, Point, Any]] = {}
        for index, item in self._entries(path, _keypoint_entries):
            frame, point, name = self._frame(index), self._point(item, 1), item.get("name")
            if frame is None or point is None:
                self._leave(path, f"the keypoint {item!r:.80}")
            else:
                name = None if isinstance(name, str) and not name.strip() else name
                if name is not None:
                    # To the end: of the places of a name, the one saved last counts.
                    found.pop((frame, point, repr(name)), None)
                found[frame, point, repr(name)] = (frame, point, name)
        return sorted(found.values(), key=lambda keypoint: keypoint[2] is None)

    # -- checks -------------------------------------------------------------------------------

    def _entries(
        self, path: Path, entries: Callable[[Any], list[tuple[object, dict[str, Any]]]]
    ) -> list[tuple[object, dict[str, Any]]]:
        """Return the items of a JSON file with their frames, none if it is damaged."""
        data = self._read(path, _MAX_JSON)
        try:
            return entries(json.loads(b"" if data is None else data))
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
            self._leave(path, "no such file of the original tool")
            return []

    def _read(self, path: Path, limit: int) -> bytes | None:
        """Return the content of a plain file inside the project, None if it is none."""
        try:
            if self._is_inside(path) and path.is_file() and path.stat().st_size <= limit:
                return path.read_bytes()
        except OSError:
            pass
        return None

    def _frame(self, index: object) -> int | None:
        """Return the frame of ours for one of the original, None where the video has none."""
        if type(index) is not int or not 0 <= index * FRAME_STEP < self._length:
            return None
        return index * FRAME_STEP

    def _point(self, item: dict[str, Any], label: object) -> Point | None:
        x, y = _number(item.get("x"), WIDTH), _number(item.get("y"), HEIGHT)
        if x is None or y is None or type(label) is not int or label not in (0, 1):
            return None
        # The page rounds, so that a click on the last pixel can lie on the frame's edge.
        width, height = self._source.width, self._source.height
        across = min(x * width / WIDTH, width - 0.01)
        down = min(y * height / HEIGHT, height - 0.01)
        return make_point(across, down, label, width, height)


def _number_of(stem: str) -> int | None:
    """Return the number in a file name of the original: five digits or more."""
    plain = re.fullmatch(r"[0-9]{5,9}", stem)
    return int(stem) if plain and f"{int(stem):05d}" == stem else None


def _number(value: object, limit: int) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= limit else None


def _prompt_entries(content: Any) -> list[tuple[object, dict[str, Any]]]:
    """Return the points of a file as Save wrote it, or of one that Export downloaded."""
    if "prompts" in content:
        return _indexed(content["prompts"])
    entries: list[tuple[object, dict[str, Any]]] = []
    for key, lists in content["annotations"].items():
        frame = int(key) if re.fullmatch(r"[0-9]{1,9}", key) else key
        for kind, label in (("pos", 1), ("neg", 0)):
            points = (lists or {}).get(kind) or []
            entries += [(frame, {**item, "label": label}) for _, item in _indexed(points)]
    return entries


def _keypoint_entries(content: Any) -> list[tuple[object, dict[str, Any]]]:
    return _indexed(content["keypoints"])


def _indexed(items: list[Any]) -> list[tuple[object, dict[str, Any]]]:
    """Return items with their frames; one that is no object has neither."""
    objects = [item if isinstance(item, dict) else {} for item in items]
    return [(item.get("frame_index"), item) for item in objects]
