"""The demo's model: trained on cells of known subjects alone, measured on others."""

import os
import shutil
import stat

import numpy as np
import pandas as pd
import pytest
import torch

from leukgnn import networks
from leukgnn.demo import Predictor, described, model, model_path, read_model
from leukgnn.evaluation import SENSITIVITY, intervals, threshold_at
from leukgnn.experiments import Plan, Sources, Store, predictions, reference, runs
from leukgnn.features import read_features_file, shipped_features, write_features
from leukgnn.features.resnet import find_weights
from leukgnn.files import InputError, shipped_path
from leukgnn.graphs import knn, knn_edges
from leukgnn.networks import GCN, Settings

EPOCHS = 2


@pytest.fixture(scope="session")
def known():
    return shipped_features("_random")


@pytest.fixture(scope="module")
def alone():
    """Runs are computed in this process: starting others takes longer than these runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "cpu_count", lambda: 1)
        yield


@pytest.fixture(scope="module")
def few(known, tmp_path_factory):
    """A small feature file; tests only read it."""
    rows = known.table.groupby(["fold", "label"]).sample(40, random_state=0).index
    path = tmp_path_factory.mktemp("few") / "few.npz"
    table = known.table.loc[rows].reset_index(drop=True)
    write_features(path, known.x[rows], table, known.provenance)
    return path


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("runs"), published=False)


@pytest.fixture(scope="module")
def trained(few, store, alone):
    """A small feature file with its model; tests only read it."""
    model.train(few, epochs=EPOCHS, store=store)
    return few


@pytest.fixture
def small(trained, tmp_path):
    """A copy of it for a test of its own."""
    for path in trained.parent.iterdir():
        shutil.copy(path, tmp_path)
    return tmp_path / trained.name


def test_no_model_is_trained_on_cells_of_unknown_subjects(tmp_path):
    known = shipped_features("_random")
    table = known.table.iloc[:300].copy()
    table.loc[7, "filename"] = "UID_1_99_9_all.bmp"
    path = tmp_path / "mine.npz"
    write_features(path, known.x[:300], table, known.provenance)
    with pytest.raises(InputError, match=r"UID_1_99_9_all\.bmp is no training cell"):
        model.train(path)


def test_a_model_of_my_own(trained):
    predictor = Predictor(find_weights("random:0"), trained)
    metadata = described(predictor.metadata)
    assert metadata["reference"]["cells"] == 240
    assert metadata["operating_point"]["threshold"] <= 1 and metadata["unlike"] > 0
    pairs = {(row["model"], row["metric"]) for row in metadata["performance"]}
    assert pairs == {(m, k) for m in model.NETWORKS for k in model.SHOWN}
    assert all(row["low"] <= row["value"] <= row["high"] for row in metadata["performance"])


def test_its_worth_is_that_of_the_books_runs(trained, store):
    """The runs that the book shows for its first seed are read, none is computed beside them."""
    plan = Plan(sources=Sources(read_features_file(trained)), settings=Settings(epochs=EPOCHS))
    asked = [a for a in plan.subject_disjoint(model.NETWORKS) if a.seed == plan.seed]
    assert len(asked) == 6 and all(a.run in store for a in asked)
    assert len(list(store.folder.rglob("*.safetensors"))) == len(asked)
    table = intervals(predictions(asked, store))
    table = table.set_index(["model", "metric"])
    for row in read_model(trained)[1]["performance"]:
        expected = table.loc[(row["model"], row["metric"])]
        assert [row[name] for name in ("value", "low", "high")] == [
            expected[name] for name in ("value", "low", "high")
        ]


@pytest.mark.parametrize("edges", ["union", "directed"])
def test_what_cells_pass_on_gives_the_networks_own_logits(few, edges):
    """Summed over neighbours, scores over root degrees are the second layer of the GCN."""
    x = read_features_file(few).x
    edge_index = knn_edges(knn(x, 5)[0], edges)
    network = networks.seeded(GCN, 0)
    passed = model.passed_on(network, x, edge_index)
    assert (passed["degree"] == torch.bincount(torch.from_numpy(edge_index[1])) + 1).all()
    adjacency = networks.normalised(edge_index, len(x))
    with torch.no_grad():
        expected = network.eval()(torch.from_numpy(x), adjacency)
        root = passed["degree"].sqrt()[:, None]
        sources, targets = torch.from_numpy(edge_index)
        scaled = passed["scores"] / root
        logits = scaled.index_add(0, targets, scaled[sources]) / root + network.conv2.bias
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-5)


def test_an_encoder_that_has_met_its_cells_is_measured_by_the_folds():
    """Its own features would tell the classes of these very cells apart."""
    shipped = shipped_features("_encoder")
    answers, provenance = reference("encoder", shipped.table)
    first = answers[(answers["model"] == "encoder_gcn") & (answers["seed"] == 0)]
    metadata = read_model(shipped_path("features_encoder.npz"))[1]
    expected = intervals(first).set_index("metric")
    for row in [r for r in metadata["performance"] if r["model"] == "gcn"]:
        assert row["value"] == pytest.approx(expected.loc[row["metric"], "value"])
    accuracy = ((first["probability"] >= 0.5) == first["label"]).mean()
    measured = {(r["model"], r["metric"]): r["value"] for r in metadata["performance"]}
    assert measured["gcn", "accuracy"] == pytest.approx(accuracy) and accuracy < 0.85
    assert metadata["unlike"] == provenance["unlike"]
    apart, _ = model._by_folds_encoders(shipped, shipped_path("features_encoder.npz"))
    told = apart[apart["model"] == "gcn"].set_index("filename")["probability"]
    assert told.equals(first.set_index("filename")["probability"])
    assert metadata["operating_point"] == model.operating_point(first.assign(model="gcn"))


def test_of_another_such_encoder_nothing_is_known(tmp_path):
    shipped = shipped_features("_encoder")
    weights = shipped.provenance["weights"] | {"sha256": "0" * 64}
    path = tmp_path / "mine.npz"
    write_features(path, shipped.x, shipped.table, shipped.provenance | {"weights": weights})
    with pytest.raises(InputError, match=r"mine\.npz: made by an encoder that was trained on its"):
        model.train(path)
    assert not model_path(path).exists()


def test_a_model_file_has_the_usual_mode(small, store, alone):
    before = os.umask(0o022)
    try:
        path = model.train(small, epochs=EPOCHS, store=store)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_parts_that_do_not_belong_together_are_refused(small, known):
    weights = find_weights("random:0")
    with pytest.raises(InputError, match="other weights"):
        Predictor(find_weights("random:1"), small)
    rows = known.table.index[:50]
    write_features(small, known.x[rows], known.table.loc[rows], known.provenance)
    with pytest.raises(InputError, match="other cells"):
        Predictor(weights, small)
    model_path(small).write_bytes(b"not a model")
    with pytest.raises(InputError, match="not a model of leukgnn"):
        Predictor(weights, small)
    model_path(small).unlink()
    with pytest.raises(InputError, match="leukgnn model"):
        Predictor(weights, small)


def test_the_operating_point_is_measured_by_other_folds(known):
    """fold_2 alone would choose a lower threshold: it must not judge itself by it."""
    table = known.table.groupby(["fold", "label"]).head(20)
    apart = table.assign(model="gcn", protocol="subject_disjoint", seed=0)
    apart["probability"] = 0.6 * apart["label"] + 0.2
    apart.loc[apart["fold"] == "fold_2", "probability"] -= 0.15
    other = apart.assign(model="mlp", probability=1 - apart["probability"])
    metadata = model.operating_point(pd.concat([other, apart]))
    assert metadata["threshold"] == pytest.approx(0.65)
    assert metadata["sensitivity"] == pytest.approx(2 / 3) and metadata["specificity"] == 1


def test_people_with_cells_in_two_folds_choose_no_threshold_for_themselves(known):
    """Subjects linked by equal files lie in two folds; their other cells would choose it."""
    table = known.table
    folds = table.groupby("merged_subject")["fold"].nunique()
    linked = table["merged_subject"].isin(folds.index[folds > 1])
    assert linked.any()
    probability = np.where(table["label"] == 1, np.where(linked, 0.3, 0.6), 0.5)
    apart = table.assign(model="gcn", protocol="subject_disjoint", seed=0, probability=probability)
    right = 0
    for fold, own in apart.groupby("fold"):
        others = ~apart["merged_subject"].isin(own["merged_subject"]) & (apart["fold"] != fold)
        at = threshold_at(SENSITIVITY, *apart.loc[others, ["label", "probability"]].to_numpy().T)
        right += int((own.loc[own["label"] == 1, "probability"] >= at).sum())
    sensitivity = model.operating_point(apart)["sensitivity"]
    assert sensitivity == pytest.approx(right / (apart["label"] == 1).sum())


def test_at_the_operating_point_cells_from_the_threshold_on_count_as_leukemic(known):
    """Of 20 leukemic cells a fold 19 have 0.6 or more, of the healthy ones a quarter has 0.7."""
    table = known.table.groupby(["fold", "label"]).head(20)
    apart = table.assign(model="gcn", protocol="subject_disjoint", seed=0, probability=0.1)
    rank = table.groupby(["fold", "label"]).cumcount()
    apart.loc[table["label"] == 1, "probability"] = np.where(rank[table["label"] == 1], 0.6, 0.2)
    apart.loc[(table["label"] == 0) & (rank < 5), "probability"] = 0.7
    metadata = model.operating_point(apart)
    assert metadata["threshold"] == pytest.approx(0.6)
    assert metadata["sensitivity"] == pytest.approx(0.95)
    assert metadata["specificity"] == pytest.approx(0.75)
    measured = {row["metric"]: row["value"] for row in metadata["measured"]}
    assert measured == pytest.approx({"recall": 0.95, "specificity": 0.75})


def test_unlike_is_farther_than_nearly_all_cells_of_persons_not_trained_on(few):
    cells = read_features_file(few)
    table, unit = cells.table, cells.x / np.linalg.norm(cells.x, axis=1, keepdims=True)
    distances = []
    for fold in sorted(table["fold"].unique()):
        test = (table["fold"] == fold).to_numpy()
        train = ~test & ~table["merged_subject"].isin(table.loc[test, "merged_subject"]).to_numpy()
        distances += (1 - (unit[test] @ unit[train].T).max(axis=1)).tolist()
    limit = model.unlike(cells)
    assert limit == pytest.approx(np.percentile(distances, 99), abs=1e-5)
    assert np.mean(np.array(distances) <= limit + 1e-5) == pytest.approx(0.99, abs=0.01)
