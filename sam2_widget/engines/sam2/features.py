"""What the image encoder makes of frames, and the cache that keeps one from paying twice."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from sam2_widget.engines.sam2.graphs import Graphs
from sam2_widget.engines.sam2.precision import count_cores, inference
from sam2_widget.room import free_memory

if TYPE_CHECKING:
    from sam2_widget.engines.sam2.disk import DiskTier
    from sam2_widget.engines.sam2.images import LazyImages

_KEPT_BY_A_PASS = 8
"""A pass over more frames than fit may displace one part in this many of what was there."""
_ASK_EVERY = 32
"""Frames between two looks at how much memory the machine has left."""


@dataclass(frozen=True, slots=True)
class Features:
    """All that clicks and tracking read of a frame.

    Attributes
    ----------
    levels : tuple of Tensor
        (1, C, H, W) each, the finest first; the last is the one the memory attention reads. They
        are never changed in place.
    """

    levels: tuple[torch.Tensor, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of all levels."""
        return sum(level.nbytes for level in self.levels)

    def to(self, device: torch.device) -> Features:
        """Return them on a device, in the numbers they were computed in."""
        return Features(tuple(level.to(device) for level in self.levels))


class _Tier:
    """Features in one memory, the frame used longest ago first."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.size = 0
        self.items: OrderedDict[int, Features] = OrderedDict()

    def use(self, frame: int) -> Features | None:
        if frame in self.items:
            self.items.move_to_end(frame)
        return self.items.get(frame)

    def put(self, frame: int, features: Features) -> None:
        self.pop(frame)
        self.items[frame] = features
        self.size += features.nbytes

    def pop(self, frame: int) -> Features | None:
        features = self.items.pop(frame, None)
        self.size -= features.nbytes if features is not None else 0
        return features


class FeatureCache:
    """Features of frames within a budget: in the device's memory, then the host's, then on disk.

    Which frame goes: the one used longest ago, with one exception. A tracking pass over more frames
    than fit would so push out every frame just before the next pass comes to it. It may displace
    an eighth of what there was; after that it replaces what it brought itself, so that the next
    pass finds the rest.

    Parameters
    ----------
    budget : int or None
        Bytes of host memory; None is half of what is free, and less when the machine runs short.
    device : torch.device
        Where the model runs. Only CUDA has a memory of its own.
    device_budget : int, optional
        Bytes of device memory; by default a quarter of what is free there, within `budget`.
    disk : DiskTier, optional
        Takes what leaves the host's memory; `close` closes it.
    """

    def __init__(
        self,
        budget: int | None,
        device: torch.device,
        device_budget: int | None = None,
        disk: DiskTier | None = None,
    ) -> None:
        self._device = device
        self._watches = budget is None
        self._asked = 0
        self._host = _Tier(free_memory() // 2 if budget is None else budget)
        self._near: _Tier | None = None
        if device_budget is None and device.type == "cuda":
            device_budget = torch.cuda.mem_get_info(device)[0] // 4
            if budget is not None:
                device_budget = min(device_budget, budget)
        if device_budget is not None:
            self._near = _Tier(device_budget)
        self._brought: list[int] = []
        self._disk = disk
        # Whether what leaves the host's memory makes room for a tracking pass.
        self._for_pass = False

    @property
    def budget(self) -> int:
        """Bytes of host memory it may use."""
        return self._host.budget

    @property
    def size(self) -> int:
        """Bytes of host memory in use."""
        return self._host.size

    def __contains__(self, frame: int) -> bool:
        """Tell whether a frame is kept."""
        if frame in self._host.items or (self._near is not None and frame in self._near.items):
            return True
        return self._disk is not None and frame in self._disk

    def __len__(self) -> int:
        """Return how many frames are kept."""
        near = self._near.items.keys() if self._near is not None else set()
        disk = self._disk.frames() if self._disk is not None else set()
        return len(self._host.items.keys() | near | disk)

    def begin_pass(self) -> None:
        """Note that a tracking pass begins."""
        self._brought = []
        if self._disk is not None:
            self._disk.begin_pass()

    def get(self, frame: int) -> Features | None:
        """Return the features of a frame on the device, None where no memory keeps them."""
        kept = self._host.use(frame)
        if self._near is None:
            return kept
        near = self._near.use(frame)
        if near is None and kept is not None:
            near = kept.to(self._device)
            self._put_near(self._near, frame, near)
        return near

    def fetch(self, frame: int, *, tracking: bool = False) -> Features | None:
        """Return the features of a frame, from the disk into memory if need be."""
        features = self.get(frame)
        if features is None and self._disk is not None:
            levels = self._disk.get(frame)
            if levels is not None:
                features = Features(levels).to(self._device)
                self.put(frame, features, tracking=tracking)
        return features

    def put(self, frame: int, features: Features, *, tracking: bool = False) -> None:
        """Keep the features of a frame, which are on the device."""
        self._for_pass = tracking
        if tracking:
            self._brought.append(frame)
        if self._near is None:
            self._put_host(frame, features)
        else:
            self._put_near(self._near, frame, features)

    def drop(self, frame: int) -> None:
        """Forget a frame."""
        self._host.pop(frame)
        if self._near is not None:
            self._near.pop(frame)
        if self._disk is not None:
            self._disk.drop(frame)

    def clear(self) -> None:
        """Forget all frames."""
        near = self._near.items if self._near is not None else ()
        disk = self._disk.frames() if self._disk is not None else ()
        for frame in [*self._host.items, *near, *disk]:
            self.drop(frame)
        self._brought = []

    def close(self) -> None:
        """Forget all frames and give the disk's space back."""
        self.clear()
        if self._disk is not None:
            self._disk.close()
            self._disk = None

    def shrink(self, *, host: bool) -> bool:
        """Keep half as much from now on, in the host's memory or the device's.

        Returns
        -------
        bool
            Whether that gave anything back.
        """
        # Where they share one memory, or the host holds what a device without a tier made.
        tier = self._host if host or self._near is None else self._near
        if not tier.items:
            return False
        tier.budget = tier.size // 2
        if tier is self._near:
            self._demote(tier)
            return True
        while tier.size > tier.budget and tier.items:
            tier.pop(next(iter(tier.items)))
        return True

    def offload(self) -> None:
        """Keep nothing in the device's memory from now on: features are moved when they are used.

        Raises
        ------
        MemoryError, RuntimeError
            If the host has no room; what was moved by then stays moved.
        """
        cpu = torch.device("cpu")
        if self._near is None:
            self._near = _Tier(0)
            for frame, features in self._host.items.items():
                self._host.items[frame] = features.to(cpu)
        self._near.budget = 0
        self._demote(self._near)

    def _put_near(self, tier: _Tier, frame: int, features: Features) -> None:
        tier.put(frame, features)
        self._demote(tier)

    def _demote(self, tier: _Tier) -> None:
        """Move what is too much for the device to the host."""
        while tier.size > tier.budget and tier.items:
            oldest = next(iter(tier.items))
            demoted = tier.pop(oldest)
            keeps = self._host.budget > 0 or self._disk is not None
            if demoted is not None and keeps and oldest not in self._host.items:
                self._put_host(oldest, demoted.to(torch.device("cpu")))

    def _put_host(self, frame: int, features: Features) -> None:
        self._host.put(frame, features)
        self._look_at_the_machine()
        while self._host.size > self._host.budget and self._host.items:
            gone = self._superfluous()
            demoted = self._host.pop(gone)
            if self._disk is not None and demoted is not None:
                self._disk.put(gone, demoted.levels, tracking=self._for_pass)

    def _superfluous(self) -> int:
        items = self._host.items
        self._brought = [frame for frame in self._brought if frame in items]
        kept = max(1, len(items) // _KEPT_BY_A_PASS)
        if len(self._brought) > kept:
            return self._brought[-kept - 1]
        return next(iter(items))

    def _look_at_the_machine(self) -> None:
        """Grow no further, or shrink, where little memory is left; a given budget is kept to."""
        self._asked += 1
        if not self._watches or self._asked % _ASK_EVERY:
            return
        free, reserve = free_memory(), 1 << 30
        if free < reserve:
            self._host.budget = min(self._host.budget, max(0, self._host.size - reserve + free))


class FrameEncoder:
    """Runs the image encoder, once per frame while its features are kept.

    Where the model leaves a core alone, the next frame of a pass is encoded on a thread of its own
    while the objects are tracked on this one; elsewhere only its image is read ahead.

    Parameters
    ----------
    model : SAM2Base
        The model.
    images : LazyImages
        The frames.
    cache : FeatureCache
        Where the features are kept.
    device : torch.device
        Where the model is.
    kind : torch.dtype
        The numbers it computes in, for the thread that encodes ahead.
    graphs : Graphs, optional
        Launches it on CUDA.
    """

    def __init__(
        self,
        model: Any,
        images: LazyImages,
        cache: FeatureCache,
        device: torch.device,
        kind: torch.dtype = torch.float32,
        graphs: Graphs | None = None,
    ) -> None:
        self._model = model
        self._graphs = Graphs(torch.device("cpu")) if graphs is None else graphs
        self._kind = kind
        self._images = images
        self._device = device
        self.cache = cache
        self.encoded = 0
        self.ahead: dict[int, Future[Features]] = {}
        self._thread: ThreadPoolExecutor | None = None
        if device.type == "cpu" and _can_encode_beside():
            self._thread = ThreadPoolExecutor(1, "sam2-widget-ahead")

    def get(self, frame: int, *, tracking: bool = False) -> Features:
        """Return the features of a frame."""
        features = self.cache.fetch(frame, tracking=tracking)
        if features is None:
            ahead = self.ahead.pop(frame, None)
            if ahead is None:
                features = self._encode(self._images[frame], frame if tracking else None)
            else:
                features = ahead.result()
            self.cache.put(frame, features, tracking=tracking)
        return features

    def go_ahead(self, frame: int, step: int) -> None:
        """Begin with the next frame of a pass while the model is busy with this one.

        Parameters
        ----------
        frame : int
            The frame at hand.
        step : int
            1 or -1, where the pass goes.
        """
        self._collect(frame)
        following = frame + step
        if self._thread is not None and self._images.is_ready(following):
            if following not in self.cache and following not in self.ahead:
                future = self._thread.submit(self._read_and_encode, following)
                self.ahead[following] = future
            # Its image is taken; the one behind it can be read meanwhile.
            following += step
        ahead = [following + k * step for k in range(self._images.depth)]
        self._images.read_ahead([other for other in ahead if other not in self.cache])

    def stay(self) -> bool:
        """Encode no frame ahead from now on; False where none was anyway."""
        thread, self._thread = self._thread, None
        if thread is None:
            return False
        thread.shutdown(cancel_futures=True)
        self.ahead.clear()
        return True

    def close(self) -> None:
        """End the thread."""
        if self._thread is not None:
            self._thread.shutdown(cancel_futures=True)

    def _collect(self, frame: int) -> None:
        """Keep what was encoded ahead and not asked for, and forget what was not begun."""
        for other in [each for each in self.ahead if each != frame]:
            future = self.ahead[other]
            if future.cancel() or future.done():
                del self.ahead[other]
            if future.done() and not future.cancelled() and future.exception() is None:
                self.cache.put(other, future.result(), tracking=True)

    def _read_and_encode(self, frame: int) -> Features:
        with inference(self._device, self._kind):
            return self._encode(self._images[frame])

    def _encode(self, image: torch.Tensor, frame: int | None = None) -> Features:
        self.encoded += 1
        image = image.to(self._device, non_blocking=self._device.type == "cuda")
        if image.dtype == torch.uint8:
            image = self._images.normalised(image)
        # Another encoder may have taken its place, see `Compilation`.
        name = "encode", id(self._model.image_encoder)
        return Features(self._graphs.run(name, self._levels, (image.unsqueeze(0),), frame))

    def _levels(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        out = self._model.forward_image(image)
        return tuple(out["backbone_fpn"][-self._model.num_feature_levels :])


def _can_encode_beside() -> bool:
    """Tell whether the model leaves a core of the CPU alone.

    Two threads at a time help where each computes alone: there are no barriers to wait at.
    """
    return torch.get_num_threads() == 1 and count_cores() > 1
