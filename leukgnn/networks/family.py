"""What the other graph networks have in common."""

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor, nn

from leukgnn.networks.operators import Kept
from leukgnn.paper import EXTRACTOR, TRAINING


class Family(nn.Module, ABC):
    """A graph network: layers of given widths, dropout, and what is computed once for a graph.

    Parameters
    ----------
    in_channels, hidden_channels, out_channels, dropout
        As of `GCN`.

    Notes
    -----
    `forward(x, adjacency)` as of `GCN`. Where a family takes no more than the edges of the
    adjacency, its text says so.
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
        self.build(in_channels, hidden_channels, out_channels)
        self.dropout = nn.Dropout(dropout)
        self.kept: Kept[Any] = Kept(self.keep)

    @abstractmethod
    def build(self, in_channels: int, hidden_channels: int, out_channels: int) -> None:
        """Make the layers."""

    @abstractmethod
    def keep(self, x: Tensor, adjacency: Tensor) -> Any:
        """What of features and graph is the same at every epoch."""
