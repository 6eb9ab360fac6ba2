"""The pure parts of the benchmarks: medians, percentiles, goals, the table and the JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from benchmarks.figures import Figure, figure, percentile, table, write_json

if TYPE_CHECKING:
    from pathlib import Path


def test_a_figure_is_the_median_and_the_95th_percentile_of_its_values() -> None:
    each = figure("click", [*range(1, 101)], "ms", reference=101, most=1)
    assert (each.value, each.p95, each.ratio) == (50.5, pytest.approx(95.05), 0.5)


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([5], 0.95, 5), ([1, 2], 0.5, 1.5), ([3, 1, 2], 1, 3), ([3, 1, 2], 0, 1)],
)
def test_a_percentile_lies_between_its_two_neighbours(
    values: list[float], share: float, expected: float
) -> None:
    assert percentile(values, share) == expected


@pytest.mark.parametrize(
    ("goal", "value", "verdict"),
    [
        ({"most": 1.25}, 125, "met"),
        ({"most": 1.25}, 126, "missed"),
        ({"least": 1}, 100, "met"),
        ({"least": 1}, 99, "missed"),
        ({"most": 1.05, "without_verdict": "2 free cores of 4"}, 300, "none"),
        ({}, 300, "none"),
    ],
)
def test_a_verdict_compares_the_ratio_with_the_goal(
    goal: dict[str, object], value: float, verdict: str
) -> None:
    each = figure("it", [value], "ms", reference=100, **goal)
    assert each.verdict == verdict


def test_the_table_says_each_figure_on_a_line_of_its_own_and_why_there_is_no_verdict() -> None:
    lines = table(
        [
            Figure("a bare echo", 48.91, "ms", p95=61),
            Figure("a click", 60, "ms", reference=48, most=1.25),
            Figure("a track", 2, "ms", reference=1, most=1.05, without_verdict="1 free core of 4"),
        ]
    ).splitlines()
    assert lines[1].split() == ["a", "bare", "echo,", "ms", "48.9", "61.0"]
    assert lines[2].split()[-6:] == ["60.0", "48.0", "1.25", "<=", "1.25", "met"]
    assert lines[3].endswith("<= 1.05  no verdict: 1 free core of 4")


def test_the_json_is_a_list_of_objects_with_value_reference_ratio_goal_and_unit(
    tmp_path: Path,
) -> None:
    path = tmp_path / "figures.json"
    write_json(path, [figure("fps", [30, 33], "frames/s", reference=30, least=1)])
    assert json.loads(path.read_text()) == [
        {
            "name": "fps",
            "value": 31.5,
            "p95": 32.85,
            "reference": 30,
            "ratio": 1.05,
            "goal": ">= 1",
            "unit": "frames/s",
            "verdict": "met",
            "note": "",
        }
    ]
