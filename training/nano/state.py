"""What a run needs to go on exactly where it was stopped, and how it is kept on disk."""

from __future__ import annotations

import copy
import os
from typing import TYPE_CHECKING, Any

import torch

from training.nano.optimiser import Optimiser

if TYPE_CHECKING:
    from pathlib import Path


class State:
    """A model, the slow average of its weights, its optimiser and how far it is.

    Parameters
    ----------
    model
        A ``SAM2Base`` on its device.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.average = copy.deepcopy(model).eval().requires_grad_(False)
        self.optimiser = Optimiser(model)
        self.step = 0
        self.fading_since: int | None = None
        """The step at which the learning rate began to fall, if it did."""
        self.seconds = 0.0
        """Processor time spent so far, over all runs."""

    def save(self, path: Path) -> None:
        """Write everything beside ``path`` and rename it: a kill leaves the old or the new one."""
        beside = path.with_suffix(".part")
        torch.save(
            {
                "model": self.model.state_dict(),
                "average": self.average.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "step": self.step,
                "fading_since": self.fading_since,
                "seconds": self.seconds,
            },
            beside,
        )
        os.replace(beside, path)

    def load(self, path: Path) -> None:
        """Take up what ``save`` wrote."""
        device = next(self.model.parameters()).device
        saved = torch.load(path, map_location=device, weights_only=True)
        self.model.load_state_dict(saved["model"])
        self.average.load_state_dict(saved["average"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.step = saved["step"]
        self.fading_since = saved["fading_since"]
        self.seconds = saved["seconds"]

    @torch.no_grad()
    def follow(self, slowness: float) -> None:
        """Move the average towards the model; sooner at the beginning."""
        keep = min(slowness, (self.step + 1) / (self.step + 20))
        slow, fast = list(self.average.parameters()), list(self.model.parameters())
        torch._foreach_lerp_(slow, fast, 1 - keep)  # One launch on a GPU, not 300.
