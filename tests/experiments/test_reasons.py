"""Reasons on trial: what falls when the named neighbours are taken away."""

import dataclasses

import numpy as np
import pytest

from leukgnn import explain, names, networks
from leukgnn.experiments import Task, answer, falls, official_folds
from leukgnn.experiments.reasons import REASONS
from leukgnn.files import InputError
from leukgnn.graphs import Attached, Joined
from leukgnn.networks import Settings


@pytest.fixture(scope="module")
def task(separable):
    """Tests only read it, and share its networks."""
    return Task(
        features=separable,
        split=official_folds(separable.table)[0],
        graph=Attached(k=6, edges="union"),
        seed=0,
        settings=Settings(epochs=25, learning_rate=0.01, hidden=32),
    )


def fall(name, task):
    return falls(answer(name, task))[task.split.test]


def test_every_reason_has_a_name():
    assert list(REASONS) == list(names.REASONS)


def test_a_fall_is_of_the_answer_that_was_given(task):
    """By hand for the exact method: the three whose absence alone lowers the answer most."""
    test, edges = task.split.test, task.edge_index
    network = task.trained_gcn[0]
    near = explain.neighbours(edges, test)
    whole = networks.predict(network, task.x, edges)
    found = fall("reason_exact", task)
    sides = set()
    for place, row in list(enumerate(np.flatnonzero(test)))[::15]:
        side = 1 if whole[row] >= 0.5 else -1
        sides.add(side)

        def left(gone, row=row):
            kept = ~(np.isin(edges[0], gone) & (edges[1] == row))
            return networks.predict(network, task.x, edges[:, kept])[row]

        alone = [side * (whole[row] - left([source])) for source in near[place]]
        named = near[place][np.argsort(alone)[-3:]]
        assert found[place] == pytest.approx(side * (whole[row] - left(named)), abs=1e-5)
    assert sides == {1, -1}


def test_who_names_reasons_beats_chance_and_who_cannot_know_does_worse(task):
    mean = {name: fall(name, task).mean() for name in REASONS}
    for name in ("reason_exact", "reason_gradients", "reason_masked", "reason_other_seed"):
        assert mean[name] > mean["reason_random"] + 0.003, mean
    for name in ("reason_untrained", "reason_unrelated_labels", "reason_random"):
        assert mean[name] < mean["reason_exact"], mean


def test_each_method_asks_what_its_name_says(task, monkeypatch):
    """Networks that were trained for a method, by seed and by what they were given."""
    fresh = dataclasses.replace(task)
    trained = []

    def recorded(self, kind, edges):
        as_given = np.array_equal(edges, task.edge_index)
        known = (self.seed, kind.__name__, as_given, tuple(self.labels))
        trained.append(known)
        return networks.seeded(kind, self.seed, self.settings), None

    monkeypatch.setattr(Task, "trained", recorded)
    answer("reason_exact", fresh)
    own = trained[0]
    assert trained == [own] and own[:3] == (0, "GCN", True)
    for name in ("reason_other_seed", "reason_unrelated_labels", "reason_shuffled_graph"):
        trained.clear()
        answer(name, dataclasses.replace(task))
        other = next(known for known in trained if known != own or trained.count(own) > 1)
        assert (other[0] != own[0]) is (name == "reason_other_seed")
        assert other[2] is (name != "reason_shuffled_graph")
        assert (other[3] != own[3]) is (name == "reason_unrelated_labels")
    trained.clear()
    answer("reason_untrained", dataclasses.replace(task))
    assert trained == [own]


def test_a_graph_that_joins_test_cells_is_refused(task):
    with pytest.raises(InputError, match=r"equally many neighbours|hear each other"):
        answer("reason_exact", dataclasses.replace(task, graph=Joined(k=6, edges="union")))
