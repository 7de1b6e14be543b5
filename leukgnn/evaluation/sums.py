"""What a model did to each subject, as sums: all that metrics, intervals and tests are made of.

Subjects are the sampling unit: cells of one person are alike. Subjects of C-NMC 2019 that equal
files link count as one, as they do in the splits. A subject's sums are its cells' counts of a
confusion matrix and, for a ROC AUC, how many pairs of its cells and another subject's are in order.
Leaving a subject out, or drawing it twice, is then a weighting of sums, exact and cheap.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from leukgnn.cells import known_merged_subjects, log_area, training_cells
from leukgnn.evaluation.metrics import METRICS, checked, from_counts
from leukgnn.files import InputError
from leukgnn.paper import THRESHOLD

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Replicate = tuple[str, int]  # a partition of the cells, and a seed
TENTHS = 10  # of log area, within which `size_adjusted_auc` compares cells


@dataclass(frozen=True)
class Sums:
    """Sums of one model in one replicate.

    Attributes
    ----------
    counts : ndarray, shape (subjects, 4)
        tn, fp, fn, tp of each subject's cells.
    ordered : mapping of str to ndarray, shape (leukemic subjects, healthy subjects)
        For each ROC AUC, pairs of cells of which the leukemic one has the higher probability; ties
        count half.
    pairs : mapping of str to ndarray
        How many pairs are compared: for `roc_auc` those that one network answered (same fold), for
        `size_adjusted_auc` those of the same tenth of size too, for `pooled_auc` all.
    """

    counts: Floats
    ordered: Mapping[str, Floats]
    pairs: Mapping[str, Floats]

    @property
    def cells(self) -> Floats:
        """Number of cells of each subject."""
        total: Floats = self.counts.sum(axis=1)
        return total

    def each_once(self) -> "Sums":
        """The same with every subject counting as one, however many cells it has."""
        share = {n: self.pairs[n].clip(min=1) for n in self.pairs}
        return Sums(
            self.counts / self.cells[:, None].clip(min=1),
            {name: self.ordered[name] / share[name] for name in self.pairs},
            {name: (self.pairs[name] > 0).astype(float) for name in self.pairs},
        )


@dataclass(frozen=True)
class Answers:
    """One model under one protocol, replicate by replicate.

    Attributes
    ----------
    subjects : Index
        Linked ones as one.
    leukemic : ndarray, shape (subjects,), bool
    sums : mapping of (partition, seed) to Sums
    """

    subjects: pd.Index
    leukemic: Mask
    sums: Mapping[Replicate, Sums]

    def each_once(self) -> "Answers":
        """The same with every subject counting once."""
        once = {replicate: one.each_once() for replicate, one in self.sums.items()}
        return Answers(self.subjects, self.leukemic, once)


def answers(predictions: pd.DataFrame) -> dict[tuple[str, str], Answers]:
    """Sum up predictions, by protocol and model.

    Parameters
    ----------
    predictions : DataFrame
        `protocol`, `model`, `seed`, `fold`, `filename`, `subject`, `label`, `probability`, and
        `partition` where a protocol has several.

    Raises
    ------
    InputError
        When a subject has cells of both classes, or the numbers are no predictions.
    """
    table = with_tenths(replicated(predictions))
    found = {}
    for protocol, cells in table.groupby("protocol"):
        subjects, leukemic = _subjects(cells)
        for model, own in cells.groupby("model"):
            here = subjects.isin(own["subject"].unique())
            sums = {
                (str(partition), int(str(seed))): _sums(part, subjects[here], leukemic[here])
                for (partition, seed), part in own.groupby(["partition", "seed"])
            }
            found[str(protocol), str(model)] = Answers(subjects[here], leukemic[here], sums)
    return found


def with_merged_subjects(predictions: pd.DataFrame) -> pd.DataFrame:
    """Predictions with linked subjects as one; subjects of other data keep their names."""
    names = predictions["subject"]
    return predictions.assign(subject=names.map(known_merged_subjects()).fillna(names))


def replicated(predictions: pd.DataFrame) -> pd.DataFrame:
    """Predictions with linked subjects as one and a `partition`, "" where there is but one."""
    table = with_merged_subjects(predictions)
    return table if "partition" in table else table.assign(partition="")


def with_tenths(predictions: pd.DataFrame) -> pd.DataFrame:
    """Predictions with each cell's `tenth` of size, looked up once; missing where it is unknown."""
    if "tenth" in predictions:
        return predictions
    return predictions.assign(tenth=predictions["filename"].map(size_tenths()))


@cache
def size_tenths() -> pd.Series:
    """Tenth of log area, 0 to 9, of every labelled cell of C-NMC 2019, by filename."""
    table = training_cells()
    tenths = pd.qcut(log_area(table), TENTHS, labels=False)
    return pd.Series(tenths.to_numpy(), index=table["filename"])


def areas(cells: pd.DataFrame) -> dict[str, float]:
    """The ROC AUCs of some cells: of cells that one network answered, of all, at equal size.

    `cells` has filename, fold, label and probability; an AUC without a pair to compare is missing.
    """
    label, probability = checked(cells["label"], cells["probability"])
    classes = np.array([False, True])
    found = dict.fromkeys(("roc_auc", "pooled_auc", "size_adjusted_auc"), np.nan)
    for name, stratum in _strata(with_tenths(cells)).items():
        ordered, pairs = _pairs(stratum, probability, label, label, classes)
        found[name] = float(ordered.item() / pairs.item()) if pairs.item() else np.nan
    return found


def _strata(cells: pd.DataFrame) -> dict[str, NDArray[np.int64]]:
    """By ROC AUC, within which stratum it compares each cell; unknown sizes are not compared."""
    fold = pd.factorize(cells["fold"])[0]
    strata = {"roc_auc": fold, "pooled_auc": np.zeros_like(fold)}
    tenth = cells["tenth"]
    if tenth.notna().all():
        strata["size_adjusted_auc"] = TENTHS * fold + tenth.to_numpy(np.int64)
    return strata


def _subjects(cells: pd.DataFrame) -> tuple[pd.Index, Mask]:
    """Subjects and which of them are leukemic."""
    labels = cells.groupby("subject")["label"].agg(["min", "max"])
    mixed = labels.index[labels["min"] != labels["max"]]
    if len(mixed):
        raise InputError(f"subject {mixed[0]} has cells of both classes; expected one class each.")
    return labels.index, labels["min"].to_numpy() == 1


def _sums(cells: pd.DataFrame, subjects: pd.Index, leukemic: Mask) -> Sums:
    """One model's sums per subject in one replicate."""
    label, probability = checked(cells["label"], cells["probability"])
    place = subjects.get_indexer(pd.Index(cells["subject"]))
    counts = _counts(place, label, probability >= THRESHOLD, len(subjects))
    ordered, pairs = {}, {}
    for name, stratum in _strata(cells).items():
        ordered[name], pairs[name] = _pairs(stratum, probability, label, place, leukemic)
    return Sums(counts, ordered, pairs)


def _pairs(
    stratum: NDArray[np.int64],
    probability: Floats,
    label: NDArray[np.int64],
    place: NDArray[np.int64],
    leukemic: Mask,
) -> tuple[Floats, Floats]:
    """Ordered pairs and all pairs of cells of the same stratum, by leukemic and healthy subject."""
    key = 2 * stratum + probability  # probabilities of two strata never overlap
    positive = label == 1
    among = np.where(leukemic, leukemic.cumsum(), (~leukemic).cumsum()) - 1  # those of its class
    row, column = among[place[positive]], among[place[~positive]]
    height, width, strata = int(leukemic.sum()), int((~leukemic).sum()), int(stratum.max()) + 1
    ill = _tally(stratum[positive], row, (strata, height))
    well = _tally(stratum[~positive], column, (strata, width))
    order = np.argsort(key[~positive], kind="stable")
    lowest = key[~positive][order]
    # before[i]: cells of each healthy subject among the i lowest healthy ones
    before = np.zeros((len(order) + 1, width))
    before[np.arange(1, len(order) + 1), column[order]] = 1
    before = before.cumsum(axis=0)
    own = key[positive]
    below, at_most = np.searchsorted(lowest, own, "left"), np.searchsorted(lowest, own, "right")
    belongs = sparse.csr_array((np.ones(len(row)), (row, np.arange(len(row)))), (height, len(row)))
    lower = well.cumsum(axis=0) - well  # cells of lower strata are not compared
    in_order: Floats = belongs @ (before[below] + before[at_most]) / 2 - ill.T @ lower
    return in_order, ill.T @ well


def _tally(rows: NDArray[np.int64], columns: NDArray[np.int64], shape: tuple[int, int]) -> Floats:
    """How often each row and column come together."""
    counts = np.bincount(rows * shape[1] + columns, minlength=shape[0] * shape[1])
    return counts.reshape(shape).astype(float)


def values(sums: Sequence[Sums], weights: Floats, leukemic: Mask) -> dict[str, Floats]:
    """Every metric for each replicate and weighting of the subjects, shape (replicates, draws).

    A ROC AUC without a pair to compare is missing.
    """
    above, below = weights[:, leukemic], weights[:, ~leukemic]
    missing = np.full(len(weights), np.nan)
    per_replicate = []
    for one in sums:
        found = from_counts(*(weights @ one.counts).T)
        for name, pairs in one.pairs.items():
            ordered, there = (
                ((above @ matrix) * below).sum(axis=1) for matrix in (one.ordered[name], pairs)
            )
            found[name] = np.divide(ordered, there, out=missing.copy(), where=there > 0)
        per_replicate.append(found)
    return {
        name: np.stack([found.get(name, missing) for found in per_replicate]) for name in METRICS
    }


def counts_at(
    predictions: pd.DataFrame, thresholds: Sequence[float]
) -> dict[tuple[str, str], list[Answers]]:
    """Sum up counts alone, by protocol and model, at each of several thresholds.

    Parameters
    ----------
    predictions : DataFrame
        As of `answers`.
    thresholds : sequence of float
        A cell counts as leukemic when its probability reaches it.

    Returns
    -------
    dict of list of Answers
        One for each threshold, without ROC AUCs: those know no threshold.
    """
    table = replicated(predictions)
    found = {}
    for (protocol, model), cells in table.groupby(["protocol", "model"]):
        subjects, leukemic = _subjects(cells)
        counted: list[dict[Replicate, Sums]] = [{} for _ in thresholds]
        for (partition, seed), part in cells.groupby(["partition", "seed"]):
            label, probability = checked(part["label"], part["probability"])
            place = subjects.get_indexer(pd.Index(part["subject"]))
            for sums, threshold in zip(counted, thresholds, strict=True):
                counts = _counts(place, label, probability >= threshold, len(subjects))
                sums[str(partition), int(str(seed))] = Sums(counts, {}, {})
        found[str(protocol), str(model)] = [Answers(subjects, leukemic, one) for one in counted]
    return found


def _counts(
    place: NDArray[np.int64], label: NDArray[np.int64], called: Mask, subjects: int
) -> Floats:
    """tn, fp, fn, tp of each subject, shape (subjects, 4)."""
    cell = 4 * place + 2 * label + called
    return np.bincount(cell, minlength=4 * subjects).reshape(-1, 4).astype(float)
