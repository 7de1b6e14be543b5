"""Graph isomorphism network: sums of neighbours and a deeper layer."""

from torch import Tensor, nn

from leukgnn.networks.family import Family
from leukgnn.networks.operators import Operator, sums


class GIN(Family):
    r"""Two layers that add up a cell and its neighbours (Xu et al. 2019, eps = 0).

    .. math:: H = \mathrm{ReLU}(f_0((1 + A) X)), \quad Z = f_1((1 + A) H)

    with two-layer networks f (batch norm between) and dropout on H, as PyG's `GINConv`. A sum
    grows with the number of neighbours: a cell attached to k has fewer than most cells trained on.
    Takes the edges alone.
    """

    def build(self, in_channels: int, hidden_channels: int, out_channels: int) -> None:
        """Make the layers."""
        self.layer1 = _layer(in_channels, hidden_channels, hidden_channels)
        self.layer2 = _layer(hidden_channels, hidden_channels, out_channels)

    def keep(self, x: Tensor, adjacency: Tensor) -> tuple[Operator, Tensor]:
        """The operator A, and the sums of every cell and its neighbours."""
        total = sums(adjacency)
        return total, x + total @ x

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """Logits, shape (n, out_channels)."""
        total, summed = self.kept(x, adjacency)
        hidden = self.dropout(self.layer1(summed).relu())
        logits: Tensor = self.layer2(hidden + total @ hidden)
        return logits


def _layer(in_channels: int, hidden_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(in_channels, hidden_channels),
        nn.BatchNorm1d(hidden_channels),
        nn.ReLU(),
        nn.Linear(hidden_channels, out_channels),
    )
