"""How much of answers follows from properties: on planted answers whose share is known."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import t

from leukgnn.evaluation import followed
from leukgnn.evaluation.followed import _share
from leukgnn.files import InputError

PEOPLE, CELLS = 40, 25


@pytest.fixture
def properties():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(PEOPLE * CELLS, 3))
    names = [f"{i}.bmp" for i in range(len(values))]
    return pd.DataFrame(values, columns=["a", "b", "c"], index=names)


def answers(properties, logits, *, seeds=1, apart=0.0):
    """Predictions of these logits; the networks of two folds differ by a constant."""
    person = np.repeat(np.arange(PEOPLE), CELLS)
    fold = np.where(np.arange(len(person)) % 2, "fold_1", "fold_0")
    shifted = logits + apart * (fold == "fold_1")
    table = pd.DataFrame(
        {
            "filename": properties.index,
            "subject": [f"s{p}" for p in person],
            "label": person % 2,
            "fold": fold,
            "probability": expit(shifted),
        }
    )
    return pd.concat([table.assign(seed=seed) for seed in range(seeds)], ignore_index=True)


@pytest.mark.parametrize("by", ["linear", "trees"])
def test_answers_that_are_a_property_follow_it(properties, by):
    found = followed(answers(properties, properties["a"].to_numpy()), properties, by=by)
    assert found["value"] == pytest.approx(1, abs=0.03)
    assert found["low"] <= found["value"] <= found["high"] <= 1.05
    assert 1 <= found["effective_subjects"] <= PEOPLE


def test_trees_follow_what_no_line_does(properties):
    asked = answers(properties, np.abs(properties["a"].to_numpy()))
    assert followed(asked, properties)["value"] < 0.1
    assert followed(asked, properties, by="trees")["value"] > 0.9


def test_half_of_the_variance_is_half(properties):
    mixed = (properties["a"] + properties["b"]).to_numpy() / np.sqrt(2)
    asked = answers(properties, mixed)
    found = followed(asked, properties[["a"]])
    assert found["value"] == pytest.approx(0.5, abs=0.08)
    assert found["low"] < 0.5 < found["high"]
    assert followed(asked, properties[["a", "b"]])["value"] == pytest.approx(1, abs=0.01)


def test_properties_of_other_cells_tell_nothing(properties):
    shuffled = np.random.default_rng(1).permutation(properties["a"].to_numpy())
    found = followed(answers(properties, shuffled), properties)
    assert found["value"] == pytest.approx(0, abs=0.03)


def test_knowing_a_person_helps_with_nobody_else(properties):
    """Answers that are the person's, and a property that says who it is."""
    person = np.repeat(np.arange(PEOPLE), CELLS)
    known = properties.assign(a=person + 0.001 * properties["a"])[["a"]]
    level = np.random.default_rng(2).normal(size=PEOPLE)[person]
    assert followed(answers(properties, level), known, by="trees")["value"] < 0.1


def test_networks_that_differ_by_a_constant_are_compared_with_themselves(properties):
    asked = answers(properties, properties["a"].to_numpy() / 2, apart=1.5)
    assert followed(asked, properties)["value"] == pytest.approx(1, abs=0.01)


def test_seeds_are_averaged_before_anything_is_compared(properties):
    """Noise that cancels between two seeds leaves nothing unexplained."""
    asked = answers(properties, properties["a"].to_numpy() / 3, seeds=2)
    noise = np.random.default_rng(3).normal(size=len(properties))
    logits = np.log(asked["probability"] / (1 - asked["probability"]))
    logits = logits + np.concatenate([noise, -noise])
    found = followed(asked.assign(probability=expit(logits)), properties)
    assert found["value"] == pytest.approx(1, abs=0.02)


def test_a_sure_answer_is_no_surer_than_others_that_are(properties):
    """Without a limit one answer of 1 would be infinitely far from all others."""
    asked = answers(properties, properties["a"].to_numpy())
    asked.loc[0, "probability"] = 1.0
    assert np.isfinite(followed(asked, properties)["value"])


def test_the_interval_is_over_people(properties):
    """One person whose answers go another way, and no more cells, widens it."""
    a = properties["a"].to_numpy()
    noise = np.random.default_rng(4).normal(scale=0.3, size=len(a))
    even = followed(answers(properties, a + noise), properties)
    odd = a + noise
    odd[:CELLS] = -3 * a[:CELLS]
    uneven = followed(answers(properties, odd), properties)
    assert uneven["high"] - uneven["low"] > 3 * (even["high"] - even["low"])
    assert uneven["effective_subjects"] < 3 < even["effective_subjects"]


def test_the_share_and_who_carries_its_interval_by_hand():
    """Two people of each class; only one leukemic person's answers are not all explained."""
    squares = pd.DataFrame(
        {"left": [0.0, 0.0, 6.0, 0.0], "whole": 10.0, "label": [0, 0, 1, 1], "cells": 5}
    )
    found = _share(squares)
    assert found["value"] == pytest.approx(1 - 6 / 40)
    # Without each: 0.8, 0.8 of the healthy, 1 and 0.8 of the leukemic, whose variance is all.
    error = np.sqrt(1 / 2 * ((1 - 0.9) ** 2 + (0.8 - 0.9) ** 2))
    half = t.ppf(0.975, 1) * error
    assert found["low"] == pytest.approx(0.85 - half) and found["high"] == pytest.approx(
        0.85 + half
    )
    assert found["effective_subjects"] == pytest.approx(2)


def test_what_cannot_be_compared_is_named(properties):
    asked = answers(properties, properties["a"].to_numpy())
    with pytest.raises(InputError, match=r"2 cells have no properties, such as 0\.bmp"):
        followed(asked, properties.iloc[2:])
    with pytest.raises(InputError, match="9 people: expected 10 at least"):
        followed(asked[: 9 * CELLS], properties)
    alone = asked.assign(fold=["fold_2"] * CELLS + ["fold_0"] * (len(asked) - CELLS))
    with pytest.raises(InputError, match="fold_2: its network answered too few people"):
        followed(alone, properties)
