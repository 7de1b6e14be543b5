"""Reasons put on trial: an answer without the neighbours that a method names for it.

Every method names the `TELLING` neighbours that carry most of a cell's answer. They are taken away,
the very same network is asked again, and the fall of the answer's probability is kept. A method
that explains makes it fall further than neighbours drawn at random do.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from leukgnn import explain, networks
from leukgnn.experiments.faults import unrelated_labels
from leukgnn.experiments.tasks import Probability, Task

if TYPE_CHECKING:
    from torch import nn

Floats = NDArray[np.float64]
OTHER = 1000  # what is added to a seed for another network of the same training


def reason(task: Task, _: None = None, *, by: str) -> Probability:
    """Fall of each test cell's answer without the neighbours named by a method, as (1 + fall) / 2.

    Parameters
    ----------
    task : Task
        Whose test cells are attached one-way and alone.
    by : str
        Of `REASONS`.

    Returns
    -------
    ndarray, shape (n,)
        One half where the answer stays, above where it falls; 0 for other than test cells. `falls`
        reads it.
    """
    test = task.split.test
    whole = task.ask(task.trained_gcn[0], task.edge_index)[test]
    side = explain.from_answer(whole)
    near = explain.neighbours(task.edge_index, test)
    scores = REASONS[by](task, side[:, None])
    named = np.argsort(-scores, axis=1, kind="stable")[:, : explain.TELLING]
    left = task.ask(task.trained_gcn[0], explain.without(task.edge_index, test, near, named))[test]
    answer = np.zeros(len(task.x))
    answer[test] = (1 + side * (whole - left)) / 2
    return answer


def falls(answer: Probability) -> Probability:
    """Falls of answers that `reason` gave, from -1 to 1."""
    return 2 * answer - 1


def _exact(task: Task, side: Floats) -> Floats:
    return side * _left_out(task, task.trained_gcn[0])


def _gradients(task: Task, side: Floats) -> Floats:
    shares = explain.integrated_gradients(
        task.trained_gcn[0], task.inputs, task.edge_index, task.split.test
    )
    return side * shares


def _masked(task: Task, _: Floats) -> Floats:
    return explain.gnn_explainer(
        task.trained_gcn[0], task.inputs, task.edge_index, task.split.test, seed=task.seed
    )


def _attention(task: Task, _: Floats) -> Floats:
    edges, paid = networks.attention(task.trained_gat[0], task.inputs, task.edge_index)
    near = explain.neighbours(task.edge_index, task.split.test)
    return explain.of_edges(edges, paid, near, task.split.test)


def _similar(task: Task, _: Floats) -> Floats:
    return explain.similarity(task.x, task.edge_index, task.split.test)


def _other_seed(task: Task, side: Floats) -> Floats:
    return side * _left_out(task, replace(task, seed=task.seed + OTHER).trained_gcn[0])


def _untrained(task: Task, side: Floats) -> Floats:
    untrained = networks.seeded(networks.GCN, task.seed, task.settings)
    return side * _left_out(task, untrained)


def _unrelated_labels(task: Task, side: Floats) -> Floats:
    table = task.features.table
    labels = unrelated_labels(table, task.split.train, task.seed)
    features = replace(task.features, table=table.assign(label=labels))
    return side * _left_out(task, replace(task, features=features).trained_gcn[0])


def _shuffled_graph(task: Task, side: Floats) -> Floats:
    return side * _left_out(task, task.trained(networks.GCN, task.shuffled)[0])


def _random(task: Task, _: Floats) -> Floats:
    near = explain.neighbours(task.edge_index, task.split.test)
    return np.random.default_rng(task.seed).random(near.shape)


def _left_out(task: Task, network: "nn.Module") -> Floats:
    """Exact shares of the task's neighbours in the answers of some network."""
    return explain.leave_one_out(network, task.inputs, task.edge_index, task.split.test)


# Scores of each test cell's neighbours, (m, k); the side of the cell's answer, (m, 1), turns shares
# in the probability of class 1 into shares in the answer.
REASONS: dict[str, Callable[[Task, Floats], Floats]] = {
    "reason_exact": _exact,
    "reason_gradients": _gradients,
    "reason_masked": _masked,
    "reason_attention": _attention,
    "reason_similar": _similar,
    "reason_other_seed": _other_seed,
    "reason_unrelated_labels": _unrelated_labels,
    "reason_shuffled_graph": _shuffled_graph,
    "reason_untrained": _untrained,
    "reason_random": _random,
}
