"""From an edge list to the tensor that networks take."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor
from torch_geometric.nn.conv.gcn_conv import gcn_norm
from torch_geometric.utils import add_self_loops

from leukgnn import files
from leukgnn.files import InputError
from leukgnn.networks.settings import Settings

BETA = "Sparse CSR tensor support is in beta"


def normalised(
    edge_index: NDArray[np.int64],
    n: int,
    *,
    how: str = "symmetric",
    weight: NDArray[np.float32] | None = None,
) -> Tensor:
    r"""Normalised adjacency :math:`\hat D^{-1/2}(A+I)\hat D^{-1/2}` (Kipf & Welling 2017).

    Parameters
    ----------
    edge_index : ndarray, shape (2, E)
        Without self loops (they are added here).
    n : int
        Number of cells.
    how : str
        As of `Settings.normalisation`.
    weight : ndarray, shape (E,), optional
        Of the edges, above 0; 1 when left out, as that of the self loops is.

    Returns
    -------
    Tensor, shape (n, n), sparse CSR, float32
        Row = target, column = source; the values of `torch_geometric`'s `gcn_norm`.

    Raises
    ------
    InputError
        When there is a self loop already: an edge list and a sparse matrix treat it differently.
    """
    if edge_index.size and (edge_index[0] == edge_index[1]).any():
        raise InputError("the edge list holds self loops; leave them out, they are added once.")
    given = None if weight is None else torch.from_numpy(weight)
    edges = torch.from_numpy(edge_index)
    if how == "symmetric":
        looped, values = gcn_norm(edges, given, num_nodes=n, add_self_loops=True)
    else:
        looped, values = add_self_loops(edges, given, fill_value=1.0, num_nodes=n)
        values = torch.ones(looped.shape[1]) if values is None else values
    matrix = torch.sparse_coo_tensor(looped.flip(0), values, (n, n), check_invariants=True)
    with files.quiet(BETA):
        matrix = matrix.coalesce()
        if how == "symmetric":
            return matrix.to_sparse_csr()
        degree = matrix.sum(dim=1).to_dense()
        rows = torch.sparse_coo_tensor(
            matrix.indices(),
            matrix.values() / degree[matrix.indices()[0]],
            (n, n),
            check_invariants=False,
        )
        if how == "printed":
            rows = torch.sparse.mm(rows, matrix)
        return rows.coalesce().to_sparse_csr()


def adjacency_of(
    x: NDArray[np.float32], edge_index: NDArray[np.int64], settings: Settings
) -> Tensor:
    """Normalised adjacency as the settings want it, of cells with inputs `x`, shape (n, n)."""
    weight = similarities(x, edge_index) if settings.similarity_weights else None
    return normalised(edge_index, len(x), how=settings.normalisation, weight=weight)


def similarities(x: NDArray[np.float32], edge_index: NDArray[np.int64]) -> NDArray[np.float32]:
    """Cosine of the two ends of every edge, shape (E,)."""
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    cosines: NDArray[np.float32] = (unit[edge_index[0]] * unit[edge_index[1]]).sum(axis=1)
    return cosines


def entries(adjacency: Tensor) -> tuple[Tensor, Tensor]:
    """Edges (2, E) of an adjacency, source above target, ordered by target, and their weights (E,).

    Parameters
    ----------
    adjacency : Tensor, shape (n, n), sparse CSR
        Of `normalised`: self loops are among the edges.
    """
    counts = adjacency.crow_indices().diff()
    targets = torch.repeat_interleave(torch.arange(len(counts)), counts)
    return torch.stack([adjacency.col_indices(), targets]), adjacency.values()


def neighbourhood(adjacency: Tensor, cells: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Part of the graph within two hops of `cells`, with the weights of the whole graph.

    Because the weights are those of the whole graph, a two-layer network gives the cells the same
    logits on this part as on the whole.

    Parameters
    ----------
    adjacency : Tensor, shape (n, n), sparse CSR
        From `normalised`: every cell is its own neighbour.
    cells : Tensor, shape (b,), int64

    Returns
    -------
    nodes : Tensor, shape (m,)
        Sorted.
    part : Tensor, shape (m, m), sparse CSR
    positions : Tensor, shape (b,)
        Where the cells stand in `nodes`.
    """
    entries = (adjacency.values(), adjacency.col_indices(), adjacency.crow_indices())
    whole = csr_array(tuple(values.numpy() for values in entries), shape=tuple(adjacency.shape))
    nearest = np.unique(whole[cells.numpy()].indices)
    nodes = np.unique(whole[nearest].indices)
    part = whole[nodes][:, nodes]
    with files.quiet(BETA):
        tensor = torch.sparse_csr_tensor(
            part.indptr, part.indices, part.data, part.shape, check_invariants=False
        )
    positions = np.searchsorted(nodes, cells.numpy())
    return torch.from_numpy(nodes), tensor, torch.from_numpy(positions)
