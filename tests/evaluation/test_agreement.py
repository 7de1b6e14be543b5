"""What the witness lets pass: twice what was measured, and no more."""

import json

import pandas as pd
import pytest

from leukgnn.evaluation import agreement


@pytest.fixture(autouse=True)
def measured(tmp_path, monkeypatch):
    """Two models measured: one that moves, one that hardly does."""
    path = tmp_path / "agreement.json"
    models = {
        "mlp": {"mean_difference": 0.02, "same_answers": 0.98},
        "svm": {"mean_difference": 1e-9, "same_answers": 1.0},
    }
    path.write_text(json.dumps({"models": models}))
    monkeypatch.setattr(agreement, "MEASURED", path)
    agreement._measured.cache_clear()
    yield
    agreement._measured.cache_clear()


def compared(model, mean, same):
    row = {
        "run": f"{model}, fold_0", "protocol": "subject_disjoint", "model": model, "seed": 0,
        "fold": "fold_0", "cells": 100, "mean_difference": mean, "largest_difference": 3 * mean,
        "same_answers": same,
    }  # fmt: skip
    return pd.DataFrame([row])


@pytest.mark.parametrize(
    ("model", "mean", "same", "expected"),
    [
        ("mlp", 0.0399, 0.961, True),
        ("mlp", 0.0401, 0.961, False),
        ("mlp", 0.0399, 0.959, False),
        ("svm", 0.0049, 0.996, True),
        ("svm", 0.0051, 1.0, False),
        ("svm", 0.0, 0.994, False),
        ("other", 0.0399, 0.961, True),  # not measured: as the worst
        ("other", 0.0401, 1.0, False),
    ],
)
def test_twice_what_was_measured_passes_and_more_does_not(model, mean, same, expected):
    table = compared(model, mean, same)
    assert agreement.agrees(table).tolist() == [expected]
    assert bool(agreement.complaints(table)) is not expected
    verdict = agreement.summary(table)["Verdict"].item()
    assert verdict == ("agrees" if expected else "disagrees")


def test_a_complaint_names_the_run_and_what_to_do():
    (sentence,) = agreement.complaints(compared("svm", 0.5, 0.05))
    assert "svm, fold_0" in sentence and "make publish" in sentence
    assert "at most 0.0050" in sentence and "at least 99.5%" in sentence


def test_an_inverted_run_never_agrees():
    """Whatever the model: inverting answers leaves hardly one the same."""
    for model in ("mlp", "svm", "other"):
        assert not agreement.agrees(compared(model, 0.4, 0.02)).any()
