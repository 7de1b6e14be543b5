"""Metrics against scikit-learn, intervals against brute force and a known truth."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as reference

from leukgnn import metrics
from leukgnn.files import InputError
from leukgnn.paper import CONFUSION


def drawn(seed, n=400):
    generator = np.random.default_rng(seed)
    label = generator.integers(0, 2, n)
    return label, np.round(np.clip(0.3 * label + generator.random(n) * 0.7, 0, 1), 2)  # has ties


def test_scores_are_those_of_scikit_learn():
    label, probability = drawn(0)
    predicted = probability >= 0.5
    ours = metrics.score(label, probability)
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
    assert tuple(ours) == metrics.METRICS


def test_constant_answer_has_defined_scores():
    ours = metrics.score([0, 1, 1], [1.0, 1.0, 1.0])
    assert (ours["mcc"], ours["specificity"], ours["roc_auc"]) == (0.0, 0.0, 0.5)


def test_printed_matrix_gives_precision_recall_but_not_accuracy():
    given = metrics.from_counts(CONFUSION.tn, CONFUSION.fp, CONFUSION.fn, CONFUSION.tp)
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
        metrics.score(label, probability)


def test_results_table_has_the_columns_of_the_contract():
    label, probability = drawn(3, 40)
    one = {"protocol": "as_written", "model": "gcn", "fold": "all", "n_train": 7}
    cells = pd.DataFrame({**one, "label": label, "probability": probability})
    table = metrics.results_table(pd.concat([cells.assign(seed=0), cells.assign(seed=1)]))
    contract = ["protocol", "model", "seed", "fold", "n_train", "n_test", *metrics.METRICS]
    assert table.columns.tolist() == contract
    assert table[["n_train", "n_test"]].to_numpy().tolist() == [[7, 40], [7, 40]]
    assert table["roc_auc"].tolist() == pytest.approx(
        [reference.roc_auc_score(label, probability)] * 2
    )


def test_calibration_by_hand():
    label = [0, 0, 1, 1, 1, 0, 1, 1]
    probability = [0.1, 0.1, 0.1, 0.9, 0.9, 0.9, 0.9, 1.0]
    table = metrics.calibration(label, probability, bins=5)
    assert table["cells"].tolist() == [3, 5]
    assert table["observed"].tolist() == pytest.approx([1 / 3, 4 / 5])
    expected = (3 * abs(1 / 3 - 0.1) + 5 * abs(4 / 5 - 0.92)) / 8
    assert metrics.calibration_error(label, probability, bins=5) == pytest.approx(expected)
    assert metrics.brier(label, probability) == pytest.approx(
        reference.brier_score_loss(label, probability)
    )


def test_specificity_at_a_sensitivity_by_hand():
    label, probability = [0, 0, 0, 0, 1, 1, 1, 1], [0.1, 0.2, 0.6, 0.7, 0.3, 0.65, 0.8, 0.9]
    assert metrics.specificity_at(0.75, label, probability) == 0.75
    assert metrics.specificity_at(0.95, label, probability) == 0.5
    assert metrics.specificity_at(0.5, label, probability) == 1.0
