"""What networks multiply features by, and what of it is the same at every epoch."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

import torch
from torch import Tensor

from leukgnn import files
from leukgnn.networks.adjacency import BETA, entries

T = TypeVar("T")


class Operator:
    """A sparse matrix with its transpose at hand, which training needs on the way back.

    Transposing costs six times the product itself, so it is done once.

    Parameters
    ----------
    matrix : Tensor, shape (n, n), sparse CSR
        It is not trained.
    """

    def __init__(self, matrix: Tensor) -> None:
        self.matrix = matrix
        self.transposed = matrix.t().to_sparse_csr()

    def __matmul__(self, dense: Tensor) -> Tensor:
        return cast(Tensor, _Product.apply(self.matrix, self.transposed, dense))


class _Product(torch.autograd.Function):
    """Sparse times dense, with the transposed matrix at hand for the way back."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, transposed: Tensor, dense: Tensor) -> Tensor:
        """`matrix @ dense`."""
        ctx.transposed = transposed
        return matrix @ dense

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None, Tensor]:
        """Gradient with respect to `dense`; the matrix is not trained."""
        return None, None, ctx.transposed @ gradients[0]


class Kept(Generic[T]):
    """What depends on features and graph alone: computed once, not at every epoch.

    Parameters
    ----------
    compute : callable
        `(x, adjacency) -> value`.
    """

    def __init__(self, compute: Callable[[Tensor, Tensor], T]) -> None:
        self._compute = compute
        self._of: tuple[Tensor, Tensor, T] | None = None

    def __call__(self, x: Tensor, adjacency: Tensor) -> T:
        """The value; the last one again for the very same tensors."""
        if self._of is None or self._of[0] is not x or self._of[1] is not adjacency:
            self._of = x, adjacency, self._compute(x, adjacency)
        return self._of[2]


def edges_of(adjacency: Tensor) -> Tensor:
    """Edges (2, E) of an adjacency, source above target, ordered by target, without self loops.

    Parameters
    ----------
    adjacency : Tensor, shape (n, n), sparse CSR
        Of `normalised`: its weights are not used.
    """
    edges, _ = entries(adjacency)
    return edges[:, edges[0] != edges[1]]


def sums(adjacency: Tensor) -> Operator:
    """Operator A: the sum over a cell's neighbours, without the cell itself."""
    edges = edges_of(adjacency)
    return _operator(edges, torch.ones(edges.shape[1]), adjacency)


def means(adjacency: Tensor) -> Operator:
    """Operator D^-1 A: the mean over a cell's neighbours; 0 for a cell without any."""
    edges = edges_of(adjacency)
    return _operator(edges, 1 / _degrees(edges, adjacency)[edges[1]], adjacency)


def symmetric(adjacency: Tensor) -> Operator:
    """Operator D^-1/2 A D^-1/2 without self loops, D the edges that arrive.

    A cell without arriving edges counts as one with one: so cells that are attached one-way change
    nothing among the others.
    """
    edges = edges_of(adjacency)
    degrees = _degrees(edges, adjacency)
    return _operator(edges, (degrees[edges[0]] * degrees[edges[1]]).rsqrt(), adjacency)


def _degrees(edges: Tensor, adjacency: Tensor) -> Tensor:
    """Arriving edges of each cell, at least 1, shape (n,), float32."""
    return torch.bincount(edges[1], minlength=len(adjacency)).clamp(min=1).float()


def _operator(edges: Tensor, values: Tensor, adjacency: Tensor) -> Operator:
    matrix = torch.sparse_coo_tensor(
        edges.flip(0), values, tuple(adjacency.shape), check_invariants=False
    )
    with files.quiet(BETA):
        return Operator(matrix.coalesce().to_sparse_csr())
