"""Figures of measurements: every function takes tables and axes and returns the axes."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from leukgnn.book import drawn
from leukgnn.names import CLASSES, INK, MODELS, PROTOCOLS
from leukgnn.text import counted

WIDTH = 6.0  # inches of a figure: its text, of 12 points, is then 9 pixels high on a phone
SHADES = (INK, "#7d7d7d", "#b4b4b4", "#4d4d4d")  # of what is no class, model or protocol
DASHES = ("-", "--", "-.", ":")
EDGE_LINES = {  # of the kinds of edges in `graphs.sweep`: colour, dashes, marker
    "all edges": (INK, "-", "o"),
    "same source image": ("#7d7d7d", "--", "s"),
    "same subject": ("#7d7d7d", ":", "^"),
    "cross-subject": (INK, "-.", "D"),
}
TESTED_ON = {  # cells on which others tested: colour, and what fills their points
    "final test set": (INK, INK),
    "preliminary test set": (INK, "white"),
    "random cells": (PROTOCOLS["as_written"].colour, PROTOCOLS["as_written"].colour),
}


def style() -> None:
    """Set the look of all figures, whatever a matplotlibrc says; call it once in a chapter.

    In a notebook every figure then brings its data with it (`leukgnn.book.drawn`).
    """
    drawn.offer()
    plt.rcdefaults()
    sns.set_theme(context="notebook", style="ticks", palette="colorblind")
    plt.rcParams.update(
        {
            "figure.constrained_layout.use": True,
            "figure.figsize": (WIDTH, 4.0),
            "figure.dpi": 200,  # twice what a page shows
            "axes.prop_cycle": f"cycler('color', {SHADES!r})",
            "font.size": 12,
            "axes.labelsize": 12,
            "axes.titlesize": 13,
            "xtick.labelsize": 12,
            "ytick.labelsize": 12,
            "legend.fontsize": 12,
            "legend.title_fontsize": 12,
            "figure.titlesize": 12,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "legend.frameon": False,
        }
    )


def cells_per_subject(table: pd.DataFrame, axes: Axes) -> Axes:
    """Bar for each subject, grouped by fold, coloured by class.

    Parameters
    ----------
    table : DataFrame
        Cells with fold, label and subject.
    axes : Axes
        Where to draw.
    """
    subjects = table.groupby(["fold", "label", "subject"]).size().rename("cells").reset_index()
    subjects = subjects.sort_values(["fold", "cells"], ascending=[True, False], ignore_index=True)
    for label, name in CLASSES.items():
        group = subjects[subjects["label"] == label]
        axes.bar(group.index, group["cells"], color=name.colour, label=name.label)
    places = subjects.reset_index().groupby("fold")["index"].agg(["min", "max"])
    for edge in places["min"].iloc[1:]:
        axes.axvline(edge - 0.5, color="0.6", linewidth=0.8, linestyle="--")
    axes.set_xticks(places.mean(axis=1), places.index)
    axes.tick_params(axis="x", length=0)
    axes.set(xlabel="subjects, by fold", ylabel="cells", xlim=(-1, len(subjects)))
    axes.legend()
    return axes


def box_areas(table: pd.DataFrame, axes: Axes) -> Axes:
    """Distribution of the bounding box's area in each class.

    Parameters
    ----------
    table : DataFrame
        Cells with label, bbox_w and bbox_h (pixels).
    axes : Axes
        Where to draw.
    """
    area = table["bbox_w"] * table["bbox_h"] / 1000
    bins = np.linspace(area.min(), area.quantile(0.999), 60).tolist()
    for label, name in CLASSES.items():
        values = area[table["label"] == label]
        axes.hist(values, bins, density=True, color=name.colour, alpha=0.45, label=name.label)
        axes.axvline(values.median(), color=name.colour, linestyle="--", linewidth=1.5)
    axes.set(xlabel="area of the bounding box (thousand pixels)", ylabel="density", yticks=[])
    axes.legend(title="dashed: median")
    return axes


def changes(table: pd.DataFrame, axes: Axes, *, of: str) -> Axes:
    """Box for each augmentation step: what it changes in a cell, in per cent.

    Parameters
    ----------
    table : DataFrame
        One row for each cell and step, with step and the column `of` (a share of the original).
    axes : Axes
        Where to draw.
    of : str
        What was measured; names the axis.
    """
    per_cent = table.assign(change=100 * table[of])
    sns.boxplot(per_cent, x="change", y="step", color=SHADES[2], whis=(0, 100), ax=axes)
    axes.axvline(0, color="0.6", linewidth=0.8, zorder=0)
    axes.set(xlabel=f"change of {of} (%)", ylabel="")
    return axes


def similarities(table: pd.DataFrame, axes: Axes) -> Axes:
    """Distribution of each column of cosine similarities.

    Parameters
    ----------
    table : DataFrame
        One row a cell; the columns' names go into the legend.
    axes : Axes
        Where to draw.
    """
    long = table.melt(var_name="pair", value_name="similarity")
    for place, (pair, rows) in enumerate(long.groupby("pair", sort=False)):
        sns.ecdfplot(
            rows, x="similarity", linewidth=2, color=SHADES[place], linestyle=DASHES[place],
            label=pair, ax=axes,
        )  # fmt: skip
    axes.set(xlabel="cosine similarity", ylabel="share of cells at or below")
    axes.legend(loc="upper left")
    return axes


def probe(measured: pd.Series, predicted: np.ndarray, labels: np.ndarray, axes: Axes) -> Axes:
    """Scatter of a probe's prediction against the measured value, with the diagonal."""
    for label, name in CLASSES.items():
        x, y = measured[labels == label], predicted[labels == label]
        axes.scatter(x, y, s=3, alpha=0.3, color=name.colour, label=name.label)
    ends = [measured.min(), measured.max()]
    axes.plot(ends, ends, color="0.3", linewidth=1)
    axes.legend(markerscale=3)
    return axes


def by_k(table: pd.DataFrame, axes: Axes, *, of: str) -> Axes:
    """Curve of column `of` against k, one for each kind of edge; from the sweep over k."""
    for kind, rows in table.groupby("kind", sort=False):
        colour, dashes, marker = EDGE_LINES[str(kind)]
        axes.plot(
            rows["k"], rows[of], color=colour, linestyle=dashes, marker=marker, markersize=5,
            label=kind,
        )  # fmt: skip
    axes.set(xscale="log", xlabel="k")
    axes.set_xticks(table["k"].unique(), table["k"].unique())
    axes.minorticks_off()
    return axes


def curves(history: pd.DataFrame, axes: Axes, *, of: str, by: str) -> Axes:
    """Training curves: column `of`, one colour for each value of `by`, a thin line a seed.

    Values that are models of the registry get its colours and labels.
    """
    for place, (key, rows) in enumerate(history.groupby(by)):
        label, colour = _shown(key, place)
        dashes = "-" if key in MODELS else DASHES[place % len(DASHES)]
        for _, run in rows.groupby("seed"):
            axes.plot(run["epoch"], run[of], dashes, color=colour, linewidth=1.2, label=label)
            label = None  # one entry in the legend for all seeds
    axes.set(xlabel="epoch", ylabel=of.replace("_", " "))
    axes.legend()
    return axes


def _shown(key: Any, place: int) -> tuple[str | None, str]:
    """Label and colour of a line: a model's own, else the value and its place in the palette."""
    if key in MODELS:
        return MODELS[key].label, MODELS[key].colour
    return str(key), SHADES[place % len(SHADES)]


def confusion(counts: Sequence[float], axes: Axes, *, title: str) -> Axes:
    """Heat map of a confusion matrix tn, fp, fn, tp: share of each true class, and cells."""
    matrix = np.array(counts, dtype=float).reshape(2, 2)
    shares = matrix / matrix.sum(axis=1, keepdims=True)
    text = [
        [f"{share:.1%}\n({count:,.0f})" for share, count in zip(*row, strict=True)]
        for row in zip(shares, matrix, strict=True)
    ]
    names = [name.label for name in CLASSES.values()]
    sns.heatmap(
        shares, annot=np.array(text), fmt="", cmap="Greys", vmin=0, vmax=1, cbar=False, square=True,
        xticklabels=names, yticklabels=names, ax=axes,
    )  # fmt: skip
    axes.set(xlabel="predicted", ylabel="true", title=title)
    return axes


def roc(curve: pd.DataFrame, axes: Axes) -> Axes:
    """ROC curves from columns `model`, `fpr`, `tpr` and, for the legend, `label`.

    Models of the registry get its colours and, where there is no `label`, its labels.
    """
    for place, (key, rows) in enumerate(curve.groupby("model", sort=False)):
        label, colour = _shown(key, place)
        label = rows["label"].iloc[0] if "label" in rows else label
        axes.plot(rows["fpr"], rows["tpr"], color=colour, label=label)
    axes.plot([0, 1], [0, 1], color="0.6", linestyle=":", linewidth=1)
    axes.set(
        xlabel="false positive rate (1 - specificity)",
        ylabel="true positive rate (recall)",
        aspect="equal",
    )
    return axes


def forest(
    table: pd.DataFrame,
    axes: Axes,
    *,
    colour: str = INK,
    shift: float = 0.0,
    label: str | None = None,
) -> Axes:
    """Intervals from `name`, `value`, `low`, `high`, first row on top; `shift` lifts them.

    `label` goes into a legend, which the caller draws.
    """
    places = -np.arange(len(table))
    axes.hlines(places + shift, table["low"], table["high"], color=colour, alpha=0.6, linewidth=2)
    axes.plot(table["value"], places + shift, "o", color=colour, markersize=5, label=label)
    axes.set_yticks(places, table["name"])
    axes.grid(axis="x", color="0.9")
    return axes


def losses(by_fold: Mapping[str, Sequence[float]], axes: Axes) -> Axes:
    """Training loss of each epoch, from 1, a line for each test fold."""
    curves = pd.DataFrame(by_fold)
    curves.index = curves.index + 1
    curves.plot(ax=axes)
    axes.set(xlabel="epoch", ylabel="training loss")
    return axes


def based_on(figure: Figure, table: pd.DataFrame, *, repeats: str = "seed") -> None:
    """Write above a figure how many subjects and repeats its intervals rest on.

    `table` has the columns `subjects` and `seeds` of the intervals; where the rows differ, the
    least and the most are given.
    """
    parts = []
    for column, noun in (("subjects", "independent subject"), ("seeds", repeats)):
        least, most = table[column].min(), table[column].max()
        range_from = "" if least == most else f"{least} to "
        parts.append(range_from + counted(most, noun))
    figure.suptitle(", ".join(parts))


def scaling(table: pd.DataFrame, axes: Axes) -> Axes:
    """Seconds against the number of cells, both in logarithms, a line a step with its slope."""
    columns = [name for name in table.columns if name.endswith(" cells")]
    sizes = [int(name.removesuffix(" cells").replace(",", "")) for name in columns]
    for _, row in table.iterrows():
        label = f"{row['Step']}, slope {row['Slope']:.2f}"
        axes.loglog(sizes, [row[name] for name in columns], marker="o", label=label)
    axes.set(xlabel="cells", ylabel="seconds")
    axes.set_xticks(sizes, columns)
    axes.minorticks_off()
    axes.legend()
    return axes


def beside_others(ours: pd.DataFrame, printed: float, others: pd.DataFrame, axes: Axes) -> Axes:
    """Values of ours with their intervals, the paper's as a cross, and what others report.

    Parameters
    ----------
    ours : DataFrame
        name, protocol, value, low, high; first row on top.
    printed : float
        The paper's.
    others : DataFrame
        work, tested_on (one of `TESTED_ON`), weighted_f1.
    axes : Axes
    """
    for place, (_, row) in enumerate(ours.iterrows()):
        colour = PROTOCOLS[str(row["protocol"])].colour
        forest(row.to_frame().T, axes, colour=colour, shift=-place)
    works = [str(work) for work in others["work"].drop_duplicates()]
    axes.plot([printed], [-len(ours)], "X", color=INK, markersize=8)
    axes.axhline(-len(ours) - 0.5, color="0.6", linewidth=0.8)
    for tested_on, (colour, fill) in TESTED_ON.items():
        rows = others[others["tested_on"] == tested_on]
        places = [-len(ours) - 1 - works.index(work) for work in rows["work"]]
        axes.plot(
            rows["weighted_f1"], places, "o", markersize=6, color=colour, markerfacecolor=fill,
            label=tested_on,
        )  # fmt: skip
    names = [*ours["name"], "the paper's matrix", *works]
    axes.set_yticks(-np.arange(len(names)), names)
    axes.figure.legend(title="below the line, tested on", loc="outside lower center", ncols=2)
    return axes
