"""Evaluates weights through the widget's own session, next to the classical alternative.

    python -m training.nano.evaluate [WEIGHTS ...] [--clips FOLDER] [--count 60] [--sets cards]

Each of WEIGHTS is a safetensors file; without any, the packaged one. The sets: the package's
sample clip, synthetic clips with seeds that training never uses, and, from FOLDER, the real clips
that ``outlines/`` names. The first click is the point of the object that is farthest from its
edge, each further one the middle of the largest region that is wrong. J is the mean intersection
over union of the tracked frames after one click on the first.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from sam2_widget.engines.sam2 import Sam2Engine
from sam2_widget.session import Session
from training.nano import classical, heldout, pictures
from training.nano.clicks import correction, middle
from training.nano.network import PACKAGED
from training.nano.speed import speed
from training.nano.teacher import Teacher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy.typing as npt

    from training.nano.heldout import HeldOut, Target

    Mask = npt.NDArray[np.bool_]
    Points = list[tuple[float, float, int]]
    Figures = dict[str, list[float]]
    Tracks = dict[str, list[Mask]]

CLICKS = 4


def overlap(first: Mask, second: Mask) -> float:
    """Return the intersection over union; 1 if both are empty."""
    union = int((first | second).sum())
    return float((first & second).sum() / union) if union else 1.0


def box_of(mask: Mask) -> tuple[float, float, float, float]:
    """Return the edges x0, y0, x1, y1 of what a mask covers."""
    rows, columns = np.nonzero(mask)
    edges = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    x0, y0, x1, y1 = (float(edge) for edge in edges)
    return x0, y0, x1, y1


def click(target: Mask, answer: Callable[[Points], Mask]) -> tuple[list[float], Points, Mask]:
    """Click up to four times by the rule; return the overlap after each, and the last mask."""
    x, y = middle(target)
    points: Points = [(x, y, 1)]
    mask = answer(points)
    overlaps = [overlap(mask, target)]
    while len(overlaps) < CLICKS:
        following = correction(target, mask)
        if following is not None:
            points.append(following)
            mask = answer(points)
        overlaps.append(overlap(mask, target))
    return overlaps, points, mask


def measure(engine: Sam2Engine, clip: HeldOut, folder: Path) -> tuple[dict[str, Figures], Tracks]:
    """Return the figures of each object of a clip, and the tracked masks for pictures."""
    found: dict[str, Figures] = {}
    tracks: Tracks = {}
    last = len(clip.frames)
    with Session(clip.frames, name=clip.name, output_dir=folder, model=engine) as session:
        session.video.wait()
        for number, target in enumerate(clip.targets, 1):
            # Each way of prompting has an instance of its own.
            figures = _prompted(session, target, 1000 * number)
            found[target.name] = figures
            if last == 1:
                continue
            session.add_points(0, [(*middle(target.masks[0]), 1)], instance=number)
            session.track([(number, "overall")], stop=last).wait()
            track = session.masks[number, "overall"]
            later = [index for index in target.masks if index > 0]
            figures["J"] = [
                float(np.mean([overlap(track[index], target.masks[index]) for index in later]))
            ]
            tracks[target.name] = [track[index] for index in sorted(target.masks)]
    return found, tracks


def _prompted(session: Session, target: Target, instance: int) -> Figures:
    figures: Figures = defaultdict(list)
    for index in _asked(target):
        mask = target.masks[index]

        def answer(points: Points, index: int = index) -> Mask:
            return session.add_points(index, [points[-1]], instance=instance)

        overlaps, _, _ = click(mask, answer)
        for count, value in enumerate(overlaps, 1):
            figures[f"{count} click{'s' * (count > 1)}"].append(value)
        box = session.set_box(index, box_of(mask), instance=instance + 1)
        figures["box"].append(overlap(box, mask))
    return figures


def measure_classical(clip: HeldOut) -> tuple[dict[str, Figures], Tracks]:
    """Return the same of GrabCut and optical flow."""
    found: dict[str, Figures] = {}
    tracks: Tracks = {}
    for target in clip.targets:
        figures: Figures = defaultdict(list)
        for index in _asked(target):
            frame, mask = clip.frames[index], target.masks[index]

            def answer(points: Points, frame: npt.NDArray[np.uint8] = frame) -> Mask:
                return classical.grabcut(frame, points)

            for count, value in enumerate(click(mask, answer)[0], 1):
                figures[f"{count} click{'s' * (count > 1)}"].append(value)
            figures["box"].append(overlap(classical.grabcut(frame, [], box_of(mask)), mask))
        found[target.name] = figures
        if len(clip.frames) == 1:
            continue
        first = classical.grabcut(clip.frames[0], [(*middle(target.masks[0]), 1)])
        masks = classical.carry(clip.frames, first)
        later = [index for index in target.masks if index > 0]
        figures["J"] = [
            float(np.mean([overlap(masks[index], target.masks[index]) for index in later]))
        ]
        tracks[target.name] = [masks[index] for index in sorted(target.masks)]
    return found, tracks


COLUMNS = ("1 click", "3 clicks", "4 clicks", "box", "J")


def measure_teacher(clip: HeldOut, teacher: Teacher) -> dict[str, Figures]:
    """Return what the teacher, which sees single frames, has from clicks and boxes."""
    found: dict[str, Figures] = {}
    for target in clip.targets:
        figures: Figures = defaultdict(list)
        for index in _asked(target):
            frame, mask = clip.frames[index], target.masks[index]
            teacher.see(np.ascontiguousarray(frame))
            logits: npt.NDArray[np.float32] | None = None

            def answer(points: Points, size: tuple[int, ...] = mask.shape) -> Mask:
                nonlocal logits
                _, logits = teacher.ask(points, logits)
                return cv2.resize(logits, size[::-1], interpolation=cv2.INTER_LINEAR) > 0

            for count, value in enumerate(click(mask, answer)[0], 1):
                figures[f"{count} click{'s' * (count > 1)}"].append(value)
            x0, y0, x1, y1 = box_of(mask)
            logits = None
            figures["box"].append(overlap(answer([(x0, y0, 2), (x1, y1, 3)]), mask))
        found[target.name] = figures
    return found


def _asked(target: Target) -> list[int]:
    """Return the frames to ask: of a synthetic clip the first, of outlined ones all."""
    return [0] if len(target.masks) > heldout.TRACKED else sorted(target.masks)


def table(rows: Iterable[tuple[str, dict[str, Figures]]]) -> list[str]:
    """Return lines of a table: mean of each column, and how many objects."""
    lines = [f"{'':<36}" + "".join(f"{name:>10}" for name in (*COLUMNS, "objects"))]
    for name, found in rows:
        means = []
        for column in COLUMNS:
            values = [value for figures in found.values() for value in figures[column]]
            means.append(float(np.mean(values)) if values else float("nan"))
        cells = "".join(f"{mean:>10.3f}" for mean in means)
        lines.append(f"{name:<36}{cells}{len(found):>10}")
    return lines


def _sets(given: argparse.Namespace) -> dict[str, list[HeldOut]]:
    """Return the sets that are asked for and can be had."""
    makers: dict[str, Callable[[], Iterable[HeldOut]]] = {
        "sample": heldout.flat,
        "cards": lambda: heldout.synthetic(given.count, given.first, "cards"),
        "pieces": lambda: heldout.synthetic(given.count, given.first, "pieces"),
        "figures": lambda: heldout.synthetic(given.count, given.first),
        "real": lambda: heldout.real(Path(__file__).parent / "outlines", given.clips),
        "photographs": lambda: heldout.photographs(given.places),
    }
    if given.first:
        del makers["sample"]
    if not given.clips:
        del makers["real"]
    if not given.places:
        del makers["photographs"]
    wanted = given.sets or list(makers)
    if unknown := sorted(set(wanted) - set(makers)):
        raise SystemExit(f"There is no set {unknown[0]}; take some of {', '.join(makers)}.")
    return {name: list(makers[name]()) for name in wanted}


def main() -> None:
    """Evaluate and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", nargs="*", type=Path)
    parser.add_argument("--clips", type=Path, help="folder with the real clips")
    parser.add_argument("--places", type=Path, help="photographs that label outlined")
    parser.add_argument("--count", type=int, default=60, help="synthetic clips")
    parser.add_argument("--first", type=int, default=0, help="number of the first of them")
    parser.add_argument("--sets", nargs="+", help="only these")
    parser.add_argument("--pictures", type=Path, help="folder for overlays")
    parser.add_argument("--json", type=Path, help="also write every figure to this file")
    parser.add_argument("--classical", action="store_true", help="measure the alternative too")
    parser.add_argument("--teacher", type=Path, help="its folder: measure it too, see label")
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    sets = _sets(given)
    everything: list[tuple[str, dict[str, Figures]]] = []
    for weights in given.weights or [PACKAGED / "nano.safetensors"]:
        engine = Sam2Engine("nano", str(PACKAGED / "nano.yaml"), weights, given.device)
        for name, clips in sets.items():
            with tempfile.TemporaryDirectory() as folder:
                found: dict[str, Figures] = {}
                for clip in clips:
                    figures, tracks = measure(engine, clip, Path(folder))
                    found |= {f"{clip.name} {who}": values for who, values in figures.items()}
                    if given.pictures and tracks:
                        pictures.draw(clip, tracks, given.pictures / f"{clip.name}.jpg")
            everything.append((f"{weights.stem}, {name}", found))
            print("\n".join(table(everything[-1:])), flush=True)
    if given.classical:
        for name, clips in sets.items():
            found = {}
            for clip in clips:
                figures, tracks = measure_classical(clip)
                found |= {f"{clip.name} {who}": values for who, values in figures.items()}
                if given.pictures and tracks:
                    pictures.draw(clip, tracks, given.pictures / f"{clip.name}-classical.jpg")
            everything.append((f"GrabCut and flow, {name}", found))
    if given.teacher:
        teacher = Teacher(given.teacher)
        for name, clips in sets.items():
            found = {}
            for clip in clips:
                answered = measure_teacher(clip, teacher)
                found |= {f"{clip.name} {who}": values for who, values in answered.items()}
            everything.append((f"teacher, {name}", found))
    print("\n".join(table(everything)))
    for line in speed(engine):
        print(line)
    if given.json:
        given.json.write_text(json.dumps(dict(everything), indent=1))


if __name__ == "__main__":
    main()
