"""An engine without a model, for tests of the other layers: discs round the positive points."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sam2_widget.annotations import FramePrompts
from sam2_widget.engines.base import FrameInput, Frames, Mask, Neighbour, Segmentation

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence


class FakeEngine:
    """Discs of `radius` pixels round positive points, less those round negative ones.

    A tracked frame repeats the mask of the nearest prompted frame, moved `drift` pixels to the
    right per frame, so that every frame differs and is known in advance.
    """

    name = "fake"
    device = "cpu"

    def __init__(self, radius: float = 12.0, drift: float = 1.0) -> None:
        self.radius = radius
        self.drift = drift
        self.calls: list[tuple[object, ...]] = []
        self._passes: dict[Hashable, Mapping[int, FrameInput]] = {}

    def open(self, frames: Frames) -> None:
        """Take the frame size."""
        self._frames = frames

    def segment(self, scope: Hashable, frame: int, given: FrameInput) -> Segmentation:
        """Return the discs of the prompts, on top of a corrected mask if there is one."""
        self.calls.append(("segment", scope, frame))
        mask = self._draw(given.prompts, 0.0)
        if given.tracked is not None and given.prompts.mask is None:
            mask |= given.tracked.load() & ~self._draw(_negatives(given.prompts), 0.0)
        return Segmentation(mask, 5.0)

    def begin(
        self,
        scope: Hashable,
        prompted: Mapping[int, FrameInput],
        *,
        reverse: bool,
        run: str,
        neighbours: Sequence[Neighbour],
    ) -> None:
        """Remember the prompts of the pass."""
        self.calls.append(("begin", scope, reverse, tuple(n.frame for n in neighbours)))
        self._passes[scope] = prompted

    def steps(
        self, scopes: Sequence[Hashable], frame: int
    ) -> Iterator[tuple[Hashable, Segmentation]]:
        """Track one scope after the other."""
        for scope in scopes:
            yield scope, self.step(scope, frame)

    def step(self, scope: Hashable, frame: int) -> Segmentation:
        """Return the nearest prompted frame's discs, moved."""
        self._frames.path(frame)
        self.calls.append(("step", scope, frame))
        prompted = self._passes[scope]
        nearest = min(prompted, key=lambda p: (abs(p - frame), p))
        mask = self._draw(prompted[nearest].prompts, (frame - nearest) * self.drift)
        return Segmentation(mask, 3.0 if mask.any() else -3.0)

    def end(self, scope: Hashable) -> None:
        """End the pass."""
        self._passes.pop(scope, None)

    def forget(self, scope: Hashable, frame: int | None = None, run: str = "") -> None:
        """Note the call."""
        self.calls.append(("forget", scope, frame))

    def close(self) -> None:
        """Note the call."""
        self.calls.append(("close",))

    def _draw(self, prompts: FramePrompts, shift: float) -> Mask:
        height, width = self._frames.height, self._frames.width
        yy, xx = np.mgrid[0:height, 0:width] + 0.5
        mask = np.zeros((height, width), dtype=bool)
        if prompts.mask is not None:
            mask = _moved(prompts.mask.read(height, width), round(shift))
        if prompts.box is not None:
            box = prompts.box
            mask |= (xx >= box.x0 + shift) & (xx < box.x1 + shift) & (yy >= box.y0) & (yy < box.y1)
        for point in prompts.points:
            disc = (xx - point.x - shift) ** 2 + (yy - point.y) ** 2 <= self.radius**2
            mask = mask | disc if point.label else mask & ~disc
        return mask


def _moved(mask: Mask, columns: int) -> Mask:
    moved = np.zeros_like(mask)
    come_from = np.arange(mask.shape[1]) - columns
    there = (come_from >= 0) & (come_from < mask.shape[1])
    moved[:, there] = mask[:, come_from[there]]
    return moved


def _negatives(prompts: FramePrompts) -> FramePrompts:
    from dataclasses import replace

    return FramePrompts(tuple(replace(p, label=1) for p in prompts.points if not p.label))
