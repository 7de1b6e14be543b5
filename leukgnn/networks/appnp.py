"""APPNP: decide alone, then spread the decisions."""

from torch import Tensor, nn

from leukgnn.networks.operators import Kept, Operator
from leukgnn.paper import EXTRACTOR, TRAINING

STEPS, RETURN = 10, 0.1  # of its paper, for citation graphs


class APPNP(nn.Module):
    r"""A network without graph whose logits are spread by personalised PageRank.

    .. math:: Z_0 = \mathrm{MLP}(X), \quad Z_{t+1} = 0.9\,\hat A Z_t + 0.1\,Z_0

    ten times (Gasteiger et al. 2019), as PyG's `APPNP`: it hears ten hops far with no parameter
    more than the MLP. On a graph without edges it is the MLP.

    Parameters
    ----------
    in_channels, hidden_channels, out_channels, dropout
        As of `GCN`.

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
    ) -> None:
        super().__init__()
        self.lin1 = nn.Linear(in_channels, hidden_channels)
        self.lin2 = nn.Linear(hidden_channels, out_channels)
        self.dropout = nn.Dropout(dropout)
        self._kept = Kept(lambda _, adjacency: Operator(adjacency))

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """Logits, shape (n, out_channels)."""
        operator = self._kept(x, adjacency)
        alone: Tensor = self.lin2(self.dropout(self.lin1(x).relu()))
        logits = alone
        for _ in range(STEPS):
            logits = (1 - RETURN) * (operator @ logits) + RETURN * alone
        return logits
