"""What the witness lets pass: what is allowed, and no more."""

import pandas as pd
import pytest

from leukgnn import names
from leukgnn.evaluation import agreement


def compared(mean, same):
    """One run that may differ by 0.04 in the mean and in 4 % of its answers."""
    row = {
        "run": "mlp, fold_0", "protocol": "subject_disjoint", "model": "mlp", "seed": 0,
        "fold": "fold_0", "cells": 100, "mean_difference": mean, "largest_difference": 3 * mean,
        "same_answers": same, "mean_allowed": 0.04, "same_allowed": 0.96,
    }  # fmt: skip
    return pd.DataFrame([row])


@pytest.mark.parametrize(
    ("mean", "same", "expected"),
    [(0.04, 0.96, True), (0.0401, 0.97, False), (0.0, 0.959, False), (0.0, 1.0, True)],
)
def test_what_is_allowed_passes_and_more_does_not(mean, same, expected):
    table = compared(mean, same)
    assert agreement.agrees(table).tolist() == [expected]
    assert bool(agreement.complaints(table)) is not expected
    (row,) = agreement.summary(table).to_dict("records")
    assert row["Verdict"] == ("agrees" if expected else "disagrees")
    assert row["Mean difference"] == f"{mean:.1e}" and row["Same answers"] == f"{same:.2%}"


def test_a_complaint_names_the_run_and_what_to_do():
    (sentence,) = agreement.complaints(compared(0.5, 0.05))
    assert "mlp, fold_0" in sentence and "make publish" in sentence
    assert "at most 0.0400" in sentence and "at least 96.0%" in sentence


def test_the_summary_keeps_the_order_of_the_runs():
    rows = [compared(0.0, 1.0).assign(model=model) for model in ("mlp", "gcn", "mlp")]
    table = agreement.summary(pd.concat(rows))
    assert table["Model"].tolist() == [names.label("mlp"), names.label("gcn")]
    assert table["Runs"].tolist() == [2, 1]
