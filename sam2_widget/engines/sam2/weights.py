"""Reads the tensors of a checkpoint, or their shapes alone; runs no code and trusts no size."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file

from sam2_widget.errors import ModelError
from sam2_widget.room import amount

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_BYTES = 8_000_000_000
"""Bytes of the largest checkpoint that is read; SAM 2.1 large has 0.9 GB."""
MAX_HEADER = 16_000_000
"""Bytes of the largest header of a safetensors file that is read; 903 tensors take 0.1 MB."""

Shape = tuple[int, ...]


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a ``.safetensors`` or ``.pt`` file by name.

    Raises
    ------
    ModelError
        If it cannot be read, holds no weights, or is too large to be any.
    """
    try:
        _check_size(path)
        if path.suffix == ".safetensors":
            return load_file(path)
        return _state(torch.load(path, map_location="cpu", weights_only=True), path)
    except ModelError:
        raise
    except Exception as error:  # torch, zip, pickle and safetensors each raise their own
        raise _unreadable(path, error) from error


def read_shapes(path: Path) -> dict[str, Shape]:
    """Return the shapes of the tensors of a file by name, without loading their numbers.

    Raises
    ------
    ModelError
        As `read_weights`.
    """
    try:
        _check_size(path)
        if path.suffix == ".safetensors":
            return _header(path)
        # Only the newer format, a zip file, can stay on the disk.
        content = torch.load(
            path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path)
        )
        return {name: tuple(tensor.shape) for name, tensor in _state(content, path).items()}
    except ModelError:
        raise
    except Exception as error:  # as above
        raise _unreadable(path, error) from error


def differences(ours: Mapping[str, Shape], theirs: Mapping[str, Shape]) -> list[str]:
    """Return in words how the tensors of a config and of a file differ, by name."""
    return [
        f"{name}: {_words(theirs.get(name))} in the file, {_words(ours.get(name))} in the config"
        for name in sorted(ours.keys() | theirs.keys())
        if ours.get(name) != theirs.get(name)
    ]


def first_five(wrong: list[str]) -> str:
    """Return the first five of many differences, and how many there are more."""
    more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
    return "; ".join(wrong[:5]) + more


def _check_size(path: Path) -> None:
    """Refuse a file that would fill the memory by the sizes it has or claims."""
    size = path.stat().st_size
    if size <= MAX_BYTES and path.suffix != ".safetensors" and zipfile.is_zipfile(path):
        # Packed, its parts could grow a thousandfold.
        with zipfile.ZipFile(path) as archive:
            size = max(size, sum(part.file_size for part in archive.infolist()))
    if size > MAX_BYTES:
        raise ModelError(
            f"The checkpoint {path} has {amount(size)}, more than any SAM 2 model; "
            "give the file of the weights alone."
        )
    if path.suffix == ".safetensors" and size - 8 >= _header_size(path) > MAX_HEADER:
        raise ModelError(
            f"The checkpoint {path} has a header of {amount(_header_size(path))}, more than any "
            "SAM 2 model; give another file."
        )


def _header_size(path: Path) -> int:
    with path.open("rb") as file:
        return int.from_bytes(file.read(8), "little")


def _header(path: Path) -> dict[str, Shape]:
    """Return the shapes in the header of a safetensors file: its length in 8 bytes, then JSON."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > MAX_HEADER:
            raise ValueError("the header is longer than the file")
        content = json.loads(file.read(length))
    return {
        name: tuple(int(side) for side in tensor["shape"])
        for name, tensor in content.items()
        if name != "__metadata__"
    }


def _state(content: Any, path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors in what a ``.pt`` file holds: all of it, or what is under ``model``."""
    weights = content.get("model", content) if isinstance(content, dict) else None
    if (
        not isinstance(weights, dict)
        or not weights
        or not all(isinstance(v, torch.Tensor) for v in weights.values())
    ):
        raise ModelError(f"The checkpoint {path} holds no model weights; give another file.")
    return dict(weights)


def _unreadable(path: Path, error: Exception) -> ModelError:
    if isinstance(error, FileNotFoundError):
        return ModelError(f"The checkpoint {path} does not exist; check the path.")
    return ModelError(
        f"The checkpoint {path} cannot be read as PyTorch weights; "
        "download it again, or give the file that training saved."
    )


def _words(shape: Shape | None) -> str:
    return "missing" if shape is None else str(list(shape))
