"""What follows from the paper's printed figures alone, without any cell."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd
from scipy.stats import norm

from leukgnn.evaluation import from_counts
from leukgnn.paper import CONFUSION, EXTRACTOR, PRINTED, TABLE_1, TRAINING, ConfusionMatrix, Row

HALF = 0.0005  # Table 1 prints per cents with one decimal
HALF_AREA = 0.005  # and ROC areas without any
LOW_RATE = 0.1  # what "low" may mean of a false positive rate
FOLD_SPREAD = 0.1  # how far apart folds' accuracies may well lie, either side of their middle


def auc_bounds() -> dict[str, float]:
    """ROC areas that the operating point of the printed matrix allows.

    Returns
    -------
    dict
        `lowest` and `highest` of any rising curve through the point, `proper_lowest` and
        `proper_highest` of a concave one, `binormal` of two normal distributions of equal variance.
    """
    matrix = CONFUSION
    tpr, fpr = matrix.tp / (matrix.tp + matrix.fn), matrix.fp / (matrix.fp + matrix.tn)
    return {
        "lowest": tpr * (1 - fpr),
        "highest": 1 - fpr * (1 - tpr),
        "proper_lowest": (1 + tpr - fpr) / 2,
        # The best concave curve follows one straight line through the point; what it leaves above
        # itself is smallest when its slope is (1 - tpr) / fpr.
        "proper_highest": 1 - 2 * fpr * (1 - tpr),
        "binormal": float(norm.cdf((norm.ppf(tpr) - norm.ppf(fpr)) / np.sqrt(2))),
    }


def sensitivity_ceiling(rate: float, area: float, matrix: ConfusionMatrix = CONFUSION) -> float:
    """Most sensitivity that an ROC area leaves room for at a rate below the matrix's.

    The rate is that of false positives. Of all concave curves through that point and the matrix's,
    the one with corners there has the least area; and no concave curve lies above the line through
    the matrix's point and (1, 1).
    """
    tpr, fpr = matrix.tp / (matrix.tp + matrix.fn), matrix.fp / (matrix.fp + matrix.tn)
    by_line = 1 - (1 - rate) * (1 - tpr) / (1 - fpr)
    rest = (fpr - rate) * tpr + (1 - fpr) * (1 + tpr)
    by_area = (2 * area - rest) / fpr
    return min(by_line, by_area)


def gcn_parameters() -> int:
    """Parameters of the network of section IV.C, biases included."""
    hidden, classes = TRAINING.hidden, TRAINING.classes
    return EXTRACTOR.features * hidden + hidden + hidden * classes + classes


def macro_reading(row: Row, prevalence: float) -> tuple[float, float]:
    """Macro precision and F1 if a row's recall were the mean over both classes.

    Its accuracy and that mean fix recall and specificity, and these the rest.
    """
    specificity = (2 * prevalence * row.recall - row.accuracy) / (2 * prevalence - 1)
    tp, tn = prevalence * (2 * row.recall - specificity), (1 - prevalence) * specificity
    fp, fn = (1 - prevalence) - tn, prevalence - tp
    precision = (tp / (tp + fp) + tn / (tn + fn)) / 2
    return precision, tp / (2 * tp + fp + fn) + tn / (2 * tn + fp + fn)


def training_accuracy(everywhere: float, test: float) -> float:
    """Accuracy on the training cells if `test` is that on a fifth and `everywhere` on all cells."""
    return (everywhere - TRAINING.test_share * test) / (1 - TRAINING.test_share)


def pooling_gap(fold_sizes: Sequence[int]) -> float:
    """Most that the mean of the folds' accuracies can differ from the accuracy of their pool."""
    n, folds = sum(fold_sizes), len(fold_sizes)
    return FOLD_SPREAD * sum(abs(size / n - 1 / folds) for size in fold_sizes)


def readings(prevalence: float, fold_sizes: Sequence[int]) -> pd.DataFrame:
    """Other readings of the hybrid's row that could join its accuracy to the matrix, or could not.

    Returns
    -------
    DataFrame
        `reading`, what it `needs`, and `what` the paper or plain sense gives instead.
    """
    row = PRINTED["gcn"]
    balanced = implied_accuracy(row, 0.5)
    precision, f1 = macro_reading(row, prevalence)
    matrix = float(from_counts(**vars(CONFUSION))["accuracy"])
    train = training_accuracy(matrix, row.accuracy)
    gap = pooling_gap(fold_sizes)
    rows = [
        (
            "averages over classes, weighted by their size",
            f"a recall equal to the accuracy, {row.accuracy:.3f}",
            f"{row.recall:.3f} is printed",
        ),
        (
            "plain averages over classes",
            f"a precision of {precision:.3f} and an F1 of {f1:.3f}",
            f"{row.precision:.3f} and {row.f1:.3f} are printed",
        ),
        (
            "accuracy of the test fifth, matrix of all cells",
            f"an accuracy of {train:.3f} on the training cells",
            f"it would lie below the test cells' {row.accuracy:.3f}",
        ),
        (
            "a test set with as many healthy as leukemic cells",
            f"an accuracy of {balanced:.3f}",
            f"{row.accuracy:.3f} is printed",
        ),
        (
            "accuracy as mean of three folds, matrix pooled",
            f"a gap of {abs(row.accuracy - matrix):.3f} between the two",
            f"at most {gap:.4f} when folds differ by {2 * FOLD_SPREAD:.0%}",
        ),
    ]
    return pd.DataFrame(rows, columns=["reading", "needs", "what"])


def implied_accuracy(row: Row, prevalence: float) -> float:
    """Accuracy that a row's precision and recall of the leukemic class force at a prevalence."""
    false_positives = prevalence * row.recall * (1 - row.precision) / row.precision
    return prevalence * row.recall + (1 - prevalence) - false_positives


def implied_prevalence(row: Row) -> tuple[float, float, float]:
    """Prevalence at which a row's accuracy, precision and recall fit, and its rounding interval."""

    def solve(accuracy: float, precision: float, recall: float) -> float:
        return (1 - accuracy) / (1 - recall + recall * (1 - precision) / precision)

    printed = (row.accuracy, row.precision, row.recall)
    corners = [
        solve(*(value + side * HALF for value, side in zip(printed, sides, strict=True)))
        for sides in product((-1, 1), repeat=3)
    ]
    return solve(*printed), min(corners), max(corners)


def f1_of(row: Row) -> tuple[float, float, float]:
    """F1 that a row's printed precision and recall give, and its rounding interval."""

    def solve(precision: float, recall: float) -> float:
        return 2 * precision * recall / (precision + recall)

    corners = [
        solve(row.precision + a * HALF, row.recall + b * HALF)
        for a, b in product((-1, 1), repeat=2)
    ]
    return solve(row.precision, row.recall), min(corners), max(corners)


def table_1(prevalence: float) -> pd.DataFrame:
    """Each row of Table 1 beside what its own precision and recall imply.

    Parameters
    ----------
    prevalence : float
        Share of leukemic cells in the data.
    """
    rows = []
    for row in TABLE_1:
        at, low, high = implied_prevalence(row)
        f1, f1_low, f1_high = f1_of(row)
        rows.append(
            {
                "model": row.model,
                "accuracy": row.accuracy,
                "implied_accuracy": implied_accuracy(row, prevalence),
                "implied_prevalence": at,
                "prevalence_low": low,
                "prevalence_high": high,
                "f1": row.f1,
                "implied_f1": f1,
                "f1_low": f1_low,
                "f1_high": f1_high,
            }
        )
    return pd.DataFrame(rows)


def facts(leukemic: int, healthy: int) -> dict[str, float]:
    """Everything that the claims' verdicts need, by name.

    Parameters
    ----------
    leukemic, healthy : int
        Labelled cells of the data set, by class.
    """
    n = leukemic + healthy
    prevalence = leukemic / n
    ceiling = sensitivity_ceiling(LOW_RATE, PRINTED["gcn"].roc_auc + HALF_AREA)
    matrix = from_counts(**vars(CONFUSION))
    facts_by_name = {f"printed_matrix_{name}": float(value) for name, value in matrix.items()}
    facts_by_name |= {f"printed_auc_{name}": value for name, value in auc_bounds().items()}
    facts_by_name |= {
        "printed_matrix_leukemic": CONFUSION.tp + CONFUSION.fn,
        "printed_matrix_healthy": CONFUSION.tn + CONFUSION.fp,
        "printed_matrix_flagged": 100 * CONFUSION.fp / (CONFUSION.tn + CONFUSION.fp),
        "printed_matrix_f1_healthy": 2
        * CONFUSION.tn
        / (2 * CONFUSION.tn + CONFUSION.fp + CONFUSION.fn),
        "printed_healthy": healthy,
        "printed_leukemic": leukemic,
        "printed_gcn_parameters": gcn_parameters(),
        "printed_sensitivity_ceiling": 100 * ceiling,
        "printed_fifth": TRAINING.test_share * n,
        "printed_prevalence": 100 * prevalence,
        "printed_precision_recall_gap": abs(PRINTED["gcn"].precision - PRINTED["gcn"].recall),
        "printed_always_leukemic_f1": 2 * prevalence / (1 + prevalence),
        "printed_weight_healthy": n / (2 * healthy),
        "printed_weight_leukemic": n / (2 * leukemic),
    }
    for row in table_1(prevalence).to_dict("records"):
        name = row["model"]
        facts_by_name[f"printed_{name}_implied_accuracy"] = row["implied_accuracy"]
        facts_by_name[f"printed_{name}_implied_prevalence"] = 100 * row["implied_prevalence"]
        facts_by_name[f"printed_{name}_implied_f1"] = row["implied_f1"]
    missed = {row.model: (1 - row.recall) * leukemic for row in TABLE_1}
    facts_by_name["printed_missed_less_than_cnn"] = 100 * (1 - missed["gcn"] / missed["cnn"])
    return facts_by_name
