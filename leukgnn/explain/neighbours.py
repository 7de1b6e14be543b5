"""Score the neighbours of attached cells by what they carry of a graph network's answer.

For cells that are attached one-way and alone, each with equally many neighbours: then all of them
can be explained at once, as no cell's answer depends on another's edges. Scores have the shape of
the neighbours, (m, k), for m asked cells in the order of their rows; a higher one carries more of
the answer, whichever it is.
"""

from typing import Any

import numpy as np
import torch
from captum.attr import IntegratedGradients
from numpy.typing import NDArray
from torch import Tensor, nn
from torch_geometric.explain import Explainer, GNNExplainer

from leukgnn import networks
from leukgnn.files import InputError
from leukgnn.networks import GCN
from leukgnn.paper import THRESHOLD

TELLING = 3  # neighbours that are told as the reason for an answer
STEPS = 20  # of the integral of integrated gradients
ROWS = 4096  # of cells times steps at a time
ROUNDS = 100  # of GNNExplainer
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


def neighbours(edge_index: Ints, asked: Mask) -> Ints:
    """Sources of the edges that arrive at each asked cell, shape (m, k).

    Raises
    ------
    InputError
        When the asked cells have not equally many neighbours, one at least, or hear each other.
    """
    source: Ints
    source, target = edge_index[:, asked[edge_index[1]]]
    counts = np.bincount(target, minlength=len(asked))[asked]
    if not counts.size or counts.min() != counts.max() or not counts.min():
        raise InputError("the asked cells have not equally many neighbours: expected a k for all.")
    if asked[source].any():
        raise InputError("asked cells hear each other: expected cells attached one-way and alone.")
    return source[np.argsort(target, kind="stable")].reshape(counts.size, counts[0])


def without(edge_index: Ints, asked: Mask, near: Ints, gone: Ints) -> Ints:
    """Edges without some of those that arrive at the asked cells.

    Parameters
    ----------
    edge_index : ndarray, shape (2, E)
    asked : ndarray, shape (n,), bool
    near : ndarray, shape (m, k)
        Of `neighbours`.
    gone : ndarray, shape (m, r)
        Places within each row of `near`.
    """
    kept = np.ones(near.shape, dtype=bool)
    np.put_along_axis(kept, gone, False, axis=1)
    targets = np.repeat(np.flatnonzero(asked), near.shape[1]).reshape(near.shape)
    arriving = np.stack([near[kept], targets[kept]])
    return np.concatenate([edge_index[:, ~asked[edge_index[1]]], arriving], axis=1)


def from_answer(probability: NDArray[Any]) -> Floats:
    """1 where the answer is leukemic and -1 where it is healthy."""
    return np.where(probability >= THRESHOLD, 1.0, -1.0)


def leave_one_out(
    network: nn.Module, x: NDArray[np.float32], edge_index: Ints, asked: Mask
) -> Floats:
    """How much lower the probability of class 1 is without each neighbour alone: exact."""
    near = neighbours(edge_index, asked)
    whole = networks.predict(network, x, edge_index)[asked]
    falls = []
    for place in range(near.shape[1]):
        gone = np.full((len(near), 1), place)
        left = networks.predict(network, x, without(edge_index, asked, near, gone))[asked]
        falls.append(whole - left)
    return np.stack(falls, axis=1).astype(np.float64)


def integrated_gradients(
    network: GCN, x: NDArray[np.float32], edge_index: Ints, asked: Mask
) -> Floats:
    """Share of each edge in the probability of class 1, from no edge to all (Sundararajan 2017).

    The edges' weights grow together from 0, each by its share of the normalised adjacency.
    """
    local = _Local(network, x, edge_index, asked)
    whole = torch.ones(local.near.shape)
    method = IntegratedGradients(local)
    shares = method.attribute(
        whole,
        additional_forward_args=(torch.arange(len(whole)),),
        n_steps=STEPS,
        internal_batch_size=ROWS,
    )
    found: Floats = shares.detach().numpy().astype(np.float64)
    return found


def gnn_explainer(
    network: GCN, x: NDArray[np.float32], edge_index: Ints, asked: Mask, *, seed: int
) -> Floats:
    """Mask of the edges that keeps the answer while it is small (Ying et al. 2019), by PyG.

    It tells how much an edge matters, and not to which side.
    """
    near = neighbours(edge_index, asked)
    edges, weights = networks.entries(networks.normalised(edge_index, len(x)))
    explainer = Explainer(
        _OnEdges(network),
        algorithm=GNNExplainer(epochs=ROUNDS),
        explanation_type="model",
        edge_mask_type="object",
        model_config={
            "mode": "multiclass_classification", "task_level": "node", "return_type": "raw",
        },
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        explanation = explainer(
            torch.from_numpy(x), edges, edge_weight=weights,
            index=torch.from_numpy(np.flatnonzero(asked)),
        )  # fmt: skip
    source, target = edges.numpy()
    arriving = asked[target] & (source != target)
    return of_edges(
        edges.numpy()[:, arriving], explanation.edge_mask.numpy()[arriving], near, asked
    )


def of_edges(edge_index: Ints, values: NDArray[Any], near: Ints, asked: Mask) -> Floats:
    """Values of edges that arrive at the asked cells, in the order of their neighbours, (m, k).

    Parameters
    ----------
    edge_index : ndarray, shape (2, E)
    values : ndarray, shape (E,)
    near : ndarray, shape (m, k)
        Of `neighbours`.
    asked : ndarray, shape (n,), bool
    """
    known = dict(zip(zip(*edge_index.tolist(), strict=True), values.tolist(), strict=True))
    rows = np.flatnonzero(asked).tolist()
    return np.array(
        [[known[s, row] for s in own] for row, own in zip(rows, near.tolist(), strict=True)]
    )


def similarity(x: NDArray[np.float32], edge_index: Ints, asked: Mask) -> Floats:
    """Cosine of each neighbour's features with the asked cell's."""
    arriving = edge_index[:, asked[edge_index[1]]]
    cosines = networks.similarities(x, arriving)
    return of_edges(arriving, cosines, neighbours(edge_index, asked), asked)


class _OnEdges(nn.Module):
    """A GCN that takes edges and their weights apart, as PyG's explainers want it."""

    def __init__(self, network: GCN) -> None:
        super().__init__()
        self.network = network.eval()

    def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor) -> Tensor:
        """Logits, shape (n, classes)."""
        hidden = self.network.conv1(x, edge_index, edge_weight).relu()
        logits: Tensor = self.network.conv2(hidden, edge_index, edge_weight)
        return logits


class _Local:
    """A GCN's answers for the asked cells as a function of how much each of their edges counts."""

    def __init__(self, network: GCN, x: NDArray[np.float32], edge_index: Ints, asked: Mask) -> None:
        self.near = torch.from_numpy(neighbours(edge_index, asked))
        rows = torch.from_numpy(np.flatnonzero(asked))
        adjacency = networks.normalised(edge_index, len(x))
        network.eval()
        with torch.no_grad():
            first = network.conv1.lin(torch.from_numpy(x))
            second = network.conv2.lin(network.hidden(torch.from_numpy(x), adjacency))
        (source, target), weights = networks.entries(adjacency)
        loops = source == target
        own = torch.zeros(len(x)).index_put((target[loops],), weights[loops])
        degree = 1 / own  # a self loop weighs one over the degree
        self.edge = (degree[rows, None] * degree[self.near]).rsqrt()
        self.own = own[rows, None]
        self.first, self.first_near = first[rows], first[self.near]
        self.second_near = second[self.near]
        self.conv1, self.conv2 = network.conv1, network.conv2

    def __call__(self, mask: Tensor, cells: Tensor) -> Tensor:
        """Probability of class 1 of some of the cells, (b,), for a mask (b, k) of their edges."""
        edge = (mask * self.edge[cells])[:, None]
        heard = (edge @ self.first_near[cells])[:, 0]
        hidden = (self.own[cells] * self.first[cells] + heard + self.conv1.bias).relu()
        told = (edge @ self.second_near[cells])[:, 0]
        logits = self.own[cells] * self.conv2.lin(hidden) + told + self.conv2.bias
        probability: Tensor = logits.softmax(dim=1)[:, 1]
        return probability
