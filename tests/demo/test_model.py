"""The demo's model: trained on cells of known subjects alone, measured on others."""

import os
import stat

import pytest
import torch

from leukgnn import networks
from leukgnn.demo import Predictor, described, model, model_path, read_model
from leukgnn.evaluation import intervals
from leukgnn.experiments import Plan, Sources, Store, predictions
from leukgnn.features import read_features_file, shipped_features, write_features
from leukgnn.features.resnet import find_weights
from leukgnn.files import InputError
from leukgnn.graphs import knn, knn_edges
from leukgnn.networks import GCN, Settings

EPOCHS = 2


@pytest.fixture(scope="session")
def known():
    return shipped_features("_random")


@pytest.fixture
def few(known, tmp_path):
    """A small feature file."""
    rows = known.table.groupby(["fold", "label"]).sample(40, random_state=0).index
    path = tmp_path / "few.npz"
    table = known.table.loc[rows].reset_index(drop=True)
    write_features(path, known.x[rows], table, known.provenance)
    return path


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "runs", published=False)


@pytest.fixture
def small(few, store):
    """A small feature file with its model."""
    model.train(few, epochs=EPOCHS, store=store)
    return few


def test_no_model_is_trained_on_cells_of_unknown_subjects(tmp_path):
    known = shipped_features("_random")
    table = known.table.iloc[:300].copy()
    table.loc[7, "filename"] = "UID_1_99_9_all.bmp"
    path = tmp_path / "mine.npz"
    write_features(path, known.x[:300], table, known.provenance)
    with pytest.raises(InputError, match=r"UID_1_99_9_all\.bmp is no training cell"):
        model.train(path)


def test_a_model_of_my_own(small):
    predictor = Predictor(find_weights("random:0"), small)
    metadata = described(predictor.metadata)
    assert metadata["reference"]["cells"] == 240 and not metadata["pretrained"]
    assert metadata["operating_point"]["threshold"] <= 1 and metadata["unlike"] > 0
    pairs = {(row["model"], row["metric"]) for row in metadata["performance"]}
    assert pairs == {(m, k) for m in model.NETWORKS for k in model.SHOWN}
    assert all(row["low"] <= row["value"] <= row["high"] for row in metadata["performance"])


def test_its_worth_is_that_of_the_books_runs(small, store):
    """The runs that the book shows for its first seed are read, none is computed beside them."""
    plan = Plan(sources=Sources(read_features_file(small)), settings=Settings(epochs=EPOCHS))
    asked = [a for a in plan.subject_disjoint(model.NETWORKS) if a.seed == plan.seed]
    assert len(asked) == 6 and all(a.run in store for a in asked)
    assert len(list(store.folder.rglob("*.safetensors"))) == len(asked)
    table = intervals(predictions(asked, store))
    table = table.set_index(["model", "metric"])
    for row in read_model(small)[1]["performance"]:
        expected = table.loc[(row["model"], row["metric"])]
        assert [row[name] for name in ("value", "low", "high")] == [
            expected[name] for name in ("value", "low", "high")
        ]


def test_what_cells_pass_on_gives_the_networks_own_logits(few):
    """Summed over neighbours, scores over root degrees are the second layer of the GCN."""
    x = read_features_file(few).x
    edge_index = knn_edges(knn(x, 5)[0])
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


def test_a_model_file_has_the_usual_mode(few, store):
    before = os.umask(0o022)
    try:
        path = model.train(few, epochs=1, store=store)
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
    metadata = model.operating_point(apart)
    assert metadata["threshold"] == pytest.approx(0.65)
    assert metadata["sensitivity"] == pytest.approx(2 / 3) and metadata["specificity"] == 1
