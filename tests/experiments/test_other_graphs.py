"""Other graphs for the very same GCN: who hears whom, and what test cells never tell."""

import dataclasses

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from leukgnn import graphs, networks
from leukgnn.cells import log_area
from leukgnn.experiments import Task, answer, official_folds
from leukgnn.experiments import other_graphs as module
from leukgnn.experiments.other_graphs import GRAPHS
from leukgnn.files import InputError
from leukgnn.graphs import Attached, Cliques, Joined
from leukgnn.names import GRAPHS as NAMED
from leukgnn.networks import Settings, metric

K = 5


def task_of(features, graph=None, **settings):
    return Task(
        features=features,
        split=official_folds(features.table)[0],
        graph=graph or Attached(k=K, edges="union"),
        seed=0,
        settings=Settings(hidden=16, **settings),
    )


@pytest.fixture(scope="module")
def quick():
    """A metric learned in fewer steps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metric, "STEPS", 20)
        yield


@pytest.fixture(scope="module")
def task(separable, quick):
    return task_of(separable, epochs=60, learning_rate=0.01)


@pytest.fixture(scope="module")
def edges(task):
    return {key: make(task) for key, make in GRAPHS.items()}


def test_every_graph_has_a_name():
    assert set(GRAPHS) == set(NAMED)


@pytest.mark.parametrize("key", GRAPHS)
def test_test_cells_are_attached_one_way_to_training_cells_each_to_k(task, edges, key):
    source, target = edges[key]
    train, test = task.split.train, task.split.test
    assert train[source].all() and (train | test)[target].all()
    assert (np.bincount(target, minlength=len(test))[test] == K).all()
    assert (source != target).all()
    assert len(np.unique(edges[key], axis=1).T) == edges[key].shape[1]


@pytest.mark.parametrize("key", GRAPHS)
def test_the_classes_are_told_apart(task, key):
    test = task.split.test
    assert roc_auc_score(task.labels[test], answer(key, task)[test]) > 0.8


def test_the_network_is_trained_on_the_graph_that_it_is_asked_about(task, edges):
    key, test = "graph_size_alone", task.split.test
    network, _ = task.trained(networks.GCN, edges[key])
    found = answer(key, task)[test]
    assert found == pytest.approx(task.ask(network, edges[key])[test], abs=1e-6)
    assert found != pytest.approx(task.ask(task.trained_gcn[0], edges[key])[test], abs=1e-3)


@pytest.mark.parametrize("key", GRAPHS)
def test_no_label_of_a_test_cell_and_no_other_test_cell_matters(task, edges, key):
    table, x = task.table.copy(), task.x.copy()
    test = np.flatnonzero(task.split.test)
    table.loc[test, "label"] = 1 - table.loc[test, "label"]
    x[test[1:]] = np.random.default_rng(0).random((len(test) - 1, x.shape[1]))
    other = dataclasses.replace(task, features=dataclasses.replace(task.features, x=x, table=table))
    changed, same = GRAPHS[key](other), edges[key]
    kept = [e[:, ~np.isin(e[1], test[1:])] for e in (changed, same)]
    assert (np.unique(kept[0], axis=1) == np.unique(kept[1], axis=1)).all()


def test_neighbours_of_equal_size_lie_in_one_tenth_of_the_training_cells(task, edges):
    area = log_area(task.table).to_numpy()
    known = np.sort(area[task.split.train])
    tenth = np.minimum((10 * np.searchsorted(known, area) / len(known)).astype(int), 9)
    source, target = edges["graph_equal_size"]
    assert (tenth[source] == tenth[target]).all()
    source, target = task.edge_index
    assert (tenth[source] != tenth[target]).mean() > 0.5


def test_training_cells_of_a_size_that_no_test_cell_has_keep_their_edges(task, edges):
    train, target = task.split.train, edges["graph_equal_size"][1]
    small = log_area(task.table).to_numpy() < np.median(log_area(task.table)[train])
    fewer = dataclasses.replace(task.split, test=task.split.test & small)
    found = module._equal_size(dataclasses.replace(task, split=fewer))
    before, after = (np.bincount(t[train[t]], minlength=len(train)) for t in (target, found[1]))
    assert (before == after).all() and before[train].all()


def test_neighbours_by_size_alone_are_those_of_the_nearest_size(task, edges):
    area = log_area(task.table).to_numpy()
    source, target = edges["graph_size_alone"]
    rank = np.searchsorted(np.sort(area[task.split.train]), area)
    apart = np.abs(rank[source] - rank[target])
    assert np.median(apart) <= K and apart.max() < 0.1 * task.split.train.sum()
    x = task.x[::-1].copy()
    other = dataclasses.replace(task, features=dataclasses.replace(task.features, x=x))
    assert (module._size_alone(other) == edges["graph_size_alone"]).all()


def test_the_rebuilt_graph_joins_what_the_mlp_sees_alike(task, edges):
    seen = networks.hidden(task.trained_mlp[0], task.x, graphs.no_edges())
    again = task.graph(seen, task.split.train, task.split.test)
    assert (edges["graph_rebuilt"] == again).all()
    assert (
        edges["graph_rebuilt"].shape != task.edge_index.shape
        or (edges["graph_rebuilt"] != task.edge_index).any()
    )


def test_by_a_metric_of_others_no_training_cell_hears_its_own_person(task, edges):
    person = task.table["merged_subject"].to_numpy()
    source, target = edges["graph_learned_apart"]
    assert (person[source] != person[target]).all()
    assert (np.bincount(target, minlength=len(person))[task.split.train] == K).all()
    source, target = edges["graph_learned"]
    assert (person[source] == person[target]).any()


def test_by_a_metric_of_others_training_cells_meet_neighbours_as_new_ones_do(task, monkeypatch):
    learned = []
    right = networks.learned_projection

    def watched(x, labels, people, **rest):
        learned.append(set(people))
        return right(x, labels, people, **rest)

    monkeypatch.setattr(networks, "learned_projection", watched, raising=False)
    module._learned_apart(task)
    person = task.table["merged_subject"].to_numpy()
    train = set(person[task.split.train])
    assert learned[0] == train and len(learned) > 2
    left = [train - people for people in learned[1:]]
    assert set.union(*left) == train and sum(map(len, left)) == len(train)


@pytest.mark.parametrize(
    "graph", [Joined(k=K, edges="union"), Cliques(clusters=5, seed=0)], ids=["joined", "cliques"]
)
def test_graphs_over_test_cells_are_refused(separable, graph):
    with pytest.raises(InputError, match="graph_learned: other graphs are asked about where"):
        answer("graph_learned", task_of(separable, graph))


def test_a_split_that_keeps_no_subjects_apart_is_refused(task):
    mixed = dataclasses.replace(task.split, apart=False)
    with pytest.raises(InputError, match="expected such a split"):
        answer("graph_size_alone", dataclasses.replace(task, split=mixed))
