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


def test_weighted_auc_is_that_of_repeated_cells():
    label, probability = drawn(1, 60)
    weights = np.random.default_rng(2).integers(0, 4, (5, 60)).astype(float)
    theirs = [
        reference.roc_auc_score(
            np.repeat(label, w.astype(int)), np.repeat(probability, w.astype(int))
        )
        for w in weights
    ]
    assert metrics.weighted_auc(label, probability, weights).tolist() == pytest.approx(theirs)


def predictions(subjects=300, cells=1, seeds=1, seed=0):
    generator = np.random.default_rng(seed)
    label = np.repeat(np.arange(subjects) % 2, cells)
    right = np.repeat(generator.random(subjects) < 0.8, cells)
    rows = pd.DataFrame(
        {
            "protocol": "as_written",
            "model": "gcn",
            "fold": "all",
            "filename": [f"{i}.bmp" for i in range(subjects * cells)],
            "subject": np.repeat([f"s{i}" for i in range(subjects)], cells),
            "label": label,
            "probability": np.where(right, label, 1 - label) * 0.8 + 0.1,
        }
    )
    return pd.concat([rows.assign(seed=s) for s in range(seeds)], ignore_index=True)


def accuracy(table):
    return table.set_index("metric").loc["accuracy"]


def test_interval_of_independent_cells_is_the_binomial_one():
    row = accuracy(metrics.intervals(predictions(), draws=2000, seed=0))
    half = 1.96 * np.sqrt(row["value"] * (1 - row["value"]) / 300)
    assert row["high"] - row["low"] == pytest.approx(2 * half, rel=0.1)


def test_copies_of_cells_do_not_narrow_the_interval():
    one = accuracy(metrics.intervals(predictions(), draws=500, seed=0))
    many = accuracy(metrics.intervals(predictions(cells=20, seeds=3), draws=500, seed=0))
    assert many[["value", "low", "high"]].tolist() == pytest.approx(
        one[["value", "low", "high"]].tolist()
    )
    assert (many["seeds"], many["subjects"], many["cells"]) == (3, 300, 6000)


def test_coverage_over_simulated_clusters():
    """Of 60 simulated studies with 40 subjects of 10 cells, nearly all cover the true 0.8."""
    covered = 0
    for seed in range(60):
        row = accuracy(metrics.intervals(predictions(40, 10, seed=seed), draws=200, seed=0))
        covered += row["low"] <= 0.8 <= row["high"]
    assert covered >= 51


def test_intervals_are_deterministic():
    told = [metrics.intervals(predictions(), draws=50, seed=4) for _ in range(2)]
    pd.testing.assert_frame_equal(*told)


def test_paired_difference_of_a_model_with_itself_is_nothing():
    one = predictions()
    both = pd.concat([one, one.assign(model="mlp")], ignore_index=True)
    table = metrics.paired_difference(both, "gcn", "mlp", draws=50, seed=0)
    assert (table[["value", "low", "high"]] == 0).all(axis=None)
    with pytest.raises(InputError, match="expected gcn and svm"):
        metrics.paired_difference(both, "gcn", "svm", draws=50, seed=0)


def test_results_table_has_the_columns_of_the_contract():
    table = metrics.results_table(predictions(seeds=2), n_train=7)
    contract = ["protocol", "model", "seed", "fold", "n_train", "n_test", *metrics.METRICS]
    assert table.columns.tolist() == contract
    assert len(table) == 2
