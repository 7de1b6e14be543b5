"""SIGN: features of several hops, computed beforehand."""

import torch
from torch import Tensor, nn

from leukgnn.networks.operators import Kept
from leukgnn.paper import EXTRACTOR, TRAINING


class SIGN(nn.Module):
    r"""A network over features that passed the adjacency 0 to `hops` times (Frasca et al. 2020).

    .. math:: Z = \mathrm{dropout}(\mathrm{ReLU}([X W_0, \hat A X W_1, \dots] + b))\,V + c

    The graph is in its inputs alone, so what further hops add can be told by leaving them out.

    Parameters
    ----------
    in_channels, hidden_channels, out_channels, dropout
        As of `GCN`; `hidden_channels` for each of the hops.
    hops : int

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
        hops: int = 2,
    ) -> None:
        super().__init__()
        self.lins1 = nn.ModuleList(nn.Linear(in_channels, hidden_channels) for _ in range(hops + 1))
        self.lin2 = nn.Linear((hops + 1) * hidden_channels, out_channels)
        self.dropout = nn.Dropout(dropout)
        self._kept = Kept(self._hops)

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """Logits, shape (n, out_channels)."""
        passed = self._kept(x, adjacency)
        hidden = torch.cat([lin(part) for lin, part in zip(self.lins1, passed, strict=True)], dim=1)
        logits: Tensor = self.lin2(self.dropout(hidden.relu()))
        return logits

    def _hops(self, x: Tensor, adjacency: Tensor) -> list[Tensor]:
        """Features that passed the adjacency 0, 1, 2, ... times."""
        passed = [x]
        for _ in self.lins1[1:]:
            passed.append(adjacency @ passed[-1])
        return passed
