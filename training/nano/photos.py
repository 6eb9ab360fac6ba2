"""Real pictures for the training world: cut-outs with their opacity, and backgrounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from training.nano.places import Places

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from sam2_widget.images import Pixels


class Photos:
    """The pictures of a folder that ``collect`` made.

    Parameters
    ----------
    folder
        With the folders ``cutouts``, ``grounds`` and, if any, ``renders`` for rendered things and
        ``places`` for outlined photographs, which ``label`` makes.

    Raises
    ------
    ValueError
        If one of them has no pictures.
    """

    def __init__(self, folder: Path) -> None:
        self._cutouts = [_read(folder / "cutouts", cv2.COLOR_BGRA2RGBA)]
        if (folder / "renders").exists():
            self._cutouts.append(_read(folder / "renders", cv2.COLOR_BGRA2RGBA))
        self._grounds = _read(folder / "grounds", cv2.COLOR_BGR2RGB)
        self.places = Places(folder / "places") if (folder / "places").exists() else None

    def cutout(self, rng: np.random.Generator, size: int) -> Pixels:
        """Return a thing, (H, W, 4) uint8, its longer side of the given size in pixels.

        It comes in other colours each time, a little or much. Rendered ones come half of the time.
        """
        kind = self._cutouts[int(rng.integers(len(self._cutouts)))]
        whole = kind[int(rng.integers(len(kind)))]
        scale = size / max(whole.shape[:2])
        wide, high = (max(3, round(length * scale)) for length in whole.shape[1::-1])
        smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        thing = np.asarray(cv2.resize(whole, (wide, high), interpolation=smooth), np.uint8)
        if rng.random() < 0.15:
            thing = thing[..., [*rng.permutation(3), 3]]
        gain = rng.uniform(0.7, 1.25) * (1 + rng.normal(0, 0.08, 3))
        out = np.ascontiguousarray(thing)
        out[..., :3] = np.clip(thing[..., :3] * gain + rng.normal(0, 12), 0, 255)
        return out

    def part(self, rng: np.random.Generator, side: int, least: float) -> npt.NDArray[np.float32]:
        """Return a square of a background, (side, side, 3) float32, 0 to 255.

        Parameters
        ----------
        rng
            Decides which.
        side
            Height and width in pixels.
        least
            The share of the background's height that it shows at least.
        """
        whole = self._grounds[int(rng.integers(len(self._grounds)))]
        high, wide = whole.shape[:2]
        cut = int(min(high, wide) * rng.uniform(least, 1.0))
        y, x = rng.integers(0, high - cut + 1), rng.integers(0, wide - cut + 1)
        smooth = cv2.INTER_AREA if cut > side else cv2.INTER_LINEAR
        square = cv2.resize(whole[y : y + cut, x : x + cut], (side, side), interpolation=smooth)
        return square.astype(np.float32)


def _read(folder: Path, order: int) -> list[Pixels]:
    pictures = []
    for path in sorted(folder.glob("*")):
        picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if picture is not None:
            pictures.append(np.asarray(cv2.cvtColor(picture, order), np.uint8))
    if not pictures:
        raise ValueError(f"{folder} has no pictures; make them with training.nano.collect.")
    return pictures
