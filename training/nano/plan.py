"""Which batch each step trains on, and with which learning rate: functions of the step alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from training.nano.photos import Photos
from training.nano.samples import Batch, make_batch
from training.nano.textures import Textures

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ODDS = (0.56, 0.3, 0.14)
FIRST_HELD_OUT = 1_000_000
"""Seeds from here on are for evaluation: no plan has one."""


@dataclass(frozen=True)
class Plan:
    """The schedule of a run.

    Parameters
    ----------
    seed
        Of the batches and of the prompts, below ``FIRST_HELD_OUT``.
    scale
        Multiplies the clips of a batch, for large GPUs.
    rate
        The learning rate after the warm-up.
    warmup, fade
        Steps over which it rises at the start and falls to a hundredth at the end.
    balanced
        Steps over which the class-balanced loss fades away; 0 for weights that are trained.
    side
        Height and width of frames in pixels, a multiple of 32.
    small
        The first steps see frames of half the side, twice as many: as much is learned from them
        in half the time, but for edges. The weights fit any size.
    shapes
        Clips and frames of a batch of images, of clips and of long clips.
    photos
        A folder of real pictures that the world has too, see ``collect``.
    """

    seed: int = 0
    scale: int = 1
    rate: float = 4e-4
    warmup: int = 100
    fade: int = 300
    balanced: int = 0
    side: int = 320
    small: int = 0
    shapes: tuple[tuple[int, int], ...] = ((8, 1), (4, 4), (2, 8))
    photos: Path | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.seed < FIRST_HELD_OUT:
            raise ValueError(f"The seed is {self.seed}; give one from 0 to {FIRST_HELD_OUT - 1}.")

    def shape(self, step: int) -> tuple[int, int, int]:
        """Return how many clips a step's batch has, their length, and the side of a frame."""
        chosen = np.random.default_rng((self.seed, 2, step)).choice(len(_ODDS), p=_ODDS)
        clips, frames = self.shapes[int(chosen)]
        if step < self.small:
            return 2 * clips * self.scale, frames, self.side // 2
        return clips * self.scale, frames, self.side

    def rate_at(self, step: int, fading_since: int | None) -> float:
        """Return the learning rate of a step."""
        rate = self.rate * min(1.0, (step + 1) / max(1, self.warmup))
        if fading_since is not None:
            left = max(0.0, 1 - (step - fading_since) / self.fade)
            rate *= max(0.01, left)
        return rate

    def balance_at(self, step: int) -> float:
        """Return the weight of the class-balanced loss at a step."""
        return max(0.0, 1 - step / self.balanced) if self.balanced else 0.0

    def prompts_at(self, step: int) -> np.random.Generator:
        """Return what chooses the prompts of a step."""
        return np.random.default_rng((self.seed, 3, step))


class Batches(Dataset[Batch]):
    """The batch of each step, made when asked for, in any order and process."""

    def __init__(self, plan: Plan, start: int, stop: int) -> None:
        self._plan, self._start, self._stop = plan, start, stop

    @cached_property
    def _textures(self) -> Textures:
        folder = self._plan.photos
        return Textures(self._plan.seed, photos=Photos(folder) if folder else None)

    def __len__(self) -> int:
        return self._stop - self._start

    def __getitem__(self, index: int) -> Batch:
        step = self._start + index
        seed = self._plan.seed, 4, step
        return make_batch(seed, self._textures, *self._plan.shape(step))


def batches(plan: Plan, start: int, stop: int, workers: int) -> Iterator[Batch]:
    """Yield the batches of steps ``start`` to ``stop`` in order, made by other processes."""
    loader: DataLoader[Batch] = DataLoader(
        Batches(plan, start, stop),
        batch_size=None,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        worker_init_fn=_quiet,
        collate_fn=_shared,  # type: ignore[arg-type]  # Of one batch, as batch_size is None.
    )
    for parts in loader:
        yield Batch(**{name: part.numpy() for name, part in parts.items()})


def _shared(batch: Batch) -> dict[str, torch.Tensor]:
    """Return the parts as tensors: they pass between processes in shared memory, uncopied."""
    return {name: torch.from_numpy(part) for name, part in vars(batch).items()}


def _quiet(worker: int) -> None:
    """Keep OpenCV and torch in a worker on one thread."""
    import cv2

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
