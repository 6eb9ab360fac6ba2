"""The disk tier of the feature cache: slots of equal size in one file, written behind the loop."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from sam2_widget.engines.sam2.slab import SlabFile

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    Levels = tuple[torch.Tensor, ...]

_log = logging.getLogger(__name__)

_WAITING = 8
"""Frames that may wait to be written, in memory beyond its budget; what comes then is not kept."""
_LEFT_FREE = 1 << 30
"""Bytes of the disk that the file never takes: masks may be saved there too."""
_BROUGHT_BY_A_PASS = 8
"""A pass over more frames than fit may displace one part in this many of the slots."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """What a tensor is beside its bytes; kernels, and so their rounding, go by strides too."""

    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: torch.dtype
    nbytes: int


class DiskTier:
    """Levels of frames on the disk within a budget; what comes back is what was put, bit for bit.

    All frames of a model cost the same: a file of equal slots never breaks into pieces. A thread of
    its own writes, and who puts a frame never waits; until it is written it is read from memory.

    Which frame goes: the one put or read longest ago. A tracking pass may displace an eighth of the
    slots; what it brings beyond that is not kept, so that the next pass finds the rest and nothing
    is written in vain.

    When the disk fails, the tier ends with one message; what it held is encoded again.

    Only the thread that owns the engine calls it.

    Parameters
    ----------
    budget : int
        Bytes of the file.
    open_file : callable, optional
        Returns the file, when the first frame comes.
    tell : callable, optional
        Takes the message; by default it is logged.
    """

    def __init__(
        self,
        budget: int,
        open_file: Callable[[], SlabFile] = SlabFile,
        tell: Callable[[str], None] = _log.warning,
    ) -> None:
        self.budget = budget
        self._open_file = open_file
        self._tell = tell
        self._file: SlabFile | None = None
        self._slot = 0
        self._slots = 0
        self._spare: list[int] = []
        self._kept: OrderedDict[int, tuple[int, list[_Layout]]] = OrderedDict()
        self._waiting: dict[int, Levels] = {}
        self._displaced = 0
        self._reading: int | None = None
        self._ended = False
        # Round all of these, which the writer shares; never held while the disk is busy.
        self._lock = threading.Lock()
        self._writer = ThreadPoolExecutor(1, "sam2-widget-features")

    @property
    def size(self) -> int:
        """Bytes of the slots in use."""
        with self._lock:
            return len(self._kept) * self._slot

    def __contains__(self, frame: object) -> bool:
        """Tell whether a frame is kept, or about to be."""
        with self._lock:
            return frame in self._kept or frame in self._waiting

    def frames(self) -> set[int]:
        """Return the frames that are kept, or about to be."""
        with self._lock:
            return self._kept.keys() | self._waiting.keys()

    def begin_pass(self) -> None:
        """Note that a tracking pass begins."""
        with self._lock:
            self._displaced = 0

    def put(self, frame: int, levels: Levels, *, tracking: bool = False) -> None:
        """Have the levels of a frame written, which lie in the host's memory.

        Where too many wait, the disk is full or a pass has displaced enough, they are not kept.
        """
        layouts = _layouts(levels)
        if layouts is None:
            return
        nbytes = sum(layout.nbytes for layout in layouts)
        with self._lock:
            if frame in self._kept:
                # What was made of a frame never changes: it need not be written twice.
                self._kept.move_to_end(frame)
                return
            self._slot = self._slot or nbytes
            fits = nbytes <= self._slot <= self.budget
            if self._ended or not fits or len(self._waiting) >= _WAITING:
                return
            self._waiting[frame] = levels
        self._writer.submit(self._write, frame, levels, layouts, tracking)

    def get(self, frame: int) -> Levels | None:
        """Return the levels of a frame, None where they are not kept."""
        with self._lock:
            if frame in self._waiting:
                return self._waiting[frame]
            file, place = self._file, self._kept.get(frame)
            if file is None or place is None:
                return None
            self._kept.move_to_end(frame)
            # The writer leaves this slot alone meanwhile.
            self._reading = frame
        levels, (slot, layouts) = [], place
        at = slot * self._slot
        try:
            for layout in layouts:
                level = torch.empty_strided(layout.shape, layout.stride, dtype=layout.dtype)
                file.read(_bytes(level), at)
                levels.append(level)
                at += layout.nbytes
        except OSError as error:
            self._fail(error)
        with self._lock:
            self._reading = None
            return None if self._ended else tuple(levels)

    def drop(self, frame: int) -> None:
        """Forget a frame."""
        with self._lock:
            self._waiting.pop(frame, None)
            if frame in self._kept:
                self._spare.append(self._kept.pop(frame)[0])

    def settle(self) -> None:
        """Return once nothing waits to be written."""
        self._writer.submit(lambda: None).result()

    def close(self) -> None:
        """End the thread and give the space back."""
        self._end()
        self._writer.shutdown()
        if self._file is not None:
            self._file.close()

    def _end(self) -> bool:
        """Keep nothing from now on; False where that was so before."""
        with self._lock:
            ended, self._ended = self._ended, True
            self._kept.clear()
            self._waiting.clear()
            return not ended

    def _fail(self, error: OSError) -> None:
        if self._end():
            self._tell(
                f"The disk part of the feature cache ended ({error}); frames that were in it are "
                "encoded again when they are needed. Free some space, or set TMPDIR to another "
                "disk, and open the video again."
            )
            if self._file is not None:
                with contextlib.suppress(OSError):
                    self._file.empty()

    # -- the writer's thread ------------------------------------------------------------------

    def _write(self, frame: int, levels: Levels, layouts: list[_Layout], tracking: bool) -> None:
        slot = None
        try:
            slot = self._take_slot(frame, levels, tracking)
            if slot is not None and self._file is not None:
                at = slot * self._slot
                for level, layout in zip(levels, layouts, strict=True):
                    self._file.write(_bytes(level), at)
                    at += layout.nbytes
        except OSError as error:
            self._fail(error)
            return
        with self._lock:
            # It may have been dropped meanwhile, and put again.
            wanted = self._waiting.get(frame) is levels
            if wanted:
                del self._waiting[frame]
            if slot is not None and wanted:
                self._kept[frame] = slot, layouts
            elif slot is not None:
                self._spare.append(slot)

    def _take_slot(self, frame: int, levels: Levels, tracking: bool) -> int | None:
        """Return the number of a slot that nothing is kept in, None where there is to be none."""
        with self._lock:
            if self._waiting.get(frame) is not levels:
                return None
            if self._spare:
                return self._spare.pop()
        if self._file is None:
            self._file = self._open_file()
        bigger = (self._slots + 1) * self._slot
        if bigger <= self.budget and self._file.room() >= self._slot + _LEFT_FREE:
            self._slots += 1
            return self._slots - 1
        with self._lock:
            if tracking and self._displaced >= max(1, self._slots // _BROUGHT_BY_A_PASS):
                return None
            oldest = next((f for f in self._kept if f != self._reading), None)
            if oldest is None:
                return None
            self._displaced += tracking
            return self._kept.pop(oldest)[0]


def _layouts(levels: Levels) -> list[_Layout] | None:
    """Return the layouts of tensors in the host's memory, None where one has gaps in it."""
    if not all(level.device.type == "cpu" and _is_dense(level) for level in levels):
        return None
    return [_Layout(tuple(x.shape), x.stride(), x.dtype, x.nbytes) for x in levels]


def _is_dense(tensor: torch.Tensor) -> bool:
    """Tell whether a tensor's numbers lie side by side, in whatever order of its axes."""
    step = 1
    for stride, size in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if size != 1 and stride != step:
            return False
        step *= size
    return step > 0


def _bytes(tensor: torch.Tensor) -> memoryview:
    """Return the bytes of a dense tensor, in the order in which they lie in memory."""
    flat = torch.as_strided(tensor, (tensor.numel(),), (1,))
    array: npt.NDArray[np.uint8] = flat.view(torch.uint8).numpy()
    return array.data
