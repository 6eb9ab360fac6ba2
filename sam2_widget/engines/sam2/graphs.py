"""CUDA graphs: work whose shapes have settled is launched as one, not kernel by kernel."""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    Tensors = tuple[torch.Tensor, ...]
    Work = Callable[..., Tensors]

_SETTLED = 4
"""Frames on which work of the same shapes is done kernel by kernel before it is recorded."""
_MOST = 12
"""Recordings at most, as each has buffers of its own: those used last."""
_REMEMBERED = 200
_TRIED = 2
"""Replays of each recording that are compared with the work as it is."""
_APART = 0.02
"""How far they may differ, relative to the largest number: rounding, not another result."""

logger = logging.getLogger(__name__)


class Graphs:
    """Records work on the GPU and replays it: the same kernels on other numbers.

    SAM 2 launches some thousand kernels for a frame, most of which are over before Python has
    launched the next. Replayed, they follow one another without it.

    Parameters
    ----------
    device : torch.device
        Where the model runs; elsewhere than on CUDA everything is done as it is.
    record : callable, optional
        Makes a replay of work on given inputs; by default CUDA does.

    Attributes
    ----------
    paused : bool
        Whether nothing is recorded for now. Where a thread records, no other may wait for the
        whole device, as PyTorch does when it compiles.
    """

    def __init__(
        self, device: torch.device, record: Callable[[Work, Tensors], Replay] | None = None
    ) -> None:
        self.paused = False
        self._record = record
        if record is None and device.type == "cuda":
            self._record = _Recorder(device)
        self._replays: OrderedDict[Hashable, Replay] = OrderedDict()
        self._seen: OrderedDict[Hashable, tuple[int, int]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many recordings there are."""
        return len(self._replays)

    def run(self, name: Hashable, work: Work, inputs: Tensors, frame: int | None) -> Tensors:
        """Do some work.

        Parameters
        ----------
        name : hashable
            Stands for the work: under one name, equal shapes mean the same kernels.
        work : callable
            Returns tensors made of the inputs and of what never changes. It waits for nothing.
        inputs : tuple of Tensor
            All that differs from call to call.
        frame : int or None
            For which frame, or any number that tells occasions apart; None if nobody should wait
            for a recording now.

        Returns
        -------
        tuple of Tensor
            What the work returns, in memory of its own.
        """
        if self._record is None:
            return work(*inputs)
        key = name, *((tuple(t.shape), t.stride(), t.dtype) for t in inputs)
        replay = self._replays.get(key)
        if replay is None and not self.paused and self._has_settled(key, frame):
            replay = self._recorded(self._record, key, work, inputs)
        if replay is None:
            return work(*inputs)
        self._replays.move_to_end(key)
        outputs = replay(inputs)
        if replay.times > _TRIED:
            return outputs
        return self._compared(name, outputs, work(*inputs))

    def drop(self) -> bool:
        """Do without recordings from now on; False where there were none."""
        had = bool(self._replays)
        self._replays.clear()
        self._record = None
        return had

    def _has_settled(self, key: Hashable, frame: int | None) -> bool:
        if frame is None:
            return False
        count, last = self._seen.pop(key, (0, -1))
        self._seen[key] = count + (frame != last), frame
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return self._seen[key][0] > _SETTLED

    def _compared(self, name: Hashable, replayed: Tensors, direct: Tensors) -> Tensors:
        """Return the work's own result, and give up recordings if the replayed one is another.

        What a recording holds on to by mistake shows as soon as the inputs are others.
        """
        if not all(map(_agree, replayed, direct)):
            logger.warning(
                "A CUDA graph gave another result than the model itself, and is not used: please "
                "report this with the versions of PyTorch and of the driver (%s).",
                name,
            )
            self.drop()
        return direct

    def _recorded(
        self,
        record: Callable[[Work, Tensors], Replay],
        key: Hashable,
        work: Work,
        inputs: Tensors,
    ) -> Replay | None:
        try:
            self._replays[key] = replay = record(work, inputs)
            if len(self._replays) > _MOST:
                gone, _ = self._replays.popitem(last=False)
                self._seen.pop(gone, None)
        except Exception as error:  # It is extra: whatever it was, the work can be done as it is.
            logger.info("CUDA graphs are not used: %s", error)
            self.drop()
            return None
        return replay


class Replay:
    """Work that was recorded.

    Parameters
    ----------
    launch : callable
        Does it once more, on the same memory.
    inputs, outputs : tuple of Tensor
        That memory.

    Attributes
    ----------
    times : int
        How often it was done.
    """

    def __init__(self, launch: Callable[[], object], inputs: Tensors, outputs: Tensors) -> None:
        self._launch = launch
        self._inputs = inputs
        self._outputs = outputs
        self.times = 0

    def __call__(self, inputs: Tensors) -> Tensors:
        """Return what the work makes of other inputs of the same shapes."""
        for mine, given in zip(self._inputs, inputs, strict=True):
            mine.copy_(given)
        self._launch()
        self.times += 1
        return tuple(output.clone() for output in self._outputs)


class _Recorder:
    """Records with ``torch.cuda.CUDAGraph``; all share memory, as one is replayed at a time."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._pool: Any = None

    def __call__(self, work: Work, inputs: Tensors) -> Replay:
        current = torch.cuda.current_stream(self._device)
        beside = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        mine = tuple(_alike(tensor) for tensor in inputs)
        # Libraries set themselves up at a first call, which cannot be recorded.
        beside.wait_stream(current)
        with torch.cuda.stream(beside):
            for _ in range(2):
                work(*mine)
        current.wait_stream(beside)
        graph = torch.cuda.CUDAGraph()
        # What autocast has cast, and keeps, is gone when it ends: a recording goes on reading it.
        uncached = torch.autocast(
            "cuda",
            torch.get_autocast_dtype("cuda"),
            enabled=torch.is_autocast_enabled("cuda"),
            cache_enabled=False,
        )
        # Other threads may ask for memory meanwhile.
        recording = torch.cuda.graph(
            graph, pool=self._pool, stream=beside, capture_error_mode="thread_local"
        )
        with uncached, recording:
            outputs = work(*mine)
        self._pool = graph.pool()
        return Replay(graph.replay, mine, outputs)


def _alike(tensor: torch.Tensor) -> torch.Tensor:
    """Return a copy with the same strides, by which kernels are chosen."""
    copy = torch.empty_strided(
        tensor.shape, tensor.stride(), dtype=tensor.dtype, device=tensor.device
    )
    return copy.copy_(tensor)


def _agree(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Tell whether two results are the same but for rounding."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    first, second = one.float(), other.float()
    largest = second.abs().amax() if second.numel() else second.new_zeros(())
    return bool(torch.all((first - second).abs() <= _APART * largest))
