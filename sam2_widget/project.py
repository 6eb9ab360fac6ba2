"""The files of a project: their paths, reading and writing."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sam2_widget import bits
from sam2_widget.annotations import Annotations, MaskPrompt, Scope, ScopePrompts
from sam2_widget.durable import TEMPORARY, Flusher, append_line, link_file, saving, write_file
from sam2_widget.errors import ProjectError
from sam2_widget.formats import (
    drawn_name,
    frame_index,
    keypoints_json,
    labels_json,
    parse_keypoints,
    parse_labels,
    parse_prompts,
    prompts_json,
)
from sam2_widget.ids import MAX_FRAMES, MAX_INSTANCE, check_regions, is_region
from sam2_widget.json_files import damaged, journal_line, read_journal, read_json
from sam2_widget.keypoints import Keypoints, check_skeleton
from sam2_widget.locking import ProjectLock
from sam2_widget.watching import Watch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from sam2_widget.keypoints import InstanceKeypoints, Skeleton
    from sam2_widget.labels import Labels

FORMAT_VERSION = 1
_DRAWN = re.compile(r"[0-9]{5,}-[0-9a-f]{16}\.png")
_NAMED = {"id", "name"}


@dataclass(frozen=True, slots=True)
class ProjectInfo:
    """What ``project.json`` says.

    Attributes
    ----------
    video : dict
        Fingerprint, frame_step, max_side and, once extracted, frame count, size, fps and times.
    labels : Labels
        Region ids in order, display names and colours.
    model : str
        Name of the model used last.
    extra : dict
        Keys of the file that this version does not know; they are written back as they are.
    skeleton : tuple of (str, str)
        Pairs of names between whose keypoints lines are drawn.
    engine : dict
        What is known of that model: checkpoint, device, precision, versions; see `provenance`.
    """

    video: Mapping[str, Any]
    labels: Labels
    model: str = ""
    extra: Mapping[str, Any] = ()  # type: ignore[assignment]
    skeleton: Skeleton = ()
    engine: Mapping[str, Any] = field(default_factory=dict)

    @property
    def regions(self) -> tuple[str, ...]:
        """Region ids, in order."""
        return self.labels.regions


class Project:
    """A project folder ``<output_dir>/<name>``.

    Parameters
    ----------
    root : Path
        The folder; it is made if it does not exist.

    Raises
    ------
    SaveError
        If the folder cannot be made or written to.
    ProjectError
        If ``project.json`` is of a newer format or damaged.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        with saving(root):
            root.mkdir(parents=True, exist_ok=True)
        self.lock = ProjectLock(root / ".lock")
        with saving(root):
            self.lock.try_again()
        self.flusher = Flusher()
        self.watch = Watch()
        # What else the file says of a region or an instance: written back as it is.
        self._kept: dict[str | int, dict[str, Any]] = {}
        # The files as they were noted before, while all is read again.
        self._watched: Watch | None = None
        try:
            self.info = self._read_info()
        except BaseException:
            self.close()
            raise
        if self.lock.held:
            self._tidy()

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.root.name

    @property
    def frames(self) -> Path:
        """Folder of the extracted frames."""
        return self.root / "frames"

    @property
    def undo(self) -> Path:
        """Folder of what undo may bring back."""
        return self.root / ".undo"

    @property
    def uploads(self) -> Path:
        """Folder of files that are being loaded."""
        return self.root / ".uploads"

    def mask_path(self, scope: Scope, frame: int) -> Path:
        """PNG file of a mask."""
        return self._instance(scope) / f"masks_{scope.region}" / f"{frame:05d}.png"

    def track_path(self, scope: Scope) -> Path:
        """Journal of the masks of a scope."""
        return self._instance(scope) / f"track_{scope.region}.jsonl"

    def points_path(self, scope: Scope) -> Path:
        """Prompts of a scope."""
        return self._instance(scope) / f"points_{scope.region}.json"

    def prompt_path(self, scope: Scope, frame: int, mask: MaskPrompt) -> Path:
        """PNG file of a mask given as a prompt.

        The hash in its name keeps a new one off the old, which counts until the prompts are saved.
        """
        return self._instance(scope) / f"prompts_{scope.region}" / drawn_name(frame, mask)

    def keypoints_path(self, instance: int) -> Path:
        """Keypoints of an instance."""
        return self.root / f"instance{instance}" / "keypoints.json"

    def scopes(self) -> list[Scope]:
        """Return the scopes that have files, in order."""
        found = set()
        for instance, folder in self.instances():
            for path in folder.iterdir():
                kind, _, region = path.stem.partition("_")
                if kind in ("points", "track", "masks") and is_region(region):
                    found.add(Scope(instance, region))
        return sorted(found)

    def mask_frames(self, scope: Scope) -> set[int]:
        """Return the frames of a scope that have a PNG."""
        names = self.watch.note_folder(self.mask_path(scope, 0).parent)
        stems = [name.removesuffix(".png") for name in names if name.endswith(".png")]
        # Only the name that we would read: 1.png is not 00001.png.
        numbers = {int(stem) for stem in stems if stem.isdecimal() and f"{int(stem):05d}" == stem}
        return {number for number in numbers if number < MAX_FRAMES}

    def rewritten_masks(self, scope: Scope) -> set[int]:
        """Return the frames of a scope whose PNG, as it was noted last, is not its line's.

        It was changed after the journal was; or, while all is read again, since it was written.
        """
        if not self.lock.held:
            # Another process may be between a PNG and its line.
            return set()
        folder = self.mask_path(scope, 0).parent
        found = set(self.watch.newer_masks(folder, self.track_path(scope)))
        if self._watched is not None:
            found.update(self._watched.changed_masks(folder, self.watch))
        return found

    def changed_masks(self, scope: Scope) -> list[int]:
        """Return the frames of a scope whose PNG another program changed since it was noted."""
        return self.watch.changed_masks(self.mask_path(scope, 0).parent)

    @contextlib.contextmanager
    def reading_again(self) -> Iterator[None]:
        """Read ``project.json`` again, and let the block read the other files; or change nothing.

        Raises
        ------
        ProjectError
            If ``project.json`` is of a newer format or damaged.
        """
        before = self.info, self._kept, self.watch
        self._watched, self.watch = self.watch, Watch()
        try:
            self.info = self._read_info()
            yield
        except BaseException:
            self.info, self._kept, self.watch = before
            raise
        finally:
            self._watched = None

    def take_over(self) -> bool:
        """Take the lock if no other process holds it any more; return whether it is held.

        Raises
        ------
        SaveError
            If the folder is not writable.
        """
        with saving(self.root):
            self.lock.try_again()
        if self.lock.held:
            self._tidy()
            # What the other process wrote is as its lines say.
            self.watch = Watch()
        return self.lock.held

    # -- project.json -------------------------------------------------------------------------

    def write_info(self, info: ProjectInfo) -> None:
        """Save ``project.json``.

        Raises
        ------
        SaveError
            If it cannot be written.
        """
        content = {
            **dict(info.extra),
            "format": FORMAT_VERSION,
            "video": dict(info.video),
            **labels_json(info.labels, self._kept),
            "model": info.model,
        }
        if info.skeleton:
            content["skeleton"] = info.skeleton
        if info.engine:
            content["engine"] = dict(info.engine)
        self.write_json(self.root / "project.json", content)
        self.info = info

    def _read_info(self) -> ProjectInfo | None:
        path = self.root / "project.json"
        content = self._read(path)
        if content is None:
            return None
        version = content.get("format") if isinstance(content, dict) else None
        if type(version) is not int or version < 1:
            raise damaged(path)
        if version > FORMAT_VERSION:
            raise ProjectError(
                f"{path} was written by a newer sam2-widget (format {version}); "
                "update sam2-widget to open it, or give another name=."
            )
        try:
            regions = check_regions([region["id"] for region in content["regions"]])
            labels = parse_labels(content, regions)
            self._kept = {
                entry["id"]: {key: value for key, value in entry.items() if key not in _NAMED}
                for entry in [*content["regions"], *content.get("instances", [])]
            }
            known = {"format", "video", "regions", "instances", "colors", "model", "skeleton"}
            known |= {"engine"}
            extra = {key: value for key, value in content.items() if key not in known}
            skeleton = check_skeleton(content.get("skeleton", ()))
            video, model = dict(content["video"]), str(content["model"])
            engine = content.get("engine")
            told = engine if isinstance(engine, dict) else {}
            return ProjectInfo(video, labels, model, extra, skeleton, told)
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(path) from error

    def read_ui(self) -> dict[str, Any]:
        """Return what ``ui.json`` says; a damaged one says nothing."""
        with contextlib.suppress(ProjectError):
            content = read_json(self.root / "ui.json")
            if isinstance(content, dict):
                return content
        return {}

    # -- prompts ------------------------------------------------------------------------------

    def write_prompts(
        self, scope: Scope, prompts: ScopePrompts, before: ScopePrompts | None = None
    ) -> None:
        """Save the prompts of a scope; without any the file goes.

        A kill leaves the prompts of before or these: new masks are written first, then the file
        that names them, and those it named before go last.

        Parameters
        ----------
        scope : Scope
            Whose prompts they are.
        prompts : mapping of int to FramePrompts
            All prompts of the scope by frame.
        before : mapping of int to FramePrompts, optional
            What the files hold.

        Raises
        ------
        SaveError
            If a file cannot be written.
        """
        new, old = self._drawn(scope, prompts), self._drawn(scope, before or {})
        for path in new.keys() - old.keys():
            self.write_file(path, new[path].png)
        content = prompts_json(self.name, scope, prompts) if prompts else None
        self._write_or_remove(self.points_path(scope), content)
        for path in old.keys() - new.keys():
            self.remove(path)
        if old and not new:
            _remove_if_empty(next(iter(old)).parent)

    def _drawn(self, scope: Scope, prompts: ScopePrompts) -> dict[Path, MaskPrompt]:
        return {
            self.prompt_path(scope, frame, given.mask): given.mask
            for frame, given in prompts.items()
            if given.mask is not None
        }

    def read_prompts(self, width: int, height: int) -> Annotations:
        """Return the saved prompts of all scopes.

        Raises
        ------
        ProjectError
            If a file is damaged or a point lies outside the video.
        """
        annotations = Annotations()
        for scope in self.scopes():
            path = self.points_path(scope)
            content = self._read(path)
            if content is not None:
                try:
                    masks = self._read_drawn(scope, content.get("masks", []), width, height)
                    prompts = parse_prompts(content, masks, width, height)
                except ProjectError:
                    raise
                except (AttributeError, KeyError, TypeError, ValueError) as error:
                    raise damaged(path) from error
                annotations = annotations.replace_scope(scope, prompts)
        return annotations

    def _read_drawn(
        self, scope: Scope, items: Any, width: int, height: int
    ) -> dict[int, MaskPrompt]:
        """Return the masks that a file of prompts names, by frame; it may name no other file."""
        masks = {}
        for item in items:
            frame, file = frame_index(item["frame_index"]), item["file"]
            if not _DRAWN.fullmatch(file.removeprefix(f"prompts_{scope.region}/")):
                raise ValueError(file)
            path = self._instance(scope) / file
            self.watch.note(path)
            try:
                mask = MaskPrompt(path.read_bytes())
            except OSError as error:
                raise damaged(path) from error
            named = self.prompt_path(scope, frame, mask) == path and frame not in masks
            if not named or bits.from_png(mask.png, height, width) is None:
                raise damaged(path)
            masks[frame] = mask
        return masks

    def remove_unnamed(self, annotations: Annotations) -> None:
        """Remove masks that a kill kept from being named by a file of prompts, or from going."""
        drawn = {
            path for scope in annotations for path in self._drawn(scope, annotations.of(scope))
        }
        for _, folder in self.instances():
            for path in folder.glob("prompts_*/*.png"):
                if _DRAWN.fullmatch(path.name) and path not in drawn:
                    with contextlib.suppress(OSError):
                        path.unlink()
                    _remove_if_empty(path.parent)

    # -- keypoints ----------------------------------------------------------------------------

    def write_keypoints(self, instance: int, frames: InstanceKeypoints) -> None:
        """Save the keypoints of an instance; without any the file goes.

        Raises
        ------
        SaveError
            If it cannot be written.
        """
        content = keypoints_json(self.name, instance, frames) if frames else None
        self._write_or_remove(self.keypoints_path(instance), content)

    def read_keypoints(self, width: int, height: int) -> Keypoints:
        """Return the saved keypoints of all instances.

        Raises
        ------
        ProjectError
            If a file is damaged or a keypoint lies outside the video.
        """
        keypoints = Keypoints()
        for instance, _ in self.instances():
            path = self.keypoints_path(instance)
            content = self._read(path)
            if content is not None:
                try:
                    frames = parse_keypoints(content, width, height)
                except (AttributeError, KeyError, TypeError, ValueError) as error:
                    raise damaged(path) from error
                keypoints = keypoints.replace_instance(instance, frames)
        return keypoints

    # -- plain files --------------------------------------------------------------------------

    def _read(self, path: Path) -> Any:
        # Noted first: a change while it is read must not go unseen.
        self.watch.note(path)
        return read_json(path)

    def _write_or_remove(self, path: Path, content: object | None) -> None:
        if content is not None:
            self.write_json(path, content)
        else:
            self.remove(path)

    def write_json(self, path: Path, content: object) -> None:
        """Save a JSON file."""
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
        # File names can hold bytes that are no text; JSON escapes those.
        self.write_file(path, text.encode("utf-8", "backslashreplace") + b"\n")

    def write_file(self, path: Path, data: bytes) -> None:
        """Save a file.

        Raises
        ------
        SaveError
            If it cannot be written, or was changed by another program; so do those below.
        """
        with self.watch.writing(path):
            write_file(path, data, self.flusher)

    def link_file(self, source: Path, path: Path) -> None:
        """Save a file that shares the bytes of another."""
        with self.watch.writing(path):
            link_file(source, path, self.flusher)

    def remove(self, path: Path) -> None:
        """Remove a file, if it is there."""
        with self.watch.writing(path), saving(path):
            path.unlink(missing_ok=True)

    def read_journal(self, path: Path) -> Iterator[dict[str, Any]]:
        """Yield the records of a journal; a torn line is skipped."""
        self.watch.note(path)
        return read_journal(path)

    def append(self, path: Path, record: Mapping[str, Any]) -> None:
        """Append a record to a journal."""
        with self.watch.writing(path):
            append_line(path, journal_line(record), self.flusher)

    def write_journal(self, path: Path, records: Iterable[Mapping[str, Any]]) -> None:
        """Save a journal anew."""
        self.write_file(path, b"".join(journal_line(record) + b"\n" for record in records))

    def close(self) -> None:
        """Remove what undo kept, sync and let other processes write."""
        if self.lock.held:
            shutil.rmtree(self.undo, ignore_errors=True)
            shutil.rmtree(self.uploads, ignore_errors=True)
            self._remove_empty_folders()
        self.flusher.close()
        self.lock.release()

    def _instance(self, scope: Scope) -> Path:
        return self.root / f"instance{scope.instance}"

    def instances(self) -> Iterator[tuple[int, Path]]:
        """Yield the instances that have a folder, in any order."""
        for folder in self.root.glob("instance*"):
            number = folder.name.removeprefix("instance")
            plain = number.isdecimal() and str(int(number)) == number
            if plain and 1 <= int(number) <= MAX_INSTANCE and folder.is_dir():
                yield int(number), folder

    def _remove_empty_folders(self) -> None:
        """Leave no trace of a scope or an instance that holds nothing any more."""
        for _, folder in list(self.instances()):
            for inner in sorted(folder.iterdir()):
                _remove_if_empty(inner)
            _remove_if_empty(folder)

    def _tidy(self) -> None:
        """Remove what a kill left half done."""
        shutil.rmtree(self.undo, ignore_errors=True)
        shutil.rmtree(self.uploads, ignore_errors=True)
        for pattern in (f"*{TEMPORARY}", f"instance*/*{TEMPORARY}", f"instance*/*/*{TEMPORARY}"):
            for path in self.root.glob(pattern):
                with contextlib.suppress(OSError):
                    path.unlink()


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()
