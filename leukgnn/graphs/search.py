"""The cosine k-nearest-neighbour graph of cells (section IV.B)."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from torch import Tensor
from torch_geometric.nn.conv.gcn_conv import gcn_norm

from leukgnn import files
from leukgnn.files import InputError

EDGES = ("directed", "union", "mutual")
BLOCK = 1024  # rows of the similarity matrix at a time: 32 MB for 8,000 cells
MARGIN = 8  # candidates beyond k: room for ties at the border
CLOSE = 1e-5  # float32 similarities nearer than this are computed again in float64
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


def knn(features: NDArray[Any], k: int) -> tuple[Ints, Floats]:
    """Cosine k nearest neighbours among the cells themselves, no cell its own neighbour.

    Ties (duplicated cells) are broken by index, so the answer does not depend on block size,
    threads or the order of a matrix product's sums. scikit-learn's
    ``NearestNeighbors(metric="cosine")``, which the paper names, gives the same neighbours where
    there is no tie (a test); it takes about three times the time of the matrix product it rests
    on and leaves ties open, hence this block-wise product.

    Parameters
    ----------
    features : ndarray, shape (n, d)
    k : int
        1 <= k < n.

    Returns
    -------
    neighbours : ndarray, shape (n, k), int64
        Sorted by distance, then index.
    similarity : ndarray, shape (n, k), float32
        Cosine, -1 to 1.

    Raises
    ------
    InputError
        When `k` is out of range, or a row is not finite or all zero.

    Examples
    --------
    >>> knn(np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]]), 1)[0].ravel().tolist()
    [1, 0, 1]
    """
    _check(features, k, len(features) - 1, "n - 1")
    cells = Reference(features)
    return _nearest(cells, cells, k, own=True)


def attach(new: NDArray[Any], reference: NDArray[Any], k: int) -> tuple[Ints, Floats]:
    """Cosine k nearest reference cells of new cells: one-way, the reference does not change.

    Parameters
    ----------
    new : ndarray, shape (m, d)
    reference : ndarray, shape (n, d)
    k : int
        1 <= k <= n.

    Returns
    -------
    neighbours, similarity : ndarray, shape (m, k)
        As of `knn`; each new cell's row depends on that cell and the reference alone.
    """
    return Reference(reference).nearest(new, k)


class Reference:
    """Cells that new ones are attached to, with what every search needs of them computed once.

    Parameters
    ----------
    features : ndarray, shape (n, d)

    Raises
    ------
    InputError
        When a row is not finite or all zero.
    """

    def __init__(self, features: NDArray[Any]) -> None:
        _check(features, 1, max(len(features), 1), "n")
        self.exact = _unit_rows(features)
        self.rows = torch.from_numpy(self.exact.astype(np.float32))

    def nearest(self, new: NDArray[Any], k: int) -> tuple[Ints, Floats]:
        """Answer as `attach`, for new cells of shape (m, d)."""
        if not 1 <= k <= len(self.exact):
            raise InputError(f"k={k}: expected 1 to n, here {len(self.exact)}.")
        if new.ndim == 2 and new.shape[1] != self.exact.shape[1]:
            raise InputError(
                f"new cells have {new.shape[1]} features, the reference {self.exact.shape[1]}; "
                "extract both with the same network."
            )
        return _nearest(Reference(new), self, k, own=False)


def _check(features: NDArray[Any], k: int, most: int, word: str, *, name: str = "k") -> None:
    """Raise InputError for features without a cosine, or a `k` out of range."""
    if features.ndim != 2:
        raise InputError(f"features have shape {features.shape}, expected (cells, features).")
    if not np.isfinite(features).all():
        raise InputError("features hold NaN or infinity; extract them again.")
    empty = np.flatnonzero(~features.any(axis=1))
    if len(empty):
        raise InputError(f"the features of cell {empty[0]} are all 0: it has no cosine; drop it.")
    if not 1 <= k <= most:
        raise InputError(f"{name}={k}: expected 1 to {word}, here {most}.")


def _nearest(query: Reference, base: Reference, k: int, *, own: bool) -> tuple[Ints, Floats]:
    """Search block by block; `own`: query and base are the same cells, leave out the diagonal."""
    exact_query, exact_base, rows, columns = query.exact, base.exact, query.rows, base.rows
    width = min(k + MARGIN, len(exact_base) - own)
    found = []
    for start in range(0, len(rows), BLOCK):
        similarity = rows[start : start + BLOCK] @ columns.T
        if own:
            similarity.diagonal(start).fill_(-torch.inf)
        best = similarity.topk(width)
        found.append((best.values.numpy(), best.indices.numpy()))
    values = np.concatenate([v for v, _ in found])
    indices = np.concatenate([i for _, i in found])
    closest = np.diff(-values, axis=1).min(axis=1, initial=np.inf)
    close = np.flatnonzero(closest < CLOSE)
    wide = close[values[close, k - 1] - values[close, -1] < CLOSE]  # more than the margin holds
    for start in range(0, len(wide), BLOCK):
        part = wide[start : start + BLOCK]
        exact = torch.from_numpy(exact_query[part]) @ torch.from_numpy(exact_base).T
        if own:
            exact[torch.arange(len(part)), torch.from_numpy(part)] = -torch.inf
        indices[part] = exact.topk(width).indices.numpy()
    for i in close:
        candidates = np.sort(indices[i])
        exact_row = _cosines(exact_query[i], exact_base[candidates])
        if np.sort(exact_row)[-k] == exact_row.min() and width > k:  # equal cells beyond the margin
            candidates = np.delete(np.arange(len(exact_base)), i if own else [])
            exact_row = _cosines(exact_query[i], exact_base[candidates])
        order = np.argsort(-exact_row, kind="stable")[:width]
        values[i], indices[i] = exact_row[order], candidates[order]
    return indices[:, :k].astype(np.int64), values[:, :k].astype(np.float32)


def _cosines(row: NDArray[np.float64], base: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cosines of unit rows, float64, in which equal cells have equal ones."""
    cosines: NDArray[np.float64] = np.round((base * row).sum(axis=1), 12)
    return cosines


def _unit_rows(features: NDArray[Any]) -> NDArray[np.float64]:
    """Rows of length 1, float64."""
    wide = features.astype(np.float64)
    unit: NDArray[np.float64] = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    return unit


def edge_index(neighbours: Ints, edges: str = "union") -> Ints:
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
        As of `edge_index`. E grows with the square of the clusters' sizes.
    """
    _check(features, clusters, len(features), "n", name="clusters")
    assigned = KMeans(n_clusters=clusters, random_state=seed).fit_predict(features)
    pairs = []
    for cluster in range(clusters):
        members = np.flatnonzero(assigned == cluster)
        lower, higher = np.triu_indices(len(members), 1)
        pairs.append(np.stack([members[lower], members[higher]]))
    return np.concatenate(pairs, axis=1)


def both_ways(edges: Ints) -> Ints:
    """Add the reverse of every edge; an edge that is there both ways already stays single."""
    return np.unique(np.concatenate([edges, edges[::-1]], axis=1), axis=1)


def within(edges: Ints, seen: NDArray[np.bool_]) -> Ints:
    """Edges between the marked cells alone, numbered among the marked cells."""
    kept = edges[:, seen[edges].all(axis=0)]
    renumbered: Ints = (np.cumsum(seen) - 1)[kept]
    return renumbered


def edge_hash(edges: Ints) -> str:
    """SHA-256 of an edge list, in hexadecimal: two runs with the same graph share it."""
    return files.sha256_bytes(np.ascontiguousarray(edges, dtype="<i8").tobytes())


def adjacency(edges: Ints, n: int) -> Tensor:
    r"""Normalised adjacency :math:`\hat D^{-1/2}(A+I)\hat D^{-1/2}` (Kipf & Welling 2017).

    Parameters
    ----------
    edges : ndarray, shape (2, E)
        Without self loops (they are added here).
    n : int
        Number of cells.

    Returns
    -------
    Tensor, shape (n, n), sparse CSR, float32
        Row = target, column = source; the values of `torch_geometric`'s `gcn_norm`.
    """
    if edges.size and (edges[0] == edges[1]).any():
        raise InputError("the edge list holds self loops; leave them out, they are added once.")
    looped, weight = gcn_norm(torch.from_numpy(edges), num_nodes=n, add_self_loops=True)
    matrix = torch.sparse_coo_tensor(looped.flip(0), weight, (n, n), check_invariants=True)
    with files.quiet("Sparse CSR tensor support is in beta"):
        return matrix.coalesce().to_sparse_csr()


def write_graph(folder: Path, edges: Ints, settings: dict[str, Any]) -> None:
    """Write `graph.npz` (edge_index) and `graph.json` (k, edges, hash, provenance)."""
    with files.atomic_path(folder / "graph.npz") as temporary:
        np.savez_compressed(temporary, edge_index=edges)
    summary = {**settings, "edge_count": edges.shape[1], "edge_hash": edge_hash(edges)}
    files.write_json(folder / "graph.json", {**summary, **files.provenance()})


def read_graph(inputs: str, *, features: NDArray[Any], k: int, edges: str) -> Ints:
    """Read chapter 04's graph if it has these settings, else build the graph with them.

    So one chapter can be run with another `k` without running the chapter before it.
    """
    wanted = {"k": k, "edges": edges, "features": features_hash(features)}
    try:
        path = files.find_artifact(inputs, "graph.npz", made_by="04_graph")
        settings = json.loads(path.with_suffix(".json").read_text())
    except (InputError, OSError):
        settings = {}
    if {name: settings.get(name) for name in wanted} == wanted:
        with np.load(path, allow_pickle=False) as stored:
            graph: Ints = stored["edge_index"]
            return graph
    return edge_index(knn(features, k)[0], edges)


def features_hash(features: NDArray[Any]) -> str:
    """SHA-256 of the features a graph rests on."""
    return files.sha256_bytes(np.ascontiguousarray(features, dtype="<f4").tobytes())
