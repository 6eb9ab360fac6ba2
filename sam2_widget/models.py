"""The catalogue of models: which names there are, and where their files lie. Imports no torch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from sam2_widget.errors import ModelError
from sam2_widget.model_names import official_name

if TYPE_CHECKING:
    from collections.abc import Iterator

NANO_NOTE = (
    "This is nano, the small built-in preview model; for real footage put a SAM 2.1 checkpoint "
    "into the folder checkpoints (its README.md says how) and open the video again."
)
_SIZES = {"large": "l", "base_plus": "b+", "small": "s", "tiny": "t"}
# Official file name -> sam2's own config, largest first, SAM 2.1 before SAM 2.
OFFICIAL = {
    **{f"sam2.1_hiera_{n}.pt": f"configs/sam2.1/sam2.1_hiera_{s}.yaml" for n, s in _SIZES.items()},
    **{f"sam2_hiera_{n}.pt": f"configs/sam2/sam2_hiera_{s}.yaml" for n, s in _SIZES.items()},
}


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model that can be loaded.

    Attributes
    ----------
    name : str
        For the user and for the records of masks.
    config : str
        A yaml file, or the name of one that sam2 ships.
    checkpoint : Path
        Weights.
    note : str
        A line for the user, often empty.
    """

    name: str
    config: str
    checkpoint: Path
    note: str = ""


def nano(note: str = "") -> ModelSpec:
    """Return the model that ships with the package."""
    folder = Path(str(files("sam2_widget") / "nano"))
    return ModelSpec("nano", str(folder / "nano.yaml"), folder / "nano.safetensors", note)


def resolve(model: str | Path, config: str | Path | None = None) -> list[ModelSpec]:
    """Return the models that a name or a path may mean, the largest first.

    Parameters
    ----------
    model : str or Path
        ``"auto"`` (SAM 2.1 checkpoints found in ``./checkpoints`` or the user's cache, else nano),
        ``"nano"``, an official name such as ``"sam2.1_hiera_small"``, or a path to weights.
    config : str or Path, optional
        Model config of a path; the official file names need none.

    Returns
    -------
    list of ModelSpec
        One, or for ``"auto"`` every checkpoint found.

    Raises
    ------
    ModelError
        If there is no such model or its config is not known.
    """
    if model == "auto":
        return list(_found("sam2.1_")) or [nano(NANO_NOTE)]
    if model == "nano":
        return [nano()]
    name = f"{official_name(str(model))}.pt"
    if name in OFFICIAL:
        for spec in _found(name):
            return [spec]
        raise ModelError(
            f"The checkpoint {name} is neither in {_folders()[0]} nor in the user's cache; "
            "checkpoints/README.md says where to get it."
        )
    return [_from_path(Path(model).expanduser(), config)]


def _from_path(path: Path, config: str | Path | None) -> ModelSpec:
    if path.suffix not in (".pt", ".pth", ".safetensors"):
        known = ["auto", "nano", *(Path(name).stem for name in OFFICIAL)]
        raise ModelError(
            f"There is no model {str(path)!r}; give one of {', '.join(known)}, "
            "or the path of a .pt or .safetensors file with config=."
        )
    if not path.is_file():
        raise ModelError(f"The checkpoint {path} does not exist; check the path.")
    chosen = config or OFFICIAL.get(path.name)
    if chosen is None:
        raise ModelError(
            f"The model config of {path.name} is not known; give it, for example "
            "config='configs/sam2.1/sam2.1_hiera_l.yaml'."
        )
    return ModelSpec(path.stem, str(chosen), path)


def _found(start: str) -> Iterator[ModelSpec]:
    for name, config in OFFICIAL.items():
        if name.startswith(start):
            paths = (folder / name for folder in _folders())
            path = next((path for path in paths if path.is_file()), None)
            if path is not None:
                yield ModelSpec(path.stem, config, path)


def _folders() -> list[Path]:
    """Where checkpoints are looked for, in this order."""
    cache = Path(platformdirs.user_cache_dir("sam2-widget")) / "checkpoints"
    given = os.environ.get("SAM2_WIDGET_CHECKPOINTS")
    return [*([Path(given)] if given else []), Path("checkpoints"), cache]
