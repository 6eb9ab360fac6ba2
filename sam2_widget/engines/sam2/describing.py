"""What an engine says of itself for the record: model files, device, numbers, versions."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from sam2_widget.engines.base import BatchObjects


def describe(
    config: str,
    checkpoint: Path,
    device: torch.device,
    precision: str,
    batch_objects: BatchObjects,
    batched: bool | None,
) -> dict[str, Any]:
    """Return what was given, with device_name and versions; less `batched` while it is None."""
    known = {} if batched is None else {"batched": batched}
    return known | {
        # A project travels: where this machine keeps its files is nobody's business.
        "config": Path(config).name if Path(config).is_absolute() else config,
        "checkpoint": str(checkpoint),
        "device": str(device),
        "device_name": torch.cuda.get_device_name(device) if device.type == "cuda" else "",
        "precision": precision,
        "batch_objects": batch_objects,
        "versions": {"sam2": _version("sam2"), "torch": str(torch.__version__)},
    }


def free_memory(device: torch.device) -> int | None:
    """Return the free bytes of a CUDA device's memory, None for devices without their own."""
    if device.type != "cuda":
        return None
    free, _ = torch.cuda.mem_get_info(device)
    return int(free)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
