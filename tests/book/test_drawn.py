"""The data behind a figure is what it shows: read off it, and compared with what was drawn."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from leukgnn.book import drawn, plots
from leukgnn.names import CLASSES


def shown(axes):
    return drawn.data(axes.figure)


def test_lines_and_points_are_told_with_their_series_and_panel(axes):
    axes.plot([1, 2, 3], [0.5, 0.25, 0.125], label="GCN")
    axes.plot([1, 2], [3, 4], "o", label="MLP")
    axes.scatter([7], [8])
    axes.set_title("new subjects")
    table = shown(axes)
    assert list(table.columns) == ["panel", "series", "drawn_as", "x", "y"]
    assert set(table["panel"]) == {"1 new subjects"}
    assert table["series"].tolist() == ["GCN"] * 3 + ["MLP"] * 2 + [""]
    assert table["drawn_as"].tolist() == ["line"] * 3 + ["points"] * 3
    assert table["x"].tolist() == [1, 2, 3, 1, 2, 7]
    assert table["y"].tolist() == [0.5, 0.25, 0.125, 3, 4, 8]


def test_guides_are_no_data(axes):
    axes.axvline(0.5)
    axes.axhline(0.5)
    axes.axvspan(0, 1)
    axes.grid()
    assert shown(axes).empty


def test_a_forest_plot_is_its_table(axes):
    table = pd.DataFrame(
        {"name": ["GCN", "MLP"], "value": [0.8, 0.7], "low": [0.6, 0.65], "high": [0.9, 0.75]}
    )
    plots.forest(table, axes)
    plots.forest(table.assign(value=0.5), axes, shift=-0.2, label="second")
    found = shown(axes)
    lines = found[found["drawn_as"] == "interval"].iloc[:2]
    assert lines["y"].tolist() == ["GCN", "MLP"]
    assert lines[["low", "high"]].to_numpy().tolist() == [[0.6, 0.9], [0.65, 0.75]]
    points = found[(found["drawn_as"] == "points") & (found["series"] == "second")]
    assert points["y"].tolist() == ["GCN", "MLP"], "lifted a little, and still theirs"
    assert points["x"].tolist() == [0.5, 0.5]
    intervals = found[found["drawn_as"] == "interval"]
    assert intervals["series"].tolist() == ["", "", "second", "second"], "whose an interval is"


def test_boxes_are_told_by_their_steps(axes):
    table = pd.DataFrame({"step": ["turn", "flip"] * 4, "area": np.arange(8) / 100})
    plots.changes(table, axes, of="area")
    assert set(shown(axes)["y"]) <= {"turn", "flip"}


def test_bars_have_sides_and_heights(axes):
    axes.hist([0.1, 0.2, 0.9], bins=[0, 0.5, 1], label="leukemic")
    table = shown(axes)
    assert set(table["series"]) == {"leukemic"}
    assert table[["low", "high", "y"]].to_numpy().tolist() == [[0, 0.5, 2], [0.5, 1, 1]]


def test_intervals_may_stand_upright(axes):
    axes.vlines([1, 2], [0.1, 0.2], [0.3, 0.4])
    table = shown(axes)
    assert table[["x", "low", "high"]].to_numpy().tolist() == [[1, 0.1, 0.3], [2, 0.2, 0.4]]


def test_panels_share_their_names():
    figure, panels = plt.subplots(1, 2, sharey=True)
    table = pd.DataFrame({"name": ["GCN", "MLP"], "value": [0.8, 0.7], "low": 0.6, "high": 0.9})
    for panel in panels:
        plots.forest(table, panel)
    assert drawn.data(figure)["y"].tolist() == ["GCN", "MLP"] * 4
    plt.close(figure)


def test_an_interval_that_is_not_known_is_no_data(axes):
    table = pd.DataFrame({"name": ["GCN", "MLP"], "value": [0.8, np.nan]})
    plots.forest(table.assign(low=[0.7, np.nan], high=[0.9, np.nan]), axes)
    found = shown(axes).query("drawn_as == 'interval'")
    assert found[["y", "low", "high"]].to_numpy().tolist() == [["GCN", 0.7, 0.9]]


def test_bands_have_edges(axes):
    axes.fill_between([1, 2, 4], [0.1, 0.2, 0.3], [0.4, 0.5, 0.6], label="GCN")
    table = shown(axes)
    assert table[["x", "low", "high"]].to_numpy().tolist() == [
        [1, 0.1, 0.4],
        [2, 0.2, 0.5],
        [4, 0.3, 0.6],
    ]


def test_a_confusion_matrix_names_its_fields(axes):
    plots.confusion([8, 2, 1, 9], axes, title="")
    table = shown(axes)
    fields = dict(zip(zip(table["y"], table["x"], strict=True), table["value"], strict=True))
    healthy, leukemic = (name.label for name in CLASSES.values())
    assert fields[healthy, leukemic] == 0.2 and fields[leukemic, healthy] == 0.1
    assert len(fields) == 4


def test_names_far_from_what_is_drawn_are_not_given_to_it(axes):
    """Of bars of subjects with a name a fold the names are the folds', not the bars'."""
    axes.bar(np.arange(4), [1, 2, 3, 4])
    axes.set_xticks([1.5], ["fold_0"])
    assert shown(axes)["x"].tolist() == [0, 1, 2, 3]
