"""The GCN with what graph networks often carry besides: a batch norm, a path past the graph."""

from typing import cast

from torch import Tensor, nn
from torch_geometric.nn import GCNConv

from leukgnn.paper import EXTRACTOR, TRAINING


class VariedGCN(nn.Module):
    r"""The paper's network, its layers varied; on a graph without edges it is its own twin.

    .. math:: H = \mathrm{ReLU}(\mathrm{BN}(\hat A X W_0 + b_0 + X V_0)), \quad
        Z = \hat A\,\mathrm{dropout}(H) W_1 + b_1 + \mathrm{dropout}(H) V_1

    Parameters
    ----------
    in_channels, hidden_channels, out_channels, dropout
        As of `GCN`.
    batch_norm : bool
        BN, over all cells of the graph; left out when false.
    residual : bool
        The terms with V; left out when false.
    """

    def __init__(
        self,
        in_channels: int = EXTRACTOR.features,
        hidden_channels: int = TRAINING.hidden,
        out_channels: int = TRAINING.classes,
        *,
        dropout: float = TRAINING.dropout,
        batch_norm: bool = False,
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.conv1 = GCNConv(in_channels, hidden_channels, normalize=False)
        self.conv2 = GCNConv(hidden_channels, out_channels, normalize=False)
        self.norm = nn.BatchNorm1d(hidden_channels) if batch_norm else nn.Identity()
        past = [(in_channels, hidden_channels), (hidden_channels, out_channels)]
        self.past = nn.ModuleList(nn.Linear(*shape, bias=False) for shape in past if residual)
        self.dropout = nn.Dropout(dropout)

    def _layer(self, number: int, x: Tensor, adjacency: Tensor) -> Tensor:
        """One convolution and, where there is one, the path past the graph."""
        along = (self.conv1, self.conv2)[number](x, adjacency)
        return cast(Tensor, along + self.past[number](x) if self.past else along)

    def hidden(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """Hidden features after the ReLU, shape (n, hidden_channels)."""
        return cast(Tensor, self.norm(self._layer(0, x, adjacency)).relu())

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """Logits, shape (n, out_channels)."""
        return self._layer(1, self.dropout(self.hidden(x, adjacency)), adjacency)
