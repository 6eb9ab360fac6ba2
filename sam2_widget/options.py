"""The arguments of a session that all sessions on one project share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sam2_widget.cleaning import NOTHING, Cleaning

if TYPE_CHECKING:
    from sam2_widget.engines.base import BatchObjects


@dataclass(frozen=True, slots=True)
class Options:
    """The arguments that a second session on the same project must share.

    Of `feature_bytes` and `feature_disk_bytes` those of the session count that has the engine made.
    """

    frame_step: int
    max_side: int | None
    device: str
    feature_bytes: int | None = None
    feature_disk_bytes: int = 0
    cleaning: Cleaning = NOTHING
    precision: str = "auto"
    compile: bool = False
    batch_objects: BatchObjects = "auto"
