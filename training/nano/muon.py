"""Muon for many matrices at once: those of one shape are a stack, as a GPU waits for launches."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable

_STEPS = (3.4445, -4.7750, 2.0315)
"""Of the iteration that makes a matrix orthogonal (Jordan et al. 2024)."""
_MOMENTUM = 0.95


class Muon:
    """The very steps of ``torch.optim.Muon`` as ``match_rms_adamw``, in a tenth of the launches.

    Parameters
    ----------
    matrices
        What it moves.
    weight_decay
        Share of the rate by which they shrink at each step.
    """

    def __init__(self, matrices: Iterable[torch.nn.Parameter], weight_decay: float) -> None:
        stacks: defaultdict[torch.Size, list[torch.nn.Parameter]] = defaultdict(list)
        for matrix in matrices:
            stacks[matrix.shape].append(matrix)
        self._stacks = list(stacks.values())
        self._buffers = [
            torch.stack([torch.zeros_like(matrix) for matrix in stack]) for stack in self._stacks
        ]
        self._decay = weight_decay
        self.rate = 0.0

    @torch.no_grad()
    def step(self) -> None:
        """Move them; those without a gradient are taken to have one of zeros."""
        for stack, buffer in zip(self._stacks, self._buffers, strict=True):
            grads = torch.stack([torch.zeros_like(m) if m.grad is None else m.grad for m in stack])
            buffer.lerp_(grads, 1 - _MOMENTUM)
            moves = _orthogonal(grads.lerp(buffer, _MOMENTUM)).to(buffer.dtype)
            size = 0.2 * float(max(buffer.shape[1:])) ** 0.5  # Liu et al. 2025: as long as AdamW's.
            here: list[torch.Tensor] = [*stack]
            torch._foreach_mul_(here, 1 - self.rate * self._decay)
            torch._foreach_add_(here, list(moves.unbind()), alpha=-self.rate * size)

    def state_dict(self) -> dict[str, Any]:
        """Return what it remembers."""
        return {"buffers": self._buffers}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Take up what ``state_dict`` returned."""
        for buffer, known in zip(self._buffers, saved["buffers"], strict=True):
            buffer.copy_(known)


def _orthogonal(stack: torch.Tensor) -> torch.Tensor:
    """Return matrices (N, rows, columns) with all singular values brought near to 1."""
    a, b, c = _STEPS
    x = stack.bfloat16()
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.mT
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(5):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x
