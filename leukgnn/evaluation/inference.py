"""Intervals, tests and outcomes over subjects: the one place where they are decided.

Intervals and p-values come from a jackknife that leaves out one subject at a time, healthy and
leukemic ones apart, with Student's t on effective degrees of freedom: with the few and unequal
subjects there are, it covers what it promises, where the percentile bootstrap falls short
(`benchmarks/coverage.py`). What the partition of the subjects or the seed adds to the error of a
mean over several of them is added.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import t

from leukgnn.evaluation.metrics import COUNTED, METRICS
from leukgnn.evaluation.sums import (
    Answers,
    Floats,
    Mask,
    Replicate,
    Sums,
    answers,
    counts_at,
    values,
)
from leukgnn.files import InputError

LEVEL = 0.95
MARGIN = 0.02  # differences within it are of no use to anyone; declared before the comparison
DIFFERENCE_NOTE = (  # what stands in a cell of a table, as `text.difference` writes it
    f"with {100 * LEVEL:.0f} % intervals over subjects (jackknife, Student's t), their outcome "
    f"(equivalent: the whole interval within {MARGIN} of zero) and, in brackets, how many subjects "
    "carry the interval."
)
OUTCOMES = ("better", "worse", "equivalent", "undecided")
SIGNED = ("mcc",)  # metrics from -1 to 1; all others lie from 0 to 1

# The partition of each replicate; and by metric a row for each: of all subjects, then without each.
Drawn = tuple[list[str], dict[str, Floats]]


@dataclass(frozen=True)
class Spread:
    """How far an estimate can be trusted.

    Attributes
    ----------
    error : float
        Standard error.
    freedom : float
        Effective degrees of freedom.
    subjects : float
        How many subjects carry the variance: the inverse participation of their shares in it.
    low, high : float
        Least and greatest estimate when one subject is left out.
    """

    error: float
    freedom: float
    subjects: float
    low: float
    high: float


def intervals(
    predictions: pd.DataFrame | Mapping[tuple[str, str], Answers], *, draws: int = 0, seed: int = 0
) -> pd.DataFrame:
    """Mean over seeds (and partitions) of every metric, with a 95 % interval over subjects.

    Parameters
    ----------
    predictions : DataFrame or mapping
        As of `sums.answers`, or what that gives.
    draws : int
        Of the percentile bootstrap that is given beside it; 0: none.
    seed : int
        Of those draws.

    Returns
    -------
    DataFrame
        One row per protocol, model and metric: `value`, `low`, `high`; `se`, `freedom`;
        `effective_subjects`, `without_low` and `without_high` (as of `Spread`); `by_subject`, with
        its `by_subject_low` and `by_subject_high`, where every subject counts once; `sd` (over
        seeds and partitions; missing for one), `seeds`, `partitions`, `subjects` (linked ones as
        one), `cells` (mean); and `bootstrap_low`, `bootstrap_high` where drawn.
    """
    rows = []
    for (protocol, model), asked in _answers(predictions).items():
        found, once = _estimates(asked), _estimates(asked.each_once())
        drawn = _bootstrap([list(asked.sums.values())], asked.leukemic, draws, seed)
        counts = _counts(asked)
        for metric in METRICS:
            value, spread, spreads = found[metric]
            low, high = _transformed(metric, value, spread)
            own, own_spread, _ = once[metric]
            own_low, own_high = _transformed(metric, own, own_spread)
            rows.append(
                {
                    "protocol": protocol, "model": model, "metric": metric,
                    "value": value, "low": low, "high": high, **_columns(spread),
                    "by_subject": own, "by_subject_low": own_low, "by_subject_high": own_high,
                    **spreads, **counts, **_percentiles(drawn, metric),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def intervals_at(predictions: pd.DataFrame, thresholds: Sequence[float]) -> pd.DataFrame:
    """Every metric that knows a threshold, at several, with a 95 % interval over subjects.

    Parameters
    ----------
    predictions : DataFrame
        As of `intervals`.
    thresholds : sequence of float

    Returns
    -------
    DataFrame
        One row per protocol, model, threshold and metric: `value`, `low`, `high`, as of `intervals`
        where the threshold is the book's.
    """
    rows = []
    for (protocol, model), asked in counts_at(predictions, thresholds).items():
        for threshold, one in zip(thresholds, asked, strict=True):
            found = _estimates(one)
            for metric in COUNTED:
                value, spread, _ = found[metric]
                low, high = _transformed(metric, value, spread)
                rows.append((protocol, model, threshold, metric, value, low, high))
    columns = ["protocol", "model", "threshold", "metric", "value", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def paired_differences(
    predictions: pd.DataFrame | Mapping[tuple[str, str], Answers],
    pairs: Iterable[tuple[str, str]],
    *,
    draws: int = 0,
    seed: int = 0,
) -> pd.DataFrame:
    """Metric of a first minus that of a second model on the same cells, by protocol.

    Both models lose the same subject at a time, so what the subjects share cancels. Replicates of
    the same partition and seed are pairs; where the models have other seeds, the means over each
    model's own are compared.

    Parameters
    ----------
    predictions : DataFrame or mapping
        As of `intervals`.
    pairs : iterable of (first, second)
        Pairs of which a protocol lacks a model are left out there.
    draws, seed : int
        As of `intervals`.

    Returns
    -------
    DataFrame
        One row per protocol, pair and metric: `value`, `low`, `high`, `p` (that the two are the
        same), `outcome` of `OUTCOMES`, and the further columns of `intervals`.

    Raises
    ------
    InputError
        When no protocol has both models of a pair, or their cells differ.
    """
    known, rows = _answers(predictions), []
    for first, second in pairs:
        protocols = [p for p, model in known if model == first and (p, second) in known]
        if not protocols:
            raise InputError(
                f"no protocol has both of {(first, second)}; expected predictions of both."
            )
        for protocol in protocols:
            both = _aligned(known[protocol, first], known[protocol, second], first, second)
            keys = {"protocol": protocol, "first": first, "second": second}
            rows += [{**keys, **row} for row in _difference(*both, draws, seed)]
    order = {protocol: i for i, protocol in enumerate(dict.fromkeys(p for p, _ in known))}
    table = pd.DataFrame(rows)
    return table.sort_values(
        "protocol", key=lambda p: p.map(order), kind="stable", ignore_index=True
    )


def _difference(first: Answers, second: Answers, draws: int, seed: int) -> list[dict[str, object]]:
    """Rows of `paired_differences` for one pair."""
    rows = []
    found, once = _estimates(first, second), _estimates(first.each_once(), second.each_once())
    sides = [list(first.sums.values()), list(second.sums.values())]
    drawn = _bootstrap(sides, first.leukemic, draws, seed)
    for metric in METRICS:
        value, spread, spreads = found[metric]
        low, high = symmetric(value, spread)
        own, own_spread, _ = once[metric]
        own_low, own_high = symmetric(own, own_spread)
        rows.append(
            {
                "metric": metric, "value": value, "low": low, "high": high,
                "p": _p(value, spread), "outcome": outcome(low, high), **_columns(spread),
                "by_subject": own, "by_subject_low": own_low, "by_subject_high": own_high,
                **spreads, **_percentiles(drawn, metric),
            }
        )  # fmt: skip
    return rows


def outcome(low: float, high: float) -> str:
    """What an interval of a difference says: one of `OUTCOMES`.

    "equivalent" where the whole interval lies within `MARGIN`, on whichever side of zero;
    "undecided" where it holds zero and reaches beyond the margin, and where there is no interval.
    """
    if low > -MARGIN and high < MARGIN:
        return "equivalent"
    if low > 0:
        return "better"
    return "worse" if high < 0 else "undecided"


def variance_split(
    predictions: pd.DataFrame | Mapping[tuple[str, str], Answers],
    protocol: str,
    pair: tuple[str, str],
    metric: str,
) -> dict[str, float]:
    """What the variance of a mean paired difference is made of, under one protocol.

    Parameters
    ----------
    predictions : DataFrame or mapping
        As of `sums.answers`, or what that gives.
    protocol : str
        One with several partitions and seeds.
    pair : (first, second)
    metric : str

    Returns
    -------
    dict
        Standard deviations: `subjects` (of the mean, by the jackknife), `partitions` (from one
        partition to another; without what seeds add, where there are several), `seeds` (from one
        seed to another within a partition; missing for one).
    """
    known = _answers(predictions)
    both = _aligned(known[protocol, pair[0]], known[protocol, pair[1]], *pair)
    [(partitions, found)] = _contrast(*both)
    per = found[metric]
    parts = pd.Series(per[:, 0]).groupby(partitions)
    within, between = parts.var(ddof=1).mean(), parts.mean().var(ddof=1)
    if parts.size().max() > 1:
        between -= within / parts.size().mean()
    v, _, _ = _jackknife(per[:, 1:].mean(axis=0), both[0].leukemic, _cells(both[0].sums))
    return {
        "subjects": float(np.sqrt(v.sum())),
        "partitions": float(np.sqrt(max(between, 0.0))),
        "seeds": float(np.sqrt(within)),
    }


def holm(p: pd.Series) -> pd.Series:
    """Holm's step-down correction of several p-values (Holm 1979)."""
    order = np.argsort(p.to_numpy())
    steps = p.to_numpy()[order] * (len(p) - np.arange(len(p)))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return pd.Series(corrected, index=p.index)


def design_effect(
    predictions: pd.DataFrame | Mapping[tuple[str, str], Answers],
) -> pd.DataFrame:
    """How much wider than with independent cells the variance of the accuracy is.

    Jackknife variance over subjects divided by the binomial one; the mean over seeds.

    Returns
    -------
    DataFrame
        One row per protocol and model: `accuracy`, `design_effect`, `effective_cells`.
    """
    rows = []
    for (protocol, model), asked in _answers(predictions).items():
        effects = []
        _, found = _drawn(asked)
        for one, per in zip(asked.sums.values(), found["accuracy"], strict=True):
            v, _, _ = _jackknife(per[1:], asked.leukemic, one.cells)
            n, accuracy = one.cells.sum(), per[0]
            effects.append((accuracy, v.sum() * n / (accuracy * (1 - accuracy)), n))
        accuracy, effect, n = np.mean(effects, axis=0)
        rows.append((protocol, model, accuracy, effect, n / effect))
    columns = ["protocol", "model", "accuracy", "design_effect", "effective_cells"]
    return pd.DataFrame(rows, columns=columns)


def _answers(
    predictions: pd.DataFrame | Mapping[tuple[str, str], Answers],
) -> Mapping[tuple[str, str], Answers]:
    return answers(predictions) if isinstance(predictions, pd.DataFrame) else predictions


def _aligned(a: Answers, b: Answers, first: str, second: str) -> tuple[Answers, Answers]:
    """Two models' sums of what both answered: the partitions that both have, each with its seeds.

    Where a seed draws the cells, too, the replicates that both have. Raises InputError when no
    replicate has the same cells for both.
    """
    shared = {partition for partition, _ in a.sums} & {partition for partition, _ in b.sums}
    sides = [{key: s for key, s in x.sums.items() if key[0] in shared} for x in (a, b)]
    alike = a.subjects.equals(b.subjects)
    if alike and not _same_cells(sides):
        sides = [{key: side[key] for key in sides[0] if key in sides[1]} for side in sides]
        alike = all((one.cells == sides[1][key].cells).all() for key, one in sides[0].items())
    if not alike or not sides[0]:
        raise InputError(f"{first} and {second} answered other cells; compare like with like.")
    return Answers(a.subjects, a.leukemic, sides[0]), Answers(b.subjects, b.leukemic, sides[1])


def _same_cells(sides: Iterable[Mapping[Replicate, Sums]]) -> bool:
    """Whether all seeds of a partition answered the same cells, on all sides."""
    known: dict[str, Floats] = {}
    replicates = [(key[0], one.cells) for side in sides for key, one in side.items()]
    return all((known.setdefault(part, cells) == cells).all() for part, cells in replicates)


def _drawn(asked: Answers) -> Drawn:
    """Every metric of each replicate."""
    whole = np.ones((1, len(asked.leukemic)))
    weights = np.concatenate([whole, 1 - np.eye(len(asked.leukemic))])
    found = values(list(asked.sums.values()), weights, asked.leukemic)
    return [partition for partition, _ in asked.sums], found


def _contrast(first: Answers, second: Answers) -> list[Drawn]:
    """Parts of a difference that were drawn apart, of which it is the sum.

    One where replicates are pairs, or partitions with other seeds in them; else either model's
    own: seeds of two kinds of training have nothing in common but their number.
    """
    (partitions, a), (others, b) = _drawn(first), _drawn(second)
    if first.sums.keys() != second.sums.keys():
        if len(set(partitions)) == 1:
            return [(partitions, a), (others, {metric: -per for metric, per in b.items()})]
        a, b = _by_partition(a, partitions), _by_partition(b, others)
        partitions = sorted(set(partitions))
    return [(partitions, {metric: per - b[metric] for metric, per in a.items()})]


def _by_partition(found: dict[str, Floats], partitions: Sequence[str]) -> dict[str, Floats]:
    """Means over the replicates of each partition, in the partitions' order."""
    belongs = np.array([[one == name for one in partitions] for name in sorted(set(partitions))])
    share = belongs / belongs.sum(axis=1, keepdims=True)
    return {metric: share @ per for metric, per in found.items()}


def _estimates(
    first: Answers, second: Answers | None = None
) -> dict[str, tuple[float, Spread, dict[str, float]]]:
    """Mean over replicates of every metric or its difference, its `Spread`, and the column `sd`."""
    parts = [_drawn(first)] if second is None else _contrast(first, second)
    units = [
        _by_partition(found, partitions) if len(set(partitions)) > 1 else found
        for partitions, found in parts
    ]
    cells, estimates = _cells(first.sums), {}
    for metric in parts[0][1]:
        pers = [found[metric] for _, found in parts]
        mean = np.sum([per.mean(axis=0) for per in pers], axis=0)
        drawn = [own[metric][:, 0] for own in units]
        spread = spread_of(mean[1:], first.leukemic, cells, drawn)
        variances = [per[:, 0].var(ddof=1) for per in pers if len(per) > 1]
        sd = float(np.sqrt(sum(variances))) if variances else np.nan
        estimates[metric] = float(mean[0]), spread, {"sd": sd}
    return estimates


def spread_of(without: Floats, leukemic: Mask, cells: Floats, units: Sequence[Floats]) -> Spread:
    """How far to trust a value.

    Parameters
    ----------
    without : ndarray, shape (subjects,)
        The value without each subject.
    leukemic : ndarray, shape (subjects,), bool
    cells : ndarray, shape (subjects,)
        Of each subject.
    units : sequence of ndarray
        What was drawn independently, of which the value is the mean, or the sum of such means; of
        one unit nothing can be told.
    """
    v, freedom, shares = _jackknife(without, leukemic, cells)
    terms, free = list(v), list(freedom)
    for own in units:
        if len(own) > 1:
            terms.append(own.var(ddof=1) / len(own))
            free.append(len(own) - 1)
    return Spread(
        error=float(np.sqrt(sum(terms))),
        freedom=_satterthwaite(terms, free),
        subjects=1 / float((shares**2).sum()) if shares.sum() > 0 else np.nan,
        low=float(without.min()),
        high=float(without.max()),
    )


def _jackknife(without: Floats, leukemic: Mask, cells: Floats) -> tuple[Floats, Floats, Floats]:
    """Variance of each class of subjects, its degrees of freedom, and each subject's share.

    Those of the degrees of freedom are the class's effective number of subjects less one: subjects
    with more cells count for more.
    """
    variances, freedom, parts = np.zeros(2), np.ones(2), np.zeros(len(without))
    for i, members in enumerate((~leukemic, leukemic)):
        m = int(members.sum())
        if m < 2:
            continue
        own = without[members]
        parts[members] = (m - 1) / m * (own - own.mean()) ** 2
        variances[i] = parts[members].sum()
        n = cells[members]
        freedom[i] = max(n.sum() ** 2 / (n**2).sum() - 1, 1)
    total = variances.sum()
    return variances, freedom, parts / total if total > 0 else parts


def _satterthwaite(terms: Sequence[float], freedom: Sequence[float]) -> float:
    """Degrees of freedom of a sum of independent variances (Satterthwaite 1946)."""
    below = sum(v**2 / f for v, f in zip(terms, freedom, strict=True))
    return float(sum(terms) ** 2 / below) if below > 0 else np.inf


def symmetric(value: float, spread: Spread) -> tuple[float, float]:
    """Interval of a difference."""
    half = float(t.ppf((1 + LEVEL) / 2, spread.freedom)) * spread.error
    return value - half, value + half


def _transformed(metric: str, value: float, spread: Spread) -> tuple[float, float]:
    """Interval of a metric, symmetric on the logit scale, so that it stays within its bounds."""
    scale = 2.0 if metric in SIGNED else 1.0
    share = value / scale + (scale - 1) / 2
    if not 0 < share < 1 or spread.error == 0:
        return value, value
    half = float(t.ppf((1 + LEVEL) / 2, spread.freedom)) * spread.error / scale
    half /= share * (1 - share)
    low, high = (float(expit(logit(share) + side * half)) for side in (-1, 1))
    return tuple((end - (scale - 1) / 2) * scale for end in (low, high))  # type: ignore[return-value]


def _p(value: float, spread: Spread) -> float:
    """Two-sided p of a difference; 1 where nothing differs, never 0."""
    if value == 0:
        return 1.0
    if spread.error == 0:
        return float(np.finfo(float).tiny)
    p = 2 * t.sf(abs(value) / spread.error, spread.freedom)
    return float(np.clip(p, np.finfo(float).tiny, 1)) if np.isfinite(p) else np.nan


def _columns(spread: Spread) -> dict[str, float]:
    return {
        "se": spread.error,
        "freedom": spread.freedom,
        "effective_subjects": spread.subjects,
        "without_low": spread.low,
        "without_high": spread.high,
    }


def _counts(asked: Answers) -> dict[str, int]:
    cells = [one.cells.sum() for one in asked.sums.values()]
    return {
        "seeds": len({seed for _, seed in asked.sums}),
        "partitions": len({partition for partition, _ in asked.sums}),
        "subjects": len(asked.subjects),
        "cells": round(float(np.mean(cells))),
    }


def _cells(sums: Mapping[Replicate, Sums]) -> Floats:
    """Cells of each subject, mean over replicates."""
    mean: Floats = np.mean([one.cells for one in sums.values()], axis=0)
    return mean


def _bootstrap(
    sides: Sequence[Sequence[Sums]], leukemic: Mask, draws: int, seed: int
) -> dict[str, Floats]:
    """Every metric, or difference of two sides, for drawn subjects; mean over replicates.

    The cluster bootstrap of Field & Welsh (2007): subjects are drawn with replacement, healthy and
    leukemic ones apart.
    """
    if draws == 0:
        return {}
    weights = draw_subjects(leukemic, draws, seed)
    first, *second = (
        {metric: v.mean(axis=0) for metric, v in values(sums, weights, leukemic).items()}
        for sums in sides
    )
    return {metric: first[metric] - sum(s[metric] for s in second) for metric in first}


def draw_subjects(leukemic: Mask, draws: int, seed: int) -> Floats:
    """How often each subject is drawn, shape (draws, subjects); classes apart."""
    if draws < 2:
        raise InputError(f"draws={draws}: expected at least 2.")
    generator = np.random.default_rng(seed)
    times = np.zeros((draws, len(leukemic)))
    for value in (False, True):
        members: NDArray[np.int64] = np.flatnonzero(leukemic == value)
        if len(members):
            times[:, members] = generator.multinomial(
                len(members), np.full(len(members), 1 / len(members)), size=draws
            )
    return times


def _percentiles(drawn: Mapping[str, Floats], metric: str) -> dict[str, float]:
    if not drawn:
        return {}
    low, high = np.quantile(drawn[metric], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {"bootstrap_low": float(low), "bootstrap_high": float(high)}
