"""Whether the disk tier of the feature cache pays: encoding a frame beside reading it back.

    python -m benchmarks.disk [--random CONFIG] [--rounds N] [--device D]

The two alternate in one process, medians of all rounds: wall time, and the CPU time of the calling
thread for a machine where others work. "Cold" is read after the kernel was told to forget the pages
of that frame (Linux alone), "warm" from its page cache. The file lies where the tier puts it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from benchmarks.engine import random_model
from sam2_widget import models
from sam2_widget.engines.sam2.disk import DiskTier
from sam2_widget.engines.sam2.features import Features
from sam2_widget.engines.sam2.loading import load_predictor
from sam2_widget.engines.sam2.precision import inference, limit_threads, pick_device
from sam2_widget.engines.sam2.slab import SlabFile

if TYPE_CHECKING:
    from collections.abc import Callable

FRAMES = 24
CPU = torch.device("cpu")


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--random", help="a config of sam2, with random weights, instead of nano")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="auto")
    given = parser.parse_args()
    device = pick_device(given.device)
    limit_threads(device)
    spec = models.nano()
    with tempfile.TemporaryDirectory() as folder:
        config, weights = spec.config, spec.checkpoint
        if given.random:
            config, weights = random_model(given.random, Path(folder), None)
        model = load_predictor(config, weights, device)
    image = torch.randn(1, 3, model.image_size, model.image_size, device=device)

    def encode() -> Features:
        with inference(device):
            levels = model.forward_image(image)["backbone_fpn"][-model.num_feature_levels :]
            features = Features(tuple(levels))
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return features

    features = encode().to(CPU)
    files: list[SlabFile] = []

    def opened() -> SlabFile:
        files.append(SlabFile())
        return files[-1]

    tier = DiskTier(2 * FRAMES * features.nbytes, opened)
    for frame in range(FRAMES):
        tier.put(frame, Features(tuple(level.clone() for level in features.levels)).levels)
        tier.settle()
    assert len(tier.frames()) == FRAMES, "the disk has no room"
    times: dict[str, list[tuple[float, float]]] = {}
    for number in range(given.rounds):
        frame = number % FRAMES
        acts: dict[str, Callable[[], object]] = {
            "encode": encode,
            "read, warm": partial(_read, tier, frame, device),
            "read, cold": partial(_read, tier, frame, device),
        }
        for name, act in acts.items():
            if name == "read, cold" and not _forget(files[0]):
                continue
            times.setdefault(name, []).append(_timed(act))
    print(f"{features.nbytes / 1e6:.2f} MB a frame, in {files[0].folder}, on {device.type}")
    base = [statistics.median(each) for each in zip(*times["encode"], strict=True)]
    for name, each in times.items():
        wall, cpu = (statistics.median(column) for column in zip(*each, strict=True))
        ratios = f"{base[0] / wall:.1f} and {base[1] / cpu:.1f} x less than to encode"
        print(f"{name:12} {1e3 * wall:9.2f} ms, {1e3 * cpu:9.2f} ms of CPU: {ratios}")
    tier.close()


def _read(tier: DiskTier, frame: int, device: torch.device) -> None:
    levels = tier.get(frame)
    assert levels is not None
    Features(levels).to(device)
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _forget(file: SlabFile) -> bool:
    """Have the kernel forget what it keeps of the file; False where that cannot be asked."""
    if not hasattr(os, "posix_fadvise"):
        return False
    number = file._file.fileno()
    os.fsync(number)
    os.posix_fadvise(number, 0, 0, os.POSIX_FADV_DONTNEED)
    return True


def _timed(act: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.thread_time()
    act()
    return time.perf_counter() - wall, time.thread_time() - cpu


if __name__ == "__main__":
    main()
