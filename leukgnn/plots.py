"""Figures: every function takes tables and axes and returns the axes."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

PALETTE = "colorblind"  # seaborn's; told apart with any kind of colour vision
CLASS_NAMES = {0: "healthy (hem)", 1: "leukemic (ALL)"}
CLASS_COLOURS = {0: "#0173b2", 1: "#d55e00"}  # of that palette
PHANTOM_NOTE = "phantoms: drawn, not real cells"


def style() -> None:
    """Set the look of all figures; call it once at the top of a chapter."""
    sns.set_theme(context="notebook", style="ticks", palette=PALETTE)
    plt.rcParams.update(
        {
            "figure.constrained_layout.use": True,
            "figure.figsize": (7.5, 4.0),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "legend.frameon": False,
            "savefig.dpi": 120,
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
    for label, name in CLASS_NAMES.items():
        group = subjects[subjects["label"] == label]
        axes.bar(group.index, group["cells"], color=CLASS_COLOURS[label], label=name)
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
    for label, name in CLASS_NAMES.items():
        values, colour = area[table["label"] == label], CLASS_COLOURS[label]
        axes.hist(values, bins, density=True, color=colour, alpha=0.45, label=name)
        axes.axvline(values.median(), color=colour, linestyle="--", linewidth=1.5)
    axes.set(xlabel="area of the bounding box (thousand pixels)", ylabel="density", yticks=[])
    axes.legend(title="dashed: median")
    return axes


def image_grid(rows: Mapping[str, Sequence[Image.Image]], columns: Sequence[str] = ()) -> Figure:
    """Grid of images, one row for each entry.

    Parameters
    ----------
    rows : mapping
        From the name at the left of a row to its images; all rows of one length.
    columns : sequence of str
        Names above the columns; none when empty.

    Returns
    -------
    Figure
        To which the caller may give a title.
    """
    across = len(next(iter(rows.values())))
    size = 8.0 / across
    figure, grid = plt.subplots(
        len(rows), across, figsize=(8.0, size * len(rows) + 0.5), squeeze=False
    )
    for (name, images), line in zip(rows.items(), grid, strict=True):
        for image, axes in zip(images, line, strict=True):
            axes.imshow(image)
            axes.set(xticks=[], yticks=[])
            sns.despine(ax=axes, left=True, bottom=True)
        line[0].set_ylabel(name)
    for name, axes in zip(columns, grid[0], strict=False):
        axes.set_title(name, fontsize="medium")
    return figure


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
    sns.boxplot(per_cent, x="change", y="step", color="#56b4e9", whis=(0, 100), ax=axes)
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
    sns.ecdfplot(long, x="similarity", hue="pair", linewidth=2, ax=axes)
    axes.set(xlabel="cosine similarity", ylabel="share of cells at or below")
    sns.move_legend(axes, "best", title=None)
    return axes
