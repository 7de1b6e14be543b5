"""Answers about whole people, and about cells by a person's other cells.

A person's cells are known to belong together when a smear is read, and a person's decision may
rest on all of them. Every test cell is given its person's answer, so that what is made of answers
elsewhere (a decision a person, intervals over people) is made of these too.
"""

from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from leukgnn import networks
from leukgnn.experiments.tasks import Probability, Task
from leukgnn.files import InputError
from leukgnn.graphs import knn, knn_edges

if TYPE_CHECKING:
    from leukgnn.networks import PersonNetwork

Mask = NDArray[np.bool_]
Ints = NDArray[np.int64]


def person_network(
    task: Task, _: None = None, *, key: str, alone: bool = False, cells: int | None = None
) -> Probability:
    """Answer of a network that pools a person's cells; the same for all cells of a person.

    Parameters
    ----------
    task : Task
        With subjects apart and a k-NN graph, whose k is that of each person's own graph.
    key : str
        Of `names.POOLINGS`.
    alone : bool
        Train and ask it without edges.
    cells : int, optional
        Of each person, drawn at random; all when left out.
    """
    k = 0 if alone else task.k
    network = _trained(task, key, k)
    people = _people(task, task.split.test)
    asked = [own[:cells] for own in people]
    return _to_cells(task, people, networks.predict_people(network, task.inputs, asked, k=k))


def attention_rank(task: Task, _: None = None) -> Probability:
    """Where a cell stands among its person's cells by the attention paid to it, 0 to 1."""
    k = task.k
    people = _people(task, task.split.test)
    network = _trained(task, "pool_attention", k)
    answer = np.zeros(len(task.x))
    for own, weights in zip(
        people, networks.attention_to_cells(network, task.inputs, people, k=k), strict=True
    ):
        answer[own] = (weights.argsort(kind="stable").argsort(kind="stable") + 0.5) / len(own)
    return answer


def gcn_own(task: Task, _: None = None, *, similar: bool) -> Probability:
    """Answer of the GCN for test cells that hear other cells of their own person, and none else.

    Parameters
    ----------
    task : Task
        With subjects apart and a k-NN graph.
    similar : bool
        Hear the k most similar of the person's cells; else k drawn at random.
    """
    k = task.k
    arriving = task.split.test[task.edge_index[1]]
    edges = [task.edge_index[:, ~arriving]]
    for own in _people(task, task.split.test):
        few = min(k, len(own) - 1)
        if few < 1:
            continue
        near = knn(task.x[own], few)[0] if similar else _any_others(len(own), few, task.seed)
        edges.append(own[knn_edges(near, "directed")])
    return task.ask(task.trained_gcn[0], np.concatenate(edges, axis=1))


def _any_others(n: int, k: int, seed: int) -> Ints:
    """For each of n cells k others, drawn at random, shape (n, k)."""
    steps = np.tile(np.arange(1, n), (n, 1))
    np.random.default_rng(seed).permuted(steps, axis=1, out=steps)
    return (np.arange(n)[:, None] + steps[:, :k]) % n


def _trained(task: Task, key: str, k: int) -> "PersonNetwork":
    """Person network trained on the training people."""
    if (key, k) not in task.kept:
        people = _people(task, task.split.train)
        network = cast(
            "PersonNetwork",
            networks.seeded(partial(networks.PersonNetwork, key), task.seed, task.settings),
        )
        networks.fit_people(
            network, task.inputs, people, np.array([task.labels[own[0]] for own in people]),
            k=k, settings=task.settings, seed=task.seed,
        )  # fmt: skip
        task.kept[key, k] = network
    return cast("PersonNetwork", task.kept[key, k])


def _people(task: Task, cells: Mask) -> list[Ints]:
    """Rows of each person among these cells, by name, shuffled by the task's seed.

    Each by a generator of its own, so that it does not matter who else is there.
    """
    if not task.split.apart:
        raise InputError(
            "whole people are asked about where subjects are apart; expected a split that keeps "
            "them so, such as the official folds."
        )
    rows = np.flatnonzero(cells)
    subjects = task.table["merged_subject"].to_numpy()[rows]
    return [
        np.random.default_rng(task.seed).permutation(rows[subjects == person])
        for person in sorted(set(subjects))
    ]


def _to_cells(task: Task, people: list[Ints], probability: NDArray[Any]) -> Probability:
    """Each person's probability for each of the person's cells; 0 for all others."""
    answer = np.zeros(len(task.x))
    for own, value in zip(people, probability, strict=True):
        answer[own] = value
    return answer
