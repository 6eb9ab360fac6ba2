"""Where the model runs and in which numbers: device, autocast and thread count."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import torch
from torch import nn

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


def pick_precision(wanted: str, device: torch.device) -> torch.dtype:
    """Return the numbers that the model computes in.

    ``"auto"`` is half precision on CUDA, as in upstream's examples: bfloat16 where the GPU has it
    (compute capability 8 and later), else float16. Elsewhere it is float32: few CPUs are quicker in
    shorter ones, and on MPS nothing else was ever tried.

    Raises
    ------
    ModelError
        If the device cannot.
    """
    able = _precisions(device)
    if wanted != "auto" and wanted not in able:
        raise ModelError(
            f"precision={wanted!r} is not for {device.type} here; give "
            f"{' or '.join(repr(each) for each in ('auto', *able))}, or another device=."
        )
    name = able[0] if wanted == "auto" else wanted
    kind: torch.dtype = getattr(torch, name)
    return kind


def _precisions(device: torch.device) -> tuple[str, ...]:
    """Return what a device computes in, the best for this model first."""
    if device.type == "cuda":
        major, _ = torch.cuda.get_device_capability(device)
        return ("bfloat16", "float16", "float32") if major >= 8 else ("float16", "float32")
    return ("float32", "bfloat16") if device.type == "cpu" else ("float32",)


def cast_weights(model: nn.Module, kind: torch.dtype) -> None:
    """Have the weights of matrix products and convolutions in the numbers they are computed in.

    Autocast makes the same of them at each call, and keeps it only until its end: for every frame
    that would be done again, in some hundred launches.
    """
    if kind != torch.float32:
        for module in model.modules():
            if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                module.to(kind)


@contextlib.contextmanager
def inference(device: torch.device, kind: torch.dtype | None = None) -> Iterator[None]:
    """Run without gradients, in the numbers that `pick_precision` gave; by default its own choice.

    What has to be exact, autocast leaves in float32.
    """
    kind = pick_precision("auto", device) if kind is None else kind
    with torch.inference_mode():
        if kind == torch.float32:
            yield
            return
        with torch.autocast(device.type, kind):
            yield


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
