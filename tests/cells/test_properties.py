"""Measured properties of cells: drawn forms by hand, phantoms, and the shipped table."""

import json

import numpy as np
import pandas as pd
import pytest

from leukgnn import cells
from leukgnn.cells.properties import PROPERTIES, measure_folder, measured
from leukgnn.cli import main
from leukgnn.features import shipped_features
from leukgnn.files import InputError, shipped_path

ROW, COLUMN = np.mgrid[:128, :128] - 63.5
PURPLE, PALE = (70, 30, 90), (100, 80, 110)


def drawn(*shapes):
    """A cell of forms over each other, each a mask and its colour."""
    pixels = np.zeros((3, 128, 128), dtype=np.uint8)
    for mask, colour in shapes:
        pixels[:, mask] = np.array(colour, dtype=np.uint8)[:, None]
    return pixels


def disc(radius):
    return np.hypot(ROW, COLUMN) <= radius


def bar(width, height):
    return (np.abs(COLUMN) < width / 2) & (np.abs(ROW) < height / 2)


def test_forms_are_measured_as_by_hand():
    table = measured(
        np.stack([drawn((disc(40), PALE), (disc(20), PURPLE)), drawn((bar(80, 8), PURPLE))]),
        ["disc.bmp", "bar.bmp"],
    ).set_index("filename")
    assert list(table) == list(PROPERTIES) and set(table.dtypes) == {np.dtype("float32")}
    round_, long = table.loc["disc.bmp"], table.loc["bar.bmp"]
    assert round_["area"] == disc(40).sum() == pytest.approx(np.pi * 40**2, rel=0.01)
    assert round_["roundness"] == pytest.approx(1, abs=0.01)
    assert long["roundness"] == pytest.approx(4 * np.pi * 640 / 176**2, rel=0.15)
    share = disc(20).sum() / disc(40).sum()
    assert round_["nucleus"] == pytest.approx(share)
    for i, name in enumerate(("red", "green", "blue")):
        expected = share * PURPLE[i] + (1 - share) * PALE[i]
        assert round_[name] == pytest.approx(expected, rel=1e-5)


def test_the_nucleus_is_told_by_its_green_alone():
    """Of two halves one has less green, and as much more red: as bright, and another colour."""
    half = disc(40) & (COLUMN < -10)
    pixels = drawn((disc(40), (60, 60, 90)), (half, (100, 20, 90)))
    found = measured(pixels[None], ["a.bmp"])["nucleus"].item()
    assert found == pytest.approx(half.sum() / disc(40).sum())


def test_what_is_nearly_black_belongs_to_no_cell():
    faint = drawn((disc(45), (16, 16, 16)), (disc(40), PURPLE))
    assert measured(faint[None], ["a.bmp"])["area"].item() == disc(40).sum()


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (drawn((disc(9), PURPLE))[None].astype(np.int64), "pixels: int64"),
        (np.zeros((1, 3, 64, 64), dtype=np.uint8), "expected uint8, \\(1, 3, 128, 128\\)"),
        (drawn((disc(9), (5, 5, 5)))[None], "a.bmp: shows no cell"),
    ],
)
def test_what_cannot_be_measured_is_named(pixels, said):
    with pytest.raises(InputError, match=said):
        measured(pixels, ["a.bmp"])


def test_a_folder_is_measured_whole(phantoms, tmp_path, capsys):
    target = tmp_path / "properties.parquet"
    assert main(["properties", str(phantoms), "--output", str(target)]) == 0
    assert "Properties of 24 cells written" in capsys.readouterr().out
    table = pd.read_parquet(target)
    assert table["filename"].tolist() == cells.scan(phantoms)["filename"].tolist()
    assert table["roundness"].between(0.5, 1.05).all() and table["nucleus"].between(0, 1).all()
    origin = json.loads(target.with_suffix(".json").read_text())
    assert origin["cells"] == 24 and {"commit", "dark", "scikit-image"} <= set(origin)


def test_an_output_of_another_kind_is_refused_before_the_work(phantoms, tmp_path):
    with pytest.raises(InputError, match=r"ends in \.parquet"):
        measure_folder(phantoms, tmp_path / "properties.csv")
    assert not list(tmp_path.iterdir())


def test_the_shipped_table_has_every_cell_of_the_shipped_features():
    table = pd.read_parquet(shipped_path("properties.parquet"))
    known = shipped_features().table
    assert sorted(table["filename"]) == sorted(known["filename"])
    assert table[list(PROPERTIES)].notna().all().all()
    boxes = cells.log_area(known).set_axis(known["filename"])
    areas = np.log(table.set_index("filename")["area"])
    assert areas.corr(boxes[areas.index]) > 0.9, "measured here, and the boxes of the manifest"
