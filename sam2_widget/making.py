"""The masks that prompts give, by the model or as they were drawn, and what the model is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sam2_widget import bits
from sam2_widget.cleaning import points_by_label
from sam2_widget.engines.base import FrameInput, Mask, Neighbour
from sam2_widget.records import MaskRecord, measure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sam2_widget.annotations import FramePrompts, Scope
    from sam2_widget.history import FrameChange
    from sam2_widget.live import Live


class Maker:
    """Makes masks of a live project's prompts; the worker calls it, and nobody else."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def made(self, scope: Scope, frame: int, prompts: FramePrompts) -> tuple[Mask, MaskRecord]:
        """Return the mask that prompts give: a drawn one as it is, without the model."""
        live, revision = self._live, prompts.revision
        if prompts.drawn is not None:
            mask = prompts.drawn.read(live.video.height, live.video.width)
            return mask, measure(mask, frame, "edit", revision=revision)
        engine = live.slot.ready()
        result = engine.segment(scope, frame, self._input(scope, frame, prompts))
        mask = live.options.cleaning(result.mask, *points_by_label(prompts.points))
        record = measure(
            mask,
            frame,
            "click",
            score=result.score,
            revision=revision,
            model=engine.name,
        )
        return mask, record

    def inputs(self, scope: Scope) -> Mapping[int, FrameInput]:
        """Return what the model is given for each prompted frame of a scope."""
        prompted = self._live.annotations.of(scope)
        return {f: self._input(scope, f, prompts) for f, prompts in prompted.items()}

    def was_tracked(self, scope: Scope, frame: int) -> bool:
        """Tell whether the frame had a tracked mask before its first prompt."""
        before = self._live.annotations.at(scope, frame)
        if before is not None:
            return before.corrects
        record = self._live.masks.record(scope, frame)
        return record is not None and record.source in ("track", "import")

    def refines_saved(self, scope: Scope, frame: int) -> bool:
        """Tell whether a correction refines the mask that is saved: what was there is not known."""
        return self._first_correction(scope, frame) is None

    def _input(self, scope: Scope, frame: int, prompts: FramePrompts) -> FrameInput:
        if not prompts.corrects:
            return FrameInput(prompts)
        first = self._first_correction(scope, frame)
        if first is not None:
            return FrameInput(prompts, self._kept(first))
        if prompts.mask is not None:
            # Drawn before the project was opened: all that came later refines what was drawn.
            return FrameInput(prompts)
        live = self._live
        record = live.masks.record(scope, frame)
        saved = Neighbour(
            frame, record.run if record else "", lambda: live.masks.read(scope, frame)
        )
        # Without prompts the mask shows none, whatever there was when the engine was opened.
        here = live.annotations.at(scope, frame) is not None
        shown = live.slot.shown.get((scope, frame)) if here else None
        # What was corrected before the engine was opened is in the saved mask already.
        included = len(shown) if shown and _begins_with(prompts, shown) else 0
        return FrameInput(prompts, saved, included)

    def _first_correction(self, scope: Scope, frame: int) -> FrameChange | None:
        """Return the change that gave a tracked frame its first prompt, if undo still knows it."""
        if self._live.annotations.at(scope, frame) is None:
            return None
        for change in self._live.history.latest(scope, frame):
            prompts = change.before.prompts
            if change.loaded or (prompts and not prompts.corrects):
                # Of a file, or in the place of prompts on which nothing was tracked.
                return None
            if not prompts:
                return change if change.before.record is not None else None
        return None

    def _kept(self, change: FrameChange) -> Neighbour:
        """Return the mask that a correction replaced."""
        video, before = self._live.video, change.before

        def load() -> Mask:
            mask = bits.from_png(before.png.read_bytes(), video.height, video.width)
            return np.zeros((video.height, video.width), dtype=bool) if mask is None else mask

        return Neighbour(change.frame, before.record.run if before.record else "", load)


def _begins_with(prompts: FramePrompts, start: FramePrompts) -> bool:
    return prompts.box == start.box and prompts.points[: len(start.points)] == start.points
