"""Masks on disk and in memory: the store that writes and reads them."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from sam2_widget import bits
from sam2_widget.durable import link_file
from sam2_widget.errors import SaveError
from sam2_widget.ids import MAX_FRAMES
from sam2_widget.records import Mask, MaskRecord, measure, parse_record, remeasured
from sam2_widget.recordtable import Records, RecordTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from sam2_widget.annotations import Scope
    from sam2_widget.project import Project

_ENTRY_BYTES = 500
"""What the cache takes for a packed mask beside its bytes: objects, key and place in the order."""

_AT_ONCE = 1000
"""Masks that wait for threads at a time."""


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
        Room for packed masks, about 2 kB each, all that is kept of them counted.
    """

    def __init__(
        self, project: Project, width: int, height: int, cache_bytes: int = 64 << 20
    ) -> None:
        self.width = width
        self.height = height
        self._project = project
        self._lock = threading.RLock()
        self._tables: dict[Scope, RecordTable] = {}
        self._unsaved: dict[tuple[Scope, int], Mask] = {}
        self._packed: OrderedDict[tuple[Scope, int], bits.PackedMask] = OrderedDict()
        self._packed_size = 0
        # What readers pack right now; they keep it only if nothing was written in the meantime.
        self._packing: dict[tuple[Scope, int], object] = {}
        self.cache_bytes = cache_bytes
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
            self._tables = {scope: table for scope, (table, _) in found.items()}
            self._dirty |= {scope for scope, (_, is_old) in found.items() if is_old}
            self._unsaved.clear()
            self._packed.clear()
            self._packed_size = 0
            self._packing.clear()
        # At once: a line that is appended first would make it newer than those PNGs.
        with contextlib.suppress(SaveError):
            self._compact(scope for scope, (_, is_old) in found.items() if is_old)

    # -- reading ------------------------------------------------------------------------------

    def scopes(self) -> list[Scope]:
        """Return the scopes that have masks, in order."""
        with self._lock:
            return sorted(scope for scope, table in self._tables.items() if table)

    def frames(self, scope: Scope) -> list[int]:
        """Return the frames that were segmented or tracked, in order."""
        with self._lock:
            return list(self._tables.get(scope, ()))

    def record(self, scope: Scope, frame: int) -> MaskRecord | None:
        """Return what is known of a mask, None where there is none."""
        with self._lock:
            table = self._tables.get(scope)
            return None if table is None else table.get(frame)

    def records(
        self, scope: Scope, frames: Iterable[int] | None = None
    ) -> Mapping[int, MaskRecord]:
        """Return a copy of all records of a scope by frame, or of those of some frames."""
        if frames is None:
            return self.table(scope)
        with self._lock:
            table = self._tables.get(scope, _NONE)
            return {frame: table[frame] for frame in frames if frame in table}

    def table(self, scope: Scope) -> Records:
        """Return a copy of all records of a scope, whose columns are arrays too."""
        with self._lock:
            return self._tables.get(scope, _NONE).copy()

    def version(self, scope: Scope) -> int:
        """Return a number that is another one whenever a record of the scope has changed."""
        with self._lock:
            return self._tables.get(scope, _NONE).version

    def count(self, scope: Scope) -> int:
        """Return the number of masks of a scope."""
        with self._lock:
            return len(self._tables.get(scope, ()))

    def count_stale(self, scope: Scope, revision: str) -> int:
        """Return how many masks of a scope do not follow from its prompts as they are now."""
        with self._lock:
            return self._tables.get(scope, _NONE).count_stale(revision)

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
            ours = self._packing[scope, frame] = object()
        packed = bits.pack(self.read(scope, frame))
        with self._lock:
            # What was written in the meantime is newer than what was read.
            if self._packing.get((scope, frame)) is ours:
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
            record = self._tables[scope][frame]
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
        for scope in self._dirty:
            # Or its journal would be newer than what a script wrote.
            changed = self._project.changed_masks(scope)
            with self._lock:
                table = self._tables.get(scope, RecordTable())
                for frame in changed:
                    record = self._measured(scope, frame, table)
                    if record is not None:
                        table.put(record)
        self._compact(self._dirty)

    # -- inside -------------------------------------------------------------------------------

    def _compact(self, scopes: Iterable[Scope]) -> None:
        """Write journals anew, where this process may write."""
        if not self._project.lock.held:
            return
        for scope in sorted(scopes):
            records = self.records(scope)
            path = self._project.track_path(scope)
            if not self._project.watch.is_known(path):
                continue
            if records:
                self._project.write_journal(path, map(asdict, records.values()))
            else:
                self._project.remove(path)
            self._dirty.discard(scope)

    def _load(self, scope: Scope) -> tuple[RecordTable, bool]:
        """Read a journal; the last line of a frame counts, and only where its PNG is there.

        Returns the records, and whether the journal should be written anew: a PNG was written
        after its line, by a script or before a kill.
        """
        table = RecordTable()
        for content in self._project.read_journal(self._project.track_path(scope)):
            frame = content.get("frame_index")
            if type(frame) is int and 0 <= frame < MAX_FRAMES:
                record = parse_record(content, self.width, self.height)
                if record is None:
                    table.drop(frame)
                else:
                    table.put(record)
        there = self._project.mask_frames(scope)
        rewritten = self._project.rewritten_masks(scope).intersection(table, there)
        for frame in sorted(there.difference(table)):
            mask = self._read_png(scope, frame)
            if mask is not None:
                # A kill came between PNG and line, or the file was put there by hand.
                table.put(measure(mask, frame, "import"))
        for frame in set(table) - there:
            table.drop(frame)
        # Of a copy with times of its own that is every mask, once: 2 ms each at 1080p on one core.
        listed = sorted(rewritten)
        with ThreadPoolExecutor() as pool:
            for start in range(0, len(listed), _AT_ONCE):
                part = listed[start : start + _AT_ONCE]
                for record in pool.map(lambda frame: self._measured(scope, frame, table), part):
                    if record is not None:
                        table.put(record)
        return table, bool(rewritten)

    def _measured(self, scope: Scope, frame: int, table: RecordTable) -> MaskRecord | None:
        """Return the record of a mask with the numbers of the pixels that are there."""
        record, mask = table.get(frame), self._read_png(scope, frame)
        return None if record is None or mask is None else remeasured(record, mask)

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
        self._packing.pop((scope, record.frame_index), None)
        self._tables.setdefault(scope, RecordTable()).put(record)

    def _drop_record(self, scope: Scope, frame: int) -> None:
        self._packing.pop((scope, frame), None)
        if scope in self._tables:
            self._tables[scope].drop(frame)

    def _cache(self, scope: Scope, frame: int, packed: bits.PackedMask) -> None:
        with self._lock:
            self._drop_packed(scope, frame)
            self._packed[scope, frame] = packed
            self._packed_size += len(packed.data) + _ENTRY_BYTES
            while self._packed_size > self.cache_bytes and self._packed:
                _, oldest = self._packed.popitem(last=False)
                self._packed_size -= len(oldest.data) + _ENTRY_BYTES

    def _drop_packed(self, scope: Scope, frame: int) -> None:
        self._packing.pop((scope, frame), None)
        old = self._packed.pop((scope, frame), None)
        if old is not None:
            self._packed_size -= len(old.data) + _ENTRY_BYTES


_NONE = RecordTable()
"""Of scopes without masks; never changed."""
