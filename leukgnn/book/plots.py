"""Figures: every function takes tables and axes and returns the axes."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from leukgnn.display import counted

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


def embedding(points: np.ndarray, labels: np.ndarray, axes: Axes) -> Axes:
    """Scatter of points (n, 2) coloured by class."""
    for label, name in CLASS_NAMES.items():
        chosen = points[labels == label]
        axes.scatter(
            chosen[:, 0], chosen[:, 1], s=5, alpha=0.5, color=CLASS_COLOURS[label], label=name
        )
    axes.set(xticks=[], yticks=[])
    axes.legend(markerscale=3, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=2)
    return axes


def embedding_by_subject(
    points: np.ndarray, subjects: pd.Series, axes: Axes, *, most: int = 8
) -> Axes:
    """Scatter of points (n, 2): the `most` largest subjects in colours, all others grey."""
    largest = subjects.value_counts().index[:most]
    others = points[~subjects.isin(largest)]
    axes.scatter(others[:, 0], others[:, 1], s=3, color="0.85")
    colours = sns.color_palette(PALETTE, most)
    for subject, colour in zip(largest, colours, strict=True):
        own = points[subjects == subject]
        axes.scatter(own[:, 0], own[:, 1], s=6, color=colour, label=subject)
    axes.set(xticks=[], yticks=[])
    axes.legend(markerscale=3, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=4)
    return axes


def probe(measured: pd.Series, predicted: np.ndarray, labels: np.ndarray, axes: Axes) -> Axes:
    """Scatter of a probe's prediction against the measured value, with the diagonal."""
    for label, name in CLASS_NAMES.items():
        chosen = labels == label
        axes.scatter(
            measured[chosen],
            predicted[chosen],
            s=3,
            alpha=0.3,
            color=CLASS_COLOURS[label],
            label=name,
        )
    ends = [measured.min(), measured.max()]
    axes.plot(ends, ends, color="0.3", linewidth=1)
    axes.legend(markerscale=3)
    return axes


def by_k(table: pd.DataFrame, axes: Axes, *, of: str) -> Axes:
    """Curve of column `of` against k, one for each kind of edge; from `homophily.sweep`."""
    for kind, rows in table.groupby("kind", sort=False):
        axes.plot(rows["k"], rows[of], marker="o", markersize=4, label=kind)
    axes.set(xscale="log", xlabel="k")
    axes.set_xticks(table["k"].unique(), table["k"].unique())
    axes.minorticks_off()
    return axes


def neighbourhood(
    labels: np.ndarray,
    similarity: np.ndarray,
    same_subject: np.ndarray,
    axes: Axes,
    *,
    pictures: Sequence[Image.Image] = (),
) -> Axes:
    """Draw one cell in the middle of its neighbours, clockwise from the most similar.

    Parameters
    ----------
    labels : array, shape (k + 1,)
        Of the cell, then of its neighbours.
    similarity, same_subject : array, shape (k,)
        Of each neighbour; a solid line joins cells of one subject.
    axes : Axes
    pictures : sequence of Image, optional
        Of the cell and its neighbours, instead of dots.
    """
    angles = np.pi / 2 - 2 * np.pi * np.arange(len(similarity)) / len(similarity)
    places = np.vstack([[0.0, 0.0], np.column_stack([np.cos(angles), np.sin(angles)])])
    for place, near, same in zip(places[1:], similarity, same_subject, strict=True):
        axes.plot(
            [0, place[0]], [0, place[1]], color="0.5", linestyle="-" if same else ":", zorder=0
        )
        axes.annotate(f"{near:.2f}", place * 0.6, ha="center", va="center", fontsize=7)
    for i, (place, label) in enumerate(zip(places, labels, strict=True)):
        axes.scatter(place[0], place[1], s=500 if i == 0 else 260, color=CLASS_COLOURS[int(label)])
        if pictures:
            inset = axes.inset_axes((*(place - 0.2), 0.4, 0.4), transform=axes.transData)
            inset.imshow(pictures[i])
            inset.set(xticks=[], yticks=[])
            for spine in inset.spines.values():
                spine.set(visible=True, color=CLASS_COLOURS[int(label)], linewidth=2)
    axes.set(xlim=(-1.35, 1.35), ylim=(-1.35, 1.35), aspect="equal")
    axes.axis("off")
    return axes


def curves(history: pd.DataFrame, axes: Axes, *, of: str, by: str, against: str = "epoch") -> Axes:
    """Training curves: column `of`, one colour for each value of `by`, a thin line a seed."""
    for colour, (name, rows) in zip(sns.color_palette(PALETTE), history.groupby(by), strict=False):
        for i, (_, one) in enumerate(rows.groupby("seed")):
            label = str(name) if i == 0 else None
            axes.plot(one[against], one[of], color=colour, linewidth=1, label=label)
    axes.set(xlabel=against, ylabel=of.replace("_", " "))
    axes.legend()
    return axes


def confusion(counts: Sequence[float], axes: Axes, *, title: str) -> Axes:
    """Heat map of a confusion matrix tn, fp, fn, tp: share of each true class, and cells."""
    matrix = np.array(counts, dtype=float).reshape(2, 2)
    shares = matrix / matrix.sum(axis=1, keepdims=True)
    text = [
        [f"{share:.1%}\n({count:,.0f})" for share, count in zip(*row, strict=True)]
        for row in zip(shares, matrix, strict=True)
    ]
    names = list(CLASS_NAMES.values())
    sns.heatmap(
        shares, annot=np.array(text), fmt="", cmap="Blues", vmin=0, vmax=1, cbar=False, square=True,
        xticklabels=names, yticklabels=names, ax=axes,
    )  # fmt: skip
    axes.set(xlabel="predicted", ylabel="true", title=title)
    return axes


def roc(curve: pd.DataFrame, axes: Axes) -> Axes:
    """ROC curves from columns `model`, `fpr`, `tpr`."""
    for colour, (name, rows) in zip(
        sns.color_palette(PALETTE), curve.groupby("model", sort=False), strict=False
    ):
        axes.plot(rows["fpr"], rows["tpr"], color=colour, label=name)
    axes.plot([0, 1], [0, 1], color="0.6", linestyle=":", linewidth=1)
    axes.set(
        xlabel="false positive rate (1 - specificity)",
        ylabel="true positive rate (recall)",
        aspect="equal",
    )
    return axes


def forest(table: pd.DataFrame, axes: Axes, *, colour: str = "C0", shift: float = 0.0) -> Axes:
    """Intervals from `name`, `value`, `low`, `high`, first row on top; `shift` lifts them."""
    places = -np.arange(len(table))
    axes.hlines(places + shift, table["low"], table["high"], color=colour, alpha=0.6, linewidth=2)
    axes.plot(table["value"], places + shift, "o", color=colour, markersize=5)
    axes.set_yticks(places, table["name"])
    axes.grid(axis="x", color="0.9")
    return axes


def based_on(figure: Figure, table: pd.DataFrame, *, repeats: str = "seed") -> None:
    """Write above a figure how many subjects and repeats its intervals rest on.

    `table` has the columns `subjects` and `seeds` of `inference.intervals`; where the rows differ,
    the least and the most are told.
    """
    told = []
    for column, noun in (("subjects", "independent subject"), ("seeds", repeats)):
        least, most = table[column].min(), table[column].max()
        range_from = "" if least == most else f"{least} to "
        told.append(range_from + counted(most, noun))
    figure.suptitle(", ".join(told), fontsize="small")


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
