"""From features and a split to the graph that a network is trained on and asked about."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from leukgnn.graphs.edges import both_ways, cluster_cliques, knn_edges, no_edges
from leukgnn.graphs.search import Floats, Ints, attach, knn

Mask = NDArray[np.bool_]


class Builder(Protocol):
    """What builds a graph: `(features, training cells, test cells) -> edge_index`.

    Attributes
    ----------
    transductive : bool
        Whether test cells take part in the graph, and so in the training, of the others.
    """

    @property
    def transductive(self) -> bool:
        """As of the attributes."""

    def __call__(self, x: Floats, train: Mask, test: Mask) -> Ints:
        """Build it; numbered as the rows of `x`."""


@dataclass(frozen=True, kw_only=True)
class Joined:
    """One k-NN graph over training and test cells, in which test cells inform each other."""

    k: int
    edges: str
    transductive: bool = True

    def __call__(self, x: Floats, train: Mask, test: Mask) -> Ints:
        """Build it; numbered as the rows of `x`."""
        both = np.flatnonzero(train | test)
        return both[knn_edges(knn(x[both], self.k)[0], self.edges)]


@dataclass(frozen=True, kw_only=True)
class Attached:
    """Graph of the training cells, to which each test cell is attached one-way and alone.

    Messages flow from training to test cells only, so a test cell's answer depends on itself and
    the training cells; other test cells may come or go.
    """

    k: int
    edges: str
    transductive: bool = False

    def __call__(self, x: Floats, train: Mask, test: Mask) -> Ints:
        """Build it; numbered as the rows of `x`, cells of neither part have no edge."""
        known, new = np.flatnonzero(train), np.flatnonzero(test)
        inner = known[knn_edges(knn(x[known], self.k)[0], self.edges)]
        near, _ = attach(x[new], x[known], self.k)
        return np.concatenate([inner, arriving(train, test, near)], axis=1)


def arriving(train: Mask, test: Mask, near: Ints) -> Ints:
    """Edges from training cells to test cells that are attached one-way.

    Parameters
    ----------
    train, test : ndarray, shape (n,), bool
    near : ndarray, shape (test cells, k)
        Neighbours of each test cell, numbered within the training cells, of `attach`.

    Returns
    -------
    ndarray, shape (2, test cells * k)
        Numbered within all n cells.
    """
    targets = np.repeat(np.flatnonzero(test), near.shape[1])
    return np.stack([np.flatnonzero(train)[near].ravel(), targets])


@dataclass(frozen=True, kw_only=True)
class Cliques:
    """The released code's graph over all cells: all pairs within a K-means cluster, one way."""

    clusters: int
    seed: int
    reverse: bool = False  # add the reverse of every edge
    transductive: bool = True

    def __call__(self, x: Floats, train: Mask, test: Mask) -> Ints:
        """Build it over all rows of `x`, whoever is trained or tested."""
        cliques = cluster_cliques(x, self.clusters, self.seed)
        return both_ways(cliques) if self.reverse else cliques


@dataclass(frozen=True, kw_only=True)
class NoGraph:
    """No edge at all: every cell alone."""

    transductive: bool = False

    def __call__(self, x: Floats, train: Mask, test: Mask) -> Ints:
        """Build nothing."""
        return no_edges()
