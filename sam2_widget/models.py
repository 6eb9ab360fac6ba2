"""The models there are: lists, finds and downloads them. Imports no torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sam2_widget import finding
from sam2_widget.catalogue import CATALOGUE, OFFICIAL
from sam2_widget.errors import ModelError
from sam2_widget.fetching import fetch
from sam2_widget.finding import NANO_NOTE, ModelSpec, nano, resolve
from sam2_widget.listing import ModelInfo, ModelList
from sam2_widget.listing import list_models as list
from sam2_widget.model_names import known_names, official_name
from sam2_widget.progressline import ProgressLine

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

__all__ = [
    "NANO_NOTE",
    "OFFICIAL",
    "ModelInfo",
    "ModelList",
    "ModelSpec",
    "download",
    "list",
    "nano",
    "path",
    "resolve",
]


def path(name: str) -> Path:
    """Return where the checkpoint of a model lies.

    Parameters
    ----------
    name : str
        A name that `list` tells.

    Raises
    ------
    ModelError
        If it is not on this machine, saying how to download it, or not known.
    """
    if name == "auto":
        raise ModelError("'auto' is no model but the choice of one; give a name of models.list().")
    return resolve(name)[0].checkpoint


def download(
    name: str,
    *,
    folder: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    cancel: threading.Event | None = None,
) -> Path:
    """Return where an official checkpoint lies, downloading it if it is not there.

    It is verified by size and SHA-256 and gets its name in one step. What breaks, is cancelled or
    interrupted is kept in ``<file>.part``, and another call goes on from there. Proxies are taken
    from the variables ``https_proxy`` and ``no_proxy``.

    Parameters
    ----------
    name : str
        An official name such as ``"sam2.1_hiera_small"``.
    folder : str or Path, optional
        Where to; by default ``SAM2_WIDGET_CHECKPOINTS``, else the user's cache folder. Without it a
        checkpoint that is found anywhere is not downloaded again.
    progress : callable, optional
        Called with (bytes there, bytes in all). By default a line in the notebook or the terminal.
    cancel : threading.Event, optional
        Ends the download soon after it is set.

    Raises
    ------
    ModelError
        If there is no such model.
    DownloadError
        If it was not downloaded; the message says why, what to do, and what is kept.
    """
    name = official_name(name)
    if name == "nano":
        return nano().checkpoint
    if name not in CATALOGUE:
        names = known_names(name, [*CATALOGUE])
        raise ModelError(f"There is no model {name!r:.60} to download; {names}.")
    entry = CATALOGUE[name]
    target = finding.download_folder()
    if folder is not None:
        target = Path(folder)
    else:
        found = finding.find(entry.file)
        if found is not None:
            target = found.parent
    if progress is not None:
        return fetch(entry, target, progress, cancel)
    with ProgressLine(entry.file) as line:
        return fetch(entry, target, line, cancel)
