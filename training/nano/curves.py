"""Draws the curves of a run from its log.

python -m training.nano.curves FOLDER/log.jsonl curves.png
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

_KINDS = ("image click", "image box", "image correction 2", "click", "next", "later")
_WINDOW = 8  # Lines of the log that one point of a curve is the mean of.


def main() -> None:
    """Draw overlap by kind of prompt, and the loss with the learning rate."""
    from matplotlib.figure import Figure

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("log", type=Path)
    parser.add_argument("picture", type=Path)
    given = parser.parse_args()
    lines = [json.loads(line) for line in given.log.read_text().splitlines()]
    figure = Figure(figsize=(10, 4), layout="constrained")
    overlap, loss = figure.subplots(1, 2)
    for kind in _KINDS:
        overlap.plot(*_smoothed(lines, kind), label=kind)
    overlap.set(xlabel="step", ylabel="mean overlap on training batches", ylim=(0, 1))
    overlap.legend(fontsize=8)
    loss.plot(*_smoothed(lines, "loss"), color="black")
    loss.set(xlabel="step", ylabel="loss")
    rate = loss.twinx()
    rate.plot(*_smoothed(lines, "rate"), color="tab:red", linewidth=0.8)
    rate.set(ylabel="learning rate (red)")
    for axis in (overlap, loss):
        axis.grid(alpha=0.3)
    figure.savefig(given.picture, dpi=80)


def _smoothed(lines: list[dict[str, float]], name: str) -> tuple[list[int], list[float]]:
    """Return steps and the means of the last few lines that have a value."""
    steps = [int(line["step"]) for line in lines if name in line]
    values = [line[name] for line in lines if name in line]
    means = [float(np.mean(values[max(0, at - _WINDOW) : at + 1])) for at in range(len(values))]
    return steps, means


if __name__ == "__main__":
    main()
