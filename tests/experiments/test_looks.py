"""What networks look at, on trial: who is asked, what is taken away, what is kept."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from leukgnn import explain
from leukgnn.cells import training_cells
from leukgnn.cells.transforms import normalise
from leukgnn.experiments import cnn, looks, official_folds
from leukgnn.experiments.faults import unrelated_labels
from leukgnn.experiments.finetune import read_cells
from leukgnn.explain.pixels import PATCHES
from leukgnn.features.resnet import find_weights
from leukgnn.files import InputError, shipped_path
from leukgnn.names import LOOKS, looked
from leukgnn.paper import FINE_TUNING

WEIGHTS = find_weights("random:0")


class Small(nn.Module):
    """As much of a CNN as its explanation needs: a map of 8 x 8, and two logits."""

    def __init__(self, weights, seed):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.body = nn.Module()
            self.body.layer3 = nn.Conv2d(3, 4, 16, stride=16)
            self.head = nn.Linear(4 * 64, 2)

    def forward(self, pixels):
        return self.head(self.body.layer3(pixels).relu().flatten(1))


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(cnn, "CNN", Small)


def look(folder, target, **given):
    settings = {"cells": 12, "epochs": 1, "progress": False, **given}
    return looks.look(folder, WEIGHTS, target, **settings)


def test_every_way_is_tried_on_cells_of_every_fold(phantoms, small, tmp_path, capsys):
    target = tmp_path / "looks.parquet"
    found = look(phantoms, target)
    assert capsys.readouterr().err == ""
    pd.testing.assert_frame_equal(pd.read_parquet(target), found)
    assert list(found) == [
        "filename", "subject", "label", "fold", "method", "probability", "fall", "inner", "rim",
        "background", "agreement",
    ]  # fmt: skip
    assert set(found["method"]) == set(LOOKS) and len(found) == 12 * len(LOOKS)
    assert list(dict.fromkeys(found["method"])) == list(LOOKS)
    known, _ = read_cells(phantoms)
    drawn = known[looks.drawn_cells(known, 12)]
    assert set(found["filename"]) == set(drawn["filename"])
    assert set(found["fold"]) == {"fold_0", "fold_1", "fold_2"}
    assert found["fall"].dtype == np.float32
    shares = found[["inner", "rim", "background"]].dropna()
    assert shares.sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-5)
    exact = found[found["method"] == "look_occlusion"]
    assert exact["agreement"].dropna().to_numpy() == pytest.approx(1)
    origin = json.loads(target.with_suffix(".json").read_text())
    assert origin["cells"] == 12 and origin["epochs"] == 1 and origin["seed"] == 0
    assert origin["weights"]["sha256"] == WEIGHTS.sha256 and "commit" in origin
    assert {len(of) for of in origin["losses"].values()} == {3}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["looks.json", "looks.parquet"]


def test_an_interrupted_look_goes_on_and_ends_the_same(phantoms, small, tmp_path, monkeypatch):
    whole = look(phantoms, tmp_path / "whole.parquet")
    tried, asked = looks._tried, []

    def dies_in_the_second(networks, cells, pixels, fold, progress):
        asked.append(fold)
        if asked == [0, 1]:
            raise KeyboardInterrupt
        return tried(networks, cells, pixels, fold, progress)

    monkeypatch.setattr(looks, "_tried", dies_in_the_second)
    with pytest.raises(KeyboardInterrupt):
        look(phantoms, tmp_path / "looks.parquet")
    resumed = look(phantoms, tmp_path / "looks.parquet")
    assert asked == [0, 1, 1, 2]
    pd.testing.assert_frame_equal(resumed, whole)


def test_each_control_is_trained_on_what_it_says(phantoms, monkeypatch, tmp_path):
    table, pixels = read_cells(phantoms)
    split, given = official_folds(table)[0], {}

    def fine_tune(pixels, labels, train, weights, *, seed, epochs, checkpoint, progress):
        given[checkpoint.name] = (labels, train, seed, epochs)
        assert checkpoint.parent == tmp_path
        return nn.Identity(), [0.5]

    monkeypatch.setattr(cnn, "fine_tune", fine_tune)
    monkeypatch.setattr(cnn, "CNN", Small)
    networks, losses, _ = looks._networks(pixels, table, split, WEIGHTS, 2, tmp_path, False)
    assert list(networks) == ["own", "other_seed", "unrelated_labels", "untrained"]
    assert losses == {name: [0.5] for name in ("own", "other_seed", "unrelated_labels")}
    assert isinstance(networks["untrained"], Small) and not networks["untrained"].training
    assert len(given) == 3, "each network has a checkpoint of its own"
    own, other, unrelated = given.values()
    true = table["label"].to_numpy()
    assert (own[0] == true).all() and (other[0] == true).all()
    assert (own[2], other[2], unrelated[2]) == (0, 1, 0)
    for _, train, _, epochs in given.values():
        assert (train == split.train).all() and epochs == 2
    assert (unrelated[0] == unrelated_labels(table, split.train, 0)).all()
    assert (unrelated[0] != true).any()


class Brightness(nn.Module):
    """Leukemic as far as one row of patches is bright."""

    def __init__(self, row):
        super().__init__()
        self.row = row
        self.body = nn.Module()
        self.body.layer3 = nn.Conv2d(3, 1, 16, stride=16, bias=False)
        nn.init.constant_(self.body.layer3.weight, 1 / 768)

    def forward(self, pixels):
        seen = self.body.layer3(pixels)[:, 0, self.row].sum(dim=1) + 8  # half of them are black
        return torch.stack([torch.zeros_like(seen), seen], dim=1)


@pytest.fixture
def square():
    """16 square cells of 4 x 4 patches, each of a brightness of its own."""
    patches = np.random.default_rng(0).integers(40, 200, (16, 1, 4, 4))
    cells = patches.repeat(3, axis=1).repeat(16, axis=2).repeat(16, axis=3)
    pixels = np.zeros((16, 3, 128, 128), dtype=np.uint8)
    pixels[:, :, 32:96, 32:96] = cells
    table = pd.DataFrame({name: np.arange(16).astype(str) for name in looks.COLUMNS})
    return table, torch.from_numpy(pixels)


NETWORKS = {  # the third cannot know, the last sees no cell
    "own": Brightness(4), "other_seed": Brightness(4), "unrelated_labels": Brightness(2),
    "untrained": Brightness(0),
}  # fmt: skip


def test_what_a_network_sees_is_found_and_controls_are_tried_on_it(square):
    table, pixels = square
    found = looks._tried(NETWORKS, table, pixels, 0, False)
    falls = found.set_index(["filename", "method"])["fall"].unstack("method")  # noqa: PD010
    mean = falls.mean()
    assert mean["look_occlusion"] > 0.1 and mean["look_occlusion"] > 3 * mean["look_random"]
    assert mean["look_gradients"] == pytest.approx(mean["look_occlusion"], rel=0.2)
    assert (falls["look_occlusion_other_seed"] == falls["look_occlusion"]).all()
    assert mean["look_occlusion_unrelated_labels"] < mean["look_occlusion"] / 2
    agreed = found.set_index("method")["agreement"]
    assert agreed["look_occlusion"].to_numpy() == pytest.approx(1)
    assert agreed["look_gradients"].mean() > 0.8 > 0.5 > abs(agreed["look_random"].mean())
    assert agreed["look_occlusion_untrained"].isna().all(), "all falls are 0: no order"
    asked = found.set_index("method")["probability"]
    for name, network in NETWORKS.items():
        leukemic = explain.answered(network, pixels, np.ones(16))
        assert asked[looked("look_gradients", name)].to_numpy() == pytest.approx(leukemic, rel=1e-5)


def test_the_area_of_the_cell_is_a_control(square):
    """Of patches that hold more and less of the cell those that hold more are named."""
    table, pixels = square
    pixels[:, :, 32:36] = 0  # the first row of patches holds three quarters
    found = looks._tried(NETWORKS, table, pixels, 0, False).set_index(["method", "filename"])
    side = explain.from_answer(explain.answered(NETWORKS["own"], pixels, np.ones(16)))
    gone = np.zeros((16, PATCHES), dtype=bool)
    gone[:, [3 * 8 + 2, 3 * 8 + 3, 3 * 8 + 4, 3 * 8 + 5]] = True
    left = explain.answered(NETWORKS["own"], explain.without_patches(pixels, gone), side)
    whole = explain.answered(NETWORKS["own"], pixels, side)
    assert found.loc["look_area", "fall"].to_numpy() == pytest.approx(whole - left, abs=1e-6)


def test_a_fall_is_that_of_the_explained_networks_answer(square):
    table, pixels = square
    found = looks._tried(NETWORKS, table, pixels, 0, False).set_index(["method", "filename"])
    own, one = NETWORKS["own"], pixels[3:4]
    with torch.no_grad():
        probability = own(normalise(one)).softmax(dim=1)[0, 1].item()
    side = explain.from_answer(np.array([probability]))
    whole = probability if side[0] > 0 else 1 - probability
    for method, network in (("look_gradients", own), ("look_gradients_untrained", Brightness(0))):
        row = found.loc[(method, "3")]
        scores = explain.by_patch(explain.pixel_gradients(network, one, side))
        gone = explain.named(scores, explain.can_be_named(one))
        left = explain.answered(own, explain.without_patches(one, gone), side)
        asked = explain.answered(network, one, np.ones(1))
        assert row["probability"] == pytest.approx(asked[0], abs=1e-6)
        assert row["fall"] == pytest.approx(whole - left[0], abs=1e-6)


def test_chance_is_drawn_anew_for_each_fold_and_the_same_again(square):
    falls = [
        looks._tried(NETWORKS, *square, fold, False).set_index("method").loc["look_random", "fall"]
        for fold in (0, 0, 1)
    ]
    assert (falls[0].to_numpy() == falls[1].to_numpy()).all()
    assert (falls[0].to_numpy() != falls[2].to_numpy()).any()


def test_people_take_turns():
    table = pd.DataFrame(
        {
            "merged_subject": ["a"] * 50 + ["b"] * 3 + ["c"] * 20,
            "fold": ["fold_0"] * 53 + ["fold_1"] * 20,
        }
    )
    drawn = looks.drawn_cells(table, 23)
    assert table[drawn]["merged_subject"].value_counts().to_dict() == {"a": 10, "b": 3, "c": 10}
    assert (looks.drawn_cells(table, 23) == drawn).all()
    assert looks.drawn_cells(table, 1000).all()


@pytest.mark.parametrize("cells", [-1, 0, 1])
def test_too_few_cells_are_named_before_the_work(phantoms, tmp_path, cells):
    with pytest.raises(InputError, match=f"cells={cells}: fold_. has none of them; ask for more"):
        look(phantoms, tmp_path / "looks.parquet", cells=cells)
    assert not list(tmp_path.iterdir())


def test_an_output_of_another_kind_is_refused_before_the_work(phantoms, tmp_path):
    with pytest.raises(InputError, match=r"ends in \.parquet"):
        look(phantoms, tmp_path / "looks.csv")
    assert not list(tmp_path.iterdir())


def test_the_shipped_looks_are_whole():
    found = pd.read_parquet(shipped_path("looks.parquet"))
    assert found.groupby("method")["filename"].nunique().to_dict() == dict.fromkeys(
        LOOKS, looks.CELLS
    )
    assert len(found) == looks.CELLS * len(LOOKS)
    known = training_cells().set_index("filename").loc[found["filename"]]
    for column in ("subject", "label", "fold"):
        assert (known[column].to_numpy() == found[column].to_numpy()).all()
    assert (found["fall"].abs() <= 1).all()
    own = found[found["method"] == "look_occlusion"].set_index("filename")["probability"]
    cnn_answers = pd.read_parquet(shipped_path("cnn_predictions.parquet"))
    first = (cnn_answers["model"] == "cnn") & (cnn_answers["seed"] == looks.SEED)
    told = cnn_answers[first].set_index("filename")["probability"]
    assert own.to_numpy() == pytest.approx(told[own.index].to_numpy(), abs=1e-4), "of chapter 09"
    origin = json.loads(shipped_path("looks.json").read_text(encoding="utf-8"))
    assert origin["cells"] == looks.CELLS and origin["epochs"] == FINE_TUNING.epochs
