"""Metrics against scikit-learn and worked by hand."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as reference
from sklearn.calibration import calibration_curve

from leukgnn import evaluation
from leukgnn.files import InputError
from leukgnn.paper import CONFUSION


def drawn(seed, n=400):
    generator = np.random.default_rng(seed)
    label = generator.integers(0, 2, n)
    return label, np.round(np.clip(0.3 * label + generator.random(n) * 0.7, 0, 1), 2)  # has ties


def test_scores_are_those_of_scikit_learn():
    label, probability = drawn(0)
    predicted = probability >= 0.5
    ours = evaluation.score(label, probability)
    theirs = {
        "accuracy": reference.accuracy_score(label, predicted),
        "precision": reference.precision_score(label, predicted),
        "recall": reference.recall_score(label, predicted),
        "f1": reference.f1_score(label, predicted),
        "weighted_f1": reference.f1_score(label, predicted, average="weighted"),
        "specificity": reference.recall_score(label, predicted, pos_label=0),
        "balanced_accuracy": reference.balanced_accuracy_score(label, predicted),
        "mcc": reference.matthews_corrcoef(label, predicted),
        "roc_auc": reference.roc_auc_score(label, probability),
    }
    assert ours == pytest.approx(theirs)
    of_networks_or_sizes = ("pooled_auc", "size_adjusted_auc")  # `sums` knows them
    assert (*ours, *of_networks_or_sizes) == evaluation.METRICS


def test_constant_answer_has_defined_scores():
    ours = evaluation.score([0, 1, 1], [1.0, 1.0, 1.0])
    assert (ours["mcc"], ours["specificity"], ours["roc_auc"]) == (0.0, 0.0, 0.5)


def test_one_cell_is_enough_for_a_ratio():
    given = evaluation.from_counts(tn=1, fp=0, fn=1, tp=1)
    assert (given["precision"], given["recall"], given["specificity"]) == (1, 0.5, 1)


def test_printed_matrix_gives_precision_recall_but_not_accuracy():
    given = evaluation.from_counts(CONFUSION.tn, CONFUSION.fp, CONFUSION.fn, CONFUSION.tp)
    assert float(given["precision"]) == pytest.approx(0.861, abs=5e-4)
    assert float(given["recall"]) == pytest.approx(0.825, abs=5e-4)
    assert float(given["accuracy"]) == pytest.approx((2423 + 5998) / 10661)


@pytest.mark.parametrize(
    ("label", "probability", "word"),
    [
        ([0, 1], [0.5], "one each"),
        ([0, 2], [0.5, 0.5], "expected 0 and 1"),
        ([1, 1], [0.5, 0.5], "both present"),
        ([0, 1], [0.5, np.nan], "NaN"),
        ([0, 1], [0.5, 1.5], "outside"),
    ],
)
def test_bad_input_is_named(label, probability, word):
    with pytest.raises(InputError, match=word):
        evaluation.score(label, probability)


def test_results_table_has_the_columns_of_the_contract():
    label, probability = drawn(3, 40)
    run = {"protocol": "as_written", "model": "gcn", "fold": "all", "n_train": 7}
    names = [f"{i}.bmp" for i in range(40)]
    cells = pd.DataFrame({**run, "filename": names, "label": label, "probability": probability})
    table = evaluation.results_table(pd.concat([cells.assign(seed=0), cells.assign(seed=1)]))
    contract = ["protocol", "model", "seed", "fold", "n_train", "n_test", *evaluation.METRICS]
    assert table.columns.tolist() == contract
    assert table[["n_train", "n_test"]].to_numpy().tolist() == [[7, 40], [7, 40]]
    assert table["roc_auc"].tolist() == pytest.approx(
        [reference.roc_auc_score(label, probability)] * 2
    )


def test_results_table_has_a_row_for_each_fold_beside_all():
    label, probability = drawn(4, 90)
    cells = pd.DataFrame({"label": label, "probability": probability, "filename": "unknown.bmp"})
    cells["fold"] = np.repeat(["fold_0", "fold_1", "fold_2"], [20, 30, 40])
    cells["n_train"] = cells["fold"].map({"fold_0": 70, "fold_1": 60, "fold_2": 51})
    keys = {"protocol": "subject_disjoint", "model": "gcn", "seed": 2}
    table = evaluation.results_table(cells.assign(**keys)).set_index("fold")
    assert table.index.tolist() == ["all", "fold_0", "fold_1", "fold_2"]
    assert table["n_test"].tolist() == [90, 20, 30, 40]
    mean = round((20 * 70 + 30 * 60 + 40 * 51) / 90)
    assert table["n_train"].tolist() == [mean, 70, 60, 51]
    for fold, row in table.iterrows():
        part = cells if fold == "all" else cells[cells["fold"] == fold]
        expected = evaluation.score(part["label"], part["probability"])
        expected["pooled_auc"] = expected.pop("roc_auc")
        assert row[list(expected)].to_dict() == pytest.approx(expected)
    pairs, area = zip(*(of_fold(part) for _, part in cells.groupby("fold")), strict=True)
    assert table.loc["all", "roc_auc"] == pytest.approx(np.average(area, weights=pairs))
    assert (table[["protocol", "model", "seed"]] == list(keys.values())).all(axis=None)


def of_fold(cells):
    """Pairs of a healthy and a leukemic cell, and the ROC AUC."""
    pairs = (cells["label"] == 0).sum() * (cells["label"] == 1).sum()
    return pairs, reference.roc_auc_score(cells["label"], cells["probability"])


def test_a_single_fold_has_the_row_all_alone():
    label, probability = drawn(5, 40)
    cells = pd.DataFrame({"label": label, "probability": probability, "n_train": 9})
    cells = cells.assign(protocol="p", model="gcn", seed=0, fold="fold_1", filename="x.bmp")
    assert evaluation.results_table(cells)["fold"].tolist() == ["all"]


def test_calibration_by_hand():
    label = [0, 0, 1, 1, 1, 0, 1, 1]
    probability = [0.1, 0.1, 0.1, 0.9, 0.9, 0.9, 0.9, 1.0]
    table = evaluation.calibration(label, probability, bins=5)
    assert table["cells"].tolist() == [3, 5]
    assert table["observed"].tolist() == pytest.approx([1 / 3, 4 / 5])
    expected = (3 * abs(1 / 3 - 0.1) + 5 * abs(4 / 5 - 0.92)) / 8
    assert evaluation.calibration_error(label, probability, bins=5) == pytest.approx(expected)
    assert evaluation.brier(label, probability) == pytest.approx(
        reference.brier_score_loss(label, probability)
    )


def test_a_probability_on_a_border_belongs_to_the_lower_bin():
    """0.5 is the border of two bins: it lies in the first, as 0 does; above it lies the second."""
    table = evaluation.calibration([0, 1, 1, 0], [0.0, 0.5, 0.6, 1.0], bins=2)
    assert table["cells"].tolist() == [2, 2]
    assert table["predicted"].tolist() == pytest.approx([0.25, 0.8])
    assert table["observed"].tolist() == pytest.approx([0.5, 0.5])
    assert evaluation.calibration_error([0, 1, 1, 0], [0.0, 0.5, 0.6, 1.0], bins=2) == (
        pytest.approx((2 * 0.25 + 2 * 0.3) / 4)
    )


@pytest.mark.parametrize("bins", [1, 5, 10, 20])
def test_calibration_counts_every_cell_in_the_bins_of_scikit_learn(bins):
    label, probability = drawn(6)  # many on borders
    table = evaluation.calibration(label, probability, bins=bins)
    assert table["cells"].sum() == len(label)
    weights = table["cells"] / len(label)
    assert (weights * table["predicted"]).sum() == pytest.approx(probability.mean())
    assert (weights * table["observed"]).sum() == pytest.approx(label.mean())
    observed, predicted = calibration_curve(label, probability, n_bins=bins)
    assert table["observed"].tolist() == observed.tolist()
    assert table["predicted"].tolist() == predicted.tolist()


def test_the_calibration_error_is_of_ten_bins():
    rng = np.random.default_rng(0)
    probability = rng.random(500)
    label = (rng.random(500) < probability).astype(int)
    table = evaluation.calibration(label, probability, 10)
    by_hand = ((table["predicted"] - table["observed"]).abs() * table["cells"]).sum() / 500
    assert evaluation.calibration_error(label, probability) == pytest.approx(by_hand)
    assert evaluation.calibration_error(label, probability, 11) != pytest.approx(by_hand)


def test_brier_by_hand():
    assert evaluation.brier([0, 1], [0.2, 0.6]) == pytest.approx((0.04 + 0.16) / 2)
    with pytest.raises(InputError, match="both present"):
        evaluation.brier([1, 1], [0.2, 0.6])


def test_threshold_at_a_sensitivity_by_hand():
    label, probability = [0, *[1] * 20], [0.0, *np.arange(1, 21) / 20]
    assert evaluation.threshold_at(0.95, label, probability) == pytest.approx(0.1)
    assert evaluation.threshold_at(1.0, label, probability) == pytest.approx(0.05)
