"""The paper's graph convolutional network (section IV.C)."""

from typing import cast

from torch import Tensor, nn
from torch_geometric.nn import GCNConv

from leukgnn.paper import EXTRACTOR, TRAINING


class GCN(nn.Module):
    r"""Two-layer graph convolutional network (section IV.C).

    .. math:: Z = \hat A\,\mathrm{dropout}(\mathrm{ReLU}(\hat A X W_0 + b_0))\,W_1 + b_1

    with the normalised adjacency of `leukgnn.networks.normalised` (Kipf & Welling 2017). The paper
    ends with a log-softmax; here the loss takes it, so the network returns logits.

    Parameters
    ----------
    in_channels, hidden_channels, out_channels : int
        Widths; the paper's are 512, 128 and 2.
    dropout : float
        Share of hidden units left out while training.

    Notes
    -----
    `forward(x, adjacency)`: `x` is (n, in_channels) float32, `adjacency` (n, n) sparse CSR, already
    normalised. Returns logits of shape (n, out_channels).
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
        # The adjacency comes normalised once instead of being normalised anew at every epoch.
        self.conv1 = GCNConv(in_channels, hidden_channels, normalize=False)
        self.conv2 = GCNConv(hidden_channels, out_channels, normalize=False)
        self.dropout = nn.Dropout(dropout)

    def hidden(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """Hidden features after the ReLU, shape (n, hidden_channels)."""
        return cast(Tensor, self.conv1(x, adjacency).relu())

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """Logits, shape (n, out_channels)."""
        hidden = self.dropout(self.hidden(x, adjacency))
        return cast(Tensor, self.conv2(hidden, adjacency))
