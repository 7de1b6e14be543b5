"""How much of a model's answers follows from something simple that can be measured in the cells."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import logit
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from leukgnn.evaluation.inference import spread_of, symmetric
from leukgnn.evaluation.sums import with_merged_subjects
from leukgnn.files import InputError

PARTS = 10  # of the people, each predicted from the others
SURE = 0.99  # an answer counts as no surer than this: logits have no end

# By name: what predicts the answers from the properties.
LEARNERS: dict[str, Callable[[], Any]] = {
    "linear": lambda: make_pipeline(StandardScaler(), LinearRegression()),
    "trees": lambda: HistGradientBoostingRegressor(random_state=0),
}


def followed(
    predictions: pd.DataFrame, properties: pd.DataFrame, *, by: str = "linear"
) -> dict[str, float]:
    """Share of the variance of a model's answers that properties of the cells predict.

    The answers are the logits of the probabilities, means over seeds, each less the mean of its
    network's: the networks of the folds are not on one scale. They are predicted for people whose
    answers the regression has not seen, so that the share (R squared) falls below 0 where the
    properties tell less than nothing. The interval is of the jackknife over subjects, as of
    `intervals`: without each in turn the sums of squares are those of the others.

    Parameters
    ----------
    predictions : DataFrame
        Of one model: filename, subject, label, fold (whose network answered) and probability.
    properties : DataFrame
        Indexed by filename, one column a property.
    by : str
        Of `LEARNERS`: "linear" on standardised properties, or gradient-boosted "trees".

    Returns
    -------
    dict
        `value`, `low`, `high`, and `effective_subjects`, how many carry the interval.

    Raises
    ------
    InputError
        When a cell has no properties, or there are too few people.
    """
    answers = _logits(with_merged_subjects(predictions))
    if not set(answers["filename"]) <= set(properties.index):
        lost = sorted(set(answers["filename"]) - set(properties.index))
        raise InputError(
            f"{len(lost)} cells have no properties, such as {lost[0]}; measure them with "
            "`leukgnn properties`."
        )
    if answers["subject"].nunique() < PARTS:
        raise InputError(
            f"{answers['subject'].nunique()} people: expected {PARTS} at least, as each tenth is "
            "predicted from the others."
        )
    squares = _squares(answers, properties.loc[answers["filename"]].to_numpy(float), by)
    return _share(squares)


def _logits(predictions: pd.DataFrame) -> pd.DataFrame:
    """One row a cell: filename, subject, label, fold and `logit`, the mean over seeds."""
    sure = predictions["probability"].astype(float).clip(1 - SURE, SURE)
    keys = ["filename", "subject", "label", "fold"]
    means = predictions.assign(logit=logit(sure)).groupby(keys, as_index=False)["logit"].mean()
    return pd.DataFrame(means)


def _squares(answers: pd.DataFrame, x: np.ndarray[Any, Any], by: str) -> pd.DataFrame:
    """By subject: sums of squares that are `left` and of the `whole`, `label`, `cells`."""
    found = []
    for train, test in GroupKFold(PARTS).split(x, groups=answers["subject"]):
        known, asked = answers.iloc[train], answers.iloc[test]
        means = known.groupby("fold")["logit"].mean()
        y, whole = (part["logit"] - part["fold"].map(means) for part in (known, asked))
        if whole.isna().any():
            raise InputError(
                f"{asked.loc[whole.isna(), 'fold'].iloc[0]}: its network answered too few people "
                "to predict some from others; give more of its cells."
            )
        left = whole - LEARNERS[by]().fit(x[train], y).predict(x[test])
        found.append(asked.assign(left=left**2, whole=whole**2, cells=1))
    sums = {"left": "sum", "whole": "sum", "label": "first", "cells": "sum"}
    return pd.DataFrame(pd.concat(found).groupby("subject").agg(sums))


def _share(squares: pd.DataFrame) -> dict[str, float]:
    """Of all subjects' sums of squares the share that is not left, with its interval."""
    total = squares.sum()
    value = float(1 - total["left"] / total["whole"])
    without = 1 - (total["left"] - squares["left"]) / (total["whole"] - squares["whole"])
    leukemic, cells = (squares["label"] == 1).to_numpy(), squares["cells"].to_numpy(np.float64)
    spread = spread_of(without.to_numpy(np.float64), leukemic, cells, [np.array([value])])
    low, high = symmetric(value, spread)
    return {"value": value, "low": low, "high": high, "effective_subjects": spread.subjects}
