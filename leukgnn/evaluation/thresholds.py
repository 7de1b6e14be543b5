"""What a probability means, and where to cut it: calibration and operating points."""

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from leukgnn.evaluation.metrics import SENSITIVITY, brier, calibration_error, threshold_at
from leukgnn.evaluation.sums import replicated
from leukgnn.files import InputError

EDGE = 1e-6  # probabilities are kept this far from 0 and 1 where their logit is taken


def corrected(predictions: pd.DataFrame) -> pd.DataFrame:
    """Predictions with the training prevalence put back into their probabilities.

    A loss that weighs both classes alike trains as if each were half of the cells. Adding the
    logit of the training cells' share of leukemic ones to a probability's logit undoes that, for
    whoever is trained so; it needs no test label.

    Parameters
    ----------
    predictions : DataFrame
        As of `experiments.predictions`, with `prevalence`.
    """
    share = predictions["probability"].clip(EDGE, 1 - EDGE)
    return predictions.assign(probability=expit(logit(share) + logit(predictions["prevalence"])))


def reliability(predictions: pd.DataFrame) -> pd.DataFrame:
    """How far probabilities may be taken at their word, by protocol and model.

    Returns
    -------
    DataFrame
        Means over seeds: `brier`, `calibration_error`, and the `slope` and `intercept` of a
        logistic regression of the label on the probability's logit: 1 and 0 where they mean what
        they say, a slope below 1 where they are too sure.
    """
    rows = []
    for (protocol, model, _, _), cells in predictions.groupby(
        ["protocol", "model", "seed", "partition"]
    ):
        label, probability = cells["label"], cells["probability"]
        slope, intercept = _recalibration(label.to_numpy(), probability.to_numpy())
        rows.append(
            {
                "protocol": protocol,
                "model": model,
                "brier": brier(label, probability),
                "calibration_error": calibration_error(label, probability),
                "slope": slope,
                "intercept": intercept,
            }
        )
    return pd.DataFrame(rows).groupby(["protocol", "model"]).mean().reset_index()


def _recalibration(label: np.ndarray, probability: np.ndarray) -> tuple[float, float]:
    """Slope and intercept of the label's log odds on the probability's."""
    x = logit(np.clip(probability, EDGE, 1 - EDGE))[:, None]
    model = LogisticRegression(C=np.inf).fit(x, label)
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def operated(predictions: pd.DataFrame, sensitivity: float = SENSITIVITY) -> pd.DataFrame:
    """Answers at an operating point that each fold's own cells had no part in choosing.

    For each seed and fold the threshold is the highest that finds this share of the leukemic cells
    of the *other* folds, without those of people who have cells in this fold too.

    Parameters
    ----------
    predictions : DataFrame
        Of folds with subjects apart.
    sensitivity : float
        Aimed at.

    Returns
    -------
    DataFrame
        The predictions with 1 or 0 in place of probabilities, and the `threshold` of each;
        `intervals` takes it.

    Raises
    ------
    InputError
        When there is one fold only: nothing is left to choose a threshold by.
    """
    table = replicated(predictions)
    parts = []
    for _, own in table.groupby(["protocol", "model", "seed", "partition"]):
        if own["fold"].nunique() < 2:
            raise InputError("an operating point needs predictions of at least two folds.")
        for fold, cells in own.groupby("fold"):
            others = own[(own["fold"] != fold) & ~own["subject"].isin(cells["subject"])]
            threshold = threshold_at(sensitivity, others["label"], others["probability"])
            leukemic = (cells["probability"] >= threshold).astype(float)
            parts.append(cells.assign(probability=leukemic, threshold=threshold))
    return pd.concat(parts)
