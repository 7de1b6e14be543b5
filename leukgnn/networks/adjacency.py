"""From an edge list to the tensor that networks take."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor
from torch_geometric.nn.conv.gcn_conv import gcn_norm

from leukgnn import files
from leukgnn.files import InputError

BETA = "Sparse CSR tensor support is in beta"


def normalised(edge_index: NDArray[np.int64], n: int) -> Tensor:
    r"""Normalised adjacency :math:`\hat D^{-1/2}(A+I)\hat D^{-1/2}` (Kipf & Welling 2017).

    Parameters
    ----------
    edge_index : ndarray, shape (2, E)
        Without self loops (they are added here).
    n : int
        Number of cells.

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
    looped, weight = gcn_norm(torch.from_numpy(edge_index), num_nodes=n, add_self_loops=True)
    matrix = torch.sparse_coo_tensor(looped.flip(0), weight, (n, n), check_invariants=True)
    with files.quiet(BETA):
        return matrix.coalesce().to_sparse_csr()


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
