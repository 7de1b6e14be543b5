"""Networks asked about cells in other light."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from leukgnn.cells import training_cells
from leukgnn.cells.changes import CHANGES, UNCHANGED
from leukgnn.experiments import Plan, Store, light, predictions
from leukgnn.features import Features, shipped_features
from leukgnn.features.resnet import Weights, find_weights
from leukgnn.files import InputError, shipped_path
from leukgnn.graphs import attach


def test_other_weights_are_refused(tmp_path):
    weights, shipped = find_weights("random:0"), shipped_features().provenance["weights"]
    with pytest.raises(InputError) as refused:
        light.ask(tmp_path, weights, tmp_path / "light.parquet")
    assert str(refused.value) == (
        f"the weights are {weights.name}, the shipped features are of {shipped['name']}; "
        "give those with --weights."
    )
    assert not list(tmp_path.iterdir())


def test_the_shipped_answers_are_whole():
    table = pd.read_parquet(shipped_path("light.parquet"))
    views = table.groupby(["change", "strength", "model"])["filename"].nunique()
    assert set(views) == {light.CELLS} and len(table) == views.sum()
    assert len(views) == 2 * (1 + sum(len(tried) for _, tried in CHANGES.values()))
    assert table["probability"].between(0, 1).all()


@pytest.fixture
def small(monkeypatch):
    """60 cells whose picture is their number, so that what a network sees can be followed.

    The change "other" shows each cell as the next one; folder and features have orders of their
    own.
    """
    table = training_cells().groupby(["fold", "label"]).head(10).reset_index(drop=True)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(len(table), 512)).astype(np.float32)
    x[:, 0] += 3 * table["label"].to_numpy()
    weights = {"name": "of the test", "sha256": "0" * 64}
    known = Features(x, table, {"weights": weights}, "60 cells")
    order = rng.permutation(len(table))
    pixels = torch.from_numpy(order)[:, None, None, None].to(torch.uint8)

    def changed(part, change, strength):
        return (part + int(strength)) % len(x) if change == "other" else part

    monkeypatch.setattr(light, "shipped_features", lambda: known)
    monkeypatch.setattr(
        light, "read_cells", lambda folder: (table.iloc[order].reset_index(drop=True), pixels)
    )
    monkeypatch.setattr(light, "extractor", lambda weights: lambda p: x[p.flatten().long().numpy()])
    monkeypatch.setattr(light, "changed", changed)
    monkeypatch.setattr(light, "CHANGES", {"other": (None, (1.0,))})
    return known, Weights("of the test", "0" * 64, {})


def test_unchanged_cells_are_answered_as_in_the_book_and_changed_ones_as_what_they_became(
    small, tmp_path, capsys
):
    known, weights = small
    target = tmp_path / "light.parquet"
    found = light.ask(tmp_path, weights, target, progress=False)
    assert capsys.readouterr().err == ""
    assert pd.read_parquet(target).equals(found)
    assert list(found) == [
        "filename", "subject", "label", "fold", "nearest", "model", "probability", "change",
        "strength",
    ]  # fmt: skip
    assert found["probability"].dtype == np.float32
    origin = json.loads(target.with_suffix(".json").read_text())
    assert origin["cells"] == 60 and origin["seed"] == 0
    assert origin["weights"] == known.provenance["weights"]
    assert {"commit", "processor", "libraries"} <= set(origin)
    plan = Plan.of(known, "quick", seeds=1)
    asked = plan.subject_disjoint(["gcn", "mlp"])
    expected = predictions(asked, Store(tmp_path / "runs", published=False))
    expected = expected.set_index(["model", "filename"])["probability"]
    same = found[found["change"] == UNCHANGED].set_index(["model", "filename"])
    assert len(same) == len(expected) == 120 and (same["strength"] == 0).all()
    np.testing.assert_allclose(same["probability"], expected.loc[same.index], atol=1e-5)
    facts = known.table.set_index("filename").loc[same.index.get_level_values("filename")]
    for column in ("subject", "label", "fold"):
        assert (same[column].to_numpy() == facts[column].to_numpy()).all()
    # Shown as the next cell, a cell has that one's neighbours among its own fold's training cells.
    other = found[(found["change"] == "other") & (found["model"] == "mlp")]
    assert (other["strength"] == 1).all() and len(other) == 60
    by_fold = {a.run.fold: a.run.task(known) for a in plan.subject_disjoint(["gcn"])}
    names = known.table["filename"]
    for _, row in other.iterrows():
        place = (names[names == row["filename"]].index[0] + 1) % len(names)
        training = np.flatnonzero(by_fold[row["fold"]].split.train)
        near, _ = attach(known.x[[place]], known.x[training], 1)
        assert row["nearest"] == names[training[near[0, 0]]]


def test_fewer_cells_may_be_asked(small, tmp_path, capsys):
    known, weights = small
    target = tmp_path / "few.parquet"
    found = light.ask(tmp_path, weights, target, cells=7)
    assert found["filename"].nunique() == 7 and len(found) == 7 * 2 * 2
    drawn = known.table["filename"].iloc[np.random.default_rng(0).permutation(60)[:7]]
    assert set(found["filename"]) == set(drawn)
    assert json.loads(target.with_suffix(".json").read_text())["cells"] == 7
    bars = capsys.readouterr().err
    assert all(f"{fold}: 100%" in bars for fold in known.table["fold"].unique())
