"""Objects tracked in batches: which go together, and whether that pays, found by measuring."""

from __future__ import annotations

import logging
import statistics
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from sam2_widget.engines.base import BatchObjects

MOST = 8
"""Objects of a batch at most: a click or a cancel waits for one batch, and it takes memory."""
_WARM_UP = (False, True)
_TURNS = (*_WARM_UP, *(False, True, True, False) * 2)
"""Whether a frame of a trial is tracked in a batch: each way once, then in pairs A-B-B-A-A-B-B-A.

Memory grows over the first frames of a track, so that in half of the pairs each way comes first.
"""
_PAYS = 1.05
"""How many times as fast batches must be: what is no gain is not worth other bits."""
_T = TypeVar("_T")

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Trial:
    """The seconds per object of every turn so far, and of whom the last ones were."""

    group: tuple[Hashable, ...] = ()
    seconds: list[float] = field(default_factory=list)
    pays: bool | None = None

    def forget_half(self) -> None:
        """Forget the first turn of a pair that has no second."""
        del self.seconds[len(self.seconds) // 2 * 2 :]


class Batching:
    """Decides which objects are tracked together.

    A batch computes the same in another order: masks differ from those of objects tracked one by
    one in single pixels of their outlines. It saves the starting of many operations, of which a GPU
    that is faster than Python makes most of its time. On a CPU it saves nano a sixth to a quarter
    of the time per object, and models of the usual sizes nothing.

    Parameters
    ----------
    wanted : bool or "auto"
        True batches what can be, False nothing. "auto" batches nothing but on CUDA, and there
        what a trial of the first frames found faster. Trial frames are results like others.
    device : torch.device
        Where the model runs.
    name : str
        The model's name, for the log.
    clock : callable, optional
        Returns seconds, once the device has done all that it was given; by default the wall's.

    Attributes
    ----------
    most : int
        Objects of a batch at most; fewer where memory is short.
    """

    def __init__(
        self,
        wanted: BatchObjects,
        device: torch.device,
        name: str,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.most = MOST
        self._name = name
        self._device = device
        self._clock = clock or self._now
        self._tries = wanted == "auto" and device.type == "cuda"
        self._batches = wanted is True or self._tries
        self._trials: defaultdict[int, _Trial] = defaultdict(_Trial)

    @property
    def batches(self) -> bool | None:
        """Whether objects go in batches where they can; None while no trial has told."""
        if not self._tries:
            return self._batches
        found = [each.pays for each in list(self._trials.values()) if each.pays is not None]
        return any(found) if found else None

    def considers(self, count: int) -> bool:
        """Tell whether so many objects may be tracked together, so that layouts matter."""
        return self._batches and count > 1

    def choose(
        self, waiting: Sequence[Hashable], layouts: Mapping[Hashable, Hashable]
    ) -> tuple[Hashable, ...]:
        """Return the first of the objects that wait, with those that are tracked beside it.

        Parameters
        ----------
        waiting : sequence
            Objects that are not tracked into the frame yet.
        layouts : mapping
            How their memories are laid out; only equal ones fit together. Empty where nothing is
            batched.
        """
        alike = [other for other in waiting if layouts and layouts[other] == layouts[waiting[0]]]
        # Groups of nearly equal size: of nine objects five and four, not eight and one.
        parts = -(-len(alike) // self.most)
        group = tuple(alike[: -(-len(alike) // max(1, parts))])
        if len(group) < 2 or (self._tries and self._trials[_size(group)].pays is False):
            return (waiting[0],)
        return group

    def track(
        self, group: tuple[Hashable, ...], go: Callable[[tuple[Hashable, ...]], list[_T]]
    ) -> list[_T]:
        """Return what each object of a group gives, in order.

        Parameters
        ----------
        group : tuple
            One object, or several to track together or, for a trial, one after the other.
        go : callable
            Tracks one object or several in a batch.
        """
        trial = self._trials[_size(group)]
        if len(group) == 1 or not self._tries or trial.pays is not None:
            return go(group)
        return self._try(trial, group, go)

    def interrupt(self) -> None:
        """Note that a pass begins: its frames are not compared with those before."""
        for trial in self._trials.values():
            trial.forget_half()

    def _try(
        self,
        trial: _Trial,
        group: tuple[Hashable, ...],
        go: Callable[[tuple[Hashable, ...]], list[_T]],
    ) -> list[_T]:
        """Track one way or the other, whichever's turn it is, and take the time."""
        if trial.group != group:
            trial.forget_half()
        trial.group = group
        together = _TURNS[len(trial.seconds)]
        started = self._clock()
        done = go(group) if together else [each for scope in group for each in go((scope,))]
        trial.seconds.append((self._clock() - started) / len(group))
        if len(trial.seconds) == len(_TURNS):
            self._decide(trial, len(group))
        return done

    def _decide(self, trial: _Trial, count: int) -> None:
        taken = list(zip(_TURNS, trial.seconds, strict=True))[len(_WARM_UP) :]
        pairs = [dict(pair) for pair in _cut(taken, 2)]
        trial.pays = statistics.median(pair[False] / pair[True] for pair in pairs) >= _PAYS
        logger.info(
            "%s on %s tracks groups of %d objects %s: %.1f ms an object in a batch, %.1f alone",
            self._name,
            self._device,
            count,
            "in batches" if trial.pays else "one by one",
            1e3 * statistics.median(pair[True] for pair in pairs),
            1e3 * statistics.median(pair[False] for pair in pairs),
        )

    def _now(self) -> float:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter()


def _cut(items: Sequence[_T], size: int) -> list[tuple[_T, ...]]:
    return [tuple(items[i : i + size]) for i in range(0, len(items), size)]


def _size(group: tuple[Hashable, ...]) -> int:
    """Return the sizes a decision holds for, as the largest of them: 2, 4 or 8."""
    return 1 << (len(group) - 1).bit_length()
