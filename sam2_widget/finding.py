"""Finds what a name of a model means: its checkpoint and its config, where they lie."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from sam2_widget.catalogue import CATALOGUE, OFFICIAL
from sam2_widget.errors import ModelError
from sam2_widget.model_names import known_names, official_name

if TYPE_CHECKING:
    from collections.abc import Iterator

NANO_NOTE = (
    "This is nano, the small built-in preview model; real footage needs a SAM 2.1 checkpoint: get "
    "one here, or in Python with sw.models.download; sw.models.list() names them."
)
SUFFIXES = (".pt", ".pth", ".safetensors")
"""Of files that hold weights."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model that can be loaded.

    Attributes
    ----------
    name : str
        For the user and for the records of masks.
    config : str
        A yaml file, or the name of one that sam2 ships; empty where the weights have to tell.
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
        ``"auto"`` (the SAM 2.1 checkpoints that are found, else nano), ``"nano"``, an official name
        such as ``"sam2.1_hiera_small"``, the name of weights of one's own in a folder of
        checkpoints, or a path to weights.
    config : str or Path, optional
        Model config of weights of one's own. Without it that is ``configs/<name>.yaml`` where there
        is one, else the one that fits the weights.

    Returns
    -------
    list of ModelSpec
        One, or for ``"auto"`` every checkpoint found.

    Raises
    ------
    ModelError
        If there is no such model.
    """
    if model == "auto":
        return list(_found("sam2.1_")) or [nano(NANO_NOTE)]
    if model == "nano":
        return [nano()]
    name = official_name(str(model))
    if name in CATALOGUE:
        return [ModelSpec(name, CATALOGUE[name].config, official(name))]
    return [_own(Path(model).expanduser(), config)]


def official(name: str) -> Path:
    """Return where an official checkpoint lies.

    Raises
    ------
    ModelError
        If it is in none of the folders.
    """
    found = find(CATALOGUE[name].file)
    if found is None:
        places = " nor in ".join(str(folder) for folder in folders())
        raise ModelError(
            f"The checkpoint {CATALOGUE[name].file} is neither in {places}; "
            f"sw.models.download({name!r}) or `sam2-widget download {name}` gets it."
        )
    return found


def folders() -> list[Path]:
    """Return where checkpoints are looked for, in this order."""
    given = os.environ.get("SAM2_WIDGET_CHECKPOINTS")
    named = [Path(given).expanduser()] if given else []
    # Absolute: a notebook that goes to another folder still has its model.
    return [folder.absolute() for folder in (*named, Path("checkpoints"), _cache())]


def download_folder() -> Path:
    """Return where checkpoints are downloaded to unless the caller says: all projects share it."""
    given = os.environ.get("SAM2_WIDGET_CHECKPOINTS")
    return (Path(given).expanduser() if given else _cache()).absolute()


def find(file: str) -> Path | None:
    """Return the first file of this name in the folders."""
    paths = (folder / file for folder in folders())
    return next((path for path in paths if path.is_file()), None)


def own_weights() -> list[Path]:
    """Return the weights in the folders that no official checkpoint's name has, sorted."""
    found: dict[str, Path] = {}
    for folder in folders():
        try:
            paths = sorted(folder.iterdir())
        except OSError:
            continue
        for path in paths:
            # A name that means another model can only be given as a path.
            taken = path.name in OFFICIAL or path.stem in CATALOGUE or path.stem == "nano"
            if path.suffix in SUFFIXES and not taken and path.is_file():
                found.setdefault(path.stem, path)
    return list(found.values())


def _own(given: Path, config: str | Path | None) -> ModelSpec:
    path = given
    if not given.is_file() and len(given.parts) == 1:
        names = [given.name] if given.suffix in SUFFIXES else [f"{given}{s}" for s in SUFFIXES]
        path = next((found for found in map(find, names) if found), given)
    if path.name in OFFICIAL and len(path.parts) == 1 and not path.is_file():
        path = official(path.stem)
    if path.suffix not in SUFFIXES:
        known = ["auto", "nano", *CATALOGUE, *(path.stem for path in own_weights())]
        raise ModelError(
            f"There is no model {str(given)!r:.200}; {known_names(str(given), known)}, or the path "
            "of a .pt or .safetensors file."
        )
    if not path.is_file():
        raise ModelError(f"The checkpoint {path} does not exist; check the path.")
    beside = Path("configs") / f"{path.stem}.yaml"
    chosen = str(config or OFFICIAL.get(path.name) or (beside if beside.is_file() else ""))
    if chosen and Path(chosen).is_file():
        chosen = str(Path(chosen).absolute())
    return ModelSpec(path.stem, chosen, path.absolute())


def _found(start: str) -> Iterator[ModelSpec]:
    for entry in CATALOGUE.values():
        if entry.name.startswith(start):
            path = find(entry.file)
            if path is not None:
                yield ModelSpec(entry.name, entry.config, path)


def _cache() -> Path:
    return Path(platformdirs.user_cache_dir("sam2-widget")) / "checkpoints"
