"""Draws overlays of evaluated clips: outlines by hand in white, the model's masks in colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from sam2_widget.palette import OKABE_ITO

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from training.nano.heldout import HeldOut

_WIDTH = 480


def draw(clip: HeldOut, tracks: dict[str, list[npt.NDArray[np.bool_]]], path: Path) -> None:
    """Write a sheet: a row for each object, a column for each frame that has an outline."""
    rows = []
    for number, target in enumerate(clip.targets):
        colour = OKABE_ITO[number % len(OKABE_ITO)]
        row = []
        for place, index in enumerate(sorted(target.masks)):
            picture = clip.frames[index].astype(np.float32)
            mask = tracks[target.name][place]
            picture[mask] = 0.45 * picture[mask] + 0.55 * np.array(_rgb(colour))
            shown = np.ascontiguousarray(picture.astype(np.uint8))
            true = target.masks[index].astype(np.uint8)
            edges, _ = cv2.findContours(true, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(shown, edges, -1, (255, 255, 255), 2, cv2.LINE_AA)
            high = round(_WIDTH * shown.shape[0] / shown.shape[1])
            small = cv2.resize(shown, (_WIDTH, high), interpolation=cv2.INTER_AREA)
            cv2.putText(small, f"{target.name} {index}", (8, 22), 0, 0.6, (255, 255, 255), 2)
            row.append(small)
        rows.append(np.concatenate(row, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet = np.concatenate(rows)[..., ::-1]
    cv2.imwrite(str(path), sheet, [cv2.IMWRITE_JPEG_QUALITY, 80])


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return red, green, blue
