"""What is known of past tracked frames, brought back exactly as it was: kept or computed again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch

from sam2_widget.engines.sam2.memory import (
    EVERY,
    POINTERS,
    Base,
    Memory,
    Output,
    ScopeMemory,
    Stretch,
    move,
    readable,
)

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from sam2_widget.engines.base import Mask, Neighbour
    from sam2_widget.engines.sam2.archive import Archive, Past
    from sam2_widget.engines.sam2.features import FrameEncoder
    from sam2_widget.engines.sam2.propagation import Propagation

Again = dict[tuple[Stretch, int], Output]
"""What was tracked again on the way to other frames."""


class FromMask(Protocol):
    """Makes an output of a saved mask, where nothing better is left."""

    def __call__(self, frame: int, mask: Mask, *, encode: bool = True) -> Output:
        """Do what upstream's ``add_new_mask`` does."""


class Recall:
    """Reads the archive: what was dropped there is computed again, bit for bit, where it can be.

    Memory features come from logits with one run of the memory encoder. Where the logits are gone
    too, the frames since the last place where the pass can be taken up, 15 at most, are tracked
    again. Where that is not possible the saved mask takes the place of what the model knew.

    Parameters
    ----------
    archive : Archive
        What was kept.
    propagation, encoder
        The model.
    from_mask : callable
        Makes an output of a saved mask.
    count : int
        Number of frames of the video.
    device : torch.device
        Where the model is.
    """

    def __init__(
        self,
        archive: Archive,
        propagation: Propagation,
        encoder: FrameEncoder,
        from_mask: FromMask,
        count: int,
        device: torch.device,
    ) -> None:
        self._archive = archive
        self._propagation = propagation
        self._encoder = encoder
        self._from_mask = from_mask
        self._count = count
        self._device = device

    def base(
        self, scope: Hashable, memory: ScopeMemory, frame: int, tracked: Neighbour | None
    ) -> Base | None:
        """Return what a tracked frame is before its first prompt, None if it was not tracked."""
        if tracked is None:
            return None
        before = memory.bases.get(frame)
        if before is not None and before.run == tracked.run:
            return before
        past, output = self._archive.get(scope, frame), None
        again: Again = {}
        if past is not None and past.run == tracked.run:
            output = self._whole(scope, frame, past, again)
        if past is None or output is None:
            return Base(self._from_mask(frame, tracked.load()))
        reach = self._propagation.reach
        cond = {f: out for f, out in memory.read.get(past.reverse, {}).items() if f != frame}
        window = {}
        for f in _away(frame, 1 if past.reverse else -1):
            item = self._archive.get(scope, f)
            if item is None or item.reverse != past.reverse or f in cond:
                continue
            found = self._whole(scope, f, item, again, needed=abs(f - frame) <= reach)
            if found is not None:
                window[f] = found
        window = readable(window, frame, reach)
        return Base(output, Memory(cond, window, self._count, past.reverse), past.run)

    def window(
        self, scope: Hashable, neighbours: Sequence[Neighbour], reverse: bool
    ) -> dict[int, Output]:
        """Return what a pass reads of the tracked frames beside the place where it begins."""
        nearest = max((-n.frame if reverse else n.frame for n in neighbours), default=0)
        # The pass begins behind the nearest or further on: what is read of them lies within.
        near = abs(nearest) + (-1 if reverse else 1)
        again: Again = {}
        found = {}
        # The nearest first: to track it again makes the others too.
        for neighbour in sorted(neighbours, key=lambda n: abs(n.frame - near)):
            frame, output = neighbour.frame, None
            whole = abs(frame - near) <= self._propagation.reach
            past = self._archive.get(scope, frame)
            if past is not None and past.run == neighbour.run and past.reverse == reverse:
                output = self._whole(scope, frame, past, again, needed=whole)
            if output is None:
                output = self._from_mask(frame, neighbour.load(), encode=whole)
            found[frame] = output
        return found

    def stretch(self, memory: ScopeMemory, frame: int) -> Stretch:
        """Return the stretch that the running pass is at, one that begins here if it has none."""
        if memory.stretch is None:
            reach, host = self._propagation.reach, torch.device("cpu")
            window = {f: move(o, host) for f, o in readable(memory.window, frame, reach).items()}
            memory.stretch = Stretch(memory.cond, window, frame, memory.reverse, reach)
        return memory.stretch

    def _whole(
        self, scope: Hashable, frame: int, past: Past, again: Again, *, needed: bool = True
    ) -> Output | None:
        """Return a past output on the device, what was dropped of it computed again if needed.

        None where too much was dropped. All that had to be tracked again is put into `again`.
        """
        moved = move(past.output, self._device)
        if not needed or moved["maskmem_features"] is not None:
            return moved
        if moved["pred_masks"] is not None:
            self._propagation.remember_tracked(self._encoder.get(frame), moved)
            return moved
        if past.stretch is None:
            return None
        return self._track_again(scope, frame, past.stretch, again)

    def _track_again(
        self, scope: Hashable, frame: int, stretch: Stretch, again: Again
    ) -> Output | None:
        """Track up to a frame as it was done before, from the last place where that is possible."""
        if (stretch, frame) in again:
            return again[stretch, frame]
        place = stretch.place(frame)
        start = place - place % EVERY
        window = self._read_at(scope, stretch, start, again)
        if window is None:
            return None
        for f in (stretch.at(each) for each in range(start, place + 1)):
            window = readable(window, f, stretch.reach)
            read = Memory(stretch.cond, window, self._count, stretch.reverse)
            window[f] = self._propagation.track(f, self._encoder.get(f, tracking=True), read)
            again[stretch, f] = window[f]
        return again[stretch, frame]

    def _read_at(
        self, scope: Hashable, stretch: Stretch, start: int, again: Again
    ) -> dict[int, Output] | None:
        """Return what the model read of tracked frames at a place; None where it is gone."""
        window = {}
        for back in range(1, POINTERS + 1):
            frame = stretch.at(start - back)
            if start < back:
                if stretch.window is None:
                    return None
                if frame in stretch.window:
                    window[frame] = move(stretch.window[frame], self._device)
                continue
            past = self._archive.get(scope, frame)
            if past is None or past.stretch is not stretch:
                return None
            output = self._whole(scope, frame, past, again, needed=back <= stretch.reach)
            if output is None:
                return None
            window[frame] = output
        return window


def _away(frame: int, sign: int) -> list[int]:
    """Return the frames before a frame in a pass whose outputs the model may read."""
    return [frame + sign * k for k in range(POINTERS, 0, -1)]
