"""Draws sheets to look at: evaluated clips with their masks, and clips of the training world.

python -m training.nano.pictures world.jpg
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import cv2
import numpy as np

from sam2_widget.palette import OKABE_ITO
from training.nano.figures import Kind
from training.nano.scenes import draw_clip
from training.nano.textures import Textures

if TYPE_CHECKING:
    import numpy.typing as npt

    from training.nano.heldout import HeldOut

_WIDTH = 480
_SMALL = 200
"""Widths of the pictures of real and of square clips."""


def draw(clip: HeldOut, tracks: dict[str, list[npt.NDArray[np.bool_]]], path: Path) -> None:
    """Write a sheet: a row for each object, a column for each frame with a true mask, 3 at most.

    True outlines are white, masks that were tracked after one click are in colour.
    """
    rows = []
    for number, target in enumerate(clip.targets):
        colour = OKABE_ITO[number % len(OKABE_ITO)]
        row = []
        known = sorted(target.masks)
        for place in sorted({0, len(known) // 2, len(known) - 1}):
            index = known[place]
            picture = clip.frames[index].astype(np.float32)
            mask = tracks[target.name][place]
            picture[mask] = 0.45 * picture[mask] + 0.55 * np.array(_rgb(colour))
            shown = np.ascontiguousarray(picture.astype(np.uint8))
            true = target.masks[index].astype(np.uint8)
            edges, _ = cv2.findContours(true, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(shown, edges, -1, (255, 255, 255), 2, cv2.LINE_AA)
            wide = _WIDTH if shown.shape[0] < shown.shape[1] else _SMALL
            high = round(wide * shown.shape[0] / shown.shape[1])
            small = cv2.resize(shown, (wide, high), interpolation=cv2.INTER_AREA)
            cv2.putText(small, f"{target.name} {index}", (6, 18), 0, 0.5, (255, 255, 255), 1)
            row.append(small)
        rows.append(np.concatenate(row, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet = np.concatenate(rows)[..., ::-1]
    cv2.imwrite(str(path), sheet, [cv2.IMWRITE_JPEG_QUALITY, 80])


def draw_world(path: Path, clips: int = 12) -> None:
    """Write a sheet of clips, a kind a row: of each three frames and the masks of the last."""
    textures, cells = Textures(0), []
    colours = np.array([(0, 0, 0), *map(_rgb, OKABE_ITO)], np.uint8)
    for number in range(clips):
        kind = get_args(Kind)[number // 2 % 3]
        clip = draw_clip(np.random.default_rng((0, 6, number)), textures, 3, kind=kind)
        cells.append(np.concatenate([*clip.frames, colours[clip.figures[-1]]], 1))
    rows = [np.concatenate(cells[at : at + 2], 1) for at in range(0, clips, 2)]
    sheet = cv2.resize(np.concatenate(rows), None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(path), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 75])


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return red, green, blue


def main() -> None:
    """Draw the training world."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture", type=Path)
    draw_world(parser.parse_args().picture)


if __name__ == "__main__":
    main()
