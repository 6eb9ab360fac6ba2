"""Outlines what photographs show, with a teacher: for training in place, and as cut-outs.

    python -m training.nano.label FOLDER TEACHER [--part 0/2]

FOLDER has ``photographs``, which ``collect`` makes. For each, ``FOLDER/places`` gets the picture
and its masks, packed in bits, ``FOLDER/cutouts`` what stands free and is surely outlined. Several
processes share the work by ``--part``. Needs the package onnxruntime.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from training.nano.collect import cutout
from training.nano.teacher import Teacher

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from sam2_widget.images import Pixels

    Mask = npt.NDArray[np.bool_]

_GRID = 7
_LONGEST = 768
_SURE, _STABLE = 0.88, 0.88
"""The least overlap that the teacher expects, and of what it takes at two levels of its logits."""
_ALIKE = 0.85
_CUT = 0.94
"""The least estimate for a cut-out."""
_SMALLEST = 64
"""Longer side of a cut-out in pixels."""


class Asked(Protocol):
    """What is asked: see ``Teacher``."""

    def see(self, picture: Pixels, /) -> None:
        """Take a picture."""

    def ask(
        self, points: Sequence[tuple[float, float, int]], /
    ) -> tuple[float, npt.NDArray[np.float32]]:
        """Return what is at points, with the overlap that is expected of it."""


def outlines(teacher: Asked, picture: Pixels, rng: np.random.Generator) -> list[tuple[float, Mask]]:
    """Return what is at the points of a grid, each thing once, with its estimate.

    Points that lie in what was found already are asked less often: they would be the same again.
    """
    high, wide = picture.shape[:2]
    teacher.see(picture)
    found: list[tuple[float, Mask]] = []
    cells = [(row, column) for row in range(_GRID) for column in range(_GRID)]
    for number in rng.permutation(len(cells)):
        row, column = cells[number]
        y, x = (row + rng.random()) / _GRID * high, (column + rng.random()) / _GRID * wide
        times = sum(bool(mask[int(y), int(x)]) for _, mask in found)
        if rng.random() > (1.0, 0.4, 0.15)[min(times, 2)]:
            continue
        estimate, logits = teacher.ask([(x, y, 1)])
        stable = (logits > 1).sum() / max(1, (logits > -1).sum())
        if estimate < _SURE or stable < _STABLE:
            continue
        whole = cv2.resize(logits, (wide, high), interpolation=cv2.INTER_LINEAR) > 0
        mask = _tidy(whole)
        if not 0.0015 < mask.mean() < 0.7 or any(_overlap(mask, m) > _ALIKE for _, m in found):
            continue
        found.append((estimate, mask))
    return found


def _tidy(mask: Mask) -> Mask:
    """Return a mask without specks and small holes."""
    least = max(16, int(mask.sum() * 0.02))
    out = mask.copy()
    for value in (True, False):
        count, labels, stats, _ = cv2.connectedComponentsWithStats((out == value).astype(np.uint8))
        for label in range(1, count):
            if stats[label, cv2.CC_STAT_AREA] < least:
                out[labels == label] = not value
    return out


def _overlap(one: Mask, other: Mask) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))


def cut(picture: Pixels, mask: Mask) -> Pixels | None:
    """Return a thing with its opacity, (H, W, 4); None if the photograph ends across it."""
    border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    if border.sum() > 0.02 * mask.sum() ** 0.5 or mask.mean() > 0.4:
        return None
    soft = cv2.GaussianBlur(cv2.erode(mask.astype(np.uint8) * 255, np.ones((3, 3))), (0, 0), 0.8)
    return cutout(np.dstack([picture, soft]).astype(np.uint8))


def label(folder: Path, teacher: Asked, part: int = 0, parts: int = 1) -> tuple[int, int]:
    """Outline the photographs of a folder; return how many, and how many things were cut out.

    Parameters
    ----------
    folder
        With ``photographs``.
    teacher
        Who is asked.
    part, parts
        Which of how many shares of the photographs.
    """
    places, cutouts = folder / "places", folder / "cutouts"
    for one in (places, cutouts):
        one.mkdir(parents=True, exist_ok=True)
    counts = [0, 0]
    files = sorted((folder / "photographs").iterdir())
    for number in range(part, len(files), parts):
        name = files[number].stem
        picture = _smaller(np.asarray(cv2.imread(str(files[number])), np.uint8))
        rgb = np.ascontiguousarray(picture[..., ::-1])
        found = outlines(teacher, rgb, np.random.default_rng((7, number)))
        if not found:
            continue
        counts[0] += 1
        cv2.imwrite(str(places / f"{name}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 95])
        masks = np.stack([mask for _, mask in found])
        np.savez_compressed(places / f"{name}.npz", masks=np.packbits(masks), shape=masks.shape)
        for index, (estimate, mask) in enumerate(found):
            thing = cut(picture, mask) if estimate >= _CUT else None
            if thing is not None and max(thing.shape[:2]) >= _SMALLEST:
                counts[1] += 1
                cv2.imwrite(str(cutouts / f"{name}-{index:02d}.webp"), thing)
    return counts[0], counts[1]


def _smaller(picture: Pixels) -> Pixels:
    scale = min(1.0, _LONGEST / max(picture.shape[:2]))
    size = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def main() -> None:
    """Label as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("teacher", type=Path)
    parser.add_argument("--part", default="0/1")
    given = parser.parse_args()
    part, parts = map(int, given.part.split("/"))
    cv2.setNumThreads(1)
    photographs, things = label(given.folder, Teacher(given.teacher), part, parts)
    print(f"{photographs} photographs outlined, {things} things cut out")


if __name__ == "__main__":
    main()
