"""The recipe that makes plain graph networks strong: paths past the graph, norms, jumps, depth."""

import torch
from torch import Tensor, nn

from leukgnn.networks.family import Family
from leukgnn.networks.operators import Operator, means

LAYERS = 3


class StrongGCN(Family):
    r"""A GCN by the recipe of Luo et al. (2024, arXiv 2406.08993).

    .. math:: H_{l+1} = \mathrm{dropout}(\mathrm{ReLU}(\mathrm{LN}(P H_l W_l + H_l V_l + b_l))),
        \quad Z = [H_1, \dots, H_3]\,U + c

    with P the normalised adjacency. Layer norms, unlike batch norms, let no cell's answer depend on
    who is measured with it.
    """

    def build(self, in_channels: int, hidden_channels: int, out_channels: int) -> None:
        """Make the layers."""
        widths = [in_channels, *[hidden_channels] * (LAYERS - 1)]
        self.own = nn.ModuleList(nn.Linear(width, hidden_channels) for width in widths)
        self.near = nn.ModuleList(nn.Linear(width, hidden_channels, bias=False) for width in widths)
        self.norms = nn.ModuleList(nn.LayerNorm(hidden_channels) for _ in widths)
        self.out = nn.Linear(LAYERS * hidden_channels, out_channels)

    def operator(self, adjacency: Tensor) -> Operator:
        """P."""
        return Operator(adjacency)

    def keep(self, x: Tensor, adjacency: Tensor) -> tuple[Operator, Tensor]:
        """P, and P X."""
        operator = self.operator(adjacency)
        return operator, operator @ x

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """Logits, shape (n, out_channels)."""
        operator, near = self.kept(x, adjacency)
        hidden, jumps = x, []
        for layer, (own, lin, norm) in enumerate(zip(self.own, self.near, self.norms, strict=True)):
            along = lin(near) if layer == 0 else operator @ lin(hidden)
            hidden = self.dropout(norm(along + own(hidden)).relu())
            jumps.append(hidden)
        logits: Tensor = self.out(torch.cat(jumps, dim=1))
        return logits


class StrongSAGE(StrongGCN):
    """The same with P the mean over a cell's neighbours, as of `SAGE`: takes the edges alone."""

    def operator(self, adjacency: Tensor) -> Operator:
        """P."""
        return means(adjacency)
