"""What upstream's predictor gives after any sequence of clicks, corrections and tracks of a scope.

All numbers are made by ``SAM2VideoPredictor``; the oracle only decides what each of its inference
states holds, one for each scope and direction, as the meaning of prompts and passes has it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from tests.reference import Array, Masks, Reference, Upstream

if TYPE_CHECKING:
    from collections.abc import Iterable

Output = dict[str, Any]
Step = tuple[int, bool]
"""A frame and whether it is tracked backward."""
REACH = 15
"""Frames whose memory upstream reads at most."""


@dataclass(frozen=True)
class Prompts:
    """The prompts of a frame: a box or a drawn mask, if any, then points."""

    points: tuple[tuple[float, float, int], ...] = ()
    box: tuple[float, float, float, float] | None = None
    drawn: Array | None = None

    @property
    def content(self) -> tuple[Any, ...]:
        """What two equal ones have in common."""
        return self.points, self.box, None if self.drawn is None else self.drawn.tobytes()


@dataclass(frozen=True)
class Base:
    """A tracked frame as it was before its first prompt, and what upstream's state held then."""

    output: Output
    reverse: bool
    cond: dict[int, Output]
    tracked: dict[int, Output]


@dataclass(frozen=True)
class Prompted:
    """A prompted frame: its prompts, what they refine, and what upstream makes of both."""

    prompts: Prompts
    base: Base | None
    output: Output
    mask: Array


@dataclass(frozen=True)
class Tracked:
    """A tracked frame: upstream's output, its direction and the prompts it was tracked from."""

    output: Output
    reverse: bool
    revision: tuple[Any, ...]


@dataclass
class Scope:
    """One scope: what upstream knows of it, and the masks that there should be."""

    upstream: Upstream
    prompted: dict[int, Prompted] = field(default_factory=dict)
    tracked: dict[int, Tracked] = field(default_factory=dict)
    read: dict[bool, dict[int, Output]] = field(default_factory=dict)
    masks: Masks = field(default_factory=dict)

    def copy(self) -> Scope:
        """Return a copy that later changes leave alone."""
        kept = {key: dict(value) for key, value in vars(self).items() if key != "upstream"}
        return Scope(self.upstream, **kept)

    def prompt(self, frame: int, prompts: Prompts) -> Array:
        """Give a frame these prompts in the place of those it had; return its mask."""
        before = self.prompted.get(frame)
        base = before.base if before is not None else self._base(frame)
        made = self._replay(frame, prompts, base)
        self.prompted[frame] = made
        self.masks[frame] = made.mask
        return made.mask

    def clear(self, frame: int) -> None:
        """Take away all prompts of a frame, and its mask with them."""
        del self.prompted[frame], self.masks[frame]
        self.tracked.pop(frame, None)

    def plan(self, frames: range, count: int, direction: str, force: bool) -> list[Step]:
        """Return the steps of a run through some of the frames of the video, in order."""
        first = min(self.prompted)
        steps: list[Step] = []
        for reverse in (False, True):
            if direction == ("forward" if reverse else "backward"):
                continue
            side = range(first) if reverse else range(first, count)
            wanted = [
                frame
                for frame in frames
                if frame in side
                and frame not in self.prompted
                and (force or not self._is_fresh(frame))
            ]
            steps += [(frame, reverse) for frame in sorted(wanted, reverse=reverse)]
        return steps

    def track(self, steps: Iterable[Step], *, force: bool) -> None:
        """Do steps of a run."""
        steps = list(steps)
        cond = {frame: made.output for frame, made in sorted(self.prompted.items())}
        for reverse in (False, True):
            frames = [frame for frame, back in steps if back == reverse]
            if not frames:
                continue
            self.read[reverse] = cond
            fresh = {
                f: tracked.output
                for f, tracked in self.tracked.items()
                if self._is_fresh(f) and tracked.reverse == reverse
            }
            if force:
                fresh = {f: out for f, out in fresh.items() if f not in frames}
            for frame in frames:
                near = {f: out for f, out in fresh.items() if abs(f - frame) <= REACH}
                state = self._state(cond, near)
                fresh[frame], mask = self._track(state, frame, reverse)
                self.tracked[frame] = Tracked(fresh[frame], reverse, self._revision)
                self.masks[frame] = mask

    @property
    def _revision(self) -> tuple[Any, ...]:
        return tuple(
            (frame, made.base is not None, made.prompts.content)
            for frame, made in sorted(self.prompted.items())
        )

    def _is_fresh(self, frame: int) -> bool:
        tracked = self.tracked.get(frame)
        hidden = frame in self.prompted
        return tracked is not None and not hidden and tracked.revision == self._revision

    def _base(self, frame: int) -> Base | None:
        tracked = self.tracked.get(frame)
        if tracked is None:
            return None
        same_way = {
            f: t.output
            for f, t in self.tracked.items()
            if t.reverse == tracked.reverse and abs(f - frame) <= REACH
        }
        read = self.read[tracked.reverse]
        cond = {f: out for f, out in read.items() if f != frame}
        others = {f: out for f, out in same_way.items() if f not in cond}
        return Base(tracked.output, tracked.reverse, cond, others)

    def _replay(self, frame: int, prompts: Prompts, base: Base | None) -> Prompted:
        reference = Reference(self.upstream)
        if base is not None:
            reference.state = self._state(base.cond, {**base.tracked, frame: base.output})
            reference.state["frames_tracked_per_obj"][0][frame] = {"reverse": base.reverse}
        mask = prompts.drawn
        if prompts.drawn is not None:
            reference.draw(frame, prompts.drawn)
        if prompts.points or prompts.box is not None:
            mask = reference.click(frame, list(prompts.points), prompts.box)
        assert mask is not None
        reference.predictor.propagate_in_video_preflight(reference.state)
        outputs = reference.state["output_dict_per_obj"][0]
        return Prompted(prompts, base, outputs["cond_frame_outputs"][frame], mask)

    def _state(self, cond: dict[int, Output], tracked: dict[int, Output]) -> dict[str, Any]:
        """Return a fresh state of upstream's that holds these outputs."""
        state = self.upstream.state()
        self.upstream.predictor._obj_id_to_idx(state, 1)
        outputs = state["output_dict_per_obj"][0]
        outputs["cond_frame_outputs"].update(cond)
        outputs["non_cond_frame_outputs"].update(tracked)
        return state

    def _track(self, state: dict[str, Any], frame: int, reverse: bool) -> tuple[Output, Array]:
        """Do what upstream's ``propagate_in_video`` does on one frame."""
        predictor = self.upstream.predictor
        with torch.inference_mode():
            output, masks = predictor._run_single_frame_inference(
                inference_state=state,
                output_dict=state["output_dict_per_obj"][0],
                frame_idx=frame,
                batch_size=1,
                is_init_cond_frame=False,
                point_inputs=None,
                mask_inputs=None,
                reverse=reverse,
                run_mem_encoder=True,
            )
            _, large = predictor._get_orig_video_res_output(state, masks)
        return output, np.asarray(large[0, 0] > 0)


def with_point(prompts: Prompts, x: float, y: float, label: int) -> Prompts:
    """Return the prompts with one point more."""
    return replace(prompts, points=(*prompts.points, (x, y, label)))
