"""What is known of a mask without reading it: measured, and read from a line of a journal."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sam2_widget import bits

if TYPE_CHECKING:
    from collections.abc import Mapping

Mask = npt.NDArray[np.bool_]
SOURCES = ("click", "track", "edit", "import")


@dataclass(frozen=True, slots=True)
class MaskRecord:
    """What is known of a mask without reading it: one line of ``track_<region>.jsonl``.

    Attributes
    ----------
    frame_index : int
        Frame.
    source : str
        click, track, edit or import.
    run : str
        The tracking run that made it, empty for others.
    score : float or None
        The model's object score, a logit.
    area : int
        Pixels.
    bbox : tuple of int or None
        Edges (x0, y0, x1, y1) in pixels; None where the mask is empty.
    centroid : tuple of float or None
        (x, y) in pixels, pixel centres at .5; None where the mask is empty.
    revision : str
        What it was made from: `Annotations.revision` of the scope for tracked masks,
        `FramePrompts.revision` of the frame for clicked ones.
    model : str
        Name of the model.
    """

    frame_index: int
    source: str
    run: str
    score: float | None
    area: int
    bbox: tuple[int, int, int, int] | None
    centroid: tuple[float, float] | None
    revision: str
    model: str


def measure(
    mask: Mask,
    frame: int,
    source: str,
    *,
    run: str = "",
    score: float | None = None,
    revision: str = "",
    model: str = "",
) -> MaskRecord:
    """Return the record of a (H, W) bool mask."""
    box = bits.bounds(mask)
    area, centroid = 0, None
    if box is not None:
        x0, y0, x1, y1 = box
        columns, rows = bits.counts(mask[y0:y1, x0:x1])
        area = int(rows.sum())
        cx = float(columns @ (np.arange(x0, x1) + 0.5)) / area
        cy = float(rows @ (np.arange(y0, y1) + 0.5)) / area
        centroid = (round(cx, 2), round(cy, 2))
    score = None if score is None or not math.isfinite(score) else round(float(score), 4)
    return MaskRecord(frame, source, run, score, area, box, centroid, revision, model)


def remeasured(record: MaskRecord, mask: Mask) -> MaskRecord:
    """Return a record that speaks of other pixels: what made them is kept."""
    found = measure(mask, record.frame_index, record.source)
    return replace(record, area=found.area, bbox=found.bbox, centroid=found.centroid)


def parse_record(content: Mapping[str, Any], width: int, height: int) -> MaskRecord | None:
    """Return the record of a line, None where it makes no sense for masks of this size."""
    try:
        box, centroid, score = content["bbox"], content["centroid"], content["score"]
        record = MaskRecord(
            frame_index=content["frame_index"],
            source=str(content["source"]),
            run=str(content["run"]),
            score=None if score is None else float(score),
            area=int(content["area"]),
            bbox=None if box is None else (int(box[0]), int(box[1]), int(box[2]), int(box[3])),
            centroid=None if centroid is None else (float(centroid[0]), float(centroid[1])),
            revision=str(content["revision"]),
            model=str(content["model"]),
        )
    except (KeyError, TypeError, ValueError, IndexError, OverflowError):
        return None
    x, y = record.centroid or (0, 0)
    x0, y0, x1, y1 = record.bbox or (0, 0, width, height)
    sound = (
        record.source in SOURCES
        and math.isfinite(record.score or 0)
        and 0 <= record.area <= width * height
        and (record.area > 0) == (record.bbox is not None) == (record.centroid is not None)
        and 0 <= x0 < x1 <= width
        and 0 <= y0 < y1 <= height
        and 0 <= x <= width
        and 0 <= y <= height
    )
    return record if sound else None
