"""Finds the config of a checkpoint by the shapes of its tensors."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from sam2_widget.catalogue import OFFICIAL
from sam2_widget.engines.sam2.loading import build_model, find_config
from sam2_widget.engines.sam2.weights import Shape, differences, first_five, read_shapes
from sam2_widget.errors import ModelError
from sam2_widget.finding import nano


def infer_config(checkpoint: Path) -> tuple[str, str]:
    """Return the config whose model has the tensors of a checkpoint.

    Compared are the yaml files in ``./configs``, nano's, and those that sam2 ships, in this order.
    SAM 2 and SAM 2.1 differ by ``no_obj_embed_spatial`` and ``obj_ptr_tpos_proj``; settings that
    change no tensor, such as ``image_size``, cannot be told from the weights.

    Parameters
    ----------
    checkpoint : Path
        ``.safetensors`` or ``.pt``; only shapes are read.

    Returns
    -------
    config : str
        The first that fits.
    note : str
        A line for the user where several fit, else empty.

    Raises
    ------
    ModelError
        If the file cannot be read, or none fits: it names the closest, and where they differ.
    """
    theirs = read_shapes(checkpoint)
    fitting = []
    closest: tuple[list[str], str] | None = None
    for content, config in _candidates().items():
        try:
            wrong = differences(_shapes_of(config, content), theirs)
        except ModelError:
            # A yaml of the user's that describes no model, or not this kind.
            continue
        if not wrong:
            fitting.append(config)
        if closest is None or len(wrong) < len(closest[0]):
            closest = wrong, config
    assert closest is not None
    if not fitting:
        raise ModelError(
            f"The checkpoint {checkpoint} fits no known model config; the closest, {closest[1]}, "
            f"differs ({first_five(closest[0])}): give config=, the yaml it was trained with."
        )
    note = ""
    if len(fitting) > 1:
        note = (
            f"{checkpoint.name} fits {' and '.join(fitting)} alike, and {fitting[0]} was taken; "
            "config= chooses another."
        )
    return fitting[0], note


def model_shapes(config: str) -> dict[str, Shape]:
    """Return the shapes of the tensors of the model that a config describes, by name.

    The model is built on PyTorch's meta device, where tensors have shapes and no numbers.

    Raises
    ------
    ModelError
        As `build_model`.
    """
    with torch.device("meta"), _NumbersOnCpu():
        model = build_model(config)
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


class _NumbersOnCpu(TorchFunctionMode):
    """Keeps ``linspace`` off the meta device: sam2 reads its rates of stochastic depth from it."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = dict(kwargs or {})
        if func is torch.linspace:
            given.setdefault("device", "cpu")
        return func(*args, **given)


def _candidates() -> dict[bytes, str]:
    """Return the configs to compare by what is in them; of several equal files the first."""
    found: dict[bytes, str] = {}
    own = [str(path) for path in sorted(Path("configs").glob("*.yaml"))]
    for config in (*own, nano().config, *OFFICIAL.values()):
        try:
            found.setdefault(find_config(config).read_bytes(), config)
        except (ModelError, OSError):
            continue
    return found


@functools.lru_cache(maxsize=64)
def _shapes_of(config: str, content: bytes) -> dict[str, Shape]:
    """Return `model_shapes` of a config whose file holds `content`; building all takes a second."""
    return model_shapes(config)
