"""ChebNet: polynomials of the graph's Laplacian."""

import torch
from torch import Tensor, nn

from leukgnn.networks.family import Family
from leukgnn.networks.operators import Operator, symmetric

TERMS = 3  # of the polynomial: a layer reaches two hops


class ChebNet(Family):
    r"""Two layers of Chebyshev polynomials (Defferrard et al. 2016).

    .. math:: H = \mathrm{ReLU}(\sum_k T_k X W_{0k} + b_0), \quad Z = \sum_k T_k H W_{1k} + b_1

    with :math:`T_0 = 1, T_1 = L, T_2 = 2 L^2 - 1` of the scaled Laplacian
    :math:`L = -D^{-1/2} A D^{-1/2}` (largest eigenvalue taken as 2) and dropout on H. On a graph
    with edges both ways these are the logits of PyG's `ChebConv`; that counts the edges that leave
    a cell, so a cell attached one-way would hear nothing and yet change its neighbours' weights.
    Takes the edges alone.
    """

    def build(self, in_channels: int, hidden_channels: int, out_channels: int) -> None:
        """Make the layers."""
        self.lin1 = nn.Linear(TERMS * in_channels, hidden_channels)
        self.lins2 = nn.ModuleList(
            nn.Linear(hidden_channels, out_channels, bias=term == 0) for term in range(TERMS)
        )

    def keep(self, x: Tensor, adjacency: Tensor) -> tuple[Operator, Tensor]:
        """The operator -L, and the terms T_k X side by side, shape (n, `TERMS` d)."""
        operator = symmetric(adjacency)
        near = operator @ x
        return operator, torch.cat([x, -near, 2 * (operator @ near) - x], dim=1)

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """Logits, shape (n, out_channels)."""
        operator, terms = self.kept(x, adjacency)
        hidden = self.dropout(self.lin1(terms).relu())
        y0, y1, y2 = (lin(hidden) for lin in self.lins2)  # T_k (H W) = (T_k H) W, and narrower
        logits: Tensor = y0 - operator @ y1 + 2 * (operator @ (operator @ y2)) - y2
        return logits
