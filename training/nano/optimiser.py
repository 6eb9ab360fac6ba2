"""The optimiser: Muon for matrices inside the model, AdamW for all else."""

from __future__ import annotations

from typing import Any

import torch

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
        # Steps as large as AdamW's, so that one rate suits both.
        muon = torch.optim.Muon(
            matrices, weight_decay=_DECAY, momentum=0.95, adjust_lr_fn="match_rms_adamw"
        )
        adam = torch.optim.AdamW(groups, betas=(0.9, 0.98), fused=kernels[0].is_cuda)
        self._all = muon, adam

    def set_rate(self, rate: float) -> None:
        """Set the learning rate of all parameters."""
        for optimiser in self._all:
            for group in optimiser.param_groups:
                group["lr"] = rate

    def clear(self) -> None:
        """Drop all gradients."""
        for optimiser in self._all:
            optimiser.zero_grad(set_to_none=True)

    def step(self) -> None:
        """Move the parameters."""
        for optimiser in self._all:
            optimiser.step()  # type: ignore[no-untyped-call]

    def state_dict(self) -> list[dict[str, Any]]:
        """Return what both remember."""
        return [optimiser.state_dict() for optimiser in self._all]

    def load_state_dict(self, saved: list[dict[str, Any]]) -> None:
        """Take up what ``state_dict`` returned."""
        for optimiser, state in zip(self._all, saved, strict=True):
            optimiser.load_state_dict(state)
