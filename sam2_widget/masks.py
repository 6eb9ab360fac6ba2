"""Masks on disk and in memory: the store that writes and reads them."""

from __future__ import annotations

import math
import threading
from collections import Counter, OrderedDict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sam2_widget import bits
from sam2_widget.durable import link_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from sam2_widget.annotations import Scope
    from sam2_widget.project import Project

Mask = npt.NDArray[np.bool_]
SOURCES = ("click", "track", "edit", "import")


@dataclass(frozen=True, slots=True)
class MaskRecord:
    """What is known of a mask without reading it: one line of ``track_<region>.jsonl``.

    Attributes
    ----------
    frame_index : int
        Frame.
    source : str
        click, track, edit or import.
    run : str
        The tracking run that made it, empty for others.
    score : float or None
        The model's object score, a logit.
    area : int
        Pixels.
    bbox : tuple of int or None
        Edges (x0, y0, x1, y1) in pixels; None where the mask is empty.
    centroid : tuple of float or None
        (x, y) in pixels, pixel centres at .5; None where the mask is empty.
    revision : str
        What it was made from: `Annotations.revision` of the scope for tracked masks,
        `FramePrompts.revision` of the frame for clicked ones.
    model : str
        Name of the model.
    """

    frame_index: int
    source: str
    run: str
    score: float | None
    area: int
    bbox: tuple[int, int, int, int] | None
    centroid: tuple[float, float] | None
    revision: str
    model: str


def measure(
    mask: Mask,
    frame: int,
    source: str,
    *,
    run: str = "",
    score: float | None = None,
    revision: str = "",
    model: str = "",
) -> MaskRecord:
    """Return the record of a (H, W) bool mask."""
    box = bits.bounds(mask)
    area, centroid = 0, None
    if box is not None:
        x0, y0, x1, y1 = box
        inner = mask[y0:y1, x0:x1]
        area = int(np.count_nonzero(inner))
        cx = float(inner.sum(axis=0) @ (np.arange(x0, x1) + 0.5)) / area
        cy = float(inner.sum(axis=1) @ (np.arange(y0, y1) + 0.5)) / area
        centroid = (round(cx, 2), round(cy, 2))
    score = None if score is None or not math.isfinite(score) else round(float(score), 4)
    return MaskRecord(frame, source, run, score, area, box, centroid, revision, model)


@dataclass(frozen=True, slots=True)
class EncodedMask:
    """A mask as the disk and as the browser take it."""

    png: bytes
    packed: bits.PackedMask


def encode(mask: Mask) -> EncodedMask:
    """Encode a (H, W) bool mask."""
    return EncodedMask(bits.to_png(mask), bits.pack(mask))


class MaskStore:
    """All masks of a project: PNG files, their records, and a bounded cache of packed masks.

    Safe to use from any thread. Only the session writes.

    Parameters
    ----------
    project : Project
        Where the files are.
    width, height : int
        Size of every mask in pixels.
    cache_bytes : int
        Room for packed masks, about 2 kB each.
    """

    def __init__(
        self, project: Project, width: int, height: int, cache_bytes: int = 64 << 20
    ) -> None:
        self.width = width
        self.height = height
        self._project = project
        self._lock = threading.RLock()
        self._records: dict[Scope, dict[int, MaskRecord]] = {}
        self._tracked: dict[Scope, Counter[str]] = {}
        self._unsaved: dict[tuple[Scope, int], Mask] = {}
        self._packed: OrderedDict[tuple[Scope, int], bits.PackedMask] = OrderedDict()
        self._packed_size = 0
        self._cache_bytes = cache_bytes
        self._dirty: set[Scope] = set()
        self.reload()

    def reload(self) -> None:
        """Read the journals again and look which PNGs are there.

        Raises
        ------
        ProjectError
            If a journal cannot be read; what was known stays.
        """
        found = {scope: self._load(scope) for scope in self._project.scopes()}
        with self._lock:
            self._records.clear()
            self._tracked.clear()
            self._unsaved.clear()
            self._packed.clear()
            self._packed_size = 0
            for scope, records in found.items():
                for record in records:
                    self._put_record(scope, record)

    # -- reading ------------------------------------------------------------------------------

    def scopes(self) -> list[Scope]:
        """Return the scopes that have masks, in order."""
        with self._lock:
            return sorted(scope for scope, records in self._records.items() if records)

    def frames(self, scope: Scope) -> list[int]:
        """Return the frames that were segmented or tracked, in order."""
        with self._lock:
            return sorted(self._records.get(scope, ()))

    def record(self, scope: Scope, frame: int) -> MaskRecord | None:
        """Return what is known of a mask, None where there is none."""
        with self._lock:
            return self._records.get(scope, {}).get(frame)

    def records(
        self, scope: Scope, frames: Iterable[int] | None = None
    ) -> Mapping[int, MaskRecord]:
        """Return a copy of all records of a scope by frame, or of those of some frames."""
        with self._lock:
            records = self._records.get(scope, {})
            if frames is None:
                return dict(records)
            return {frame: records[frame] for frame in frames if frame in records}

    def count(self, scope: Scope) -> int:
        """Return the number of masks of a scope."""
        with self._lock:
            return len(self._records.get(scope, ()))

    def count_stale(self, scope: Scope, revision: str) -> int:
        """Return how many masks of a scope do not follow from its prompts as they are now."""
        with self._lock:
            tracked = self._tracked.get(scope, Counter())
            return tracked.total() - tracked[revision]

    def read(self, scope: Scope, frame: int) -> Mask:
        """Return a fresh (H, W) bool mask, all False where there is none."""
        with self._lock:
            unsaved = self._unsaved.get((scope, frame))
            if unsaved is not None:
                return unsaved.copy()
            if self.record(scope, frame) is None:
                return np.zeros((self.height, self.width), dtype=bool)
        mask = self._read_png(scope, frame)
        return np.zeros((self.height, self.width), dtype=bool) if mask is None else mask

    def packed(self, scope: Scope, frame: int) -> bits.PackedMask:
        """Return a mask as the browser takes it."""
        with self._lock:
            packed = self._packed.get((scope, frame))
            if packed is not None:
                self._packed.move_to_end((scope, frame))
                return packed
            record = self.record(scope, frame)
        packed = bits.pack(self.read(scope, frame))
        with self._lock:
            # What was written in the meantime is newer than what was read.
            if self.record(scope, frame) is record:
                self._cache(scope, frame, packed)
        return packed

    # -- writing ------------------------------------------------------------------------------

    def stage(self, scope: Scope, mask: Mask, record: MaskRecord) -> None:
        """Show a mask to readers before `save` brings it to the disk."""
        with self._lock:
            self._unsaved[scope, record.frame_index] = mask
            self._put_record(scope, record)
        self._cache(scope, record.frame_index, bits.pack(mask))

    def save(self, scope: Scope, frame: int) -> None:
        """Write a staged mask: first its PNG, then its line, so that a line always has a PNG.

        Raises
        ------
        SaveError
            If it cannot be written; it stays staged.
        """
        with self._lock:
            mask = self._unsaved[scope, frame]
            record = self._records[scope][frame]
        self._write_files(scope, bits.to_png(mask), record)
        with self._lock:
            if self._unsaved.get((scope, frame)) is mask:
                del self._unsaved[scope, frame]

    def write(
        self, scope: Scope, mask: Mask, record: MaskRecord, encoded: EncodedMask | None = None
    ) -> None:
        """Write a mask; readers see it once it is saved.

        Parameters
        ----------
        scope : Scope
            Whose mask it is.
        mask : ndarray
            (H, W) bool.
        record : MaskRecord
            What is known of it.
        encoded : EncodedMask, optional
            What `encode` made of it, where that was done on another thread.

        Raises
        ------
        SaveError
            If it cannot be written; the record before stays.
        """
        encoded = encoded or encode(mask)
        self._write_files(scope, encoded.png, record)
        with self._lock:
            self._put_record(scope, record)
        self._cache(scope, record.frame_index, encoded.packed)

    def keep_copy(self, scope: Scope, frame: int, path: Path) -> None:
        """Give the PNG of a mask a second name, for undo.

        Raises
        ------
        SaveError
            If it cannot be linked or copied, or was changed by another program.
        """
        png = self._project.mask_path(scope, frame)
        self._project.watch.check([png])
        link_file(png, path)

    def restore(
        self, scope: Scope, frame: int, record: MaskRecord | None, path: Path | None
    ) -> None:
        """Put a mask of earlier back, bytes and record; without a record the mask goes.

        Raises
        ------
        SaveError
            If a file cannot be written.
        """
        target = self._project.mask_path(scope, frame)
        if record is None or path is None:
            # A line without its PNG does not count, so that one step takes the mask away.
            self._dirty.add(scope)
            self._project.remove(target)
            record = None
        else:
            self._project.link_file(path, target)
            self._append(scope, record)
        self.unstage(scope, frame, record)

    def unstage(self, scope: Scope, frame: int, record: MaskRecord | None) -> None:
        """Take a staged mask back; what the files hold has this record, or is no mask."""
        with self._lock:
            self._unsaved.pop((scope, frame), None)
            self._drop_packed(scope, frame)
            if record is None:
                self._drop_record(scope, frame)
            else:
                self._put_record(scope, record)

    def compact(self) -> None:
        """Write every journal anew with one line per mask; leave alone what others changed.

        Raises
        ------
        SaveError
            If one cannot be written.
        """
        for scope in sorted(self._dirty):
            records = [asdict(record) for _, record in sorted(self.records(scope).items())]
            path = self._project.track_path(scope)
            if not self._project.watch.is_known(path):
                continue
            if records:
                self._project.write_journal(path, records)
            else:
                self._project.remove(path)
            self._dirty.discard(scope)

    # -- inside -------------------------------------------------------------------------------

    def _load(self, scope: Scope) -> list[MaskRecord]:
        """Read a journal; the last line of a frame counts, and only where its PNG is there."""
        records: dict[int, MaskRecord] = {}
        for content in self._project.read_journal(self._project.track_path(scope)):
            frame = content.get("frame_index")
            if type(frame) is int and frame >= 0:
                records.pop(frame, None)
                record = parse_record(content, self.width, self.height)
                if record is not None:
                    records[frame] = record
        there = self._project.mask_frames(scope)
        for frame in sorted(there - records.keys()):
            mask = self._read_png(scope, frame)
            if mask is not None:
                # A kill came between PNG and line, or the file was put there by hand.
                records[frame] = measure(mask, frame, "import")
        return [records[frame] for frame in sorted(records.keys() & there)]

    def _read_png(self, scope: Scope, frame: int) -> Mask | None:
        try:
            data = self._project.mask_path(scope, frame).read_bytes()
        except OSError:
            return None
        return bits.from_png(data, self.height, self.width)

    def _write_files(self, scope: Scope, png: bytes, record: MaskRecord) -> None:
        path = self._project.mask_path(scope, record.frame_index)
        self._project.write_file(path, png)
        self._append(scope, record)

    def _append(self, scope: Scope, record: MaskRecord) -> None:
        self._dirty.add(scope)
        self._project.append(self._project.track_path(scope), asdict(record))

    def _put_record(self, scope: Scope, record: MaskRecord) -> None:
        self._drop_record(scope, record.frame_index)
        self._records.setdefault(scope, {})[record.frame_index] = record
        if record.source in ("track", "import"):
            self._tracked.setdefault(scope, Counter())[record.revision] += 1

    def _drop_record(self, scope: Scope, frame: int) -> None:
        old = self._records.get(scope, {}).pop(frame, None)
        if old is not None and old.source in ("track", "import"):
            self._tracked[scope][old.revision] -= 1

    def _cache(self, scope: Scope, frame: int, packed: bits.PackedMask) -> None:
        with self._lock:
            self._drop_packed(scope, frame)
            self._packed[scope, frame] = packed
            self._packed_size += len(packed.data) + 200
            while self._packed_size > self._cache_bytes and self._packed:
                _, oldest = self._packed.popitem(last=False)
                self._packed_size -= len(oldest.data) + 200

    def _drop_packed(self, scope: Scope, frame: int) -> None:
        old = self._packed.pop((scope, frame), None)
        if old is not None:
            self._packed_size -= len(old.data) + 200


def parse_record(content: Mapping[str, Any], width: int, height: int) -> MaskRecord | None:
    """Return the record of a line, None where it makes no sense for masks of this size."""
    try:
        box, centroid, score = content["bbox"], content["centroid"], content["score"]
        record = MaskRecord(
            frame_index=content["frame_index"],
            source=str(content["source"]),
            run=str(content["run"]),
            score=None if score is None else float(score),
            area=int(content["area"]),
            bbox=None if box is None else (int(box[0]), int(box[1]), int(box[2]), int(box[3])),
            centroid=None if centroid is None else (float(centroid[0]), float(centroid[1])),
            revision=str(content["revision"]),
            model=str(content["model"]),
        )
    except (KeyError, TypeError, ValueError, IndexError, OverflowError):
        return None
    x, y = record.centroid or (0, 0)
    x0, y0, x1, y1 = record.bbox or (0, 0, width, height)
    sound = (
        record.source in SOURCES
        and math.isfinite(record.score or 0)
        and 0 <= record.area <= width * height
        and (record.area > 0) == (record.bbox is not None) == (record.centroid is not None)
        and 0 <= x0 < x1 <= width
        and 0 <= y0 < y1 <= height
        and 0 <= x <= width
        and 0 <= y <= height
    )
    return record if sound else None
