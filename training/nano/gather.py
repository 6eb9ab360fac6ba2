"""Gathers photographs for ``label`` out of unpacked packages: large, colourful, each once.

    python -m training.nano.gather FOLDER SOURCE ...

They become ``FOLDER/photographs``, named by the package they came from.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from training.nano.collect import read

if TYPE_CHECKING:
    import numpy.typing as npt

    from sam2_widget.images import Pixels

_LONGEST = 1024
_SHORTEST = 300
_BYTES = 25_000
_DULL = 15
"""The least standard deviation of a photograph's grey values, at 32 x 32."""
_FLAT = 0.5
"""The most neighbours that may be equal: more has been drawn, as screens and signs are."""
_ALIKE = 5
"""Of 64 bits, in which two pictures of the same differ at most."""


def photograph(picture: Pixels) -> Pixels | None:
    """Return a picture, (H, W, 3) or (H, W, 4) uint8, 1024 pixels long at most; None if drawn."""
    if picture.shape[2] == 4 and (picture[..., 3] < 250).mean() > 0.001:
        return None
    seen = picture[..., :3]
    few = cv2.resize(seen, (32, 32), interpolation=cv2.INTER_AREA)
    if min(seen.shape[:2]) < _SHORTEST or few.std() < _DULL:
        return None
    middling = cv2.resize(seen, (512, 512), interpolation=cv2.INTER_AREA).astype(int)
    if (np.abs(np.diff(middling, axis=1)).max(2) == 0).mean() > _FLAT:
        return None
    return at_most(seen, _LONGEST)


def at_most(picture: Pixels, longest: int) -> Pixels:
    """Return a picture, its longer side of so many pixels at most."""
    scale = min(1.0, longest / max(picture.shape[:2]))
    size = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def signature(picture: Pixels) -> npt.NDArray[np.bool_]:
    """Return 64 bits that a picture keeps when it is scaled or compressed: where it gets lighter.

    The difference hash of N. Krawetz, "Kind of Like That", 2013.
    """
    few = cv2.resize(picture, (32, 32), interpolation=cv2.INTER_AREA)
    grey = cv2.resize(cv2.cvtColor(few, cv2.COLOR_BGR2GRAY), (9, 8), interpolation=cv2.INTER_AREA)
    return np.asarray(grey[:, 1:] > grey[:, :-1]).ravel()


def gather(folder: Path, sources: list[Path]) -> int:
    """Write the photographs of some folders; return how many."""
    out = folder / "photographs"
    out.mkdir(parents=True, exist_ok=True)
    known: list[npt.NDArray[np.bool_]] = []
    for source in sources:
        count = 0
        for path in sorted(source.rglob("*")):
            if not path.is_file() or path.stat().st_size < _BYTES:
                continue
            picture = read(path)
            found = None if picture is None else photograph(picture)
            if found is None:
                continue
            bits = signature(found)
            if any((bits != other).sum() <= _ALIKE for other in known):
                continue
            known.append(bits)
            count += 1
            file = out / f"{source.name}--{count:03d}.jpg"
            cv2.imwrite(str(file), found, [cv2.IMWRITE_JPEG_QUALITY, 95])
    return len(known)


def main() -> None:
    """Gather as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("sources", nargs="+", type=Path)
    given = parser.parse_args()
    print(f"{gather(given.folder, given.sources)} photographs")


if __name__ == "__main__":
    main()
