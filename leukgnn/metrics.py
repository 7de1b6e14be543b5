"""The one authority on metrics and their intervals. Class 1 (leukemic) is the positive class."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leukgnn.files import InputError

METRICS = (
    "accuracy",
    "precision",
    "recall",
    "f1",
    "weighted_f1",
    "specificity",
    "balanced_accuracy",
    "mcc",
    "roc_auc",
)
LEVEL = 0.95
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
    """All `METRICS` of one set of cells; a cell counts as leukemic from probability 0.5.

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
    label, probability = _checked(label, probability)
    values = from_counts(*_confusion(label, probability))
    ones = np.ones((1, len(label)))
    return {
        **{name: float(value) for name, value in values.items()},
        "roc_auc": float(weighted_auc(label, probability, ones)[0]),
    }


def confusion(label: Any, probability: Any) -> tuple[int, int, int, int]:
    """Counts tn, fp, fn, tp at probability 0.5."""
    tn, fp, fn, tp = (int(count) for count in _confusion(*_checked(label, probability)))
    return tn, fp, fn, tp


def _checked(label: Any, probability: Any) -> tuple[NDArray[np.int64], Floats]:
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
    return np.bincount(2 * label + (probability >= 0.5), minlength=4)


def weighted_auc(label: NDArray[np.int64], probability: Floats, weights: Floats) -> Floats:
    """Area under the ROC curve for many weightings of the same cells; ties count half.

    Parameters
    ----------
    label, probability : array, shape (n,)
    weights : array, shape (draws, n)
        How often each cell counts.

    Returns
    -------
    array, shape (draws,)
    """
    order = np.argsort(probability, kind="stable")
    starts = np.flatnonzero(np.diff(probability[order], prepend=-np.inf))
    healthy = np.add.reduceat(weights[:, order] * (label[order] == 0), starts, axis=1)
    leukemic = np.add.reduceat(weights[:, order] * (label[order] == 1), starts, axis=1)
    below = np.cumsum(healthy, axis=1) - healthy / 2
    return _ratio((leukemic * below).sum(axis=1), leukemic.sum(axis=1) * healthy.sum(axis=1))


def results_table(predictions: pd.DataFrame, n_train: int) -> pd.DataFrame:
    """Every metric of every protocol, model, seed and fold: the table `results.csv`."""
    rows = []
    for (protocol, model, seed, fold), cells in predictions.groupby(
        ["protocol", "model", "seed", "fold"]
    ):
        rows.append(
            {
                "protocol": protocol,
                "model": model,
                "seed": seed,
                "fold": fold,
                "n_train": n_train,
                "n_test": len(cells),
                **score(cells["label"], cells["probability"]),
            }
        )
    return pd.DataFrame(rows)


def intervals(predictions: pd.DataFrame, *, draws: int, seed: int) -> pd.DataFrame:
    """Mean over seeds of every metric, with a 95 % interval over subjects.

    Cells of one subject are alike, so subjects are drawn, not cells: with replacement, healthy and
    leukemic subjects apart (the cluster bootstrap of Field & Welsh 2007). One draw gives every
    seed and model the same subjects; the interval is of the mean over seeds.

    Parameters
    ----------
    predictions : DataFrame
        `protocol`, `model`, `seed`, `subject`, `label`, `probability`.
    draws : int
        Bootstrap draws, at least 2.
    seed : int

    Returns
    -------
    DataFrame
        One row per protocol, model and metric: `value`, `low`, `high`, `seeds`, `subjects`,
        `cells` (mean per seed).
    """
    rows = []
    for protocol, model, cells, values, drawn in _each_model(predictions, draws, seed):
        counts = {
            "seeds": cells["seed"].nunique(),
            "subjects": cells["subject"].nunique(),
            "cells": round(len(cells) / cells["seed"].nunique()),
        }
        for metric in METRICS:
            row = {"protocol": protocol, "model": model, "metric": metric}
            rows.append({**row, **_interval(values[metric], drawn[metric]), **counts})
    return pd.DataFrame(rows)


def paired_difference(
    predictions: pd.DataFrame, first: str, second: str, *, draws: int, seed: int
) -> pd.DataFrame:
    """Metric of `first` minus that of `second` on the same cells, with its 95 % interval.

    Both models see the same drawn subjects in every draw, so what the subjects share cancels.

    Returns
    -------
    DataFrame
        One row per metric: `value`, `low`, `high`.
    """
    chosen = predictions[predictions["model"].isin([first, second])]
    found = {
        model: (value, drawn) for _, model, _, value, drawn in _each_model(chosen, draws, seed)
    }
    if set(found) != {first, second}:
        raise InputError(f"predictions hold {sorted(found)}: expected {first} and {second}.")
    (value_1, drawn_1), (value_2, drawn_2) = found[first], found[second]
    return pd.DataFrame(
        {
            "metric": metric,
            **_interval(value_1[metric] - value_2[metric], drawn_1[metric] - drawn_2[metric]),
        }
        for metric in METRICS
    )


def _interval(value: float, drawn: Floats) -> dict[str, float]:
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {"value": float(value), "low": float(low), "high": float(high)}


def _each_model(
    predictions: pd.DataFrame, draws: int, seed: int
) -> Iterator[tuple[str, str, pd.DataFrame, dict[str, float], dict[str, Floats]]]:
    """Protocol, model, its cells, its metrics' means over seeds, and those of every draw."""
    if draws < 2:
        raise InputError(f"draws={draws}: expected at least 2.")
    subjects = predictions.groupby("subject")["label"].first()
    multiplicity = _draw_subjects(subjects, draws, seed)
    position = pd.Series(np.arange(len(subjects)), index=subjects.index)
    for (protocol, model), cells in predictions.groupby(["protocol", "model"]):
        values, drawn = [], []
        for _, one in cells.groupby("seed"):
            label, probability = _checked(one["label"], one["probability"])
            weights = multiplicity[:, position.loc[one["subject"]].to_numpy()]
            kind = 2 * label + (probability >= 0.5)
            counts = [weights @ (kind == which) for which in range(4)]
            auc = weighted_auc(label, probability, weights)
            drawn.append({**from_counts(*counts), "roc_auc": auc})
            values.append(score(label, probability))
        yield (
            str(protocol),
            str(model),
            cells,
            {name: float(np.mean([v[name] for v in values])) for name in METRICS},
            {name: np.mean([d[name] for d in drawn], axis=0) for name in METRICS},
        )


def _draw_subjects(label: pd.Series, draws: int, seed: int) -> Floats:
    """How often each subject is drawn, shape (draws, subjects); classes apart."""
    generator = np.random.default_rng(seed)
    times = np.zeros((draws, len(label)))
    for value in (0, 1):
        members = np.flatnonzero(label.to_numpy() == value)
        times[:, members] = generator.multinomial(
            len(members), np.full(len(members), 1 / len(members)), size=draws
        )
    return times
