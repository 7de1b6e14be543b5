"""Fine-tuning: resumable, fair, and the shipped reference whole."""

import dataclasses
import functools
import itertools
import json
import re

import numpy as np
import pandas as pd
import pytest
import torch

from leukgnn import cells, features, files
from leukgnn.evaluation import results_table
from leukgnn.experiments import Task, cnn, finetune, official_folds, reference, runs
from leukgnn.features import resnet
from leukgnn.files import InputError
from leukgnn.graphs import Attached
from leukgnn.names import POOLINGS
from leukgnn.networks import Settings


@pytest.fixture(scope="module")
def drawn(phantoms):
    table, pixels = finetune.read_cells(phantoms)
    return table, pixels, resnet.find_weights("random:0")


class Small(torch.nn.Module):
    """As much of a CNN as the loop around it needs: means of 512 fields, and two logits."""

    def __init__(self, weights, seed):
        super().__init__()
        self.pool = torch.nn.AdaptiveAvgPool2d((16, 32))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.head = torch.nn.Linear(512, 2)

    def features(self, pixels):
        return self.pool(pixels.mean(dim=1, keepdim=True)).flatten(1)

    def forward(self, pixels):
        return self.head(self.features(pixels))


@pytest.fixture
def small(monkeypatch):
    """What is trained is small: these tests are about how."""
    monkeypatch.setattr(cnn, "CNN", Small)


def fit(drawn, *, train=None, **settings):
    table, pixels, weights = drawn
    labels = table["label"].to_numpy(copy=True)
    train = np.arange(len(table)) % 2 == 0 if train is None else train
    given = {"seed": 0, "progress": False, **settings}
    return cnn.fine_tune(pixels, labels, train, weights, **given)


def test_an_interrupted_run_ends_with_the_same_network(drawn, small, tmp_path, monkeypatch):
    whole, losses = fit(drawn, epochs=3)
    checkpoint = tmp_path / "fold.pt"
    saved, save = [], cnn._save

    def dies_after_the_second(*arguments):
        save(*arguments)
        saved.append(1)
        if len(saved) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(cnn, "_save", dies_after_the_second)
    with pytest.raises(KeyboardInterrupt):
        fit(drawn, epochs=3, checkpoint=checkpoint)
    resumed, again = fit(drawn, epochs=3, checkpoint=checkpoint)
    assert len(saved) == 3, "two epochs before the interruption, one after it"
    assert again == losses
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value, rtol=0, atol=0)
    assert [path.name for path in tmp_path.iterdir()] == ["fold.pt"]


def test_training_changes_all_layers_but_the_batch_norms_statistics(drawn):
    network, _ = fit(drawn, epochs=1)
    before = cnn.CNN(drawn[2], 0).state_dict()
    for name, value in network.state_dict().items():
        same = torch.equal(value, before[name])
        assert same == ("running" in name or "num_batches" in name), name
    assert not any(m.training for m in network.train().modules() if "BatchNorm" in str(type(m)))


def test_the_answer_does_not_depend_on_the_batch_and_is_of_the_leukemic_class(drawn):
    _, pixels, weights = drawn
    network = cnn.CNN(weights, 0)
    probability, x = cnn.answer(network, pixels)
    alone, own = cnn.answer(network, pixels[3:4])
    assert alone == pytest.approx(probability[3:4], abs=1e-5)
    assert x.shape == (len(pixels), 512) and own == pytest.approx(x[3:4], abs=1e-4)
    healthy, leukemic = network.head(torch.from_numpy(x[3])).tolist()
    assert alone.item() == pytest.approx(1 / (1 + np.exp(healthy - leukemic)), abs=1e-5)


@pytest.fixture
def unequal(drawn):
    """Three healthy and nine leukemic cells to train on."""
    labels = drawn[0]["label"].to_numpy()
    train = np.zeros(len(labels), dtype=bool)
    for label, number in ((0, 3), (1, 9)):
        train[np.flatnonzero(labels == label)[:number]] = True
    return train


def test_the_loss_weighs_the_classes_of_the_training_cells_alike(
    drawn, small, unequal, monkeypatch
):
    weights, loss = [], cnn.cross_entropy
    steps = []

    def weighed(logits, target, weight=None):
        weights.append(weight)
        found = loss(logits, target, weight)
        steps.append(found.item() * len(target))
        return found

    monkeypatch.setattr(cnn, "cross_entropy", weighed)
    monkeypatch.setattr(cnn, "FINE_TUNING", dataclasses.replace(cnn.FINE_TUNING, batch_size=5))
    _, losses = fit(drawn, train=unequal, epochs=1)
    expected = [pytest.approx([12 / 6, 12 / 18])] * 3
    assert [weight.tolist() for weight in weights] == expected
    assert losses == pytest.approx([sum(steps) / 12]), "the mean over cells, not over batches"


def test_every_epoch_shows_every_training_cell_once_and_augments_it_anew(
    drawn, small, unequal, monkeypatch
):
    shown, augmented = [], cnn._augmented

    def recorded(*given):
        for views, batch in augmented(*given):
            shown.append((views, batch))
            yield views, batch

    monkeypatch.setattr(cnn, "_augmented", recorded)
    fit(drawn, train=unequal, epochs=2)
    (first, order), (second, again) = shown
    for batch in (order, again):
        assert sorted(batch) == np.flatnonzero(unequal).tolist()
    assert order.tolist() != again.tolist()
    assert not torch.equal(first[order.argsort()], second[again.argsort()])


def test_every_epoch_of_every_seed_draws_by_a_number_of_its_own(drawn, small, monkeypatch):
    numbers, seeded = [], torch.manual_seed
    monkeypatch.setattr(torch, "manual_seed", lambda n: numbers.append(n) or seeded(n))
    for seed in (0, 2):
        fit(drawn, seed=seed, epochs=2)
    assert numbers == [0, 0, 1, 2, 2000, 2001], "of the head, then of each epoch"


def test_a_bar_shows_each_epoch_unless_it_is_silenced(drawn, small, unequal, capsys):
    table, pixels, weights = drawn
    labels = table["label"].to_numpy(copy=True)
    fit(drawn, train=unequal, epochs=1)
    assert capsys.readouterr().err == ""
    cnn.fine_tune(pixels, labels, unequal, weights, seed=0, epochs=2)
    shown = capsys.readouterr().err
    assert "epoch 1/2" in shown and "epoch 2/2: 100%" in shown and "12/12" in shown


def test_the_whole_fine_tuning_is_demonstrated_on_phantoms(small, tmp_path):
    losses = finetune.demonstrate(tmp_path)
    assert len(losses) == 2 and np.isfinite(losses).all() and losses[0] != losses[1]
    assert len(cells.scan(tmp_path / "phantoms")) == 8


def test_the_head_starts_by_its_seed(drawn):
    heads = [cnn.CNN(drawn[2], seed).head.weight for seed in (0, 0, 1)]
    assert torch.equal(heads[0], heads[1]) and not torch.equal(heads[0], heads[2])


def test_phantoms_get_their_links_from_their_bytes(drawn):
    table = drawn[0]
    assert table["sha256"].str.len().eq(64).all()
    assert set(table["merged_subject"]) == set(table["subject"])
    assert "path" not in table


def test_cells_of_the_data_set_get_the_facts_of_its_manifest(drawn, phantoms, monkeypatch):
    """In the order of the folder, and the manifest's word counts."""
    facts = drawn[0].assign(merged_subject="of the manifest", bbox_w=7)
    monkeypatch.setattr(cells, "training_cells", lambda: facts.iloc[::-1])
    table, pixels = finetune.read_cells(phantoms)
    pd.testing.assert_frame_equal(table, facts[table.columns])
    assert set(table) == set(facts) and torch.equal(pixels, drawn[1])
    monkeypatch.setattr(cells, "training_cells", lambda: facts.iloc[1:])
    assert "bbox_w" not in finetune.read_cells(phantoms)[0]


def test_one_class_and_no_epoch_are_named(drawn, small):
    table, pixels, weights = drawn
    labels = table["label"].to_numpy(copy=True)
    with pytest.raises(InputError, match="both present"):
        cnn.fine_tune(pixels, labels, labels == 1, weights, seed=0, progress=False)
    with pytest.raises(InputError, match=r"^epochs=0: expected at least 1\.$"):
        fit(drawn, epochs=0)


def test_every_cell_is_answered_by_the_fold_that_did_not_train_on_it(
    drawn, small, phantoms, tmp_path, monkeypatch, capsys
):
    table, _, weights = drawn
    target = tmp_path / "cnn.parquet"
    brief = functools.partial(Task, settings=Settings(epochs=2))
    monkeypatch.setattr(finetune, "Task", brief)
    monkeypatch.setattr(finetune, "PERSON_EPOCHS", 1)
    monkeypatch.setattr(finetune, "POOLED_SEEDS", 1)
    trained, fine_tune = [], cnn.fine_tune
    monkeypatch.setattr(
        cnn, "fine_tune", lambda p, y, train, *a, **k: (
            trained.append(set(table.loc[train, "fold"])) or fine_tune(p, y, train, *a, **k)
        ),
    )  # fmt: skip
    predictions = finetune.cross_predict(
        phantoms, weights, target, seeds=(4, 6), epochs=1, progress=False
    )
    assert capsys.readouterr().err == ""
    assert list(predictions) == [
        "protocol", "model", "seed", "fold", "filename", "subject", "label", "probability",
        "n_train",
    ]  # fmt: skip
    folds, person = (table.set_index("filename")[c] for c in ("fold", "merged_subject"))
    assert trained == 2 * [set(folds) - {fold} for fold in sorted(set(folds))]
    assert tuple(predictions["model"].unique()) == finetune.MODELS
    for _, rows in predictions.groupby(["model", "seed"]):
        assert sorted(rows["filename"]) == sorted(table["filename"])
        assert (rows["fold"] == rows["filename"].map(folds)).all()
        assert rows.groupby("fold")["n_train"].first().to_dict() == dict.fromkeys(
            folds.unique(), 16
        )
    pd.testing.assert_frame_equal(pd.read_parquet(target), predictions)
    assert set(results_table(predictions)["fold"]) == {"all", *folds}
    origin = json.loads(target.with_suffix(".json").read_text())
    assert sorted(origin["losses"]) == [
        f"{fold}, seed {seed}" for fold in sorted(set(folds)) for seed in (4, 6)
    ]
    assert all(len(losses) == 1 for losses in origin["losses"].values())
    cnn_answers = predictions[predictions["model"] == "cnn"].groupby("seed")["probability"]
    assert not np.equal(*(given.to_numpy() for _, given in cnn_answers)).any()
    assert origin["weights"] == {"name": weights.name, "sha256": weights.sha256}
    assert origin["command"] == "leukgnn finetune DIR --weights FILE --output cnn.parquet"
    expected = {"seeds": [4, 6], "epochs": 1, "learning_rate": 1e-4, "batch_size": 32, "cells": 24}
    assert {name: origin[name] for name in expected} == expected
    assert {"commit", "processor", "libraries", "threads"} <= set(origin)
    assert set(predictions["protocol"]) == {"subject_disjoint"}
    assert set(predictions["seed"]) == {4, 6} and predictions["probability"].dtype == np.float32
    pooled = pd.read_parquet(tmp_path / "cnn_people.parquet")
    assert set(pooled["seed"]) == {4}, "on the first seed's features"
    assert set(pooled["model"]) == {f"{key}{end}" for key in POOLINGS for end in ("", "_alone")}
    for _, rows in pooled.groupby("model"):
        assert sorted(rows["filename"]) == sorted(table["filename"])
        people = rows.groupby(["fold", rows["filename"].map(person)])["probability"]
        assert (people.min() == people.max()).all()
    assert json.loads((tmp_path / "cnn_people.json").read_text()) == origin
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "cnn.json", "cnn.parquet", "cnn_people.json", "cnn_people.parquet",
    ]  # fmt: skip


def test_other_networks_are_asked_about_the_features_of_their_fold(
    drawn, phantoms, tmp_path, monkeypatch
):
    table, _, weights = drawn
    monkeypatch.setattr(finetune, "read_cells", lambda _: (table, drawn[1]))
    monkeypatch.setattr(cnn, "fine_tune", lambda *_, checkpoint, **__: (checkpoint.name[:6], []))
    folds = sorted(set(table["fold"]))
    features_of = {fold: np.full((24, 512), i + 1.0) for i, fold in enumerate(folds)}
    monkeypatch.setattr(cnn, "answer", lambda fold, _: (np.full(24, 0.5), features_of[fold]))
    asked = []

    def stub(value):
        return lambda task, **how: asked.append((task, how)) or np.full(24, value)

    monkeypatch.setattr(finetune.classifiers, "gcn", stub(0.25))
    monkeypatch.setattr(finetune.classifiers, "mlp", stub(0.75))
    monkeypatch.setattr(finetune, "person_network", stub(0.125))
    (tmp_path / "p.partial").mkdir()
    predictions = finetune.cross_predict(phantoms, weights, tmp_path / "p.parquet", seeds=[3])
    given = predictions.groupby("model")["probability"].unique()
    assert given.to_dict() == {"cnn": [0.5], "cnn_gcn": [0.25], "cnn_mlp": [0.75]}
    for task, how in asked:
        fold = task.split.fold
        assert (task.x == features_of[fold]).all()
        assert (task.split.test == (table["fold"] == fold)).all()
        assert task.graph == Attached(k=10, edges="union")
        assert task.features.origin == f"24 cells, by the network fine-tuned for {fold}."
        assert task.features.provenance == {"weights": {"name": f"{weights.name}, fine-tuned"}}
        sizes = (64, 200) if how else (Settings().hidden, Settings().epochs)
        assert (task.settings.hidden, task.settings.epochs) == sizes
    pooled = [(task.split.fold, task.seed, *how.values()) for task, how in asked if how]
    assert pooled == list(itertools.product(folds, range(3, 8), POOLINGS, (False, True)))
    assert {task.seed for task, how in asked if not how} == {3}


def test_the_reference_of_people_is_whole():
    shipped = features.shipped_features().table
    pooled = pd.read_parquet(files.shipped_path("cnn_predictions_people.parquet"))
    people = shipped.set_index("filename")
    for _, rows in pooled.groupby(["model", "seed"]):
        assert sorted(rows["filename"]) == sorted(shipped["filename"])
        facts = people.loc[rows["filename"]].reset_index()
        for column in ("subject", "label", "fold"):
            assert (facts[column].to_numpy() == rows[column].to_numpy()).all()
        given = rows["probability"].groupby(
            [facts["fold"].to_numpy(), facts["merged_subject"].to_numpy()]
        )
        assert (given.min() == given.max()).all()
    assert pooled["probability"].between(0, 1).all()
    assert sorted(set(pooled["seed"])) == list(range(finetune.POOLED_SEEDS))


def test_the_reference_is_whole():
    shipped = features.shipped_features().table
    predictions, provenance = reference("cnn", shipped)
    assert set(predictions["model"]) == set(finetune.MODELS)
    known = cells.training_cells().set_index("filename")
    assert set(predictions["seed"]) == set(finetune.SEEDS)
    for _, rows in predictions.groupby(["model", "seed"]):
        assert sorted(rows["filename"]) == sorted(shipped["filename"])
        facts = known.loc[rows["filename"]]
        for column in ("subject", "label", "fold"):
            assert (facts[column].to_numpy() == rows[column].to_numpy()).all()
    assert predictions["probability"].between(0, 1).all()
    assert set(predictions["partition"]) == {"official"}
    assert set(predictions) == set(runs.PREDICTIONS)
    for fold, rows in predictions.groupby("fold"):
        split = next(s for s in official_folds(shipped) if s.fold == fold)
        assert (rows["prevalence"] == shipped.loc[split.train, "label"].mean()).all()
    assert predictions.index.equals(pd.RangeIndex(len(predictions)))
    assert len(provenance["weights"]["sha256"]) == 64
    assert len(provenance["losses"]) == 3 * len(finetune.SEEDS)


def test_a_reference_for_some_cells_holds_those():
    some = features.shipped_features().table.iloc[::500]
    predictions, _ = reference("cnn", some)
    assert sorted(predictions["filename"]) == sorted(
        [*some["filename"]] * len(finetune.MODELS) * len(finetune.SEEDS)
    )


def test_a_reference_that_lacks_cells_is_not_compared():
    other = pd.DataFrame({"filename": ["UID_1_1_1_all.bmp", "none.bmp"]})
    assert reference("cnn", other)[0].empty


@pytest.mark.parametrize("damage", ["not torch's", "empty", "cut off", "of another network"])
def test_a_damaged_checkpoint_is_named(drawn, small, tmp_path, damage):
    checkpoint = tmp_path / "fold.pt"
    state = {"network": {"weight": torch.zeros(1000)}, "optimiser": {}, "losses": []}
    torch.save(state, checkpoint)
    content = {"not torch's": b"cut off", "empty": b"", "cut off": checkpoint.read_bytes()[:3000]}
    checkpoint.write_bytes(content.get(damage, checkpoint.read_bytes()))
    with pytest.raises(
        InputError, match=r"fold\.pt: a damaged checkpoint; delete it and run again\.$"
    ):
        fit(drawn, epochs=1, checkpoint=checkpoint)


def test_checkpoints_of_other_settings_are_not_gone_on_from(drawn, tmp_path, monkeypatch):
    table, pixels, weights = drawn
    table = table.assign(fold=np.where(np.arange(len(table)) % 2, "fold_0", "fold_1"))
    names = []

    def stops(*_, checkpoint, **__):
        names.append(checkpoint.name)
        raise KeyboardInterrupt

    monkeypatch.setattr(cnn, "fine_tune", stops)
    table["merged_subject"] = table["filename"]
    for epochs, shown in ((1, pixels), (2, pixels), (1, 255 - pixels), (1, pixels)):
        monkeypatch.setattr(finetune, "read_cells", lambda _, t=table, p=shown: (t, p))
        with pytest.raises(KeyboardInterrupt):
            finetune.cross_predict(tmp_path, weights, tmp_path / "p.parquet", epochs=epochs)
    assert names[0] == names[3] and len(set(names)) == 3
    assert all(re.fullmatch(r"fold_0_[0-9a-f]{16}\.pt", name) for name in names)


@pytest.mark.parametrize("refused", ["mine", "mine.json"])
def test_an_output_of_another_kind_is_refused_before_the_work(drawn, phantoms, tmp_path, refused):
    with pytest.raises(InputError, match=r"ends in \.parquet"):
        finetune.cross_predict(phantoms, drawn[2], tmp_path / refused)
    assert not list(tmp_path.iterdir())
