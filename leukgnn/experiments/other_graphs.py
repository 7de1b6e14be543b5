"""Other graphs for the very same network: which cells a cell should hear.

Each is the GCN of the book, trained and asked on another graph: neighbours of about equal size, by
size alone, or by a metric that was learned from the training people. Its twin without graph is the
same MLP for all of them.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from leukgnn import networks
from leukgnn.cells import log_area
from leukgnn.experiments.splits import Mask, inner_folds
from leukgnn.experiments.tasks import Probability, Task
from leukgnn.files import InputError
from leukgnn.graphs import arriving, attach, no_edges

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
TENTHS = 10  # of the training cells by size


def gcn_on_graph(task: Task, _: None = None, *, by: str) -> Probability:
    """Answer of the GCN trained and asked on another graph.

    Parameters
    ----------
    task : Task
        Whose subjects are apart, its test cells attached one-way and alone.
    by : str
        Of `GRAPHS`.
    """
    if not task.split.apart or task.graph.transductive:
        raise InputError(
            f"{by}: other graphs are asked about where subjects are apart and test cells attached; "
            "expected such a split, such as the official folds."
        )
    edges = GRAPHS[by](task)
    return task.ask(task.trained(task.gcn_kind, edges)[0], edges)


def _equal_size(task: Task) -> Ints:
    """The task's own graph, drawn anew within each tenth of cell size."""
    place = _size(task)
    tenths = np.minimum((place * TENTHS).astype(int), TENTHS - 1)
    train, test = task.split.train, task.split.test
    parts = [
        task.graph(task.x, train & (tenths == tenth), test & (tenths == tenth))
        for tenth in range(TENTHS)
    ]
    return np.concatenate(parts, axis=1)


def _size_alone(task: Task) -> Ints:
    """Neighbours by size, whatever the features: a cell's place by size as an angle."""
    angle = _size(task) * np.pi / 2
    return _by(task, np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32))


def _size(task: Task) -> NDArray[np.float64]:
    """Share of the training cells that are smaller than each cell, 0 to 1."""
    area = log_area(task.table).to_numpy()
    known = np.sort(area[task.split.train])
    return np.searchsorted(known, area) / len(known)


def _rebuilt(task: Task) -> Ints:
    """Neighbours by what the trained MLP sees in the cells: the graph follows what was learnt."""
    return _by(task, networks.hidden(task.trained_mlp[0], task.inputs, no_edges()))


def _learned(task: Task) -> Ints:
    """Neighbours by a metric learned from the training people."""
    return _by(task, _metric(task, task.split.train))


def _learned_apart(task: Task) -> Ints:
    """The same, but training cells meet their neighbours as new ones do: by others' metric.

    A metric knows the people whom it was learned from: among them neighbours agree more than a new
    person's do, and the network would trust them too much. So each fifth of the training people is
    attached to the rest by a metric learned from the rest, directed.
    """
    split = task.split
    edges = [_attached(task, split.train, split.test)]
    for part in inner_folds(task.table, split, seed=task.seed):
        edges.append(_attached(task, part.train, part.test))
    return np.concatenate(edges, axis=1)


def _attached(task: Task, known: Mask, new: Mask) -> Ints:
    """Edges to each new cell from the k known cells that are nearest by a metric of the known."""
    z = _metric(task, known)
    return arriving(known, new, attach(z[new], z[known], task.k)[0])


def _metric(task: Task, known: Mask) -> Floats:
    """All cells' features as a metric that was learned from these cells sees them."""
    people = task.table["merged_subject"].to_numpy()
    learned = networks.learned_projection(
        task.x[known], task.labels[known], people[known], seed=task.seed
    )
    return learned(task.x)


def _by(task: Task, z: Floats) -> Ints:
    """The task's own kind of graph, with neighbours by other features."""
    return task.graph(z, task.split.train, task.split.test)


# From a task to the edges of another graph over its cells.
GRAPHS: dict[str, Callable[[Task], Ints]] = {
    "graph_equal_size": _equal_size,
    "graph_size_alone": _size_alone,
    "graph_rebuilt": _rebuilt,
    "graph_learned": _learned,
    "graph_learned_apart": _learned_apart,
}
