"""The one authority on metrics; `inference` adds intervals. Class 1 (leukemic) is positive."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, roc_auc_score

from leukgnn.files import InputError
from leukgnn.names import METRICS as NAMES
from leukgnn.paper import THRESHOLD

METRICS = tuple(NAMES)
COUNTED = tuple(name for name in METRICS if not name.endswith("_auc"))  # from a confusion matrix
SENSITIVITY = 0.95  # at which specificity and the demo's operating point are given
Floats = NDArray[np.float64]


def from_counts(tn: Any, fp: Any, fn: Any, tp: Any) -> dict[str, Floats]:
    """All metrics but the ROC AUC from counts of a confusion matrix; arrays broadcast.

    A ratio without a denominator is 0, as scikit-learn's ``zero_division=0``.
    """
    tn, fp, fn, tp = (np.asarray(count, dtype=np.float64) for count in (tn, fp, fn, tp))
    n = tn + fp + fn + tp
    recall, specificity = _ratio(tp, tp + fn), _ratio(tn, tn + fp)
    f1, f1_healthy = _ratio(2 * tp, 2 * tp + fp + fn), _ratio(2 * tn, 2 * tn + fp + fn)
    root = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return {
        "accuracy": _ratio(tp + tn, n),
        "precision": _ratio(tp, tp + fp),
        "recall": recall,
        "f1": f1,
        "weighted_f1": _ratio((tp + fn) * f1 + (tn + fp) * f1_healthy, n),
        "specificity": specificity,
        "balanced_accuracy": (recall + specificity) / 2,
        "mcc": _ratio(tp * tn - fp * fn, root),
    }


def _ratio(above: Floats, below: Floats) -> Floats:
    """`above / below`, 0 where there is nothing below."""
    return np.divide(above, below, out=np.zeros(np.broadcast(above, below).shape), where=below > 0)


def score(label: Any, probability: Any) -> dict[str, float]:
    """All metrics of cells that one network answered; leukemic counts from `THRESHOLD` on.

    `sums` knows the ROC AUCs that tell networks, or sizes of cells, apart.

    Parameters
    ----------
    label : array, shape (n,)
        0 or 1.
    probability : array, shape (n,)
        Of class 1.

    Raises
    ------
    InputError
        When the two do not fit, hold other values, or only one class is there.
    """
    label, probability = checked(label, probability)
    values = from_counts(*_confusion(label, probability))
    return {
        **{name: float(value) for name, value in values.items()},
        "roc_auc": float(roc_auc_score(label, probability)),
    }


def confusion(label: Any, probability: Any) -> tuple[int, int, int, int]:
    """Counts tn, fp, fn, tp at `THRESHOLD`."""
    tn, fp, fn, tp = (int(count) for count in _confusion(*checked(label, probability)))
    return tn, fp, fn, tp


def checked(label: Any, probability: Any) -> tuple[NDArray[np.int64], Floats]:
    """Labels and probabilities as arrays; raise InputError as `score` says."""
    label, probability = np.asarray(label), np.asarray(probability, dtype=np.float64)
    if label.shape != probability.shape or label.ndim != 1:
        raise InputError(
            f"labels {label.shape} and probabilities {probability.shape}: expected one each a cell."
        )
    if set(np.unique(label)) != {0, 1}:
        raise InputError(f"labels hold {np.unique(label)}: expected 0 and 1, both present.")
    if not ((probability >= 0) & (probability <= 1)).all():
        raise InputError("probabilities hold NaN or a value outside 0 to 1.")
    return label.astype(np.int64), probability


def _confusion(label: NDArray[np.int64], probability: Floats) -> NDArray[np.int64]:
    return np.bincount(2 * label + (probability >= THRESHOLD), minlength=4)


def brier(label: Any, probability: Any) -> float:
    """Mean squared difference of probability and label: 0 is best (Brier 1950)."""
    return float(brier_score_loss(*checked(label, probability)))


def calibration(label: Any, probability: Any, bins: int = 10) -> pd.DataFrame:
    """Reliability diagram: cells by predicted probability, in bins of equal width.

    Returns
    -------
    DataFrame
        For each bin that holds a cell: `predicted` (mean probability), `observed` (share of
        leukemic cells), `cells`.
    """
    label, probability = checked(label, probability)
    observed, predicted = calibration_curve(label, probability, n_bins=bins)
    # A probability on the border of two bins belongs to the lower one, as in calibration_curve.
    place = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], probability)
    cells = np.bincount(place, minlength=bins)
    return pd.DataFrame({"predicted": predicted, "observed": observed, "cells": cells[cells > 0]})


def calibration_error(label: Any, probability: Any, bins: int = 10) -> float:
    """Expected calibration error: mean distance of a bin's prediction from what is observed."""
    table = calibration(label, probability, bins)
    distance = (table["predicted"] - table["observed"]).abs()
    return float(np.average(distance, weights=table["cells"]))


def threshold_at(sensitivity: float, label: Any, probability: Any) -> float:
    """Highest threshold that finds at least this share of leukemic cells."""
    label, probability = checked(label, probability)
    leukemic = np.sort(probability[label == 1])
    # The round guards against 0.95 * 20 = 19.000000000000004 asking for a cell more.
    missed = len(leukemic) - int(np.ceil(round(sensitivity * len(leukemic), 9)))
    return float(leukemic[missed])
