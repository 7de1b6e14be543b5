"""The data behind a figure, read off what is drawn: a table for those who would draw it otherwise.

It is read from the figure itself, so it cannot differ from what a reader sees, and no plot has to
hand it on. In a notebook it is one more form of the figure, beside the picture.
"""

from typing import Any

import numpy as np
import pandas as pd
from IPython.core.formatters import BaseFormatter
from IPython.core.getipython import get_ipython
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import LineCollection, PathCollection, PolyCollection, QuadMesh
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from leukgnn.names import FIGURE_DATA

DECIMALS = 6
COLUMNS = ["panel", "series", "drawn_as", "x", "y", "low", "high", "value"]
NEAR = 0.45  # of the way to the next: what is drawn so near to a named place is that one's

Shape = dict[str, NDArray[np.float64]]


def data(figure: Figure) -> pd.DataFrame:
    """What a figure shows, a row for each point, bar, interval or field.

    Parameters
    ----------
    figure : Figure
        Guides across a whole panel (`axvline`, grids) and pictures of cells are no data.

    Returns
    -------
    DataFrame
        panel (number from 1, and title), series (as in the legend), drawn_as ("line", "points",
        "bar", "interval", "band" or "field"), x and y, or the names of their places; low and high
        of what stretches: of a bar along x, of an interval along the axis that it does not name, of
        a band along y; value of a field. Columns that this figure has no use for are left out.
    """
    parts = []
    for number, axes in enumerate(figure.axes, start=1):
        panel = f"{number} {axes.get_title()}".strip()
        for artist in [*axes.lines, *axes.collections, *axes.patches]:
            kind, shape = _shape(artist, axes)
            if shape:
                rows = pd.DataFrame(shape).round(DECIMALS)
                for axis in (axes.xaxis, axes.yaxis):
                    if axis.axis_name in rows:
                        rows[axis.axis_name] = _named(rows[axis.axis_name], axis)
                parts.append(rows.assign(panel=panel, series=_series(artist, axes), drawn_as=kind))
    if not parts:
        return pd.DataFrame(columns=COLUMNS)
    table = pd.concat(parts, ignore_index=True)
    return table[[column for column in COLUMNS if column in table]]


def _shape(artist: Artist, axes: Axes) -> tuple[str, Shape]:
    """How a thing is drawn and its numbers; none for what is no data."""
    if isinstance(artist, PathCollection):
        x, y = np.ma.filled(artist.get_offsets(), np.nan).T
        return "points", {"x": x, "y": y}
    if isinstance(artist, Rectangle) and artist.get_data_transform() is axes.transData:
        left, width, height = artist.get_x(), artist.get_width(), artist.get_height()
        sides = {"x": left + width / 2, "y": height, "low": left, "high": left + width}
        return "bar", {name: np.array([value]) for name, value in sides.items()}
    if artist.get_transform() is not axes.transData:
        return "", {}
    if isinstance(artist, Line2D):
        x, y = np.asarray(artist.get_xydata(), dtype=float).T
        return "points" if artist.get_linestyle() == "None" else "line", {"x": x, "y": y}
    if isinstance(artist, LineCollection):
        ends = np.array([path.vertices for path in artist.get_paths()])  # with those that are none
        (x, y), (to_x, to_y) = ends[~np.isnan(ends).any(axis=(1, 2))].transpose(1, 2, 0)
        if np.array_equal(y, to_y):
            return "interval", {"y": y, "low": x, "high": to_x}
        return "interval", {"x": x, "low": y, "high": to_y}
    if isinstance(artist, QuadMesh):
        values: NDArray[np.float64] = np.asarray(artist.get_array(), dtype=float)
        y, x = np.indices(values.shape) + 0.5
        return "field", {"x": x.ravel(), "y": y.ravel(), "value": values.ravel()}
    if isinstance(artist, PolyCollection):
        edge = pd.DataFrame(np.asarray(artist.get_paths()[0].vertices)).groupby(0)[1]
        x, low, high = edge.agg(["min", "max"]).reset_index().to_numpy().T
        return "band", {"x": x, "low": low, "high": high}
    return "", {}


def _series(artist: Artist, axes: Axes) -> str:
    """Name of a thing: its own, in the legend, or of the bars that it is one of."""
    if artist.get_gid():
        return str(artist.get_gid())
    bars = [own for own in axes.containers if artist in own.get_children()]
    named: list[Any] = [artist, *bars, *(own.get_children()[0] for own in bars)]
    labels = [str(one.get_label()) for one in named]
    return next((label for label in labels if not label.startswith("_")), "")


def _named(values: "pd.Series[float]", axis: Axis) -> "pd.Series[float] | pd.Series[str]":
    """Values as the names of their places on an axis that has such."""
    shown, places = axis.get_major_formatter(), axis.get_majorticklocs()
    if values.empty or not isinstance(shown, FuncFormatter):
        return values
    names = shown.format_ticks(list(places))  # of a shared axis, too, which shows them elsewhere
    away = np.abs(np.subtract.outer(values.to_numpy(), places))
    if not all(names) or away.min(axis=1).max() > NEAR:
        return values
    return pd.Series(np.array(names)[away.argmin(axis=1)], index=values.index)


class _CSVFormatter(BaseFormatter):
    """Gives figures as comma-separated values, beside their other forms.

    The figures' own printers are no place for it: the inline backend clears them when it starts.
    """

    def __call__(self, obj: object) -> str | None:
        if not isinstance(obj, Figure) or (table := data(obj)).empty:
            return None
        return table.to_csv(index=False)


def offer() -> None:
    """Let every figure that a notebook shows bring its data; outside a notebook nothing happens."""
    if (shell := get_ipython()) and shell.display_formatter:
        shell.display_formatter.formatters[FIGURE_DATA] = _CSVFormatter()
