"""Plots of the masks over time, from tables and from a session."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from sam2_widget import palette
from sam2_widget.annotations import Scope
from sam2_widget.plots import plot, plot_table
from sam2_widget.views import COLUMNS
from tests.projects import open_project

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

REGIONS = ("overall", "shaft")


def row(frame: int, **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = dict.fromkeys(COLUMNS, np.nan)
    values |= {"frame": frame, "time": frame / 10, "instance": 1, "region": "overall"}
    values |= {"area": 50 + frame, "centroid_x": 3.5, "centroid_y": 4.5, "score": 2.0}
    return {**values, "source": "track", "stale": False, "model": "nano", **changes}


def table(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(COLUMNS))


def panels(figure: Figure) -> list[Axes]:
    return list(figure.axes)


def lines(panel: Axes, gid: str | None = None) -> list[Line2D]:
    """Return the lines of the scopes, or the marks of one kind, less what only the legend has."""
    return [line for line in panel.lines if line.get_gid() == gid and len(line.get_xdata())]  # type: ignore[arg-type]


def test_each_scope_has_a_line_of_its_colour_in_every_panel() -> None:
    figure = plot_table(table(row(0), row(1), row(0, region="shaft", instance=2)), REGIONS)
    assert [panel.get_ylabel().split()[0] for panel in panels(figure)] == [
        "area",
        "centroid",
        "centroid",
        "score",
    ]
    expected = [
        palette.color(Scope(1, "overall"), REGIONS),
        palette.color(Scope(2, "shaft"), REGIONS),
    ]
    for panel in panels(figure):
        assert [to_hex(line.get_color()).upper() for line in lines(panel)] == expected


def test_lines_show_the_values_over_seconds() -> None:
    figure = plot_table(table(row(1), row(0)), REGIONS)
    (line,) = lines(panels(figure)[0])
    assert np.asarray(line.get_xdata()).tolist() == [0, 0.1]
    assert np.asarray(line.get_ydata()).tolist() == [50, 51]
    assert panels(figure)[-1].get_xlabel() == "time (s)"


def test_frames_stand_in_for_times_that_are_not_known_yet() -> None:
    figure = plot_table(table(row(0), row(7, time=np.nan)), REGIONS)
    (line,) = lines(panels(figure)[0])
    assert np.asarray(line.get_xdata()).tolist() == [0, 7]
    assert panels(figure)[-1].get_xlabel() == "frame"


def test_a_line_breaks_where_masks_are_missing() -> None:
    figure = plot_table(table(*(row(frame) for frame in (0, 1, 2, 9, 10))), REGIONS)
    (line,) = lines(panels(figure)[0])
    assert np.isnan(np.asarray(line.get_ydata())).tolist() == [False] * 3 + [True] + [False] * 2


def test_every_second_frame_makes_one_line() -> None:
    figure = plot_table(table(*(row(frame) for frame in (0, 2, 4, 6))), REGIONS)
    (line,) = lines(panels(figure)[0])
    assert not np.isnan(np.asarray(line.get_ydata())).any()


def test_stale_and_edited_frames_are_marked_and_explained() -> None:
    figure = plot_table(table(row(0), row(1, stale=True), row(2, source="edit")), REGIONS)
    for panel in panels(figure):
        assert [np.asarray(mark.get_xdata()).tolist() for mark in lines(panel, "stale")] == [[0.1]]
        assert [np.asarray(mark.get_xdata()).tolist() for mark in lines(panel, "edited")] == [[0.2]]
    legend = panels(figure)[0].get_legend()
    assert legend is not None
    told = [text.get_text() for text in legend.get_texts()]
    assert told == ["instance 1, overall", "stale", "edited"]


def test_colours_can_be_chosen() -> None:
    figure = plot_table(table(row(0)), REGIONS, {Scope(1, "overall"): "#123456"})
    assert [line.get_color() for line in lines(panels(figure)[0])] == ["#123456"]


def test_a_project_without_masks_gives_an_empty_plot() -> None:
    assert panels(plot_table(table(), REGIONS))[0].get_title() == "No masks yet"


def test_a_session_can_be_plotted_and_saved(tmp_path: Path) -> None:
    with open_project(tmp_path) as session:
        session.add_point(0, 30, 30)
        session.track().wait()
        figure = plot(session)
    (line,) = lines(panels(figure)[0])
    assert len(np.asarray(line.get_xdata())) == 10
    figure.savefig(tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 10_000


def test_no_figure_stays_open() -> None:
    from matplotlib import pyplot

    plot_table(table(row(0)), REGIONS)
    assert pyplot.get_fignums() == []


def test_a_missing_matplotlib_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'sam2-widget\[plot\]'"):
        plot_table(table(row(0)), REGIONS)
