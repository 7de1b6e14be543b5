"""Networks asked about cells in other light."""

import pandas as pd
import pytest

from leukgnn.cells.changes import CHANGES
from leukgnn.experiments import light
from leukgnn.features.resnet import find_weights
from leukgnn.files import InputError, shipped_path


def test_other_weights_are_refused(tmp_path):
    with pytest.raises(InputError, match="the shipped features are of"):
        light.ask(tmp_path, find_weights("random:0"), tmp_path / "light.parquet")
    assert not list(tmp_path.iterdir())


def test_the_shipped_answers_are_whole():
    table = pd.read_parquet(shipped_path("light.parquet"))
    views = table.groupby(["change", "strength", "model"])["filename"].nunique()
    assert set(views) == {light.CELLS} and len(table) == views.sum()
    assert len(views) == 2 * (1 + sum(len(tried) for _, tried in CHANGES.values()))
    assert table["probability"].between(0, 1).all()
