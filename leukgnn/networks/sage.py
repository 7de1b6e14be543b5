"""GraphSAGE with mean neighbours."""

from torch import Tensor, nn

from leukgnn.networks.operators import Kept, Operator, means
from leukgnn.paper import EXTRACTOR, TRAINING


class SAGE(nn.Module):
    r"""Two layers of a cell's own features beside its neighbours' mean (Hamilton et al. 2017).

    .. math:: H = \mathrm{ReLU}(X V_0 + b_0 + D^{-1}A X W_0), \quad Z = H V_1 + b_1 + D^{-1}A H W_1

    without self loops and with dropout on H, as PyG's `SAGEConv`.

    Parameters
    ----------
    in_channels, hidden_channels, out_channels, dropout
        As of `GCN`.

    Notes
    -----
    `forward(x, adjacency)` as of `GCN`; of the adjacency only its edges are used.
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
        self.own1 = nn.Linear(in_channels, hidden_channels)
        self.near1 = nn.Linear(in_channels, hidden_channels, bias=False)
        self.own2 = nn.Linear(hidden_channels, out_channels)
        self.near2 = nn.Linear(hidden_channels, out_channels, bias=False)
        self.dropout = nn.Dropout(dropout)
        self._kept = Kept(_means)

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """Logits, shape (n, out_channels)."""
        mean, near = self._kept(x, adjacency)
        hidden = self.dropout((self.own1(x) + self.near1(near)).relu())
        logits: Tensor = self.own2(hidden) + mean @ self.near2(hidden)
        return logits


def _means(x: Tensor, adjacency: Tensor) -> tuple[Operator, Tensor]:
    """The operator, and every cell's mean neighbour."""
    mean = means(adjacency)
    return mean, mean @ x
