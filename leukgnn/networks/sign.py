"""SIGN: features of several hops, computed beforehand."""

import torch
from torch import Tensor, nn

from leukgnn.networks.family import Family


class SIGN(Family):
    r"""A network over features that passed the adjacency 0 to `hops` times (Frasca et al. 2020).

    .. math:: Z = \mathrm{dropout}(\mathrm{ReLU}([X W_0, \hat A X W_1, \dots] + b))\,V + c

    The graph is in its inputs alone, so what further hops add can be told by leaving them out. Its
    hidden units are as many for each of the hops.
    """

    hops = 2

    def build(self, in_channels: int, hidden_channels: int, out_channels: int) -> None:
        """Make the layers."""
        self.lins1 = nn.ModuleList(
            nn.Linear(in_channels, hidden_channels) for _ in range(self.hops + 1)
        )
        self.lin2 = nn.Linear((self.hops + 1) * hidden_channels, out_channels)

    def keep(self, x: Tensor, adjacency: Tensor) -> list[Tensor]:
        """Features that passed the adjacency 0, 1, 2, ... times."""
        passed = [x]
        for _ in range(self.hops):
            passed.append(adjacency @ passed[-1])
        return passed

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """Logits, shape (n, out_channels)."""
        passed = self.kept(x, adjacency)
        hidden = torch.cat([lin(part) for lin, part in zip(self.lins1, passed, strict=True)], dim=1)
        logits: Tensor = self.lin2(self.dropout(hidden.relu()))
        return logits


class FourHopSIGN(SIGN):
    """`SIGN` over four hops."""

    hops = 4
