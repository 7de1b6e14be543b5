"""Thresholds and calibration: the training prevalence, and points chosen by other people."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from leukgnn import evaluation
from leukgnn.evaluation import thresholds
from leukgnn.files import InputError


def answers(n=4000, share=0.75, seed=0, **more):
    """Cells that a network trained as if both classes were alike answers truthfully."""
    generator = np.random.default_rng(seed)
    label = (generator.random(n) < share).astype(int)
    score = generator.normal(2.0 * label - 1.0, np.sqrt(2.0))  # its logit: 2 * score / 2
    given = {"protocol": "p", "model": "gcn", "seed": 0, "partition": "", **more}
    subject = [f"s{c}{i % 20}" for i, c in enumerate(label)]
    return pd.DataFrame(given, index=range(n)).assign(
        fold=np.where(np.arange(n) % 2, "x", "y"), filename=[f"{i}.bmp" for i in range(n)],
        subject=subject, label=label, probability=expit(score), prevalence=share,
    )  # fmt: skip


def test_putting_the_prevalence_back_by_hand():
    one = answers(4).assign(probability=[0.5, 0.2, 0.0, 1.0], prevalence=0.75)
    right = evaluation.corrected(one)["probability"].to_numpy()
    assert right[0] == pytest.approx(0.75)
    assert right[1] == pytest.approx(0.25 * 3 / (0.25 * 3 + 1))
    assert 0 < right[2] < 1e-5 and right[3] > 1 - 1e-5
    assert (
        evaluation.corrected(one.assign(prevalence=0.5))["probability"].iloc[:2] == [0.5, 0.2]
    ).all()


def test_probabilities_then_mean_what_they_say():
    raw = answers()
    right = evaluation.corrected(raw)
    before, after = (evaluation.reliability(given).iloc[0] for given in (raw, right))
    assert after["calibration_error"] < 0.03 < 0.1 < before["calibration_error"]
    assert after["brier"] < before["brier"]
    assert before["intercept"] == pytest.approx(logit(0.75), abs=0.15)
    assert after["intercept"] == pytest.approx(0, abs=0.15)
    assert before["slope"] == pytest.approx(after["slope"], abs=1e-3)
    assert after["slope"] == pytest.approx(1, abs=0.1)


def test_answers_that_are_too_sure_have_a_slope_below_one():
    raw = answers()
    sure = raw.assign(probability=expit(2 * logit(raw["probability"])))
    assert evaluation.reliability(sure)["slope"].item() == pytest.approx(0.5, abs=0.05)


def test_reliability_is_the_mean_over_seeds():
    seeds = [answers(seed=seed).assign(seed=seed) for seed in range(2)]
    each = [evaluation.reliability(one).iloc[0] for one in seeds]
    both = evaluation.reliability(pd.concat(seeds)).iloc[0]
    for name in ("brier", "calibration_error", "slope", "intercept"):
        assert both[name] == pytest.approx((each[0][name] + each[1][name]) / 2)


def two_folds(first, second):
    """Leukemic and healthy cells of two folds with these probabilities, a person a cell."""
    parts = []
    for fold, leukemic in (("x", first), ("y", second)):
        probability = [*leukemic, 0.0, 0.1]
        parts.append(
            pd.DataFrame(
                {
                    "protocol": "p", "model": "gcn", "seed": 0, "partition": "", "fold": fold,
                    "filename": [f"{fold}{i}.bmp" for i in range(len(probability))],
                    "subject": [f"{fold}{i}" for i in range(len(probability))],
                    "label": [1] * len(leukemic) + [0, 0], "probability": probability,
                }
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def test_a_fold_is_cut_where_the_other_says():
    """Fold x's own cells would ask for 0.2, fold y's for 0.6: each gets the other's."""
    table = two_folds([0.2, 0.5, 0.9], [0.6, 0.7, 0.8])
    operated = evaluation.operated(table, 1.0)
    assert operated.groupby("fold")["threshold"].unique().map(list).to_dict() == {
        "x": [0.6], "y": [0.2]
    }  # fmt: skip
    found = operated[operated["label"] == 1].groupby("fold")["probability"].mean()
    assert found.to_dict() == pytest.approx({"x": 1 / 3, "y": 1})
    assert set(operated["probability"]) == {0.0, 1.0}


def test_people_of_both_folds_choose_no_threshold_for_either():
    """The cell at 0.2 belongs to a person who has a cell in fold y too."""
    table = two_folds([0.2, 0.5, 0.9], [0.6, 0.7, 0.8])
    table.loc[table["filename"].isin(["x0.bmp", "y0.bmp"]), "subject"] = "both"
    operated = evaluation.operated(table, 1.0)
    assert operated.groupby("fold")["threshold"].first().to_dict() == {"x": 0.7, "y": 0.5}


def test_one_fold_has_nobody_to_choose_by():
    table = two_folds([0.2], [0.3])
    with pytest.raises(InputError, match="at least two folds"):
        thresholds.operated(table[table["fold"] == "x"])
