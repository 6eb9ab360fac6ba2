"""Feeds stored frames to the model one at a time, as upstream's loader makes them."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from sam2_widget.engines.sam2.precision import count_cores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sam2_widget.engines.base import Frames

# ImageNet statistics, the defaults of sam2.utils.misc.load_video_frames.
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)
_DEPTH = 4
"""Frames read at the same time for a device that takes them faster than one core reads them."""


class LazyImages:
    """A stand-in for upstream's tensor of all frames, which holds 12.6 MB for each.

    Indexing returns the (3, S, S) float32 tensor that upstream would hold: the stored JPEG, resized
    by PIL, scaled in float64, rounded to float32, then normalised in float32. All of that depends
    on the byte and the channel alone, so a table of 3 x 256 values gives the same bits sooner.

    Parameters
    ----------
    frames : Frames
        The stored frames.
    size : int
        Side of the model's image in pixels.
    device : torch.device, optional
        Where they go. But for the CPU they stay (S, S, 3) bytes, a quarter of what is to be moved,
        until `normalised` there; for CUDA in pinned memory, which moves without anybody waiting.

    Attributes
    ----------
    depth : int
        How many frames are worth reading ahead: one on the CPU, which the model needs itself.
    """

    def __init__(self, frames: Frames, size: int, device: torch.device | None = None) -> None:
        self._frames = frames
        self._size = size
        levels = torch.from_numpy(np.arange(256) / 255.0).to(torch.float32)
        mean, std = torch.tensor(_MEAN)[:, None], torch.tensor(_STD)[:, None]
        self._table = ((levels[None] - mean) / std).numpy()
        self._device = torch.device("cpu") if device is None else device
        self._table_there = torch.from_numpy(self._table).to(self._device)
        on_cpu = self._device.type == "cpu"
        self.depth = 1 if on_cpu else max(1, min(_DEPTH, count_cores() - 1))
        self._threads = ThreadPoolExecutor(self.depth, thread_name_prefix="sam2-widget-ahead")
        self._ahead: dict[int, Future[torch.Tensor]] = {}
        # Frames are taken by whoever encodes them, and asked for by who tracks.
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._frames)

    def __getitem__(self, index: int) -> torch.Tensor:
        """Return frame `index`, waiting until it is stored."""
        with self._lock:
            ahead = self._ahead.pop(index, None)
        return self._read(index) if ahead is None else ahead.result()

    def normalised(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return (S, S, 3) uint8 pixels of any device as the (3, S, S) float32 tensor there."""
        side = len(pixels)
        flat = pixels.permute(2, 0, 1).reshape(3, -1)
        return self._table_there.gather(1, flat.long()).view(3, side, side)

    def is_ready(self, index: int) -> bool:
        """Tell whether there is such a frame and it is stored."""
        return 0 <= index < len(self._frames) and self._frames.is_ready(index)

    def read_ahead(self, indices: Sequence[int]) -> None:
        """Read frames on other threads while the model is busy, those of them that are stored."""
        with self._lock:
            # Those beside are for whoever is about to take them.
            near = {other for index in indices for other in (index - 1, index, index + 1)}
            late = {i: future for i, future in self._ahead.items() if i in near}
            new = [i for i in indices if i not in late and self.is_ready(i)]
            started = {i: self._threads.submit(self._read, i) for i in new}
            self._ahead = late | started

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=True)

    def _read(self, index: int) -> torch.Tensor:
        with Image.open(self._frames.path(index)) as image:
            pixels = np.array(image.convert("RGB").resize((self._size, self._size)))
        if self._device.type != "cpu":
            raw = torch.from_numpy(pixels)
            return raw.pin_memory() if self._device.type == "cuda" else raw
        channels = [self._table[c][pixels[:, :, c]] for c in range(3)]
        return torch.from_numpy(np.stack(channels))
