"""Which model suits a machine: by its device and by the memory that is free there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sam2_widget.finding import ModelSpec

GIB = 1 << 30
LARGEST_FIRST = ("large", "base_plus", "small", "tiny")
# Free GPU memory from which on a size is taken. The float32 weights are 0.90, 0.32, 0.18 and
# 0.16 GB; a frame of 1024 x 1024 pixels on its way through the encoder takes about 3 GB for large,
# 1.5 GB for base_plus and 1 GB for the others; the rest is for what the model remembers of several
# objects and for whoever else uses the GPU. Estimates on the safe side, not limits.
NEEDED = {"large": 8 * GIB, "base_plus": 5 * GIB, "small": 3 * GIB, "tiny": 0}


def size_of(name: str) -> str:
    """Return which of the four sizes the name of a model says, empty where none."""
    return next((size for size in LARGEST_FIRST if name.endswith(f"_{size}")), "")


def suits(device: str, free: int | None) -> tuple[str, str]:
    """Return the size that suits a device, and why.

    Parameters
    ----------
    device : str
        ``"cuda"``, ``"mps"`` or ``"cpu"``.
    free : int or None
        Free bytes of the GPU's memory; None where there is none of its own.
    """
    if device == "cuda" and free is not None:
        size = next(size for size in LARGEST_FIRST if free >= NEEDED[size])
        return size, f"{free / GIB:.1f} GiB of the GPU's memory are free"
    if device == "mps":
        return "small", "an Apple GPU shares its memory with everything else"
    return "tiny", "on a CPU only the smallest answers clicks quickly"


def choose(specs: Sequence[ModelSpec], device: str, free: int | None) -> tuple[ModelSpec, str]:
    """Return the best of several models for a device, and why, as a line for the log.

    Parameters
    ----------
    specs : sequence of ModelSpec
        One, or what ``"auto"`` found, the largest first.
    device : str
        See `suits`.
    free : int or None
        See `suits`.

    Returns
    -------
    ModelSpec
        Of those found the largest that is no larger than what suits, else the smallest.
    str
        Empty where there was nothing to choose.
    """
    if len(specs) == 1:
        return specs[0], ""
    size, why = suits(device, free)
    fits = [spec for spec in specs if _rank(spec.name) >= _rank(size)]
    chosen = fits[0] if fits else specs[-1]
    return chosen, f"{chosen.name}, of {len(specs)} checkpoints found: {why}."


def _rank(name: str) -> int:
    """Return 0 for large to 3 for tiny; an unknown size counts as the smallest."""
    return LARGEST_FIRST.index(name if name in LARGEST_FIRST else size_of(name) or "tiny")
