"""Figures of a benchmark: medians and percentiles, goals and verdicts, the table and the JSON."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

Verdict = Literal["met", "missed", "none"]


@dataclass(frozen=True)
class Figure:
    """One line of the table: a value beside what it is compared with.

    Attributes
    ----------
    name : str
        What was measured.
    value : float
        Median.
    p95 : float or None
        95th percentile, where there is more than one value.
    reference : float or None
        What it is compared with: measured in the same run, or asked for.
    unit : str
        Of value, percentile and reference.
    most, least : float or None
        The goal: what ``value / reference`` may be at most, or must be at least.
    without_verdict : str
        Why there is none, though there is a goal.
    """

    name: str
    value: float
    unit: str
    p95: float | None = None
    reference: float | None = None
    most: float | None = None
    least: float | None = None
    without_verdict: str = ""

    @property
    def ratio(self) -> float | None:
        """``value / reference``."""
        return self.value / self.reference if self.reference else None

    @property
    def goal(self) -> str:
        """What the ratio should be."""
        if self.most is not None:
            return f"<= {self.most:g}"
        return f">= {self.least:g}" if self.least is not None else ""

    @property
    def verdict(self) -> Verdict:
        """Whether the goal is met; none where there is no goal or the machine is too small."""
        if self.ratio is None or not self.goal or self.without_verdict:
            return "none"
        if self.most is not None:
            return "met" if self.ratio <= self.most else "missed"
        assert self.least is not None
        return "met" if self.ratio >= self.least else "missed"

    def as_json(self) -> dict[str, Any]:
        """Return what the JSON file holds of it."""
        return {
            "name": self.name,
            "value": _rounded(self.value),
            "p95": _rounded(self.p95),
            "reference": _rounded(self.reference),
            "ratio": _rounded(self.ratio),
            "goal": self.goal,
            "unit": self.unit,
            "verdict": self.verdict,
            "note": self.without_verdict,
        }


def figure(name: str, values: Sequence[float], unit: str, **more: Any) -> Figure:
    """Return the figure of some values: their median and 95th percentile."""
    return Figure(name, statistics.median(values), unit, p95=percentile(values, 0.95), **more)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of the values lies, between two where it must be."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def table(figures: Iterable[Figure]) -> str:
    """Return the figures as a table for people."""
    head = ("", "median", "p95", "reference", "ratio", "goal", "")
    rows = [head, *(_cells(each) for each in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column in (0, len(head) - 1) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def write_json(path: Path, figures: Iterable[Figure]) -> None:
    """Write the figures as a list of objects."""
    path.write_text(json.dumps([each.as_json() for each in figures], indent=1) + "\n")


def _cells(each: Figure) -> tuple[str, ...]:
    verdict = each.verdict if each.goal else ""
    if verdict == "none":
        verdict = f"no verdict: {each.without_verdict}"
    return (
        f"{each.name}, {each.unit}",
        _text(each.value),
        _text(each.p95),
        _text(each.reference),
        "" if each.ratio is None else f"{each.ratio:.2f}",
        each.goal,
        verdict,
    )


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
