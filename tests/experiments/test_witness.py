"""A published run computed again: what may differ, and which are chosen."""

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
