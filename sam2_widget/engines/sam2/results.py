"""Masks in the size of the video, brought from the device in one transfer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

if TYPE_CHECKING:
    import numpy.typing as npt

    from sam2_widget.engines.base import Mask


def bring(logits: torch.Tensor, score: torch.Tensor, size: tuple[int, int]) -> tuple[Mask, float]:
    """Return what a decoded mask is in the size of the video, and its object score.

    Parameters
    ----------
    logits : Tensor
        (1, 1, h, w) float32.
    score : Tensor
        The object score, one number of any float type.
    size : (int, int)
        Height and width of the video in pixels.

    Returns
    -------
    mask : ndarray
        (H, W) bool, True where the logit is positive.
    score : float
        A logit.
    """
    large = functional.interpolate(logits, size, mode="bilinear", align_corners=False)
    inside = large[0, 0] > 0
    if inside.device.type == "cpu":
        mask: Mask = inside.numpy()
        return mask, float(score.reshape(-1)[0])
    return unpack(pack(inside, score).cpu().numpy(), size)


def pack(inside: torch.Tensor, score: torch.Tensor) -> torch.Tensor:
    """Return a mask and its score as bytes on their device: four of the score, then the pixels.

    Parameters
    ----------
    inside : Tensor
        (H, W) bool.
    score : Tensor
        One number; float32 holds whatever the model computes in.
    """
    bits = inside.flatten().to(torch.uint8)
    bits = functional.pad(bits, (0, -len(bits) % 8)).view(-1, 8)
    places = torch.arange(7, -1, -1, dtype=torch.uint8, device=bits.device)
    packed = (bits << places).sum(dim=1, dtype=torch.uint8)
    return torch.cat([score.reshape(-1)[:1].float().view(torch.uint8), packed])


def unpack(data: npt.NDArray[np.uint8], size: tuple[int, int]) -> tuple[Mask, float]:
    """Return the mask (H, W) and the score that `pack` made bytes of."""
    height, width = size
    bits = np.unpackbits(data[4:], count=height * width)
    return bits.view(bool).reshape(height, width), float(data[:4].view(np.float32)[0])
