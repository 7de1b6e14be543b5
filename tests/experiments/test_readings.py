"""Readings of the paper, doses of smoothing, and the positive control."""

import dataclasses

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from leukgnn import networks
from leukgnn.experiments import READINGS, Plan, Sources, Split, Task, answer, planted
from leukgnn.graphs import Attached
from leukgnn.networks import Settings

ATTACHED = Attached(k=5, edges="union")


@pytest.fixture(scope="module")
def plan(real):
    return Plan(sources=Sources(real), reading_seeds=1)


def task(features, **settings):
    """Every third person is tested."""
    persons = features.table["merged_subject"]
    test = persons.isin(persons.unique()[::3]).to_numpy()
    return Task(
        features=features, split=Split("f", ~test, test), graph=ATTACHED, seed=0,
        settings=Settings(**settings),
    )  # fmt: skip


def test_every_reading_changes_the_gcn_and_is_told_apart(plan):
    asked = [a for a in plan.readings("subject_disjoint") if a.run.fold == "fold_0"]
    graph_networks = [a.run.key for a in asked if a.model == "gcn"]
    assert len(set(graph_networks)) == len(READINGS)
    twins = {a.protocol: a.run.key for a in asked if a.model == "mlp"}
    of_graph = {"row", "printed", "similarity", "directed", "mutual", "cross_subject", "k_3"}
    for name, key in twins.items():
        own = name != "book" and name not in of_graph and not name.startswith("k_")
        assert (key != twins["book"]) == own, name


def test_the_book_s_own_reading_is_the_published_run(plan):
    """Later settings leave the keys of known runs alone."""
    known = {a.run.key for a in plan.subject_disjoint(["gcn", "mlp", "gcn_masked"])}
    read = plan.readings("subject_disjoint", ["book", "cross_subject"])
    assert {a.run.key for a in read} <= known
    written = {a.run.key for a in plan.as_written(["gcn", "mlp", "gcn_masked"])}
    assert {a.run.key for a in plan.readings("as_written", ["book", "cross_subject"])} <= written


def test_inputs_are_prepared_by_the_training_cells_alone(separable):
    given = task(separable, inputs="standardised")
    train, seen = given.split.train, given.x.std(axis=0) > 0
    assert given.inputs[train].mean(axis=0) == pytest.approx(0, abs=1e-5)
    assert given.inputs[train][:, seen].std(axis=0) == pytest.approx(1, abs=1e-3)
    x = given.x.copy()
    x[given.split.test] = 99
    other = dataclasses.replace(given, features=dataclasses.replace(given.features, x=x))
    assert (other.inputs[train] == given.inputs[train]).all()
    unit = task(separable, inputs="unit").inputs
    assert np.linalg.norm(unit, axis=1) == pytest.approx(1, abs=1e-5)
    assert (task(separable).inputs == separable.x).all()


def test_a_reading_changes_what_it_says_and_nothing_else():
    given = Settings(epochs=400, hidden=32)
    assert READINGS["book"].of(given) == given
    assert READINGS["short"].of(given) == dataclasses.replace(given, epochs=100)
    assert READINGS["long"].of(given) == dataclasses.replace(given, epochs=1000)
    assert READINGS["short"].of(Settings(epochs=1)).epochs == 1
    assert READINGS["no_dropout"].of(given) == dataclasses.replace(given, dropout=0.0)


@pytest.mark.parametrize("name", READINGS)
def test_every_reading_learns_the_separable_set(separable, name):
    reading = READINGS[name]
    settings = reading.of(Settings(epochs=100))
    graph = dataclasses.replace(ATTACHED, **reading.graph)
    asked = dataclasses.replace(task(separable), settings=settings, graph=graph)
    test = asked.split.test
    for classifier in (reading.classifier, "mlp"):
        area = roc_auc_score(asked.labels[test], answer(classifier, asked)[test])
        assert area > 0.9, (name, classifier)


def test_smoothed_features_go_through_the_very_same_mlp(separable):
    given = task(separable, epochs=5)
    x = networks.smoothed(given.x, given.edge_index, 2)
    by_hand = dataclasses.replace(given, features=dataclasses.replace(given.features, x=x))
    assert (answer("mlp_smoothed_2", given) == answer("mlp", by_hand)).all()
    assert (answer("mlp_smoothed_1", given) != answer("mlp_smoothed_2", given)).any()


@pytest.fixture(scope="module")
def signal(real):
    """Task whose labels only neighbours carry."""
    given = task(real, inputs="standardised", epochs=150)
    return dataclasses.replace(given, features=planted(real, given.split, ATTACHED, 0))


def test_the_planted_label_is_what_neighbours_of_neighbours_send(signal):
    adjacency = networks.normalised(signal.edge_index, len(signal.x)).to_dense().numpy()
    own = signal.x[:, 0]
    twice = adjacency @ adjacency
    np.fill_diagonal(twice, 0)
    received = twice @ own
    label = received > np.median(received[signal.split.train])
    assert (label == signal.labels).mean() > 0.995  # but for ties in the last bit
    assert abs(roc_auc_score(signal.labels, own) - 0.5) < 0.06, "its own number says nothing"


def test_fewer_than_half_of_an_odd_number_of_training_cells_get_more_than_most(real):
    split = task(real).split
    train = split.train.copy()
    train[np.flatnonzero(train)[: 1 + train.sum() % 2]] = False
    found = planted(real, Split("f", train, split.test), ATTACHED, 0)
    assert train.sum() % 2 == 1
    assert found.table["label"].to_numpy()[train].sum() == train.sum() // 2
    assert found.table["label"].dtype == np.int64
    assert found.origin == f"{real.origin} With a planted signal."
    assert found.table.drop(columns="label").equals(real.table.drop(columns="label"))
    other = planted(real, Split("f", train, split.test), ATTACHED, 1)
    assert (other.x[:, 1:] == found.x[:, 1:]).all() and (other.x[:, 0] != found.x[:, 0]).all()


def test_a_signal_that_only_neighbours_carry_is_found_by_the_graph_network_alone(signal):
    """The positive control: without it "the graph adds nothing" could be a bug."""
    test = signal.split.test
    found = {
        name: roc_auc_score(signal.labels[test], answer(name, signal)[test])
        for name in ("gcn", "mlp", "gcn_random_graph")
    }
    assert found["gcn"] > 0.75, found
    assert found["gcn"] > found["mlp"] + 0.08, found  # it learns where a cell lies
    assert found["gcn"] > found["gcn_random_graph"] + 0.15, found


def test_the_control_is_planted_fold_by_fold(plan):
    asked = plan.control()
    assert {a.model for a in asked} == {"gcn", "mlp", "gcn_random_graph"}
    features = {a.run.fold: a.run.features for a in asked}
    assert len(set(features.values())) == len(features) == 3
    for a in asked:
        assert a.features.key == a.run.features == features[a.run.fold]
        assert a.protocol == "control" and a.run.settings.inputs == "standardised"
