"""Finds the config of a checkpoint by the shapes of its tensors."""

from __future__ import annotations

import functools
from pathlib import Path

from sam2_widget.catalogue import OFFICIAL
from sam2_widget.engines.sam2.configs import MAX_BYTES
from sam2_widget.engines.sam2.loading import find_config, model_shapes
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


def _candidates() -> dict[bytes, str]:
    """Return the configs to compare by what is in them; of several equal files the first."""
    found: dict[bytes, str] = {}
    own = [str(path) for path in sorted(Path("configs").glob("*.yaml"))]
    for config in (*own, nano().config, *OFFICIAL.values()):
        try:
            path = find_config(config)
            if path.stat().st_size <= MAX_BYTES:
                found.setdefault(path.read_bytes(), config)
        except (ModelError, OSError):
            continue
    return found


@functools.lru_cache(maxsize=64)
def _shapes_of(config: str, content: bytes) -> dict[str, Shape]:
    """Return `model_shapes` of a config whose file holds `content`; building all takes a second."""
    return model_shapes(config)
