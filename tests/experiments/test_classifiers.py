"""Classifiers: probabilities of test cells that owe nothing to other test cells."""

import dataclasses

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from leukgnn import graphs, networks
from leukgnn.experiments import (
    CLASSIFIERS,
    Split,
    Task,
    answer,
    choice,
    classifiers,
    official_folds,
    shuffled,
)
from leukgnn.files import InputError
from leukgnn.graphs import Attached, Joined
from leukgnn.networks import GCN, Settings


@pytest.fixture
def task(real):
    return Task(
        features=real,
        split=official_folds(real.table)[0],
        graph=Attached(k=5, edges="union"),
        seed=0,
        settings=Settings(epochs=3),
    )


@pytest.mark.parametrize("name", sorted(set(CLASSIFIERS) - {"gcn_tuned", "mlp_tuned"}))
def test_an_answer_does_not_change_when_other_test_cells_go_or_change(task, name):
    """Attached: half of the test cells turn to nonsense, the other half notices nothing."""
    kept = np.flatnonzero(task.split.test)[::2]
    others = np.setdiff1d(np.flatnonzero(task.split.test), kept)
    x, table = task.x.copy(), task.table.copy()
    x[others] = np.random.default_rng(0).random((len(others), x.shape[1]))
    table.loc[others, "label"] = 1 - table.loc[others, "label"]
    table.loc[others, ["bbox_w", "bbox_h"]] = 7
    nonsense = dataclasses.replace(task.features, x=x, table=table)
    changed = dataclasses.replace(task, features=nonsense)
    fewer = np.zeros(len(x), dtype=bool)
    fewer[kept] = True
    alone = dataclasses.replace(task, split=Split("f", task.split.train, fewer))
    before = answer(name, task)[kept]
    assert answer(name, changed)[kept] == pytest.approx(before, abs=1e-5)
    assert answer(name, alone)[kept] == pytest.approx(before, abs=1e-5)


@pytest.mark.parametrize("name", sorted(CLASSIFIERS))
def test_every_classifier_answers_with_probabilities_of_its_best_strength(task, name):
    areas = choice(name, task, task.seed)
    assert areas.shape == (len(CLASSIFIERS[name].strengths),)
    probability = answer(name, task, areas)
    assert probability.shape == (len(task.x),)
    assert ((probability >= 0) & (probability <= 1)).all()
    strength = classifiers.best(name, areas)
    if strength is not None:
        assert areas[CLASSIFIERS[name].strengths.index(strength)] == areas.max()
    again = CLASSIFIERS[name].answer(task, strength)
    assert probability == pytest.approx(again, abs=1e-5)  # liblinear shuffles as it likes


def test_a_strength_is_chosen_by_the_inner_split_alone(task):
    """Other labels of the test cells choose the same; the areas are those of the inner split."""
    areas = choice("knn", task, 3)
    inner = task.inner(3)
    test = inner.split.test
    by_hand = [
        roc_auc_score(task.labels[test], classifiers.knn(inner, k)[test])
        for k in CLASSIFIERS["knn"].strengths
    ]
    assert areas.tolist() == pytest.approx(by_hand)
    table = task.table.assign(label=np.where(task.split.test, 1 - task.labels, task.labels))
    other = dataclasses.replace(task, features=dataclasses.replace(task.features, table=table))
    assert choice("knn", other, 3).tolist() == areas.tolist()


def test_training_on_the_parts_is_training_within_the_whole_graph(task):
    """The training cells' own graph gives the network that the cells of the whole graph have."""
    train = task.split.train
    network = networks.seeded(GCN, 0, task.settings)
    part = graphs.within(task.edge_index, train)
    networks.fit(
        network, task.x[train], part, task.labels[train], np.ones(train.sum(), dtype=bool),
        settings=task.settings, seed=0,
    )  # fmt: skip
    whole = networks.predict(network, task.x, task.edge_index)
    assert (answer("gcn", task) == whole).all()
    own = networks.predict(network, task.x[train], part)
    assert whole[train] == pytest.approx(own, abs=1e-6)


def test_without_edges_the_gcn_is_the_mlp(task):
    network, _ = task.trained(GCN, graphs.no_edges())
    gcn = networks.predict(network, task.x, graphs.no_edges())
    assert gcn == pytest.approx(answer("mlp", task), abs=1e-5)


def test_the_shuffled_graph_keeps_degrees_and_loses_homophily(task):
    edge_index, moved = task.edge_index, shuffled(task)
    degrees = [np.sort(np.bincount(e[1], minlength=len(task.x))) for e in (edge_index, moved)]
    assert (degrees[0] == degrees[1]).all()
    same = [graphs.homophily(e, task.labels) for e in (edge_index, moved)]
    assert same[1] < same[0] - 0.1
    assert not task.split.test[moved[0]].any()


@pytest.fixture
def trainings(monkeypatch):
    """A list that grows with every call of `networks.fit`."""
    calls, fit = [], networks.fit
    monkeypatch.setattr(networks, "fit", lambda *a, **k: calls.append(1) or fit(*a, **k))
    return calls


def test_the_gcn_without_edges_within_a_subject_is_trained_without_them(task, monkeypatch):
    used, fit = [], networks.fit
    monkeypatch.setattr(
        networks,
        "fit",
        lambda network, x, e, *a, **k: used.append(e) or fit(network, x, e, *a, **k),
    )
    answer("gcn_masked", task)
    subject = task.table["merged_subject"].to_numpy()[task.split.train]
    (kept,) = used
    assert kept.size and (subject[kept[0]] != subject[kept[1]]).all()


def test_joined_answers_differ_by_the_edges_within_test_subjects_alone(task, trainings):
    joined = dataclasses.replace(task, graph=Joined(k=5, edges="union"))
    whole, masked = (answer(name, joined) for name in ("gcn", "gcn_asked_masked"))
    assert len(trainings) == 1
    assert (whole != masked)[task.split.test].any()
    subject, test = task.table["merged_subject"].to_numpy(), task.split.test
    source, target = joined.edge_index
    within = (subject[source] == subject[target]) & test[source] & test[target]
    assert within.any()
    others = networks.predict(joined.trained_gcn[0], task.x, joined.edge_index[:, ~within])
    assert masked == pytest.approx(others, abs=1e-6)


def test_the_dummy_node_asks_the_network_of_the_attached_cells(task, trainings):
    """One training for both ways, and the way without neighbours sees the bare cell."""
    attached, dummy = (answer(name, task) for name in ("gcn", "gcn_dummy"))
    assert len(trainings) == 1
    test = task.split.test
    bare = networks.predict(task.trained_gcn[0], task.x[test], graphs.no_edges())
    assert dummy[test] == pytest.approx(bare, abs=1e-6)
    assert np.abs(dummy - attached)[test].max() > 1e-3


def test_curves_measure_test_cells_only_where_they_are_there_while_training(task):
    assert task.trained_gcn[1]["held_out_accuracy"].isna().all()
    joined = dataclasses.replace(task, graph=Joined(k=5, edges="union"))
    assert joined.trained_gcn[1]["held_out_accuracy"].notna().all()


def test_the_svm_is_that_of_the_rbf_kernel(task):
    """One matrix product gives what libsvm computes row by row."""
    train, test = task.split.train, task.split.test
    x = StandardScaler().fit(task.x[train])
    slow = SVC(C=1.0, kernel="rbf", gamma=1 / task.x.shape[1], class_weight="balanced")
    slow.fit(x.transform(task.x[train]), task.labels[train])
    margin = slow.decision_function(x.transform(task.x[test]))
    assert classifiers.svm(task, 1.0)[test] == pytest.approx(expit(margin), abs=2e-3)


def test_unknown_classifiers_are_named(task):
    with pytest.raises(InputError, match="'forest': expected one of majority"):
        choice("forest", task, 0)
