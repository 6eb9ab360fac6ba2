"""Plots area, centroid and score of the masks over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from sam2_widget import palette
from sam2_widget.annotations import Scope

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Values = npt.NDArray[np.float64]

_PANELS = (
    ("area", "area (pixels)"),
    ("centroid_x", "centroid x (pixels)"),
    ("centroid_y", "centroid y (pixels)"),
    ("score", "score (logit)"),
)


class Results(Protocol):
    """What is plotted: a `Session` is one."""

    @property
    def regions(self) -> tuple[str, ...]:
        """Region ids, in order."""

    def color(self, instance: int, region: str) -> str:
        """Return the colour of a scope, "#rrggbb"."""

    def to_dataframe(self) -> pd.DataFrame:
        """Return one row per mask."""


def plot(results: Results, colors: Mapping[Scope, str] | None = None) -> Figure:
    """Plot the masks of a session over time; see `plot_table`."""
    table = results.to_dataframe()
    scopes = [
        Scope(int(i), r) for i, r in set(zip(table["instance"], table["region"], strict=True))
    ]
    own = {scope: results.color(*scope) for scope in scopes}
    return plot_table(table, results.regions, {**own, **(colors or {})})


def plot_table(
    table: pd.DataFrame, regions: Sequence[str], colors: Mapping[Scope, str] | None = None
) -> Figure:
    """Plot area, centroid and score over time, one line per scope in its colour.

    A line breaks where frames have no mask. Hollow circles are stale masks, squares are masks
    edited by hand.

    Parameters
    ----------
    table : pandas.DataFrame
        What ``Session.to_dataframe`` returns.
    regions : sequence of str
        Region ids in order, which decide the colours.
    colors : mapping of Scope to str, optional
        Colours ``"#rrggbb"`` of scopes in the place of their own.

    Returns
    -------
    matplotlib.figure.Figure
        A notebook shows it where it is a cell's last line; ``savefig`` writes it to a file.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    figure, panels = _empty_figure()
    if table.empty:
        panels[0].set_title("No masks yet")
        return figure
    # Until all frames are extracted, the times of some are not known.
    timed = bool(table["time"].notna().all())
    panels[-1].set_xlabel("time (s)" if timed else "frame")
    for key, rows in table.groupby(["instance", "region"], sort=True):
        instance, region = cast("tuple[int, str]", key)
        scope = Scope(int(instance), region)
        color = (colors or {}).get(scope) or palette.color(scope, regions)
        for panel, (column, _) in zip(panels, _PANELS, strict=True):
            _draw(panel, rows.sort_values("frame"), "time" if timed else "frame", column, color)
        panels[0].plot([], [], color=color, label=str(scope))
    _add_legend(panels[0], table)
    return figure


def _empty_figure() -> tuple[Figure, list[Axes]]:
    try:
        from matplotlib import pyplot  # an extra, and slow to import
    except ImportError as error:
        raise ImportError(
            "plot() needs matplotlib, which is not installed; install it with "
            "pip install 'sam2-widget[plot]'."
        ) from error
    figure, panels = pyplot.subplots(
        len(_PANELS), sharex=True, figsize=(9, 8), layout="constrained", squeeze=False
    )
    # The caller owns it: left open, a notebook would show it a second time.
    pyplot.close(figure)
    axes = list(panels[:, 0])
    for panel, (_, label) in zip(axes, _PANELS, strict=True):
        panel.set_ylabel(label)
        panel.grid(alpha=0.3)
    return figure, axes


def _draw(panel: Axes, rows: pd.DataFrame, across: str, column: str, color: str) -> None:
    x, y = _floats(rows, across), _floats(rows, column)
    breaks = _breaks(_floats(rows, "frame"))
    panel.plot(
        np.insert(x, breaks, np.nan), np.insert(y, breaks, np.nan), ".-", color=color, ms=3, lw=1.2
    )
    for marked, style in zip(_marked(rows), _styles(color), strict=True):
        panel.plot(x[marked], y[marked], **style)


def _floats(rows: pd.DataFrame, column: str) -> Values:
    return rows[column].to_numpy(dtype=np.float64, na_value=np.nan)


def _breaks(frames: Values) -> npt.NDArray[np.intp]:
    """Return where a run of masks ends; an imported project has every second frame alone."""
    steps = np.diff(frames)
    if not steps.size:
        return np.zeros(0, dtype=np.intp)
    return np.flatnonzero(steps > 2 * np.median(steps)) + 1


def _marked(rows: pd.DataFrame) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return which rows are stale and which are edited."""
    stale = rows["stale"].to_numpy(dtype=bool)
    return stale, (rows["source"] == "edit").to_numpy(dtype=bool)


def _styles(color: str) -> tuple[dict[str, Any], dict[str, Any]]:
    hollow = {"ls": "", "marker": "o", "ms": 6, "mfc": "none", "mec": color, "gid": "stale"}
    square = {"ls": "", "marker": "s", "ms": 6, "mfc": color, "mec": "black", "gid": "edited"}
    return hollow, square


def _add_legend(panel: Axes, table: pd.DataFrame) -> None:
    for marked, style in zip(_marked(table), _styles("grey"), strict=True):
        if marked.any():
            panel.plot([], [], **{**style, "gid": None, "label": style["gid"]})
    panel.legend(loc="upper left", bbox_to_anchor=(1, 1))
