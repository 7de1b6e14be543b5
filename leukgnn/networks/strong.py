"""The recipe that makes plain graph networks strong: paths past the graph, norms, jumps, depth."""

import torch
from torch import Tensor, nn

from leukgnn.networks.operators import Kept, Operator, means
from leukgnn.paper import EXTRACTOR, TRAINING

LAYERS = 3


class Strong(nn.Module):
    r"""A GCN or GraphSAGE by the recipe of Luo et al. (2024, arXiv 2406.08993).

    .. math:: H_{l+1} = \mathrm{dropout}(\mathrm{ReLU}(\mathrm{LN}(P H_l W_l + H_l V_l + b_l))),
        \quad Z = [H_1, \dots, H_3]\,U + c

    with P the normalised adjacency ("gcn") or the neighbours' mean ("sage"). Layer norms, unlike
    batch norms, let no cell's answer depend on who is measured with it.

    Parameters
    ----------
    in_channels, hidden_channels, out_channels, dropout
        As of `GCN`.
    means : bool
        P is the mean over the neighbours, as of `SAGE`; else that of `GCN`.

    Notes
    -----
    `forward(x, adjacency)` as of `GCN`.
    """

    def __init__(
        self,
        in_channels: int = EXTRACTOR.features,
        hidden_channels: int = TRAINING.hidden,
        out_channels: int = TRAINING.classes,
        *,
        dropout: float = TRAINING.dropout,
        means: bool = False,
    ) -> None:
        super().__init__()
        widths = [in_channels, *[hidden_channels] * (LAYERS - 1)]
        self.own = nn.ModuleList(nn.Linear(width, hidden_channels) for width in widths)
        self.near = nn.ModuleList(nn.Linear(width, hidden_channels, bias=False) for width in widths)
        self.norms = nn.ModuleList(nn.LayerNorm(hidden_channels) for _ in widths)
        self.out = nn.Linear(LAYERS * hidden_channels, out_channels)
        self.dropout = nn.Dropout(dropout)
        self._kept = Kept(_means if means else _normalised)

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """Logits, shape (n, out_channels)."""
        operator, near = self._kept(x, adjacency)
        hidden, jumps = x, []
        for layer, (own, lin, norm) in enumerate(zip(self.own, self.near, self.norms, strict=True)):
            along = lin(near) if layer == 0 else operator @ lin(hidden)
            hidden = self.dropout(norm(along + own(hidden)).relu())
            jumps.append(hidden)
        logits: Tensor = self.out(torch.cat(jumps, dim=1))
        return logits


def _normalised(x: Tensor, adjacency: Tensor) -> tuple[Operator, Tensor]:
    operator = Operator(adjacency)
    return operator, operator @ x


def _means(x: Tensor, adjacency: Tensor) -> tuple[Operator, Tensor]:
    operator = means(adjacency)
    return operator, operator @ x
