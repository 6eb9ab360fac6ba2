"""Tracking frames per second and peak memory, next to sam2's own predictor in the same run.

    python -m benchmarks.tracking [--quick] [--json FILE]

Speed: the same stored 720p frames, weights and clicks on both sides, one after the other, A-B-A-B,
medians. Ours reads each frame when its turn comes and saves every mask as PNG with its record; the
plain predictor reads all frames beforehand, which only the second line of each pair counts, and
only makes arrays of its masks. Memory: one child process per figure, its peak resident set.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.clip import centre, write_clip

WIDTH, HEIGHT = 1280, 720


Times = tuple[float, float]
"""Seconds of tracking alone, and from opening to the last mask."""


def plain(frames: Path, scopes: int, length: int) -> tuple[Times, dict[tuple[int, int], Any]]:
    """Track with ``SAM2VideoPredictor`` alone; return seconds and masks by scope and frame."""
    import torch

    from sam2_widget import models
    from sam2_widget.engines.sam2.loading import load_predictor
    from sam2_widget.engines.sam2.precision import limit_threads

    limit_threads(torch.device("cpu"))  # the same number of threads on both sides
    spec = models.nano()
    predictor = load_predictor(spec.config, spec.checkpoint, torch.device("cpu"))
    opened = time.perf_counter()
    state = predictor.init_state(str(frames))
    for shape in range(scopes):
        points = np.array([centre(shape, 0, WIDTH, HEIGHT)], np.float32)
        predictor.add_new_points_or_box(
            state, 0, shape + 1, points=points, labels=np.array([1], np.int32)
        )
    masks = {}
    started = time.perf_counter()
    for frame, ids, logits in predictor.propagate_in_video(state):
        for shape, mask in zip(ids, (logits[:, 0] > 0).numpy(), strict=True):
            masks[shape, frame] = np.packbits(mask)
        if frame == length - 1:
            break
    ended = time.perf_counter()
    return (ended - started, ended - opened), masks


def ours(clip: Path, folder: Path, scopes: int) -> tuple[Times, dict[tuple[int, int], Any]]:
    """Track with a session, masks saved; return seconds and masks by scope and frame."""
    from sam2_widget.session import Session

    with Session(clip, output_dir=folder, model="nano") as session:
        session.video.wait()
        session.add_point(0, 1, 1, instance=99)  # the model is loaded, as on the other side
        session.clear_frame(0, instance=99)
        opened = time.perf_counter()
        for shape in range(scopes):
            session.add_point(0, *centre(shape, 0, WIDTH, HEIGHT), instance=shape + 1)
        started = time.perf_counter()
        session.track().wait()
        ended = time.perf_counter()
        masks = {
            (instance, frame): np.packbits(mask)
            for instance in range(1, scopes + 1)
            for frame, mask in enumerate(session.masks[instance, "overall"])
        }
    return (ended - started, ended - opened), masks


def speed(folder: Path, length: int, rounds: int) -> list[dict[str, Any]]:
    """Return frames per second for 1 and 4 scopes."""
    rows = []
    clip = write_clip(folder / "speed.mp4", length)
    for scopes in (1, 4):
        seconds: dict[str, list[Times]] = {"plain": [], "ours": []}
        for turn in range(rounds):
            home = folder / f"{scopes}-{turn}"
            times, mine = ours(clip, home, scopes)
            seconds["ours"].append(times)
            times, theirs = plain(home / "speed" / "frames", scopes, length)
            seconds["plain"].append(times)
            equal = sum(np.array_equal(mine[key], mask) for key, mask in theirs.items())
            assert equal == len(theirs) == len(mine), "the masks differ"
        for part, what in enumerate(("tracking", "opening, clicks and tracking")):
            took = {
                side: statistics.median(t[part] for t in times) for side, times in seconds.items()
            }
            rows.append(
                {
                    "name": f"{what}, {scopes} scope{'s' * (scopes > 1)}, 720p, nano",
                    "plain": round(length / took["plain"], 2),
                    "ours": round(length / took["ours"], 2),
                    "ratio": round(took["plain"] / took["ours"], 2),
                    "unit": "frames/s, ratio ours/plain",
                }
            )
    return rows


def peak(side: str, clip: Path, folder: Path, length: int) -> float:
    """Return the peak memory in MB of a child that opens, clicks and tracks a clip."""
    command = [sys.executable, "-m", "benchmarks.tracking", "--child", side, str(clip), str(folder)]
    command += ["--frames", str(length)]
    out = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(out.stdout.split()[-1])


def memory(folder: Path, lengths: tuple[int, ...]) -> list[dict[str, Any]]:
    """Return peak memory by length of the clip."""
    rows = []
    for length in lengths:
        clip = write_clip(folder / f"long-{length}.mp4", length)
        home = folder / f"memory-{length}"
        used = {side: peak(side, clip, home, length) for side in ("ours", "plain")}
        rows.append(
            {
                "name": f"peak memory, {length} frames, 1 scope, 720p, nano",
                "plain": round(used["plain"]),
                "ours": round(used["ours"]),
                "ratio": round(used["plain"] / used["ours"], 2),
                "unit": "MB, ratio plain/ours",
            }
        )
    return rows


def child(side: str, clip: Path, folder: Path, length: int) -> None:
    """Do one side's whole job in this process and print its peak memory in MB."""
    if side == "ours":
        from sam2_widget.session import Session

        with Session(clip, output_dir=folder, model="nano") as session:
            session.add_point(0, *centre(0, 0, WIDTH, HEIGHT))
            session.track().wait()
    else:
        plain(folder / clip.stem / "frames", 1, length)
    # Not getrusage: its maximum begins with what the parent held when it forked.
    status = Path("/proc/self/status").read_text()
    print(int(status.split("VmHWM:")[1].split()[0]) / 1024)


def main() -> None:
    """Run the benchmark and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short clips, two rounds")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--frames", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given.child[0], Path(given.child[1]), Path(given.child[2]), given.frames)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = speed(folder, *((40, 2) if given.quick else (120, 5)))
        rows += memory(folder, (50, 200) if given.quick else (300, 3000))
    for row in rows:
        print(
            f"{row['name']:<52} plain {row['plain']:>8}  ours {row['ours']:>8}"
            f"  x{row['ratio']:<6} {row['unit']}"
        )
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
