"""A published run computed again: what may differ, and which are chosen."""

import numpy as np
import pandas as pd
import pytest

from leukgnn import experiments
from leukgnn.evaluation import agreement
from leukgnn.experiments import witness
from leukgnn.experiments.store import Value, published_runs


def test_an_inverted_published_run_is_found_by_the_witness(monkeypatch, tmp_path, plan):
    """One column of probabilities inverted, with a right hash: the run is named."""
    (a,) = [a for a in plan.sweep() if a.protocol == "2" and a.run.fold == "fold_2"]
    whole = dict(published_runs())
    right = whole[a.run.key]
    whole[a.run.key] = Value(1 - right.probability, right.curves, right.choice)
    monkeypatch.setattr(witness, "published_runs", lambda: whole)
    own = experiments.Store(tmp_path, published=False)
    own.write(a.run, right)  # what this machine computes
    compared = witness.compare([a], plan.everything(), own, progress=False)
    assert not agreement.agrees(compared).any()
    (sentence,) = agreement.complaints(compared)
    assert a.run.name in sentence and "make publish" in sentence
    assert list(compared) == witness.COLUMNS
    (row,) = compared.to_dict("records")
    cells, p = len(right.probability), right.probability.astype(float)
    expected = {
        "run": a.run.name, "protocol": "2", "model": "gcn", "seed": 0, "fold": "fold_2",
        "cells": cells, "mean_difference": np.abs(1 - 2 * p).mean(),
        "largest_difference": np.abs(1 - 2 * p).max(), "same_answers": (p == 0.5).mean(),
    }  # fmt: skip
    assert {name: row[name] for name in expected} == pytest.approx(expected, abs=1e-6)


def test_answers_are_the_same_on_one_side_of_the_threshold():
    assert witness.distance(np.array([0.5, 0.2]), np.array([0.9, 0.5])) == pytest.approx(
        (0.35, 0.5)
    )


@pytest.fixture
def level(monkeypatch, tmp_path, plan):
    """A published SVM two of whose strengths are level, and an empty store."""
    asked = plan.subject_disjoint(["svm"])[0]
    cells = int(asked.run.asked(asked.features).sum())
    areas = np.array([0.7, 0.902, 0.9, 0.6])
    published = Value(np.full(cells, 0.5, np.float32), np.zeros((0, 0)), areas)
    monkeypatch.setattr(witness, "published_runs", lambda: {asked.run.key: published})
    return asked, published, experiments.Store(tmp_path, published=False)


@pytest.mark.parametrize(
    ("areas", "anew"),
    [
        ([0.7, 0.901, 0.899, 0.6], False),
        ([0.7, 0.901, 0.903, 0.6], True),
        ([0.7, 0.901, 0.91, 0.6], False),
        ([0.7, 0.901, 0.903, 0.61], False),
    ],
    ids=["the same strength", "a level one", "a better one", "where others differ"],
)
def test_a_level_strength_is_no_other_answer(level, monkeypatch, areas, anew):
    asked, published, own = level
    own.write(asked.run, Value(published.probability, published.curves, np.array(areas)))
    calls = []
    monkeypatch.setattr(
        witness, "compute", lambda run, task, given: calls.append((run, task.seed, given)) or given
    )
    found = witness._computed(asked, own)
    if anew:
        assert calls == [(asked.run, asked.run.seed, published.choice)]
        assert found is published.choice
    else:
        assert not calls and found.choice.tolist() == areas


def test_strengths_are_the_published_ones_unless_they_shall_be_chosen(level, monkeypatch):
    asked, published, own = level
    own.write(asked.run, published)
    given = []
    monkeypatch.setattr(
        witness, "fill", lambda asked, own, **how: given.append((how["choices"], how["progress"]))
    )
    (row,) = witness.compare([asked], [], own).to_dict("records")
    assert (row["mean_allowed"], row["same_allowed"]) == (witness.LEAST, 1 - witness.LEAST)
    assert (row["mean_difference"], row["same_answers"]) == (0, 1)
    witness.compare([asked], [], own, choosing=True, progress=False)
    assert given == [({asked.run.key: published.choice}, True), (None, False)]


def test_what_a_witness_computes_lies_apart_from_what_pages_read(monkeypatch, tmp_path):
    monkeypatch.setenv("LEUKGNN_RUNS", str(tmp_path))
    own = witness.witnessing()
    assert own.folder == tmp_path / "witness" and own.published is False


def test_what_is_never_asked_on_the_official_folds_may_differ_by_its_seeds_elsewhere(plan):
    """Pooling networks: the first partition has a second seed, and the others twice its spread."""
    spreads = witness.spread_of_seeds(plan.everything())
    first, again = plan.people(["pool_max"]), plan.people(["pool_max"], again=True)
    asked = [a for a in (*first, *again) if a.model == "pool_max"]
    drawn = {draw: [a for a in asked if a.run.partition.draw == draw] for draw in (0, 1)}
    pairs = [
        witness.distance(*(witness._answers(published_runs()[a.run.key]) for a in two))
        for two in zip(drawn[0][:3], drawn[0][3:], strict=True)
    ]
    worst = max(mean for mean, _ in pairs), min(same for _, same in pairs)
    assert spreads["pool_max"] == pytest.approx(worst)
    mean, same = worst[0] * witness.UNSURE, 1 - witness.UNSURE * (1 - worst[1])
    assert witness.allowed(drawn[1][0].run, spreads) == pytest.approx((mean, same))


def test_a_run_computed_again_may_differ_by_what_seeds_do_and_no_more(plan):
    """The published seeds of one run pass for each other; other models, and other folds, do not."""
    everything = plan.everything()
    spreads = witness.spread_of_seeds(everything)
    runs = [a for a in plan.subject_disjoint(["gcn", "mlp", "svm"]) if a.run.fold == "fold_0"]
    answers = {
        (a.model, a.seed): published_runs()[a.run.key].probability.astype(float) for a in runs
    }
    for a in runs:
        mean, same = witness.allowed(a.run, spreads)
        for (model, _), other in answers.items():
            found = witness.distance(answers[a.model, a.seed], other)
            assert (found[0] <= mean and found[1] >= same) is (model == a.model), (a.model, model)
    exact = next(a for a in runs if a.model == "svm")
    assert witness.allowed(exact.run, spreads) == (witness.LEAST, 1 - witness.LEAST)
    alone = next(a for a in plan.sweep() if a.run.graph.k == 2)
    gcn = {witness.allowed(a.run, spreads) for a in plan.subject_disjoint(["gcn"])}
    ((mean, same),) = gcn
    lax = witness.allowed(alone.run, spreads)  # one seed only: nobody knows how far it swings
    assert lax == pytest.approx((2 * mean, 1 - 2 * (1 - same)))
    reading = next(a for a in plan.readings("subject_disjoint", ["short"]) if a.model == "gcn")
    pair = [
        published_runs()[a.run.key].probability.astype(float)
        for a in plan.readings("subject_disjoint", ["short"])
        if a.model == "gcn" and a.run.fold == reading.run.fold
    ]
    assert len(pair) == 2  # two seeds: twice what they differ by, at least the classifier's
    found = witness.distance(*pair)
    expected = max(2 * found[0], mean), min(1 - 2 * (1 - found[1]), same)
    assert witness.allowed(reading.run, spreads) == pytest.approx(expected)
    others = {model: other for (model, seed), other in answers.items() if seed == 0}
    found = witness.distance(others["gcn"], others["mlp"])
    assert found[0] > lax[0] and found[1] < lax[1], "even so a GCN is no MLP"
    assert max(mean for mean, _ in gcn) < 0.05, "no reading that swings more makes it lax"


def test_the_witness_visits_every_published_file_and_all_runs_in_time(plan):
    groups = plan.groups()
    for draw in ("0", "1f"):
        chosen = witness.witnesses(groups, draw)
        keys = {a.run.key for a in chosen}
        for group, asked in groups.items():
            assert keys & {a.run.key for a in asked}, group
        for protocol in witness.ALWAYS_IN:
            first = {a.model for a in chosen if (a.protocol, a.seed) == (protocol, 0)}
            assert first >= {"gcn", "mlp"}, protocol
    draws = max(map(len, groups.values()))
    visited = {a.run.key for i in range(draws) for a in witness.witnesses(groups, f"{i:x}")}
    assert visited == {a.run.key for a in plan.everything()}


def test_a_witness_of_nothing_is_an_empty_table(tmp_path, plan):
    compared = witness.compare(
        [], plan.sweep(), experiments.Store(tmp_path, published=False), progress=False
    )
    compared.to_csv(tmp_path / "witness.csv", index=False)
    read = pd.read_csv(tmp_path / "witness.csv")
    assert read.empty and agreement.complaints(read) == [] and agreement.summary(read).empty
