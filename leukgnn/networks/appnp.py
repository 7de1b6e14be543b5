"""APPNP: decide alone, then spread the decisions."""

from torch import Tensor, nn

from leukgnn.networks.family import Family
from leukgnn.networks.operators import Operator

STEPS, RETURN = 10, 0.1  # of its paper, for citation graphs


class APPNP(Family):
    r"""A network without graph whose logits are spread by personalised PageRank.

    .. math:: Z_0 = \mathrm{MLP}(X), \quad Z_{t+1} = 0.9\,\hat A Z_t + 0.1\,Z_0

    ten times (Gasteiger et al. 2019), as PyG's `APPNP`: it hears ten hops far with no parameter
    more than the MLP. On a graph without edges it is the MLP.
    """

    def build(self, in_channels: int, hidden_channels: int, out_channels: int) -> None:
        """Make the layers."""
        self.lin1 = nn.Linear(in_channels, hidden_channels)
        self.lin2 = nn.Linear(hidden_channels, out_channels)

    def keep(self, x: Tensor, adjacency: Tensor) -> Operator:
        """The adjacency, ready to be trained through."""
        return Operator(adjacency)

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """Logits, shape (n, out_channels)."""
        operator = self.kept(x, adjacency)
        alone: Tensor = self.lin2(self.dropout(self.lin1(x).relu()))
        logits = alone
        for _ in range(STEPS):
            logits = (1 - RETURN) * (operator @ logits) + RETURN * alone
        return logits
