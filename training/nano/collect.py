"""Gathers real pictures of free licences for the training world: cut-outs and backgrounds.

    python -m training.nano.collect FOLDER SOURCE ... [--renders SOURCE ...]

Each SOURCE is an unpacked package; `README.md` beside this file names those that were used, with
their licences. Pictures with transparency become ``FOLDER/cutouts``, those of the sources after
``--renders`` ``FOLDER/renders``; others that are large and colourful enough ``FOLDER/grounds``.
Letters, signs and the like are left out by their folders, and of emoji by their code points.
Panoramas come as ``*.exr.js``, text in base64, and need the package OpenEXR.
"""

from __future__ import annotations

import argparse
import base64
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from sam2_widget.images import Pixels

_LARGEST = 224
_GROUND = 720
_NO_THINGS = {
    "symbols",
    "alphabets",
    "asl",
    "naturalforces",
    "flags",
    "math",
    "desktop",
    "abstract",
}
_ENDINGS = {".png", ".jpg", ".jpeg", ".webp"}
_TONES = ("1f3fb", "1f3fc", "1f3fd", "1f3fe", "1f3ff")
_SIGNS = (
    (0x1F1E6, 0x1F1FF),  # flags
    (0x1F500, 0x1F53F),  # buttons
    (0x1F549, 0x1F567),  # signs of religions, clocks
    (0x1F600, 0x1F644),  # faces
    (0x1F6AC, 0x1F6BE),  # signs of traffic
    (0x1F7E0, 0x1F7F0),  # discs and squares
)
"""Emoji that are no things, beside all before 1F300."""


def cutout(picture: Pixels) -> Pixels | None:
    """Return what is opaque of a (H, W, 4) picture, 224 pixels at most; None if that is little.

    It must be mostly in one piece, neither a speck nor a full rectangle, and of more than two
    tones: drawings in black and white teach nothing about what belongs together.
    """
    solid = (picture[..., 3] > 127).astype(np.uint8)
    rows, columns = np.nonzero(solid)
    if len(rows) < 900:
        return None
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    inner = picture[top:bottom, left:right]
    _, _, stats, _ = cv2.connectedComponentsWithStats(solid)
    one_piece = stats[1:, cv2.CC_STAT_AREA].max() > 0.8 * len(rows)
    share = len(rows) / inner[..., 0].size
    seen = inner[..., :3][inner[..., 3] > 127]
    tones = len(np.unique(seen // 32, axis=0))
    if not one_piece or not 0.12 < share < 0.97 or tones < 12:
        return None
    scale = min(1.0, _LARGEST / max(inner.shape[:2]))
    size = [max(1, round(length * scale)) for length in inner.shape[1::-1]]
    smaller = cv2.resize(inner, size, interpolation=cv2.INTER_AREA)
    # One pixel round it stays free, so that its edge is soft when it is turned.
    return np.asarray(cv2.copyMakeBorder(smaller, 1, 1, 1, 1, cv2.BORDER_REPLICATE), np.uint8)


def background(picture: Pixels) -> Pixels | None:
    """Return a (H, W, 3) picture, 720 pixels high at most; None if it is small or grey."""
    high, wide = picture.shape[:2]
    few = cv2.resize(picture, (64, 64), interpolation=cv2.INTER_AREA)
    if min(high, wide) < 240 or few.std() < 12 or few.std(2).mean() < 4:
        return None
    scale = min(1.0, _GROUND / high)
    size = round(wide * scale), round(high * scale)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def panorama(text: str) -> Pixels:
    """Return a panorama of bright and dark as a camera would show it, (H, W, 3), its poles cut.

    Middle grey is the median, and bright parts fade into white.
    """
    import OpenEXR  # type: ignore[import-not-found]  # Needed here alone.

    with tempfile.NamedTemporaryFile(suffix=".exr") as file:
        file.write(base64.b64decode(text.split("base64,")[1].rstrip("\n;' ")))
        file.flush()
        channels = OpenEXR.File(file.name).channels()
    light: Any = np.nan_to_num(np.asarray(channels["RGB"].pixels, np.float32))
    light = np.clip(light * (0.45 / max(float(np.median(light)), 1e-3)), 0, None)
    shown = np.clip(1.45 * light / (1 + light), 0, 1) ** (1 / 2.2)
    pole = len(shown) // 8
    larger: Any = cv2.resize(shown[pole:-pole, :, ::-1], None, fx=1.5, fy=1.5)
    return np.asarray(255 * larger, np.uint8)


def read(path: Path) -> Pixels | None:
    """Return a picture, (H, W, 3) BGR or (H, W, 4) BGRA; None for what is none."""
    if path.name.endswith(".exr.js"):
        return panorama(path.read_text())
    if path.suffix.lower() not in _ENDINGS:
        return None
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.dtype != np.uint8 or picture.ndim != 3:
        return None
    return np.asarray(picture, np.uint8)


def is_thing(name: str) -> bool:
    """Tell whether an emoji's file, named by its code points in hexadecimal, shows a thing.

    Of people that come in five tones of skin one is taken.
    """
    codes = name.split("-")
    first = int(codes[0], 16)
    if first < 0x1F300 or any(low <= first <= high for low, high in _SIGNS):
        return False
    return {_TONES[first % 5]} >= set(codes) & set(_TONES)


def collect(folder: Path, sources: list[Path], things: str = "cutouts") -> tuple[int, int]:
    """Write what is found in the sources; return how many cut-outs and backgrounds.

    Parameters
    ----------
    folder
        Where to.
    sources
        Folders with pictures.
    things
        The folder for cut-outs.
    """
    counts = [0, 0]
    for kind in (things, "grounds"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    files = sorted(path for source in sources for path in source.rglob("*"))
    for path in files:
        if _NO_THINGS & set(path.parts):
            continue
        if re.fullmatch(r"1?[0-9a-f]{4}(-[0-9a-f]{4,5})*", path.stem) and not is_thing(path.stem):
            continue
        picture = read(path)
        if picture is None:
            continue
        clear = picture.shape[2] == 4 and bool((picture[..., 3] < 128).mean() > 0.02)
        found = cutout(picture) if clear else background(picture[..., :3])
        if found is not None:
            name, ending = (things, "webp") if clear else ("grounds", "jpg")
            counts[not clear] += 1
            file = folder / name / f"{counts[not clear]:04d}-{path.stem}.{ending}"
            cv2.imwrite(str(file), found, [cv2.IMWRITE_WEBP_QUALITY, 90] if clear else [])
    return counts[0], counts[1]


def main() -> None:
    """Collect as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("sources", nargs="+", type=Path)
    parser.add_argument("--renders", nargs="*", type=Path, default=[])
    given = parser.parse_args()
    cutouts, grounds = collect(given.folder, given.sources)
    renders = collect(given.folder, given.renders, "renders")[0] if given.renders else 0
    print(f"{cutouts} cut-outs, {renders} renders and {grounds} backgrounds")


if __name__ == "__main__":
    main()
