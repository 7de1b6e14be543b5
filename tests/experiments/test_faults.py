"""Planted faults: they are what they say, and the checks that should notice do."""

import dataclasses

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from leukgnn.cells import training_cells
from leukgnn.experiments import (
    Plan,
    Sources,
    Split,
    Task,
    answer,
    check_disjoint,
    official_folds,
    scaled_on_all,
    shuffled_labels,
    unrelated_labels,
)
from leukgnn.files import InputError
from leukgnn.graphs import Attached
from leukgnn.networks import Settings


def test_shuffled_labels_are_dealt_to_people(separable):
    dealt = shuffled_labels(separable, 0)
    for features in (separable, dealt):
        assert (features.table.groupby("merged_subject")["label"].nunique() == 1).all()
    counts = [f.table.groupby("merged_subject")["label"].first().sum() for f in (separable, dealt)]
    assert counts[0] == counts[1]
    assert (dealt.table["label"] != separable.table["label"]).any()
    assert dealt.key != separable.key and (dealt.x == separable.x).all()
    assert dealt.origin == f"{separable.origin} Labels shuffled over people."
    assert shuffled_labels(separable, 0) == dealt != shuffled_labels(separable, 1)


def test_nothing_is_learnt_from_shuffled_labels(separable):
    """The very set on which every classifier exceeds 0.9 gives chance, over several deals."""
    areas = []
    for seed in range(6):
        dealt = shuffled_labels(separable, seed)
        for split in official_folds(dealt.table):
            if len(set(dealt.table["label"].to_numpy()[split.test])) < 2:
                continue
            if len(set(dealt.table["label"].to_numpy()[split.train])) < 2:
                continue
            task = Task(
                features=dealt, split=split, graph=Attached(k=5, edges="union"), seed=0,
                settings=Settings(epochs=30),
            )  # fmt: skip
            labels = task.labels[split.test]
            areas.append(roc_auc_score(labels, answer("mlp", task)[split.test]))
    assert len(areas) > 6
    assert np.mean(areas) < 0.75, areas


def test_unrelated_labels_tell_nothing_of_the_true_ones():
    """Of people of C-NMC a single deal may go with the truth by half, and be learnt."""
    table = training_cells()
    true = table["label"].to_numpy()
    single = []
    for split in official_folds(table):
        dealt = unrelated_labels(table, split.train, 0)
        assert abs(np.corrcoef(dealt[split.train], true[split.train])[0, 1]) < 0.05
        assert (dealt[~split.train] == true[~split.train]).all()
        people = table.assign(dealt=dealt)[split.train].groupby("merged_subject")
        assert (people["dealt"].nunique() == 1).all()
        assert people["dealt"].first().sum() == people["label"].first().sum()
        assert (dealt == unrelated_labels(table, split.train, 0)).all()
        assert (dealt != unrelated_labels(table, split.train, 1)).any()
        once = people["label"].first()
        once = dict(zip(once.index, np.random.default_rng(0).permutation(once), strict=True))
        given = table.loc[split.train, "merged_subject"].map(once)
        single.append(abs(np.corrcoef(given, true[split.train])[0, 1]))
    assert max(single) > 0.05, "one deal would have done"


def test_scaling_by_all_cells_lets_test_cells_in(separable):
    """Other test cells change what training cells look like; honestly standardised they do not."""
    split = official_folds(separable.table)[0]
    x = separable.x.copy()
    x[split.test] += 5
    other = dataclasses.replace(separable, x=x)
    faulty = [scaled_on_all(f).x[split.train] for f in (separable, other)]
    assert np.abs(faulty[0] - faulty[1]).max() > 0.1
    settings = Settings(inputs="standardised")
    honest = [
        Task(
            features=f, split=split, graph=Attached(k=5, edges="union"), seed=0, settings=settings
        ).inputs[split.train]
        for f in (separable, other)
    ]
    assert (honest[0] == honest[1]).all()
    scaled = scaled_on_all(separable)
    assert scaled.x.mean(axis=0) == pytest.approx(0, abs=1e-5) and scaled.x.dtype == np.float32
    assert scaled.origin == f"{separable.origin} Standardised over all of them."


def test_cells_of_one_person_on_both_sides_are_refused(separable):
    split = official_folds(separable.table)[0]
    moved = split.train.copy()
    moved[np.flatnonzero(split.test)[0]] = True
    test = split.test & ~moved
    (other,) = np.flatnonzero(moved & split.test)
    person = separable.table.loc[other, "merged_subject"]
    with pytest.raises(InputError) as refused:
        check_disjoint(separable.table, Split("f", moved, test))
    assert str(refused.value) == (
        f"f: 1 values of merged_subject lie on both sides, such as {person}; leave those training "
        "cells out."
    )


def test_the_plan_asks_for_the_faults_on_official_folds(real):
    asked = Plan(sources=Sources(real), reading_seeds=1).faults()
    assert {(a.protocol, a.model) for a in asked} == {
        ("shuffled_labels", "gcn"), ("shuffled_labels", "mlp"), ("scaled_on_all", "mlp")
    }  # fmt: skip
    assert {a.run.fold for a in asked} == {"fold_0", "fold_1", "fold_2"}
    assert all(a.run.features == a.features.key != real.key for a in asked)
