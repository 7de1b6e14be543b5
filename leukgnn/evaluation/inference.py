"""Intervals and tests. Subjects are the sampling unit: cells of one person are alike.

Subjects of C-NMC 2019 that equal files link count as one, as they do in the splits.

Everything is computed from sums per subject: its cells' counts of a confusion matrix, and for the
ROC AUC how many pairs of a leukemic and a healthy subject's cells are in order. A draw of subjects
is then a weighting of these sums, exact and cheap.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from leukgnn.cells import known_merged_subjects
from leukgnn.evaluation.metrics import METRICS, checked, from_counts
from leukgnn.files import InputError
from leukgnn.paper import THRESHOLD

LEVEL = 0.95
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sums:
    """What one model and seed did to each subject.

    Attributes
    ----------
    counts : ndarray, shape (subjects, 4)
        tn, fp, fn, tp of its cells.
    pairs : ndarray, shape (leukemic subjects, healthy subjects)
        Pairs of cells of which the leukemic one has the higher probability; ties count half.
    """

    counts: Floats
    pairs: Floats


def intervals(predictions: pd.DataFrame, *, draws: int, seed: int) -> pd.DataFrame:
    """Mean over seeds of every metric, with a 95 % interval over subjects.

    Subjects are drawn, not cells: with replacement, healthy and leukemic subjects apart (the
    cluster bootstrap of Field & Welsh 2007). One draw gives every seed, and every model with the
    same subjects, the same ones; the interval is of the mean over seeds.

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
        One row per protocol, model and metric: `value`, `low`, `high`, `sd` (over seeds; missing
        for one seed), `seeds`, `subjects` (linked ones as one), `cells` (mean per seed).
    """
    predictions = _merged(predictions)
    rows = []
    for protocol, cells in predictions.groupby("protocol"):
        for model, own in cells.groupby("model"):
            subjects, leukemic = _subjects(own)
            weights = _draw_subjects(leukemic, draws, seed)
            sums = list(_sums(own, subjects, leukemic).values())
            values = _of_seeds(sums, np.ones((1, len(subjects))), leukemic)
            drawn = _of_seeds(sums, weights, leukemic)
            counts = {
                "seeds": len(sums),
                "subjects": len(subjects),
                "cells": round(len(own) / len(sums)),
            }
            for metric in METRICS:
                row = {"protocol": protocol, "model": model, "metric": metric}
                spread = values[metric].std(ddof=1) if len(sums) > 1 else np.nan
                interval = _interval(values[metric].mean(), drawn[metric].mean(axis=0))
                rows.append({**row, **interval, "sd": float(spread), **counts})
    return pd.DataFrame(rows)


def paired_differences(
    predictions: pd.DataFrame, pairs: Iterable[tuple[str, str]], *, draws: int, seed: int
) -> pd.DataFrame:
    """Metric of a first minus that of a second model on the same cells, by protocol.

    Both models see the same drawn subjects, so what the subjects share cancels. `p` tests that the
    two are the same: for the ROC AUC by Obuchowski's (1997) variance for clustered data, else by a
    sign-flip permutation that swaps the two models' answers subject by subject. That asks whether
    the two could be exchanged for each other: of two that trade recall for specificity it sees
    little, even where the interval of their difference is clear of zero. `p_holm` is Holm's
    correction over the pairs of one protocol and metric.

    Parameters
    ----------
    predictions : DataFrame
        As of `intervals`.
    pairs : iterable of (first, second)
        Pairs of which a protocol lacks a model are left out there.
    draws : int
        Of the bootstrap and of the permutation.
    seed : int

    Returns
    -------
    DataFrame
        One row per protocol, pair and metric: `value`, `low`, `high`, `p`, `p_holm`.

    Raises
    ------
    InputError
        When no protocol has both models of a pair, or their cells differ.
    """
    predictions, pairs = _merged(predictions), list(pairs)
    rows = []
    for protocol, cells in predictions.groupby("protocol"):
        for first, second in pairs:
            chosen = cells[cells["model"].isin([first, second])]
            if chosen["model"].nunique() < 2:
                continue
            subjects, leukemic = _subjects(chosen)
            weights = _draw_subjects(leukemic, draws, seed)
            flips = np.random.default_rng(seed).integers(0, 2, weights.shape).astype(float)
            sums = [
                _sums(chosen[chosen["model"] == name], subjects, leukemic)
                for name in (first, second)
            ]
            aligned = _aligned(sums[0], sums[1], first, second)
            names = {"protocol": protocol, "first": first, "second": second}
            rows += [{**names, **row} for row in _difference(*aligned, leukemic, weights, flips)]
    found = {(row["first"], row["second"]) for row in rows}
    if missing := [pair for pair in pairs if pair not in found]:
        raise InputError(f"no protocol has both of {missing[0]}; expected predictions of both.")
    table = pd.DataFrame(rows)
    table["p_holm"] = table.groupby(["protocol", "metric"])["p"].transform(holm)
    return table


def _difference(
    first: list[Sums],
    second: list[Sums],
    leukemic: NDArray[np.bool_],
    weights: Floats,
    flips: Floats,
) -> Iterator[dict[str, float | str]]:
    """Value, interval and p of every metric for one pair."""
    whole = np.ones((1, weights.shape[1]))
    of = [
        {name: v.mean(axis=0) for name, v in _of_seeds(sums, w, leukemic).items()}
        for w in (whole, weights)
        for sums in (first, second)
    ]
    swapped = _swapped(first, second, flips)
    for metric in METRICS:
        value = float((of[0][metric] - of[1][metric])[0])
        interval = _interval(value, of[2][metric] - of[3][metric])
        if metric == "roc_auc":
            p = _auc_p(value, _components(first, leukemic), _components(second, leukemic), leukemic)
        else:
            # 1e-12: a draw that swaps nothing, or all, must count as just as extreme.
            extreme = np.abs(swapped[metric]) >= abs(value) - 1e-12
            p = (1 + extreme.sum()) / (1 + len(flips))
        yield {"metric": metric, **interval, "p": float(p)}


def _swapped(first: list[Sums], second: list[Sums], flips: Floats) -> dict[str, Floats]:
    """Differences, mean over seeds, when the marked subjects' answers are swapped."""
    per_seed = []
    for a, b in zip(first, second, strict=True):
        moved = flips @ (b.counts - a.counts)
        of_first = from_counts(*(a.counts.sum(axis=0) + moved).T)
        of_second = from_counts(*(b.counts.sum(axis=0) - moved).T)
        per_seed.append({name: of_first[name] - of_second[name] for name in of_first})
    return {name: np.mean([d[name] for d in per_seed], axis=0) for name in per_seed[0]}


def _components(sums: list[Sums], leukemic: NDArray[np.bool_]) -> tuple[float, Floats]:
    """AUC, mean over seeds, and each subject's share in its deviation (Obuchowski 1997).

    With one cell a subject their `_variance` is that of DeLong et al. (1988). The term for subjects
    that have cells of both classes is left out: here every subject has one class.
    """
    values, deviations = [], []
    for of_seed in sums:
        cells = of_seed.counts.sum(axis=1)
        positive, negative = cells[leukemic], cells[~leukemic]
        value = of_seed.pairs.sum() / (positive.sum() * negative.sum())
        share = np.zeros(len(cells))
        share[leukemic] = of_seed.pairs.sum(axis=1) / negative.sum() - positive * value
        share[leukemic] /= positive.sum()
        share[~leukemic] = of_seed.pairs.sum(axis=0) / positive.sum() - negative * value
        share[~leukemic] /= negative.sum()
        values.append(value)
        deviations.append(share)
    return float(np.mean(values)), np.mean(deviations, axis=0)


def _variance(deviations: Floats, leukemic: NDArray[np.bool_]) -> float:
    """Variance of a sum of independent subjects' deviations, classes apart."""
    parts = (deviations[leukemic], deviations[~leukemic])
    return float(sum(len(d) / max(len(d) - 1, 1) * (d**2).sum() for d in parts))


def _auc_p(
    value: float,
    first: tuple[float, Floats],
    second: tuple[float, Floats],
    leukemic: NDArray[np.bool_],
) -> float:
    """Two-sided p of a paired AUC difference."""
    variance = _variance(first[1] - second[1], leukemic)
    return float(2 * norm.sf(abs(value) / np.sqrt(variance))) if variance > 0 else 1.0


def holm(p: pd.Series) -> pd.Series:
    """Holm's step-down correction of several p-values (Holm 1979)."""
    order = np.argsort(p.to_numpy())
    steps = p.to_numpy()[order] * (len(p) - np.arange(len(p)))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return pd.Series(corrected, index=p.index)


def design_effect(predictions: pd.DataFrame) -> pd.DataFrame:
    """How much wider than with independent cells the variance of the accuracy is.

    Cluster-robust variance over subjects, classes apart, divided by the binomial one; the mean over
    seeds.

    Returns
    -------
    DataFrame
        One row per protocol and model: `accuracy`, `design_effect`, `effective_cells`.
    """
    rows = []
    for (protocol, model), cells in _merged(predictions).groupby(["protocol", "model"]):
        subjects, leukemic = _subjects(cells)
        per_seed = []
        for of_seed in _sums(cells, subjects, leukemic).values():
            n = of_seed.counts.sum()
            right = of_seed.counts[:, [0, 3]].sum(axis=1)
            accuracy = right.sum() / n
            deviation = (right - accuracy * of_seed.counts.sum(axis=1)) / n
            for part in (leukemic, ~leukemic):
                deviation[part] -= deviation[part].mean()
            per_seed.append(
                (accuracy, _variance(deviation, leukemic) * n / (accuracy * (1 - accuracy)), n)
            )
        accuracy, effect, n = np.mean(per_seed, axis=0)
        rows.append((protocol, model, accuracy, effect, n / effect))
    columns = ["protocol", "model", "accuracy", "design_effect", "effective_cells"]
    return pd.DataFrame(rows, columns=columns)


def subject_decisions(predictions: pd.DataFrame) -> pd.DataFrame:
    """One row a subject in place of one a cell: the mean probability of its cells.

    The columns stay those of predictions, so `intervals` takes it too.
    """
    keys = ["protocol", "model", "seed", "fold", "subject", "label"]
    decided = predictions.groupby(keys)["probability"].mean().reset_index()
    return decided.assign(filename=decided["subject"])


def _merged(predictions: pd.DataFrame) -> pd.DataFrame:
    """Predictions with linked subjects as one; subjects of other data keep their names."""
    names = predictions["subject"]
    return predictions.assign(subject=names.map(known_merged_subjects()).fillna(names))


def _subjects(cells: pd.DataFrame) -> tuple[pd.Index, NDArray[np.bool_]]:
    """Subjects and which of them are leukemic."""
    labels = cells.groupby("subject")["label"].agg(["min", "max"])
    mixed = labels.index[labels["min"] != labels["max"]]
    if len(mixed):
        raise InputError(f"subject {mixed[0]} has cells of both classes; expected one class each.")
    return labels.index, labels["min"].to_numpy() == 1


def _aligned(
    a: dict[int, Sums], b: dict[int, Sums], first: str, second: str
) -> tuple[list[Sums], list[Sums]]:
    """Two models' sums, seed beside seed.

    A model without randomness has one seed; where the other's cells are the same for all seeds, it
    stands beside each of them. Raises InputError when no seed has the same cells for both.
    """
    if len(a) == 1 and len(b) > 1:
        longer, repeated = _aligned(b, a, second, first)
        return repeated, longer
    (only,) = b.values() if len(b) == 1 else (None,)
    if only is not None and all(_same_cells(sums, only) for sums in a.values()):
        return list(a.values()), [only] * len(a)
    common = sorted(set(a) & set(b))
    if not common or not all(_same_cells(a[seed], b[seed]) for seed in common):
        raise InputError(f"{first} and {second} answered other cells; compare like with like.")
    return [a[seed] for seed in common], [b[seed] for seed in common]


def _same_cells(a: Sums, b: Sums) -> bool:
    """Whether two models answered as many cells of every subject."""
    return bool((a.counts.sum(axis=1) == b.counts.sum(axis=1)).all())


def _sums(cells: pd.DataFrame, subjects: pd.Index, leukemic: NDArray[np.bool_]) -> dict[int, Sums]:
    """One model's sums per subject, by seed."""
    sums = {}
    for seed, of_seed in cells.groupby("seed"):
        label, probability = checked(of_seed["label"], of_seed["probability"])
        place = subjects.get_indexer(pd.Index(of_seed["subject"]))
        cell = 4 * place + 2 * label + (probability >= THRESHOLD)
        counts = np.bincount(cell, minlength=4 * len(subjects)).reshape(-1, 4)
        pairs = np.zeros((len(subjects), len(subjects)))
        positive = label == 1
        for healthy in np.flatnonzero(~leukemic):
            theirs = np.sort(probability[place == healthy])
            below = np.searchsorted(theirs, probability[positive], "left")
            at_most = np.searchsorted(theirs, probability[positive], "right")
            ordered = (below + at_most) / 2
            pairs[:, healthy] = np.bincount(place[positive], ordered, minlength=len(subjects))
        sums[int(str(seed))] = Sums(counts.astype(float), pairs[np.ix_(leukemic, ~leukemic)])
    return sums


def _of_seeds(sums: list[Sums], weights: Floats, leukemic: NDArray[np.bool_]) -> dict[str, Floats]:
    """Every metric for each seed and weighting of the subjects, shape (seeds, draws)."""
    per_seed = []
    for of_seed in sums:
        cells = of_seed.counts.sum(axis=1)
        above, below = weights[:, leukemic], weights[:, ~leukemic]
        ordered = ((above @ of_seed.pairs) * below).sum(axis=1)
        all_pairs = (above @ cells[leukemic]) * (below @ cells[~leukemic])
        auc = np.divide(ordered, all_pairs, out=np.zeros_like(ordered), where=all_pairs > 0)
        per_seed.append({**from_counts(*(weights @ of_seed.counts).T), "roc_auc": auc})
    return {name: np.stack([values[name] for values in per_seed]) for name in METRICS}


def _interval(value: float, drawn: Floats) -> dict[str, float]:
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {"value": float(value), "low": float(low), "high": float(high)}


def _draw_subjects(leukemic: NDArray[np.bool_], draws: int, seed: int) -> Floats:
    """How often each subject is drawn, shape (draws, subjects); classes apart."""
    if draws < 2:
        raise InputError(f"draws={draws}: expected at least 2.")
    generator = np.random.default_rng(seed)
    times = np.zeros((draws, len(leukemic)))
    for value in (False, True):
        members = np.flatnonzero(leukemic == value)
        if len(members):
            times[:, members] = generator.multinomial(
                len(members), np.full(len(members), 1 / len(members)), size=draws
            )
    return times
