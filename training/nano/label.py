"""Outlines what photographs show, with a teacher: for training in place, and as cut-outs.

    python -m training.nano.label FOLDER TEACHER [--part 0/2] [--closer]

FOLDER has ``photographs``, which ``gather`` makes. For each, ``FOLDER/places`` gets the picture
and its masks, packed in bits, ``FOLDER/cutouts`` what stands free and is surely outlined. Several
processes share the work by ``--part``; started again, it goes on with what is not done. Needs the
package onnxruntime.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from training.nano.collect import cutout
from training.nano.gather import at_most
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
_LEAST, _MOST = 0.0015, 0.7
"""Shares of the photograph that a thing may cover."""
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


def outlines(
    teacher: Asked, picture: Pixels, rng: np.random.Generator, closer: bool = False
) -> list[tuple[float, Mask]]:
    """Return what is at the points of a grid, each thing once, with its estimate.

    Parameters
    ----------
    teacher
        Who is asked.
    picture
        (H, W, 3) uint8 RGB.
    rng
        Chooses the points.
    closer
        Whether four overlapping quarters are looked at as well, for what is small.
    """
    high, wide = picture.shape[:2]
    found: list[tuple[float, Mask]] = []
    _look(teacher, picture, (slice(0, high), slice(0, wide)), rng, found)
    if closer:
        for top, bottom in ((0, 0.55), (0.45, 1)):
            for left, right in ((0, 0.55), (0.45, 1)):
                rows = slice(round(top * high), round(bottom * high))
                columns = slice(round(left * wide), round(right * wide))
                _look(teacher, picture, (rows, columns), rng, found)
    return found


def _look(
    teacher: Asked,
    picture: Pixels,
    window: tuple[slice, slice],
    rng: np.random.Generator,
    found: list[tuple[float, Mask]],
) -> None:
    """Add what is in a window of a picture and not across its edge.

    Points that lie in what was found already are asked less often: they would be the same again.
    """
    part = np.ascontiguousarray(picture[window])
    high, wide = part.shape[:2]
    teacher.see(part)
    cells = [(row, column) for row in range(_GRID) for column in range(_GRID)]
    for number in rng.permutation(len(cells)):
        row, column = cells[number]
        y, x = (row + rng.random()) / _GRID * high, (column + rng.random()) / _GRID * wide
        times = sum(bool(mask[window][int(y), int(x)]) for _, mask in found)
        if rng.random() > (1.0, 0.4, 0.15)[min(times, 2)]:
            continue
        estimate, logits = teacher.ask([(x, y, 1)])
        stable = (logits > 1).sum() / max(1, (logits > -1).sum())
        if estimate < _SURE or stable < _STABLE:
            continue
        inner = _tidy(cv2.resize(logits, (wide, high), interpolation=cv2.INTER_LINEAR) > 0)
        if _is_cut_off(inner, window, picture.shape):
            continue
        mask = np.zeros(picture.shape[:2], bool)
        mask[window] = inner
        if not _LEAST < mask.mean() < _MOST or any(_overlap(mask, m) > _ALIKE for _, m in found):
            continue
        found.append((estimate, mask))


def _is_cut_off(mask: Mask, window: tuple[slice, slice], shape: tuple[int, ...]) -> bool:
    """Tell whether what is in a window goes on beyond it, in the picture."""
    edges = ((mask[0], mask[-1]), (mask[:, 0], mask[:, -1]))
    for (first, last), side, length in zip(edges, window, shape[:2], strict=True):
        if (side.start > 0 and first.any()) or (side.stop < length and last.any()):
            return True
    return False


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


def label(
    folder: Path, teacher: Asked, part: int = 0, parts: int = 1, closer: bool = False
) -> tuple[int, int]:
    """Outline the photographs of a folder; return how many, and how many things were cut out.

    Those that were outlined before are left as they are.

    Parameters
    ----------
    folder
        With ``photographs``.
    teacher
        Who is asked.
    part, parts
        Which of how many shares of the photographs.
    closer
        See ``outlines``.
    """
    places, cutouts = folder / "places", folder / "cutouts"
    for one in (places, cutouts):
        one.mkdir(parents=True, exist_ok=True)
    counts = [0, 0]
    files = sorted((folder / "photographs").iterdir())
    for number in range(part, len(files), parts):
        name = files[number].stem
        if (places / f"{name}.npz").exists():
            continue
        picture = at_most(np.asarray(cv2.imread(str(files[number])), np.uint8), _LONGEST)
        rgb = np.ascontiguousarray(picture[..., ::-1])
        found = outlines(teacher, rgb, np.random.default_rng((7, number)), closer)
        if not found:
            continue
        counts[0] += 1
        cv2.imwrite(str(places / f"{name}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 95])
        for index, (estimate, mask) in enumerate(found):
            thing = cut(picture, mask) if estimate >= _CUT else None
            if thing is not None and max(thing.shape[:2]) >= _SMALLEST:
                counts[1] += 1
                cv2.imwrite(str(cutouts / f"{name}-{index:02d}.webp"), thing)
        masks = np.stack([mask for _, mask in found])
        beside = places / f"{name}.part"
        with beside.open("wb") as file:
            np.savez_compressed(file, masks=np.packbits(masks), shape=masks.shape)
        os.replace(beside, places / f"{name}.npz")  # The last of it: what has one is done.
    return counts[0], counts[1]


def main() -> None:
    """Label as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("teacher", type=Path)
    parser.add_argument("--part", default="0/1")
    parser.add_argument("--closer", action="store_true", help="quarters too: five times as long")
    given = parser.parse_args()
    part, parts = map(int, given.part.split("/"))
    cv2.setNumThreads(1)
    photographs, things = label(given.folder, Teacher(given.teacher), part, parts, given.closer)
    print(f"{photographs} photographs outlined, {things} things cut out")


if __name__ == "__main__":
    main()
