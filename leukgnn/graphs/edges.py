"""Edge sets of neighbours, clusters and parts of them; `edge_index` is (2, E), no self loops."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from leukgnn import files
from leukgnn.files import InputError
from leukgnn.graphs.search import Ints, check_count, check_features

EDGES = ("directed", "union", "mutual")


def knn_edges(neighbours: Ints, edges: str = "union") -> Ints:
    """Edge list of a k-NN graph, without self loops, sorted by target, then source.

    Parameters
    ----------
    neighbours : ndarray, shape (n, k)
        From `knn`.
    edges : str
        ``"directed"``: each cell receives from its k neighbours (the paper's formula);
        ``"union"``: both ways wherever one of the two names the other; ``"mutual"``: both ways
        where each names the other.

    Returns
    -------
    ndarray, shape (2, E), int64
        Sources and targets; messages flow from source to target.
    """
    if edges not in EDGES:
        raise InputError(f"edges={edges!r}: expected one of {', '.join(EDGES)}.")
    n, k = neighbours.shape
    target, source = np.repeat(np.arange(n), k), neighbours.ravel()
    forward, backward = target * n + source, source * n + target
    if edges == "union":
        keys = np.union1d(forward, backward)
    elif edges == "mutual":
        keys = np.intersect1d(forward, backward)
    else:
        keys = np.sort(forward)
    return np.stack([keys % n, keys // n])


def cluster_cliques(features: NDArray[Any], clusters: int, seed: int) -> Ints:
    """Edges of the released code: every pair i < j of a K-means cluster, one way from i to j.

    Parameters
    ----------
    features : ndarray, shape (n, d)
    clusters : int
        1 to n.
    seed : int
        Of K-means.

    Returns
    -------
    ndarray, shape (2, E), int64
        As of `knn_edges`. E grows with the square of the clusters' sizes.
    """
    check_features(features)
    check_count("clusters", clusters, len(features), "n")
    assigned = KMeans(n_clusters=clusters, random_state=seed).fit_predict(features)
    pairs = []
    for cluster in range(clusters):
        members = np.flatnonzero(assigned == cluster)
        lower, higher = np.triu_indices(len(members), 1)
        pairs.append(np.stack([members[lower], members[higher]]))
    return np.concatenate(pairs, axis=1)


def both_ways(edge_index: Ints) -> Ints:
    """Add the reverse of every edge; an edge that is there both ways already stays single."""
    return np.unique(np.concatenate([edge_index, edge_index[::-1]], axis=1), axis=1)


def within(edge_index: Ints, seen: NDArray[np.bool_]) -> Ints:
    """Edges between the marked cells alone, numbered among the marked cells."""
    kept = edge_index[:, seen[edge_index].all(axis=0)]
    renumbered: Ints = (np.cumsum(seen) - 1)[kept]
    return renumbered


def without_same_subject(edge_index: Ints, subjects: pd.Series, ends: NDArray[np.bool_]) -> Ints:
    """Leave out the edges that join two marked cells of one subject."""
    codes = pd.factorize(subjects)[0]
    same = (codes[edge_index[0]] == codes[edge_index[1]]) & ends[edge_index].all(axis=0)
    return edge_index[:, ~same]


def no_edges() -> Ints:
    """Edge list of a graph without any edge, shape (2, 0)."""
    return np.zeros((2, 0), dtype=np.int64)


def edge_hash(edge_index: Ints) -> str:
    """SHA-256 of an edge list, in hexadecimal: two runs with the same graph share it."""
    return files.sha256_bytes(np.ascontiguousarray(edge_index, dtype="<i8").tobytes())
