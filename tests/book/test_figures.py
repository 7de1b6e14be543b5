"""Figures and the numbers beside them: one colour for one meaning, an alternative in words, text
that can be read on a phone."""

import re
from pathlib import Path

import jupytext
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from leukgnn import files, graphs, names, text
from leukgnn.book import drawn, pictures, plots

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "notebooks").glob("*.md"))
PHONE = 350  # pixels that a figure gets on a screen of 390


@pytest.fixture
def figure():
    plots.style()
    figure, _ = plt.subplots()
    yield figure
    plt.close("all")
    plt.rcdefaults()


def colours(registry):
    return {name.colour for name in registry.values()}


def test_classes_models_and_protocols_share_no_colour():
    greys = set(plots.SHADES) - {names.INK}
    kinds = [colours(names.CLASSES), colours(names.MODELS), colours(names.PROTOCOLS), greys]
    assert sum(len(kind) for kind in kinds) == len(set.union(*kinds))
    assert len(colours(names.PROTOCOLS)) == len(names.PROTOCOLS)
    compared = [names.model_colour(m) for m in ("gcn", "mlp", "cnn", "svm", "size")]
    assert len(set(compared)) == len(compared)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_every_figure_has_a_caption_and_an_alternative_in_words(source):
    for cell in jupytext.read(source).cells:
        shown = cell.metadata.get("mystnb", {})
        if "figure" in shown:
            assert shown["figure"]["caption"].strip()
            alt = shown["image"]["alt"].strip()
            assert len(alt.split()) >= 6 and alt != shown["figure"]["caption"].strip()


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_no_figure_is_wider_than_a_phone_can_show(source):
    code = "\n".join(cell.source for cell in jupytext.read(source).cells)
    for width in re.findall(r"figsize=\(([\d.]+)", code):
        assert float(width) <= plots.WIDTH
    for size in re.findall(r"fontsize=(\d+)", code):
        assert int(size) >= 12


def test_text_is_nine_pixels_high_on_a_phone(figure):
    per_point = PHONE / plots.WIDTH / 72
    for kind in ("font.size", "axes.labelsize", "xtick.labelsize", "legend.fontsize"):
        assert plt.rcParams[kind] * per_point >= 9
    assert plt.rcParams["figure.dpi"] >= 200


def test_a_kind_of_edge_looks_the_same_in_every_panel(figure):
    """The left panel of the homophily figure lacks "all edges"; its colours were once shifted."""
    table = pd.DataFrame({"filename": list("abcd"), "label": [0, 0, 1, 1]})
    table["subject"], table["source_image"] = ["s", "s", "t", "u"], ["1", "1", "2", "3"]
    neighbours = np.array([[1, 2], [0, 3], [3, 0], [2, 1]])
    swept = graphs.sweep(neighbours, table, [1, 2], "union")
    looks = []
    for rows in (swept, swept[swept["kind"] != "all edges"]):
        axes = plots.by_k(rows, plt.subplots()[1], of="share")
        looks.append(
            {line.get_label(): (line.get_color(), line.get_linestyle()) for line in axes.lines}
        )
    assert looks[0].items() > looks[1].items()
    assert len(set(looks[0].values())) == len(looks[0]) == 4


def test_cosines_stand_on_white(figure):
    """So that the lines to the neighbours do not strike them through."""
    near, same = np.array([0.9, 0.8]), np.array([True, False])
    axes = pictures.neighbourhood(np.array([0, 1, 1]), near, same, figure.axes[0])
    boxes = [note.get_bbox_patch() for note in axes.texts]
    assert len(boxes) == 2
    assert all(box.get_facecolor()[:3] == (1, 1, 1) for box in boxes)


def test_an_interval_is_one_word_for_the_line_breaker():
    written = text.with_interval({"value": 0.1, "low": -0.2, "high": 0.4}, signed=True)
    assert " " not in written
    assert written.replace(text.NBSP, " ") == "+0.100 [-0.200, +0.400]"


def test_what_others_report_has_its_source_and_its_place(figure):
    others = pd.read_csv(files.shipped_path("literature.csv"))
    known = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
    shown = (ROOT / "notebooks" / "09_cnn.md").read_text(encoding="utf-8")
    assert others["weighted_f1"].between(0.5, 1).all() and not others.duplicated().any()
    assert set(others["tested_on"]) == set(plots.TESTED_ON)
    assert others["read_at"].str.startswith("https://").all()
    for cite in others["cite"]:
        assert f"{{{cite}," in known and cite in shown
    ours = pd.DataFrame(
        {"name": ["GCN", "GCN, as written"], "protocol": ["subject_disjoint", "as_written"]}
    ).assign(value=[0.75, 0.8], low=[0.7, 0.75], high=[0.8, 0.9])
    table = drawn.data(plots.beside_others(ours, 0.79, others, figure.axes[0]).figure)
    points = table[table["drawn_as"] == "points"].set_index("y")["x"]
    assert points["GCN"] == 0.75 and points["the paper's matrix"] == 0.79
    for work, values in others.groupby("work")["weighted_f1"]:
        assert sorted(points.loc[[work]]) == sorted(values)
