"""From cells to people: one decision for each, and how many of a person's cells it takes.

Subjects that equal files link are one person here as everywhere: their cells are put together
before anything is counted.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import beta, norm, spearmanr, ttest_1samp

from leukgnn.evaluation.inference import LEVEL, outcome
from leukgnn.evaluation.sums import replicated, with_merged_subjects
from leukgnn.files import InputError
from leukgnn.paper import THRESHOLD

CELLS = (1, 2, 5, 10, 20, 50)  # of each person
CELL_DRAWS = 20  # of a person's cells, for each number of them
STUDIES = 500  # simulated for each gain
POWER = 0.8  # of studies that find a gain, where it is said that it can be seen
KEYS = ["protocol", "model", "seed", "partition"]


def decisions(predictions: pd.DataFrame) -> pd.DataFrame:
    """One row a person in place of one a cell: the mean probability of the person's cells.

    The columns stay those of predictions, so `intervals` takes it too. A person with cells in
    several folds has the fold of most of them.
    """
    table = replicated(predictions)
    person = [*KEYS, "subject", "label"]
    cells = table.groupby([*person, "fold"]).size().sort_values(ascending=False, kind="stable")
    folds = cells.reset_index().drop_duplicates(person).set_index(person)["fold"]
    probability = table.groupby(person)["probability"].mean()
    found = pd.DataFrame({"probability": probability, "fold": folds}).reset_index()
    return found.assign(filename=found["subject"])


def shares(decided: pd.DataFrame) -> pd.DataFrame:
    """Share of people decided rightly, of all, of the leukemic and of the healthy ones.

    Parameters
    ----------
    decided : DataFrame
        From `decisions`.

    Returns
    -------
    DataFrame
        One row per protocol, model and `metric` ("accuracy", "recall", "specificity"): `right`
        (people, mean over seeds and partitions), `people`, and `value`, `low`, `high`, the share
        with the interval of Clopper & Pearson (1934) at that mean.
    """
    right = (decided["probability"] >= THRESHOLD) == (decided["label"] == 1)
    rows = []
    for (protocol, model), own in decided.assign(right=right).groupby(["protocol", "model"]):
        groups = {
            "accuracy": own,
            "recall": own[own["label"] == 1],
            "specificity": own[own["label"] == 0],
        }
        for metric, group in groups.items():
            people = group["subject"].nunique()
            found = float(group.groupby("subject")["right"].mean().sum())
            low, high = exact(found, people)
            rows.append((protocol, model, metric, found, people, found / people, low, high))
    columns = ["protocol", "model", "metric", "right", "people", "value", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def exact(right: float, people: int) -> tuple[float, float]:
    """Exact interval of a share of people, from 0 to 1 (Clopper & Pearson 1934).

    `right` may be a mean over seeds, between two whole numbers.

    Raises
    ------
    InputError
        When there are no people, or more are right than there are.
    """
    if not 0 <= right <= people or people < 1:
        raise InputError(f"{right} of {people} people: expected some, and not more than all.")
    tail = (1 - LEVEL) / 2
    low = beta.ppf(tail, right, people - right + 1) if right > 0 else 0.0
    high = beta.ppf(1 - tail, right + 1, people - right) if right < people else 1.0
    return float(low), float(high)


def by_cells(
    predictions: pd.DataFrame, cells: Sequence[int] = CELLS, *, draws: int = CELL_DRAWS
) -> pd.DataFrame:
    """Decisions from a few cells of each person, drawn anew many times.

    Only people with enough cells for the greatest number take part, so that all numbers of cells
    are compared on the same people.

    Parameters
    ----------
    predictions : DataFrame
        Of one protocol; the same cells for every model.
    cells : sequence of int
        How many of each person's cells.
    draws : int
        The same cells for all models; the seeds of a model take turns.

    Returns
    -------
    DataFrame
        As of `decisions`, the protocol's name being the number of cells and the seed that of the
        draw; `intervals` takes it.

    Raises
    ------
    InputError
        When one class has nobody with so many cells.
    """
    table = with_merged_subjects(predictions)
    counted = table.drop_duplicates(["subject", "filename"])["subject"].value_counts()
    table = table[table["subject"].map(counted) >= max(cells)]
    if table["label"].nunique() < 2:
        raise InputError(f"cells={max(cells)}: too few people of one class have so many cells.")
    people = {
        person: np.array(sorted(set(own))) for person, own in table.groupby("subject")["filename"]
    }
    generator = np.random.default_rng(0)
    per_seed = {
        model: [own for _, own in given.set_index("filename").groupby("seed")]
        for model, given in table.groupby("model")
    }
    parts = []
    for draw in range(draws):
        order = [generator.permutation(names) for names in people.values()]
        for number in cells:
            chosen = np.concatenate([names[:number] for names in order])
            for own in per_seed.values():
                asked = own[draw % len(own)].loc[chosen].reset_index()
                parts.append(asked.assign(protocol=str(number), seed=draw))
    return decisions(pd.concat(parts, ignore_index=True))


def power(
    gains: Sequence[float],
    *,
    area: float,
    correlation: float,
    leukemic: int,
    healthy: int,
    studies: int = STUDIES,
    seed: int = 0,
) -> pd.DataFrame:
    """How often so few people would show that one way to decide about them beats another.

    Each study draws a score of every person by both ways, normal and of equal variance in both
    classes, and compares the areas (DeLong et al. 1988, as if one network had answered everybody).

    Parameters
    ----------
    gains : sequence of float
        True gains in ROC AUC over people.
    area : float
        True ROC AUC of the way that is beaten.
    correlation : float
        Of the two ways' scores, within a class.
    leukemic, healthy : int
        People, two at least of each.
    studies : int
    seed : int
        The same draws for every gain.

    Returns
    -------
    DataFrame
        One row a gain: `gain` and `power`, the share of studies whose interval of the gain lies
        above zero.

    Raises
    ------
    InputError
        When there are too few people, or a gain leads to an area of 1 or more.
    """
    if min(leukemic, healthy) < 2:
        raise InputError(f"{leukemic} leukemic and {healthy} healthy people: expected 2 of each.")
    if not 0 < area < 1 or area + max(gains) >= 1 or area + min(gains) <= 0:
        raise InputError(
            f"area={area} with gains up to {max(gains)}: expected areas within 0 to 1."
        )
    drawn = np.random.default_rng(seed).multivariate_normal(
        [0, 0], [[1, correlation], [correlation, 1]], size=(studies, leukemic + healthy)
    )
    bound = norm.ppf((1 + LEVEL) / 2)
    rows = []
    for gain in gains:
        apart = np.sqrt(2) * norm.ppf([area, area + gain])
        higher = (drawn[:, :leukemic] + apart)[:, :, None] > drawn[:, leukemic:][:, None]
        ahead = higher[..., 1].astype(float) - higher[..., 0]  # of every pair: studies x l x h
        error = np.sqrt(
            ahead.mean(axis=2).var(axis=1, ddof=1) / leukemic
            + ahead.mean(axis=1).var(axis=1, ddof=1) / healthy
        )
        rows.append((gain, float((ahead.mean(axis=(1, 2)) > bound * error).mean())))
    return pd.DataFrame(rows, columns=["gain", "power"])


def within_people(predictions: pd.DataFrame, values: pd.Series) -> pd.DataFrame:
    """Rank correlation, among each person's cells, of answers with something else.

    Parameters
    ----------
    predictions : DataFrame
        Of one model.
    values : Series
        By filename.

    Returns
    -------
    DataFrame
        One row a person with 3 cells or more: `subject`, `label`, `cells`, `correlation` (mean over
        seeds and partitions), in order of name; people whose cells are all alike are left out.
    """
    table = with_merged_subjects(predictions)
    table = table.assign(value=table["filename"].map(values))
    rows = []
    for (person, label), own in table.groupby(["subject", "label"]):
        asked = [
            spearmanr(given["probability"], given["value"]).statistic
            for _, given in own.groupby(["seed", "partition"])
            if len(given) > 2 and min(given["probability"].nunique(), given["value"].nunique()) > 1
        ]
        if asked:
            rows.append((person, label, own["filename"].nunique(), float(np.mean(asked))))
    return pd.DataFrame(rows, columns=["subject", "label", "cells", "correlation"])


def over_people(values: pd.Series) -> dict[str, float | str]:
    """Mean over people, each counted once, with Student's interval.

    Parameters
    ----------
    values : Series
        One number a person, two people at least.

    Returns
    -------
    dict
        `value`, `low`, `high`, `outcome`, which the interval of a difference says, and
        `effective_subjects`: all of them, as each counts once.

    Raises
    ------
    InputError
        When there are fewer than two people.
    """
    if len(values) < 2:
        raise InputError(f"{len(values)} people: an interval over people needs 2 at least.")
    low, high = map(float, ttest_1samp(values, 0).confidence_interval(LEVEL))
    found = {"value": float(values.mean()), "low": low, "high": high}
    return {**found, "outcome": outcome(low, high), "effective_subjects": float(len(values))}
