"""The graph network's twin without graph."""

from typing import cast

from torch import Tensor, nn
from torch_geometric.nn import GCNConv

from leukgnn.networks.gcn import GCN
from leukgnn.paper import EXTRACTOR, TRAINING


class MLP(nn.Module):
    r"""The GCN with the identity in place of the adjacency: every cell alone, no graph.

    .. math:: Z = \mathrm{dropout}(\mathrm{ReLU}(X W_0 + b_0))\,W_1 + b_1

    Its parameters start with the values that a `GCN` has at the same seed, so a difference between
    the two is the graph's.

    Parameters
    ----------
    in_channels, hidden_channels, out_channels, dropout
        As of `GCN`.

    Notes
    -----
    `forward(x, adjacency)` is called as that of every network; the adjacency is not used.
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
        twin = GCN(in_channels, hidden_channels, out_channels)
        self.lin1, self.lin2 = _linear(twin.conv1), _linear(twin.conv2)
        self.dropout = nn.Dropout(dropout)

    def hidden(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """Hidden features after the ReLU, shape (n, hidden_channels)."""
        return cast(Tensor, self.lin1(x).relu())

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """Logits, shape (n, out_channels)."""
        return cast(Tensor, self.lin2(self.dropout(self.hidden(x, adjacency))))


def _linear(conv: GCNConv) -> nn.Linear:
    """Linear layer with a graph convolution's weight and bias."""
    layer = nn.Linear(conv.in_channels, conv.out_channels)
    layer.weight, layer.bias = conv.lin.weight, conv.bias
    return layer
