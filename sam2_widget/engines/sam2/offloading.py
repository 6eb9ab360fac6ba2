"""Has what the model remembers of a scope wait in the host's memory, and not in the device's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sam2_widget.engines.sam2.memory import Output, ScopeMemory

_LARGE = ("maskmem_features", "pred_masks")
"""What is moved; an object pointer has one kilobyte, a score one number."""


def move_to_host(memory: ScopeMemory) -> None:
    """Move all large tensors of a scope to the host; on the CPU nothing is copied.

    Outputs are changed in place, since several places hold each of them.
    """
    for output in _outputs(memory):
        for name in _LARGE:
            tensor = output.get(name)
            if isinstance(tensor, torch.Tensor) and tensor.device.type != "cpu":
                output[name] = tensor.cpu()


def _outputs(memory: ScopeMemory) -> Iterator[Output]:
    yield from memory.cond.values()
    yield from memory.window.values()
    for read in memory.read.values():
        yield from read.values()
    bases = list(memory.bases.values())
    for prompted in memory.prompted.values():
        for _, output in prompted.calls:
            yield output
        if prompted.base is not None:
            bases.append(prompted.base)
    for base in bases:
        yield base.output
        if base.memory is not None:
            yield from base.memory.cond.values()
            yield from base.memory.tracked.values()
