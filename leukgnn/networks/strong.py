"""The recipe that makes plain graph networks strong: paths past the graph, norms, jumps, depth."""

from abc import abstractmethod
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch_geometric.nn import GATv2Conv

from leukgnn.networks.family import Family
from leukgnn.networks.gat import HEADS, head_width
from leukgnn.networks.operators import Operator, edges_of, means

LAYERS = 3


class Strong(Family):
    r"""Layers by the recipe of Luo et al. (2024, arXiv 2406.08993); what hears is the subclass's.

    .. math:: H_{l+1} = \mathrm{dropout}(\mathrm{ReLU}(\mathrm{LN}(
        \mathrm{near}_l(H_l) + H_l V_l + b_l))), \quad Z = [H_1, \dots, H_3]\,U + c

    Layer norms, unlike batch norms, let no cell's answer depend on who is measured with it.
    """

    def build(self, in_channels: int, hidden_channels: int, out_channels: int) -> None:
        """Make the layers."""
        widths = [in_channels, *[hidden_channels] * (LAYERS - 1)]
        self.own = nn.ModuleList(nn.Linear(width, hidden_channels) for width in widths)
        self.near = nn.ModuleList(self.layer(width, hidden_channels) for width in widths)
        self.norms = nn.ModuleList(nn.LayerNorm(hidden_channels) for _ in widths)
        self.out = nn.Linear(LAYERS * hidden_channels, out_channels)

    def layer(self, width: int, hidden_channels: int) -> nn.Module:
        """What is learned of a layer's hearing."""
        return nn.Linear(width, hidden_channels, bias=False)

    @abstractmethod
    def heard(self, layer: int, hidden: Tensor, kept: Any) -> Tensor:
        """What a layer hears along the edges, shape (n, hidden_channels)."""

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """Logits, shape (n, out_channels)."""
        kept = self.kept(x, adjacency)
        hidden, jumps = x, []
        for layer, (own, norm) in enumerate(zip(self.own, self.norms, strict=True)):
            along = self.heard(layer, hidden, kept)
            hidden = self.dropout(norm(along + own(hidden)).relu())
            jumps.append(hidden)
        logits: Tensor = self.out(torch.cat(jumps, dim=1))
        return logits


class StrongGCN(Strong):
    r"""The recipe for the GCN: :math:`\mathrm{near}_l(H) = P H W_l`, P the adjacency."""

    def operator(self, adjacency: Tensor) -> Operator:
        """P."""
        return Operator(adjacency)

    def keep(self, x: Tensor, adjacency: Tensor) -> tuple[Operator, Tensor]:
        """P, and P X."""
        operator = self.operator(adjacency)
        return operator, operator @ x

    def heard(self, layer: int, hidden: Tensor, kept: tuple[Operator, Tensor]) -> Tensor:
        """P H W; P X is known."""
        operator, near = kept
        lin = self.near[layer]
        return cast(Tensor, lin(near) if layer == 0 else operator @ lin(hidden))


class StrongSAGE(StrongGCN):
    """The same with P the mean over a cell's neighbours, as of `SAGE`: takes the edges alone."""

    def operator(self, adjacency: Tensor) -> Operator:
        """P."""
        return means(adjacency)


class StrongGAT(Strong):
    """The recipe for attention, as of `GAT`: eight heads in each layer, and half the width."""

    def build(self, in_channels: int, hidden_channels: int, out_channels: int) -> None:
        """Make the layers."""
        super().build(in_channels, HEADS * head_width(hidden_channels), out_channels)

    def layer(self, width: int, hidden_channels: int) -> nn.Module:
        """Attention over a cell and its neighbours."""
        each = hidden_channels // HEADS
        attention: nn.Module = GATv2Conv(width, each, heads=HEADS, share_weights=True, bias=False)
        return attention

    def keep(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """The edges."""
        return edges_of(adjacency)

    def heard(self, layer: int, hidden: Tensor, kept: Tensor) -> Tensor:
        """What attention lets through."""
        return cast(Tensor, self.near[layer](hidden, kept))
