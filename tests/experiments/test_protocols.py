"""Splits, graphs and controls: what is apart stays apart, whatever is compared sees the same."""

import dataclasses
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import expit
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from leukgnn import cells, controls, features, graph, protocols, splits, training
from leukgnn.controls import CONTROLS, Task
from leukgnn.files import InputError
from leukgnn.splits import Split

SETTINGS = {"epochs": 3}


@pytest.fixture(scope="module")
def real():
    """700 of the real cells' features."""
    shipped = features.shipped_features()
    rows = shipped.table.groupby("label").sample(350, random_state=0).index
    return shipped.table.loc[rows].reset_index(drop=True), shipped.x[rows]


@pytest.fixture
def task(real):
    table, x = real
    return Task(table, x, splits.official_folds(table)[0], 5, "union", True, 0, SETTINGS)


def test_official_folds_of_all_cells_are_disjoint():
    table = cells.training_cells()
    folds = splits.official_folds(table)
    assert sum(split.test for split in folds).tolist() == [1] * len(table)
    for split in folds:
        assert not (split.train & split.test).any()
        left, right = table[split.train], table[split.test]
        assert not set(left["merged_subject"]) & set(right["merged_subject"])
        assert not set(left["sha256"]) & set(right["sha256"])


def planted():
    """A training subject copied into the test fold under another name, with equal bytes."""
    table = cells.training_cells()
    stolen = table[(table["fold"] == "fold_0") & (table["subject"] == "11")].copy()
    stolen["fold"], stolen["subject"] = "fold_1", "999"
    stolen["filename"] = stolen["filename"].str.replace("UID_11_", "UID_999_")
    return pd.concat([table, stolen], ignore_index=True)


def test_a_planted_subject_is_linked_and_left_out():
    table = planted()
    table["merged_subject"] = table["subject"].map(cells.merged_subjects(table))
    split = next(s for s in splits.official_folds(table) if s.fold == "fold_1")
    assert "999" in set(table.loc[split.test, "subject"])
    assert "11" not in set(table.loc[split.train, "subject"])


def test_a_planted_subject_that_nobody_linked_is_caught_by_its_bytes():
    table = planted()
    table.loc[table["subject"] == "999", "merged_subject"] = "999"
    with pytest.raises(InputError, match="sha256 lie on both sides"):
        splits.official_folds(table)


def test_grouped_folds_keep_groups_whole(real):
    table, _ = real
    for column in ("source_image", "merged_subject"):
        folds = splits.grouped_folds(table, table[column], folds=3, seed=1)
        assert sum(split.test for split in folds).tolist() == [1] * len(table)
        for split in folds:
            assert not set(table.loc[split.train, column]) & set(table.loc[split.test, column])


def test_another_seed_draws_other_subjects():
    """Also of subjects, which differ so much in size that dealing them out by size is no draw."""
    table = cells.training_cells()
    drawn = [
        set(
            table.loc[
                splits.grouped_folds(table, table["merged_subject"], folds=3, seed=seed)[0].test,
                "merged_subject",
            ]
        )
        for seed in range(4)
    ]
    shared = [len(a & b) / len(a | b) for i, a in enumerate(drawn) for b in drawn[:i]]
    assert max(shared) < 0.5


def test_the_inner_split_has_a_fifth_of_the_subjects_of_each_class():
    table = cells.training_cells()
    for split in splits.official_folds(table):
        inner = splits.inner_split(table, split.train, 0)
        of_class = table.groupby("label")["merged_subject"]
        for label, subjects in of_class:
            chosen, all_of_them = (
                subjects[mask[subjects.index]].nunique() for mask in (inner.test, split.train)
            )
            assert chosen == pytest.approx(all_of_them / 5, abs=1), (split.fold, label)
            assert chosen >= 2


@pytest.mark.parametrize("folds", [1, 1000])
def test_a_partition_into_too_few_or_too_many_folds_is_refused(real, folds):
    table, _ = real
    with pytest.raises(InputError, match=f"folds={folds}: expected 2 to"):
        splits.grouped_folds(table, table["subject"], folds=folds, seed=0)


def test_the_inner_split_knows_training_cells_only(task):
    inner = task.inner().split
    assert not ((inner.train | inner.test) & ~task.split.train).any()
    own = task.table["merged_subject"]
    assert not set(own[inner.train]) & set(own[inner.test])
    assert inner.train.any() and inner.test.any()


def test_the_inner_split_mirrors_the_outer_one(task):
    """Known subjects are chosen for by known subjects: the cells of one lie on both sides."""
    inner = dataclasses.replace(task, inductive=False).inner().split
    assert not ((inner.train | inner.test) & ~task.split.train).any()
    assert (inner.train ^ inner.test)[task.split.train].all()
    own = task.table["subject"]
    assert set(own[inner.train]) & set(own[inner.test])


def test_one_fold_is_no_partition(real):
    table, _ = real
    with pytest.raises(InputError, match="at least two folds"):
        splits.official_folds(table[table["fold"] == "fold_0"])


def test_no_message_leaves_a_test_cell(task):
    source, target = task.graph
    assert not task.split.test[source].any()
    assert np.bincount(target, minlength=len(task.x))[task.split.test].tolist() == [5] * int(
        task.split.test.sum()
    )


@pytest.mark.parametrize("name", sorted(set(CONTROLS) - {"gcn_tuned", "mlp_tuned"}))
def test_an_answer_does_not_change_when_other_test_cells_go_or_change(task, name):
    """Inductive: half of the test cells turn to nonsense, the other half notices nothing."""
    kept = np.flatnonzero(task.split.test)[::2]
    others = np.setdiff1d(np.flatnonzero(task.split.test), kept)
    x, table = task.x.copy(), task.table.copy()
    x[others] = np.random.default_rng(0).random((len(others), x.shape[1]))
    table.loc[others, "label"] = 1 - table.loc[others, "label"]
    table.loc[others, ["bbox_w", "bbox_h"]] = 7
    changed = dataclasses.replace(task, x=x, table=table)
    fewer = np.zeros(len(x), dtype=bool)
    fewer[kept] = True
    alone = dataclasses.replace(task, split=Split("f", task.split.train, fewer))
    before = controls.answer(name, task)[kept]
    assert controls.answer(name, changed)[kept] == pytest.approx(before, abs=1e-5)
    assert controls.answer(name, alone)[kept] == pytest.approx(before, abs=1e-5)


@pytest.mark.parametrize("name", sorted(CONTROLS))
def test_every_control_answers_with_probabilities(task, name):
    answer = controls.answer(name, task)
    assert answer.shape == (len(task.x),)
    assert ((answer >= 0) & (answer <= 1)).all()


def test_the_answer_of_the_parts_is_that_of_the_whole_graph(task):
    """Training on the training cells' own graph gives what training within the whole graph does."""
    settings = {"epochs": 2}
    network = training.trained(
        controls.models.GCN, task.x, task.labels, task.graph, task.split.train, task.split.train,
        seed=0, settings=settings,
    )  # fmt: skip
    by_parts = training.answer(network, task.x, task.graph)
    part = graph.within(task.graph, task.split.train)
    network = controls.models.seeded(controls.models.GCN, 0)
    training.fit(
        network, torch.from_numpy(task.x[task.split.train]),
        graph.adjacency(part, int(task.split.train.sum())),
        torch.from_numpy(task.labels[task.split.train]),
        np.ones(int(task.split.train.sum()), dtype=bool), seed=0, progress=False, **settings,
    )  # fmt: skip
    whole = training.predict(network, torch.from_numpy(task.x), graph.adjacency(task.graph, 700))
    assert (by_parts == whole).all()
    own = training.predict(
        network,
        torch.from_numpy(task.x[task.split.train]),
        graph.adjacency(part, int(task.split.train.sum())),
    )
    assert whole[task.split.train] == pytest.approx(own, abs=1e-6)


def test_without_edges_the_gcn_is_the_mlp(task):
    nothing = np.zeros((2, 0), dtype=np.int64)
    gcn = controls.network(task, controls.models.GCN, nothing)
    assert gcn == pytest.approx(controls.mlp(task), abs=1e-5)


def test_the_shuffled_graph_keeps_degrees_and_loses_homophily(task, monkeypatch):
    used = []
    monkeypatch.setattr(controls, "network", lambda _, __, edges: used.append(edges))
    controls.gcn_random_graph(task)
    (shuffled,) = used
    degrees = [np.sort(np.bincount(e[1], minlength=len(task.x))) for e in (task.graph, shuffled)]
    assert (degrees[0] == degrees[1]).all()
    same = [(task.labels[e[0]] == task.labels[e[1]]).mean() for e in (task.graph, shuffled)]
    assert same[1] < same[0] - 0.1
    assert not task.split.test[shuffled[0]].any()


def test_masked_graphs_have_no_edge_within_a_subject(real):
    table, x = real
    everyone = np.ones(len(x), dtype=bool)
    split = Split("all", everyone, everyone)
    edges = splits.transductive_edges(x, split, k=5, edges="union")
    kept = splits.without_same_subject(edges, table["subject"], everyone)
    subject = table["subject"].to_numpy()
    assert (subject[edges[0]] == subject[edges[1]]).any()
    assert (subject[kept[0]] != subject[kept[1]]).all()
    only_test = splits.without_same_subject(edges, table["subject"], ~everyone)
    assert only_test.shape == edges.shape


def test_cliques_by_hand():
    x = np.array([[0.0, 1.0], [0.0, 1.1], [5.0, 0.0], [5.1, 0.0], [0.1, 1.0]])
    assert graph.cluster_cliques(x, 2, 0).T.tolist() in (
        [[0, 1], [0, 4], [1, 4], [2, 3]],
        [[2, 3], [0, 1], [0, 4], [1, 4]],
    )
    with pytest.raises(InputError, match="clusters=6"):
        graph.cluster_cliques(x, 6, 0)


def test_both_ways_and_within():
    edges = np.array([[0, 1, 2], [1, 0, 0]])
    assert graph.both_ways(edges).T.tolist() == [[0, 1], [0, 2], [1, 0], [2, 0]]
    seen = np.array([True, False, True])
    assert graph.within(edges, seen).T.tolist() == [[1, 0]]


def test_as_written_answers_for_the_test_cells_and_once_for_all(real):
    table, x = real
    adjacency = graph.adjacency(graph.edge_index(graph.knn(x, 5)[0]), len(x))
    predictions, history, networks, test = protocols.as_written(
        table, torch.from_numpy(x), adjacency, seed=1, k=5, edges="union", settings=SETTINGS,
        progress=False,
    )  # fmt: skip
    assert set(predictions["model"]) == {"gcn", "gcn_all_nodes", "mlp", "svm", "majority"}
    for model, rows in predictions.groupby("model"):
        expected = table if model == "gcn_all_nodes" else table[test]
        assert rows["filename"].tolist() == expected["filename"].tolist()
    assert predictions["probability"].between(0, 1).all()
    assert set(history["model"]) == set(networks) == {"gcn", "mlp"}


def test_as_released_is_measured_on_its_training_cells(real, monkeypatch):
    table, x = real
    monkeypatch.setattr(protocols, "RELEASED", dataclasses.replace(protocols.RELEASED, epochs=2))
    predictions = protocols.as_released(table, x, seed=0)
    assert set(predictions["model"]) == {"gcn", "gcn_reverse", "mlp"}
    assert (predictions["n_train"] == len(table)).all()
    assert (predictions.groupby("model").size() == len(table)).all()


def test_transductive_answers_differ_by_the_subjects_own_edges_alone(task, monkeypatch):
    networks, train = [], controls.trained
    monkeypatch.setattr(controls, "trained", lambda *given: networks.append(1) or train(*given))
    told = protocols.transductive(task)
    assert set(told["model"]) == {"gcn_transductive", "gcn_transductive_masked"}
    whole, masked = (part["probability"].to_numpy() for _, part in told.groupby("model"))
    assert len(whole) == len(masked) and (whole != masked).any()
    assert len(networks) == 1


def test_unknown_controls_are_named(task):
    with pytest.raises(InputError, match="expected one of majority"):
        controls.choose("forest", task)


def test_side_by_side_gives_what_one_after_the_other_gives(task):
    tasks = [dataclasses.replace(task, seed=seed) for seed in (0, 1)]
    parts = [partial(protocols.answers, [one], ["gcn"], protocol="p") for one in tasks]
    alone = pd.concat([part() for part in parts], ignore_index=True)
    for processes in (1, 2):
        pd.testing.assert_frame_equal(protocols.side_by_side(parts, processes), alone)


def test_a_strength_is_chosen_once_for_all_seeds_by_the_first(task, monkeypatch):
    asked = []
    monkeypatch.setattr(controls, "best", lambda name, one: asked.append(one.seed) or 5)
    tasks = [dataclasses.replace(task, seed=seed) for seed in (3, 4)]
    told = protocols.answers(tasks, ["knn"], protocol="p", called="{}_vote")
    assert asked == [3]
    assert told.groupby("seed").size().tolist() == [int(task.split.test.sum())] * 2
    five = controls.knn(task, 5)[task.split.test]
    assert told.query("seed == 4")["probability"].to_numpy() == pytest.approx(five)
    assert set(told["protocol"]) == {"p"} and set(told["model"]) == {"knn_vote"}


def test_tasks_of_other_training_cells_share_no_strength(task):
    other = dataclasses.replace(task, split=splits.official_folds(task.table)[1])
    with pytest.raises(InputError, match="one set a call"):
        protocols.answers([task, other], ["knn"], protocol="p")


def test_answers_refuses_subjects_on_both_sides(task):
    mixed = Split("mixed", *splits.stratified_split(task.labels, 0.2, 0))
    with pytest.raises(InputError, match="both sides"):
        protocols.answers([dataclasses.replace(task, split=mixed)], ["majority"], protocol="p")


def test_the_dummy_node_asks_the_network_of_the_attached_cells(task, monkeypatch):
    """One training for both ways, and the one without neighbours sees the bare cell."""
    trainings = []
    fit = training.fit
    monkeypatch.setattr(training, "fit", lambda *a, **k: trainings.append(1) or fit(*a, **k))
    told = protocols.answers([task], ["gcn", "gcn_dummy"], protocol="p")
    assert len(trainings) == 1
    attached, dummy = (told.loc[told["model"] == m, "probability"] for m in ("gcn", "gcn_dummy"))
    test = task.split.test
    bare = training.answer(task.trained_gcn, task.x[test], np.zeros((2, 0), dtype=np.int64))
    assert dummy.to_numpy() == pytest.approx(bare, abs=1e-6)
    assert np.abs(dummy.to_numpy() - attached.to_numpy()).max() > 1e-3


def test_the_svm_is_that_of_the_rbf_kernel(task):
    """One matrix product gives what libsvm computes row by row."""
    x = StandardScaler().fit(task.x[task.split.train])
    slow = SVC(C=1.0, kernel="rbf", gamma=1 / task.x.shape[1], class_weight="balanced")
    slow.fit(x.transform(task.x[task.split.train]), task.labels[task.split.train])
    margin = slow.decision_function(x.transform(task.x[task.split.test]))
    told = controls.svm(task, 1.0)[task.split.test]
    assert told == pytest.approx(expit(margin), abs=2e-3)
