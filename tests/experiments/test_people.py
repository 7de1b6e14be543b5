"""Whole people: one answer a person that owes nothing to other people's cells."""

import dataclasses

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from leukgnn import graphs, networks
from leukgnn.experiments import Partition, Plan, Task, answer, official_folds
from leukgnn.experiments import people as module
from leukgnn.experiments.plan import Sources
from leukgnn.files import InputError
from leukgnn.graphs import Attached, Cliques
from leukgnn.names import POOLINGS
from leukgnn.networks import Settings


def task_of(features, graph=None, **settings):
    return Task(
        features=features,
        split=official_folds(features.table)[0],
        graph=graph or Attached(k=5, edges="union"),
        seed=0,
        settings=Settings(hidden=16, **settings),
    )


@pytest.fixture(scope="module")
def task(separable):
    return task_of(separable, epochs=60, learning_rate=0.01)


def changed(task, rows):
    """The task with these cells turned to nonsense."""
    x, table = task.x.copy(), task.table.copy()
    x[rows] = np.random.default_rng(0).random((len(rows), x.shape[1]))
    table.loc[rows, "label"] = 1 - table.loc[rows, "label"]
    return dataclasses.replace(task, features=dataclasses.replace(task.features, x=x, table=table))


@pytest.mark.parametrize("key", POOLINGS)
def test_people_are_told_apart_and_their_cells_share_an_answer(task, key):
    found, test = answer(key, task), task.split.test
    assert (found[~test] == 0).all()
    by_person = task.table.assign(found=found)[test].groupby("merged_subject")
    assert (by_person["found"].nunique() == 1).all()
    assert by_person.ngroups < task.table[test]["subject"].nunique()  # linked ones are one person
    assert roc_auc_score(task.labels[test], found[test]) > 0.9


@pytest.mark.parametrize(
    "name",
    [*POOLINGS, "pool_max_alone", "attention_rank", "pool_attention_of_5", "gcn_own_similar"],
)
def test_an_answer_owes_nothing_to_other_people(real, name):
    task = task_of(real, epochs=2)
    test = np.flatnonzero(task.split.test)
    person = task.table["merged_subject"].to_numpy()
    first = person[test[0]]
    others = test[person[test] != first]
    own = test[person[test] == first]
    before = answer(name, task)[own]
    alone = dataclasses.replace(task.split, test=task.split.test & (person == first))
    assert answer(name, changed(task, others))[own] == pytest.approx(before, abs=1e-5)
    alone = dataclasses.replace(task, split=alone)
    assert len(own) > 1 and answer(name, alone)[own] == pytest.approx(before, abs=1e-5)


def test_the_twin_knows_no_edge_and_no_k(real):
    task = task_of(real, epochs=2)
    more = dataclasses.replace(task, graph=Attached(k=9, edges="union"))
    assert answer("pool_mean_alone", task) == pytest.approx(answer("pool_mean_alone", more))
    assert answer("pool_mean", task) != pytest.approx(answer("pool_mean", more))


def test_the_network_is_as_wide_and_as_often_dropped_as_is_set(separable):
    task = task_of(separable, epochs=1, dropout=0.25)
    network = module._trained(task, "pool_mean", 5)
    assert network.out.in_features == 16 and network.dropout.p == 0.25


def test_of_one_cell_is_what_that_cell_alone_is_answered(task):
    network = module._trained(task, "pool_attention", 5)
    people = module._people(task, task.split.test)
    found = answer("pool_attention_of_1", task)
    for own in people:
        alone = networks.predict_people(network, task.inputs, [own[:1]], k=5)
        assert found[own] == pytest.approx(alone[0])


def test_attention_rank_follows_the_attention_within_a_person(task):
    network = module._trained(task, "pool_attention", 5)
    people = module._people(task, task.split.test)
    found = answer("attention_rank", task)
    weights = networks.attention_to_cells(network, task.inputs, people, k=5)
    for own, weight in zip(people, weights, strict=True):
        assert (own[found[own].argsort()] == own[weight.argsort()]).all()
        assert sorted(found[own]) == pytest.approx((np.arange(len(own)) + 0.5) / len(own))


@pytest.mark.parametrize("similar", [True, False])
def test_own_cells_are_heard_and_nobody_else(task, similar, monkeypatch):
    asked = []
    monkeypatch.setattr(Task, "ask", lambda self, _, edges: asked.append(edges) or edges)
    module.gcn_own(task, similar=similar)
    source, target = asked[0]
    person = task.table["merged_subject"].to_numpy()
    arriving = task.split.test[target]
    assert (person[source[arriving]] == person[target[arriving]]).all()
    assert (source != target).all() and task.split.train[source[~arriving]].all()
    assert (np.bincount(target[arriving], minlength=480)[task.split.test] == 5).all()
    edges = np.unique(asked[0][:, arriving], axis=1)
    assert edges.shape[1] == arriving.sum()  # no cell is heard twice
    own = np.flatnonzero(task.split.test & (person == person[target[arriving][0]]))
    near = {(own[b], own[a]) for a, row in enumerate(graphs.knn(task.x[own], 5)[0]) for b in row}
    heard = {(a, b) for a, b in edges.T if b in own}
    assert (heard == near) is similar


def test_any_others_are_all_the_others_when_there_are_no_more():
    for cell, others in enumerate(module._any_others(7, 6, seed=3)):
        assert sorted([cell, *others]) == list(range(7))
    drawn = module._any_others(400, 1, seed=3)[:, 0]
    steps = (drawn - np.arange(400)) % 400
    assert len(set(steps)) > 200 and steps.all()


def test_where_whole_people_cannot_be_asked(separable, task):
    drawn = Partition(by="share", share=0.2, draw=0).splits(separable)[0]
    with pytest.raises(InputError, match="whole people are asked about where subjects are apart"):
        answer("pool_mean", dataclasses.replace(task, split=drawn))
    with pytest.raises(InputError, match="expected a k-NN graph"):
        answer("pool_mean", dataclasses.replace(task, graph=Cliques(clusters=3, seed=0)))
    plan = Plan(sources=Sources(separable))
    with pytest.raises(InputError, match="pooling 'median': expected one of pool_mean"):
        plan.people(["median"])
