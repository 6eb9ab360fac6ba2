"""Where the model runs and in which numbers: device, autocast and thread count."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import torch

from sam2_widget.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator


def pick_device(wanted: str) -> torch.device:
    """Return the device to use; ``"auto"`` is CUDA, else Apple's MPS, else the CPU.

    Raises
    ------
    ModelError
        If the device is unknown or not there.
    """
    if wanted == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(wanted)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ModelError(
            f"The device {wanted!r} cannot be used here; give device='cpu' or device='auto'."
        ) from error
    return device


@contextlib.contextmanager
def inference(device: torch.device) -> Iterator[None]:
    """Run without gradients, on CUDA in half precision as upstream's examples do.

    bfloat16 where the GPU has it (compute capability 8 and later), else float16; elsewhere float32.
    """
    with torch.inference_mode():
        if device.type != "cuda":
            yield
            return
        major, _ = torch.cuda.get_device_capability(device)
        with torch.autocast("cuda", torch.bfloat16 if major >= 8 else torch.float16):
            yield


def precision_of(device: torch.device) -> str:
    """Return the numbers that `inference` computes in on a device, for the record."""
    if device.type != "cuda":
        return "float32"
    major, _ = torch.cuda.get_device_capability(device)
    return "bfloat16" if major >= 8 else "float16"


def limit_threads(device: torch.device) -> None:
    """Leave a core to the kernel, the browser and the video decoder.

    OpenMP threads spin at barriers: one busy neighbour on a core makes every frame wait for it.
    ``OMP_NUM_THREADS`` or ``torch.set_num_threads`` by the user win.
    """
    cores = count_cores()
    if "OMP_NUM_THREADS" in os.environ or torch.get_num_threads() < cores:
        return
    torch.set_num_threads(max(1, cores - 1) if device.type == "cpu" else 1)


def count_cores() -> int:
    """Return how many cores this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return cores or 1
