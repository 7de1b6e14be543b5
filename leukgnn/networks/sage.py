"""GraphSAGE with mean neighbours."""

from torch import Tensor, nn

from leukgnn.networks.family import Family
from leukgnn.networks.operators import Operator, means


class SAGE(Family):
    r"""Two layers of a cell's own features beside its neighbours' mean (Hamilton et al. 2017).

    .. math:: H = \mathrm{ReLU}(X V_0 + b_0 + D^{-1}A X W_0), \quad Z = H V_1 + b_1 + D^{-1}A H W_1

    without self loops and with dropout on H, as PyG's `SAGEConv`. Takes the edges alone.
    """

    def build(self, in_channels: int, hidden_channels: int, out_channels: int) -> None:
        """Make the layers."""
        self.own1 = nn.Linear(in_channels, hidden_channels)
        self.near1 = nn.Linear(in_channels, hidden_channels, bias=False)
        self.own2 = nn.Linear(hidden_channels, out_channels)
        self.near2 = nn.Linear(hidden_channels, out_channels, bias=False)

    def keep(self, x: Tensor, adjacency: Tensor) -> tuple[Operator, Tensor]:
        """The operator, and every cell's mean neighbour."""
        mean = means(adjacency)
        return mean, mean @ x

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """Logits, shape (n, out_channels)."""
        mean, near = self.kept(x, adjacency)
        hidden = self.dropout((self.own1(x) + self.near1(near)).relu())
        logits: Tensor = self.own2(hidden) + mean @ self.near2(hidden)
        return logits
