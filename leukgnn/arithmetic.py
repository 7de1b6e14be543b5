"""What follows from the paper's printed figures alone, without any cell."""

from itertools import product

import numpy as np
import pandas as pd
from scipy.stats import norm

from leukgnn.metrics import from_counts
from leukgnn.paper import CONFUSION, TABLE_1, ConfusionMatrix, Row

HALF = 0.0005  # Table 1 prints per cents with one decimal


def auc_bounds(matrix: ConfusionMatrix = CONFUSION) -> dict[str, float]:
    """ROC areas that one operating point allows.

    Returns
    -------
    dict
        `lowest` and `highest` of any rising curve through the point, `proper_lowest` and
        `proper_highest` of a concave one, `binormal` of two normal distributions of equal variance.
    """
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
    matrix = from_counts(CONFUSION.tn, CONFUSION.fp, CONFUSION.fn, CONFUSION.tp)
    told = {f"printed_matrix_{name}": float(value) for name, value in matrix.items()}
    told |= {f"printed_auc_{name}": value for name, value in auc_bounds().items()}
    told |= {
        "printed_matrix_cells": CONFUSION.n,
        "printed_matrix_leukemic": CONFUSION.tp + CONFUSION.fn,
        "printed_matrix_healthy": CONFUSION.tn + CONFUSION.fp,
        "printed_matrix_errors": CONFUSION.fp + CONFUSION.fn,
        "printed_matrix_missed": 100 * CONFUSION.fn / (CONFUSION.tp + CONFUSION.fn),
        "printed_matrix_flagged": 100 * CONFUSION.fp / (CONFUSION.tn + CONFUSION.fp),
        "printed_matrix_f1_healthy": 2
        * CONFUSION.tn
        / (2 * CONFUSION.tn + CONFUSION.fp + CONFUSION.fn),
        "printed_fifth": 0.2 * n,
        "printed_prevalence": 100 * prevalence,
        "printed_always_leukemic_f1": 2 * prevalence / (1 + prevalence),
        "printed_weight_healthy": n / (2 * healthy),
        "printed_weight_leukemic": n / (2 * leukemic),
    }
    for row in table_1(prevalence).to_dict("records"):
        name = row["model"]
        told[f"printed_{name}_implied_accuracy"] = row["implied_accuracy"]
        told[f"printed_{name}_implied_f1"] = row["implied_f1"]
    missed = {row.model: (1 - row.recall) * leukemic for row in TABLE_1}
    told["printed_missed_less_than_cnn"] = 100 * (1 - missed["gcn"] / missed["cnn"])
    return told
