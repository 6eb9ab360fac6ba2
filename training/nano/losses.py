"""What training minimises: masks, the model's own estimate of them, and presence."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

_BEST, _PICKED, _MEAN = 0.45, 0.4, 0.15
"""Weights of the best of several masks, of the one that the model picks by its estimate, of all."""
_ESTIMATE = 5.0


@dataclass(frozen=True)
class Loss:
    """The loss to minimise; for the log, the overlap (N,) of the mask that the model picked.

    Objects that are not in the frame have no overlap: NaN.
    """

    value: torch.Tensor
    overlap: torch.Tensor


def mask_loss(
    logits: torch.Tensor,
    target: torch.Tensor,
    estimate: torch.Tensor,
    presence: torch.Tensor,
    balance: float = 0.0,
) -> Loss:
    """Return the loss of M masks for each of N objects.

    Parameters
    ----------
    logits
        (N, M, L, L).
    target
        (N, L, L) float, the share of each cell that is covered.
    estimate
        (N, M): the overlap that the model expects of each mask.
    presence
        (N, 1) logits of the object being in the frame.
    balance
        From 0 to 1: weight of a cross entropy in which the object's cells count as much as all
        others. It leads a fresh model away from predicting nothing; later it blurs edges.
    """
    there = (target > 0.5).flatten(1).any(1).float()
    logits = logits.float().clamp(-40, 40)
    goal = target[:, None].expand_as(logits)
    entropy = functional.binary_cross_entropy_with_logits(logits, goal, reduction="none").flatten(2)
    chance, covered = logits.sigmoid().flatten(2), goal.flatten(2)
    both = (chance * covered).sum(2)
    dice = 1 - (2 * both + 1) / (chance.sum(2) + covered.sum(2) + 1)
    value = 5 * entropy.mean(2) + dice
    if balance > 0:
        inner = (entropy * covered).sum(2) / covered.sum(2).clamp(min=1)
        outer = (entropy * (1 - covered)).sum(2) / (1 - covered).sum(2).clamp(min=1)
        even = 2 * (0.4 * inner + 0.6 * outer) + dice
        value = (1 - balance) * value + balance * even
    with torch.no_grad():
        ours, theirs = logits.flatten(2) > 0, covered > 0.5
        union = (ours | theirs).sum(2).clamp(min=1)
        overlap = (ours & theirs).sum(2) / union
    if value.shape[1] > 1:
        picked = value.gather(1, estimate.argmax(1, keepdim=True))[:, 0]
        chosen = _BEST * value.min(1).values + _PICKED * picked + _MEAN * value.mean(1)
    else:
        chosen = value[:, 0]
    # Squared, so that what is estimated is the mean of what may be meant: the mask with the largest
    # is the best to pick. The absolute error leads to the median, which says nothing of doubt.
    wrong = _ESTIMATE * (estimate.float() - overlap).square().mean(1)
    count = there.sum().clamp(min=1)
    total = ((chosen + wrong) * there).sum() / count
    total = total + functional.binary_cross_entropy_with_logits(presence[:, 0].float(), there)
    answered = overlap.gather(1, estimate.argmax(1, keepdim=True))[:, 0]
    return Loss(total, torch.where(there > 0, answered, torch.nan))
