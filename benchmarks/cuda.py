"""What only a GPU can show: masks beside the CPU's, memory of frames, running out, compiling.

    python -m benchmarks.cuda [--config CONFIG] [--frames N] [--json FILE]

Masks are nano's on the sample clip; all else runs one of sam2's configs with random weights, on a
clip of 720p. Memory is what PyTorch counts on the device. Running out is real: the process may
have no more than the model takes and a little, in the place of the whole GPU.
"""

from __future__ import annotations

import argparse
import gc
import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from benchmarks.clip import write_clip
from benchmarks.engine import Plain, load, masks_of, point, random_model
from sam2_widget import models
from sam2_widget.engines.sam2 import Sam2Engine
from sam2_widget.sample import SAMPLE_CLICKS, sample_clip
from sam2_widget.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.engine import Masks

    Line = tuple[str, Any]

SIZE = (1280, 720)
OBJECTS = 8


def overlaps(first: Masks, second: Masks) -> str:
    """Return the mean and the least intersection over union of two sets of masks."""
    assert first.keys() == second.keys()
    values = []
    for key, mask in first.items():
        union = np.bitwise_count(mask | second[key]).sum()
        values.append(np.bitwise_count(mask & second[key]).sum() / union if union else 1.0)
    return f"IoU {np.mean(values):.5f} on average, {np.min(values):.4f} at least"


def tracked(
    engine: Sam2Engine, clip: Path, clicks: list[tuple[float, float]], *, replay: bool = True
) -> Masks:
    """Return the masks of all objects on all frames, each clicked on the first."""
    with tempfile.TemporaryDirectory() as folder:
        session = Session(clip, output_dir=folder, model=engine)
        with session:
            session.video.wait()
            for number, (x, y) in enumerate(clicks, 1):
                session.add_point(0, x, y, instance=number)
            if not replay:
                session.live.worker.run(engine.graphs.drop)
            session.track().wait()
            return masks_of(session, range(1, len(clicks) + 1))


def agreement() -> list[Line]:
    """Compare what the GPU makes of the sample clip with what the CPU makes of it."""
    spec = models.nano()
    clicks = list(SAMPLE_CLICKS.values())

    def masks(device: str, *, replay: bool = True, **options: Any) -> Masks:
        engine = Sam2Engine("nano", spec.config, spec.checkpoint, device, **options)
        return tracked(engine, sample_clip(), clicks, replay=replay)

    truth = masks("cpu")
    alone = masks("cuda", batch_objects=False)
    return [
        ("nano, float32, against the CPU", overlaps(truth, masks("cuda", precision="float32"))),
        ("nano, bfloat16, against the CPU", overlaps(truth, alone)),
        ("nano, float16, against the CPU", overlaps(truth, masks("cuda", precision="float16"))),
        (
            "nano, in batches, against one by one",
            overlaps(alone, masks("cuda", batch_objects=True)),
        ),
    ]


def frame_memory(config: str, weights: Path, folder: Path, length: int) -> list[Line]:
    """Compare the device's memory that the frames of a video take."""
    lengths = 12, length
    clips = [write_clip(folder / f"{n}.mp4", n, *SIZE) for n in lengths]
    engine = Sam2Engine("benchmark", config, weights, "cuda", archive_bytes=0, feature_bytes=0)
    ours = [_peak(lambda clip=clip: tracked(engine, clip, [point(1, 0, SIZE)])) for clip in clips]
    model = load(config, weights, "cuda")
    plain = []
    for number, clip in enumerate(clips):
        with Session(clip, output_dir=folder / f"stored{number}", model=model.ours) as session:
            session.video.wait()
            frames = session.folder / "frames"
        plain.append(_peak(lambda frames=frames, n=number: _plain(model, frames, folder / str(n))))
    grown = [(peaks[1] - peaks[0]) / 1e6 for peaks in (plain, ours)]
    return [
        (f"{length} frames on the device, MB more than 12, sam2's predictor", round(grown[0], 1)),
        (f"{length} frames on the device, MB more than 12, ours", round(grown[1], 1)),
    ]


def _plain(model: Any, frames: Path, folder: Path) -> None:
    plain = Plain(model, frames, SIZE)
    plain.click(1, 0, *point(1, 0, SIZE))
    plain.track(folder)


def _peak(act: Callable[[], object]) -> int:
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    act()
    return torch.cuda.max_memory_allocated()


def running_out(config: str, weights: Path, clip: Path) -> list[Line]:
    """Track with all of the GPU, and with ever less of it until it is not enough."""
    clicks = [point(number, 0, SIZE) for number in range(1, OBJECTS + 1)]

    def all_masks(tell: Callable[[str], None]) -> tuple[Sam2Engine, Masks]:
        engine = Sam2Engine("benchmark", config, weights, "cuda", batch_objects=True, warn=tell)
        return engine, tracked(engine, clip, clicks)

    expected: list[Masks] = []
    needed = _peak(lambda: expected.append(all_masks(print)[1]))
    lines: list[Line] = [("peak with all of the GPU, MB", round(needed / 1e6))]
    total = torch.cuda.get_device_properties(0).total_memory
    for share in (0.9, 0.75, 0.6, 0.5):
        gc.collect()  # The engine before goes, with what it recorded.
        torch.cuda.empty_cache()
        torch.cuda.set_per_process_memory_fraction(share * needed / total)
        told: list[str] = []
        try:
            engine, masks = all_masks(told.append)
            limit, host = engine.pressure.batch_limit, engine.pressure.on_host
            found = f"{overlaps(expected[0], masks)}; batches of {limit}, on the host: {host}"
        except Exception as error:
            found = f"{type(error).__name__}: {error}"
        lines.append((f"with {share:.0%} of that", f"{found}; told {len(told)} times"))
        engine = masks = None  # type: ignore[assignment]  # The next has no room for it.
    torch.cuda.set_per_process_memory_fraction(1.0)
    return lines


def compiling(config: str, weights: Path, clip: Path) -> list[Line]:
    """Click while the encoder is compiled, and compare a track before and after."""
    told: list[str] = []
    engine = Sam2Engine("benchmark", config, weights, "cuda", compile=True, warn=told.append)
    clicks = [point(1, 0, SIZE)]
    waits: list[float] = []
    started = time.perf_counter()
    with (
        tempfile.TemporaryDirectory() as folder,
        Session(clip, output_dir=folder, model=engine) as session,
    ):
        session.video.wait()
        session.add_point(0, *clicks[0])
        compilation = engine._compilation
        assert compilation is not None
        while not compilation.wait(0.2):
            clicked = time.perf_counter()
            session.add_point(len(waits) % len(session.video), *clicks[0], instance=2)
            waits.append(time.perf_counter() - clicked)
        took = time.perf_counter() - started
    return [
        ("compiled, s after opening", f"{took:.1f}; told {told}"),
        ("slowest of the clicks meanwhile, ms", round(1e3 * max(waits, default=0.0))),
        ("compiled, against as it was", _compiled(engine, config, weights, clip, clicks)),
    ]


def _compiled(
    engine: Sam2Engine, config: str, weights: Path, clip: Path, clicks: list[tuple[float, float]]
) -> str:
    plain = Sam2Engine("benchmark", config, weights, "cuda")
    seconds: dict[bool, list[float]] = {True: [], False: []}
    masks: dict[bool, Masks] = {}
    for _ in range(3):
        for which in (True, False):
            started = time.perf_counter()
            masks[which] = tracked(engine if which else plain, clip, clicks)
            seconds[which].append(time.perf_counter() - started)
    ratio = np.median(seconds[False]) / np.median(seconds[True])
    return f"{ratio:.2f} times as fast; {overlaps(masks[False], masks[True])}"


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", default="configs/sam2.1/sam2.1_hiera_t.yaml")
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    given = parser.parse_args()
    lines: list[Line] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config, weights = random_model(given.config, folder, None)
        clip = write_clip(folder / "clip.mp4", 16, *SIZE)
        parts: list[Callable[[], list[Line]]] = [
            agreement,
            lambda: frame_memory(config, weights, folder, given.frames),
            lambda: running_out(config, weights, clip),
            lambda: compiling(config, weights, clip),
        ]
        for part in parts:
            try:
                found = part()
            except Exception as error:  # The others tell something all the same.
                found = [("failed", f"{type(error).__name__}: {error}")]
            lines += found
            for what, value in found:
                print(f"{what:<66} {value}", flush=True)
    if given.json:
        given.json.write_text(json.dumps(lines, indent=1))


if __name__ == "__main__":
    main()
