"""How fast a model answers a click on a visited frame, and tracks one object."""

from __future__ import annotations

import statistics
import tempfile
import time
from typing import TYPE_CHECKING

import torch

from sam2_widget.sample import SAMPLE_CLICKS, sample_clip
from sam2_widget.session import Session

if TYPE_CHECKING:
    from pathlib import Path

    from sam2_widget.engines.sam2 import Sam2Engine

_CLICKS = 15


def speed(engine: Sam2Engine) -> list[str]:
    """Return two lines: milliseconds of a click, and frames per second with all that is saved.

    By the clock, and by the processor time of this process, which others on the machine change
    less.
    """
    with tempfile.TemporaryDirectory() as folder:
        return _measured(engine, folder)


def _measured(engine: Sam2Engine, folder: str | Path) -> list[str]:
    x, y = SAMPLE_CLICKS["disc"]
    with Session(sample_clip(), output_dir=folder, model=engine) as session:
        session.video.wait()
        session.add_point(0, x, y)
        waits, spent = [], []
        for number in range(_CLICKS):
            session.undo()
            clock, used = time.perf_counter(), time.process_time()
            session.add_point(0, x + number % 3, y)
            waits.append(time.perf_counter() - clock)
            spent.append(time.process_time() - used)
        clock, used = time.perf_counter(), time.process_time()
        session.track().wait()
        took, cost = time.perf_counter() - clock, time.process_time() - used
        frames = len(session.video) - 1
    threads = torch.get_num_threads()
    return [
        f"click on a visited frame: {1e3 * statistics.median(waits):.1f} ms, "
        f"{1e3 * statistics.median(spent):.1f} ms of processor time, {threads} threads",
        f"one object tracked: {frames / took:.1f} frames/s, "
        f"{1e3 * cost / frames:.1f} ms of processor time a frame",
    ]
