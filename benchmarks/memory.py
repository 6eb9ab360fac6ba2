"""Memory of long videos, ours and sam2's own predictor, each in a process of its own.

    python -m benchmarks.memory [--quick] [--json FILE]

A child opens a clip, clicks once and tracks it to the end, and tells how much more memory it held
at most than after the same with a few frames: the model, libraries and buffers are there by then.
What is left grows with the length. Ours runs with its feature cache and its archive of past frames
off, which have budgets of their own; a second pair of lines has them as a user has them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.clip import centre, write_clip

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SIZE = (640, 360)
WARM = 12
"""Frames after which all is there that does not grow."""
SIDES = ("plain", "ours", "ours as set")


def measure(
    folder: Path, config: str, checkpoint: Path, device: str, quick: bool
) -> list[dict[str, Any]]:
    """Return the lines of the table.

    Parameters
    ----------
    folder : Path
        For clips and projects.
    config, checkpoint, device
        The model of both sides.
    quick : bool
        Whether short clips will do.
    """
    short, middle, long = (60, 120, 240) if quick else (500, 1000, 2000)
    used = {
        (side, length): _child(side, folder, length, config, checkpoint, device)
        for side, lengths in zip(SIDES, ((middle,), (short, middle, long), (middle,)), strict=True)
        for length in lengths
    }
    plain, ours = used["plain", middle], used["ours", middle]
    return [
        _row(f"memory that {middle} frames add, 1 object", plain.grown, ours.grown, ">= 20"),
        _row(
            f"the same, caches as by default, {middle} frames",
            plain.grown,
            used["ours as set", middle].grown,
            "",
        ),
        {
            **_row(
                f"peak memory, {long} frames against {short}",
                used["ours", long].peak,
                used["ours", short].peak,
                "<= 1.05",
            ),
            "plain": None,
        },
    ]


class Used:
    """Megabytes of a child: at most, and above what a few frames had taken."""

    def __init__(self, text: str) -> None:
        self.peak, self.grown = (float(part) for part in text.split()[-2:])


def _row(name: str, plain: float, ours: float, goal: str) -> dict[str, Any]:
    # Less than a megabyte is what the allocator rounds.
    ours = max(ours, 1.0)
    return {
        "name": name,
        "plain": round(plain, 1),
        "ours": round(ours, 1),
        "ratio": round(plain / ours, 2),
        "goal": goal,
        "unit": "MB",
    }


def _child(
    side: str, folder: Path, length: int, config: str, checkpoint: Path, device: str
) -> Used:
    clip = folder / f"memory-{length}.mp4"
    for path, frames in ((clip, length), (folder / "warm.mp4", WARM)):
        if not path.exists():
            write_clip(path, frames, *SIZE)
    command = [sys.executable, "-m", "benchmarks.memory", "--child", side, str(folder)]
    command += [str(length), config, str(checkpoint), device]
    out = subprocess.run(command, check=True, capture_output=True, text=True)
    return Used(out.stdout)


# -- in the child -----------------------------------------------------------------------------


def _run(side: str, folder: Path, length: int, config: str, checkpoint: Path, device: str) -> None:
    """Do one side's job on a few frames and on all, and print what it took."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        job = _plain(config, checkpoint, device) if side == "plain" else _ours(
            Path(name), config, checkpoint, device, bounded=side == "ours"
        )  # fmt: skip
        frames = Path(name) / "frames"
        job(_stored(folder / "warm.mp4", frames / "warm"))
        before = _memory("VmRSS")
        job(_stored(folder / f"memory-{length}.mp4", frames / "all"))
        peak = _memory("VmHWM")
    print(peak, peak - before)


def _stored(clip: Path, folder: Path) -> Path:
    """Write a clip's frames as JPEG files, which both sides read."""
    import cv2

    folder.mkdir(parents=True)
    reader = cv2.VideoCapture(str(clip))
    number = 0
    while (read := reader.read())[0]:
        cv2.imwrite(str(folder / f"{number:05d}.jpg"), read[1], [cv2.IMWRITE_JPEG_QUALITY, 95])
        number += 1
    return folder


def _plain(config: str, checkpoint: Path, device: str) -> Callable[[Path], None]:
    import torch

    from sam2_widget.engines.sam2.loading import load_predictor
    from sam2_widget.engines.sam2.precision import inference, limit_threads

    where = torch.device(device)
    limit_threads(where)  # the same number of threads on both sides
    predictor = load_predictor(config, checkpoint, where)

    def job(frames: Path) -> None:
        with inference(where):
            state = predictor.init_state(str(frames))
            points = np.array([centre(0, 0, *SIZE)], np.float32)
            predictor.add_new_points_or_box(
                state, 0, 1, points=points, labels=np.array([1], np.int32)
            )
            for _ in predictor.propagate_in_video(state):
                pass

    return job


def _ours(
    folder: Path, config: str, checkpoint: Path, device: str, *, bounded: bool
) -> Callable[[Path], None]:
    from sam2_widget.engines.sam2 import Sam2Engine
    from sam2_widget.session import Session

    limits = {"archive_bytes": 0, "feature_bytes": 0} if bounded else {}
    engine = Sam2Engine("benchmark", config, checkpoint, device, **limits)

    def job(frames: Path) -> None:
        with Session(frames, output_dir=folder / "projects", model=engine) as session:
            session.add_point(0, *centre(0, 0, *SIZE))
            session.track().wait()

    return job


def _memory(what: str) -> float:
    """Return megabytes from the system's account of this process."""
    # Not getrusage: its maximum begins with what the parent held when it forked.
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{what}:")[1].split()[0]) / 1024


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short clips")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--child", nargs=6, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.child:
        side, folder, length, config, checkpoint, device = given.child
        _run(side, Path(folder), int(length), config, Path(checkpoint), device)
        return
    from sam2_widget import models

    spec = models.nano()
    with tempfile.TemporaryDirectory() as name:
        rows = measure(Path(name), spec.config, spec.checkpoint, "cpu", given.quick)
    for row in rows:
        plain = "" if row["plain"] is None else f"{row['plain']:g}"
        print(f"{row['name']:<48} plain {plain:>8}  ours {row['ours']:>8g}  x{row['ratio']}")
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
