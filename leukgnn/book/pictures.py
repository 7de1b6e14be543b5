"""Figures of cells: images, embeddings, neighbourhoods."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from leukgnn.book.plots import WIDTH
from leukgnn.names import CLASSES

MARKERS = "o^sD"  # of the largest subjects
PHANTOM_NOTE = "phantoms: drawn, not real cells"


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
    size = WIDTH / across
    figure, grid = plt.subplots(
        len(rows), across, figsize=(WIDTH, size * len(rows) + 0.7), squeeze=False
    )
    for (name, images), line in zip(rows.items(), grid, strict=True):
        for image, axes in zip(images, line, strict=True):
            axes.imshow(image)
            axes.set(xticks=[], yticks=[])
            sns.despine(ax=axes, left=True, bottom=True)
        line[0].set_ylabel(name)
    for name, axes in zip(columns, grid[0], strict=False):
        axes.set_title(name, fontsize=12)
    return figure


def embedding(points: np.ndarray, labels: np.ndarray, axes: Axes) -> Axes:
    """Scatter of points (n, 2) coloured by class."""
    for label, name in CLASSES.items():
        x, y = points[labels == label].T
        axes.scatter(x, y, s=5, alpha=0.5, color=name.colour, label=name.label)
    axes.set(xticks=[], yticks=[])
    axes.legend(markerscale=3, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=1)
    return axes


def embedding_by_subject(points: np.ndarray, subjects: pd.Series, axes: Axes) -> Axes:
    """Scatter of points (n, 2): the largest subjects in colours, all others grey.

    The colours, from dark to light, are those of no class, model or protocol; each subject has a
    marker of its own as well.
    """
    largest = subjects.value_counts().index[: len(MARKERS)]
    others = points[~subjects.isin(largest)]
    axes.scatter(others[:, 0], others[:, 1], s=3, color="0.85")
    colours = sns.color_palette("viridis", len(largest))
    for subject, colour, marker in zip(largest, colours, MARKERS, strict=False):
        own = points[subjects == subject]
        axes.scatter(own[:, 0], own[:, 1], s=12, color=colour, marker=marker, label=subject)
    axes.set(xticks=[], yticks=[])
    axes.legend(markerscale=3, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=2)
    return axes


def class_legend(figure: Figure) -> None:
    """Put a legend of the classes' colours below a figure."""
    marks = [Line2D([], [], linestyle="", marker="o", color=c.colour) for c in CLASSES.values()]
    shown = [name.label for name in CLASSES.values()]
    figure.legend(marks, shown, loc="outside lower center", ncols=len(shown))


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
        axes.annotate(  # on white, so that the line does not strike it through
            f"{near:.2f}", place * 0.62, ha="center", va="center", fontsize=12,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
        )  # fmt: skip
    for i, (place, label) in enumerate(zip(places, labels, strict=True)):
        axes.scatter(place[0], place[1], s=500 if i == 0 else 260, color=CLASSES[int(label)].colour)
        if pictures:
            inset = axes.inset_axes((*(place - 0.2), 0.4, 0.4), transform=axes.transData)
            inset.imshow(pictures[i])
            inset.set(xticks=[], yticks=[])
            for spine in inset.spines.values():
                spine.set(visible=True, color=CLASSES[int(label)].colour, linewidth=2)
    axes.set(xlim=(-1.35, 1.35), ylim=(-1.35, 1.35), aspect="equal")
    axes.axis("off")
    return axes
