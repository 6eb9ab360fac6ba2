"""What models there are, as a list that prints as a table."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sam2_widget import finding
from sam2_widget.catalogue import CATALOGUE
from sam2_widget.room import amount

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that is known.

    Attributes
    ----------
    name : str
        What `Session`, `Annotator` and `download` take.
    file : str
        Name of its checkpoint.
    size : int
        Bytes of the checkpoint.
    sha256 : str or None
        Published hash; None for weights that nobody publishes.
    path : Path or None
        Where it lies; None if it has to be downloaded.
    config : str
        Name or path of its yaml file; empty where the weights tell.
    description : str
        Parameters, speed and quality in plain words.
    """

    name: str
    file: str
    size: int
    sha256: str | None
    path: Path | None
    config: str
    description: str


class ModelList(list[ModelInfo]):
    """A list of `ModelInfo` that prints as a table, also in a notebook."""

    def __repr__(self) -> str:
        rows = self._rows()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = (
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head, *rows = [[html.escape(cell) for cell in row] for row in self._rows()]
        style = "style='text-align:left'"
        return (
            f"<table><tr>{''.join(f'<th {style}>{cell}</th>' for cell in head)}</tr>"
            + "".join(
                f"<tr>{''.join(f'<td {style}>{cell}</td>' for cell in row)}</tr>" for row in rows
            )
            + "</table>"
        )

    def _rows(self) -> list[tuple[str, ...]]:
        head = ("name", "size", "on disk", "what it is")
        return [
            head,
            *(
                (info.name, amount(info.size), str(info.path or "no"), info.description)
                for info in self
            ),
        ]


def list_models() -> ModelList:
    """Return the models that are known: official ones, nano, and weights of your own.

    Returns
    -------
    ModelList
        A list of `ModelInfo` that prints as a table; SAM 2.1 first, the largest first.
    """
    found = ModelList(
        ModelInfo(
            entry.name,
            entry.file,
            entry.size,
            entry.sha256,
            finding.find(entry.file),
            entry.config,
            entry.description,
        )
        for entry in CATALOGUE.values()
    )
    packaged = finding.nano()
    words = "4 million parameters; built in, for a first look and for drawn shapes"
    found.append(_unpublished(packaged.name, packaged.checkpoint, packaged.config, words))
    for path in finding.own_weights():
        (spec,) = finding.resolve(path)
        found.append(_unpublished(path.stem, path, spec.config, "weights of your own"))
    return found


def _unpublished(name: str, path: Path, config: str, description: str) -> ModelInfo:
    return ModelInfo(name, path.name, path.stat().st_size, None, path, config, description)
