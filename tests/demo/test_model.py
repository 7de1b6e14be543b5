"""The demo's model: trained on cells of known subjects alone, measured on others."""

import pytest

from leukgnn.demo import Predictor, described, model, model_path
from leukgnn.features import shipped_features, write_features
from leukgnn.features.resnet import find_weights
from leukgnn.files import InputError


@pytest.fixture(scope="session")
def known():
    return shipped_features("_random")


@pytest.fixture
def small(known, tmp_path):
    """A small feature file with its model."""
    rows = known.table.groupby(["fold", "label"]).sample(40, random_state=0).index
    path = tmp_path / "few.npz"
    table = known.table.loc[rows].reset_index(drop=True)
    write_features(path, known.x[rows], table, known.provenance)
    model.train(path, draws=10, epochs=2)
    return path


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
    """Fold c alone would choose a lower threshold: it must not judge itself by it."""
    table = known.table.groupby(["fold", "label"]).head(20)
    apart = table.assign(model="gcn", protocol="subject_disjoint", seed=0)
    apart["probability"] = 0.6 * apart["label"] + 0.2
    apart.loc[apart["fold"] == "fold_2", "probability"] -= 0.15
    metadata = model.operating_point(apart, table, draws=10)
    assert metadata["threshold"] == pytest.approx(0.65)
    assert metadata["sensitivity"] == pytest.approx(2 / 3) and metadata["specificity"] == 1
