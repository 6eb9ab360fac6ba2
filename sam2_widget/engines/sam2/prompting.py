"""Prompted frames: their prompts given to the model one call at a time, as upstream does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from sam2.utils.misc import concat_points
from torch.nn import functional

from sam2_widget.engines.sam2.memory import Output, Prompted

if TYPE_CHECKING:
    from sam2_widget.annotations import FramePrompts
    from sam2_widget.engines.base import FrameInput, Frames, Mask
    from sam2_widget.engines.sam2.features import FrameEncoder
    from sam2_widget.engines.sam2.propagation import Points, Propagation


class Prompting:
    """Makes outputs of prompts: clicks, boxes and masks.

    Parameters
    ----------
    frames : Frames
        The video.
    propagation, encoder
        The model.
    image_size : int
        Width and height of a frame as the model takes it.
    device : torch.device
        Where the model is.
    """

    def __init__(
        self,
        frames: Frames,
        propagation: Propagation,
        encoder: FrameEncoder,
        image_size: int,
        device: torch.device,
    ) -> None:
        self._frames = frames
        self._propagation = propagation
        self._encoder = encoder
        self._image_size = image_size
        self._device = device

    def replay(self, frame: int, given: FrameInput, before: Prompted) -> Prompted:
        """Make the calls of a frame's prompts, except those already made in the same order."""
        wanted = [call for call in _calls(given.prompts) if len(call) > given.included]
        same = 0
        for (made, _), call in zip(before.calls, wanted, strict=False):
            if made != call:
                break
            same += 1
        done = Prompted(before.base, before.calls[:same])
        for call in wanted[same:]:
            done.calls.append((call, self._call(frame, call, done)))
        return done

    def encoded(self, frame: int, output: Output) -> Output:
        """Add the memory features of a prompted frame, as upstream does before it propagates."""
        if output["maskmem_features"] is None:
            self._propagation.remember(self._encoder.get(frame), output)
        return output

    def from_mask(self, frame: int, mask: Mask, *, encode: bool = True) -> Output:
        """Do what upstream's ``add_new_mask`` does, with memory features if they are wanted."""
        size = self._image_size
        given = torch.from_numpy(mask)[None, None].float().to(self._device)
        if mask.shape != (size, size):
            given = functional.interpolate(
                given, size=(size, size), mode="bilinear", align_corners=False, antialias=True
            )
            given = (given >= 0.5).float()
        return self._propagation.from_mask(self._encoder.get(frame), given, encode=encode)

    def _call(self, frame: int, prompts: FramePrompts, done: Prompted) -> Output:
        """Do what upstream's ``add_new_mask`` or ``add_new_points_or_box`` does to one object."""
        if prompts.drawn is not None:
            drawn = prompts.drawn.read(self._frames.height, self._frames.width)
            return self.from_mask(frame, drawn, encode=False)
        base = done.base
        previous = None
        if done.calls or base is not None:
            previous = torch.clamp(done.output["pred_masks"].to(self._device), -32.0, 32.0)
        return self._propagation.from_points(
            frame,
            self._encoder.get(frame),
            self._points(prompts),
            previous,
            base.memory if base is not None else None,
        )

    def _points(self, prompts: FramePrompts) -> Points:
        box = prompts.box
        corners = [] if box is None else [(box.x0, box.y0), (box.x1, box.y1)]
        xy = torch.tensor([*corners, *((p.x, p.y) for p in prompts.points)], dtype=torch.float32)
        # SAM's own labels: 2 and 3 are the corners of a box.
        labels = [2, 3][: len(corners)] + [p.label for p in prompts.points]
        size = torch.tensor([self._frames.width, self._frames.height])
        xy = xy / size * self._image_size
        kinds = torch.tensor(labels, dtype=torch.int32)
        inputs: Points = concat_points(
            None, xy[None].to(self._device), kinds[None].to(self._device)
        )
        return inputs


def _calls(prompts: FramePrompts) -> list[FramePrompts]:
    """Return the calls of a frame: box or mask alone, then one point more each time."""
    first = 1 if prompts.box is None and prompts.mask is None else 0
    counts = range(first, len(prompts.points) + 1)
    return [replace(prompts, points=prompts.points[:n]) for n in counts]
