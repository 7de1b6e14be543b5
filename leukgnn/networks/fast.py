"""The same networks, trained faster on a processor: what the textbook classes need not know.

Each trick is exact: the fast form shares the network's parameters and gives the same logits and
gradients (tests/networks). `fit` uses it; nothing else has to.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from leukgnn.networks.gcn import GCN
from leukgnn.networks.mlp import MLP
from leukgnn.networks.operators import Kept, Operator


def accelerated(network: nn.Module) -> nn.Module:
    """Fast form of a network, sharing its parameters; the network itself where there is none."""
    if isinstance(network, GCN):
        return _FastGCN(network)
    if isinstance(network, MLP):
        return _FastMLP(network)
    return network


class Dropout(nn.Dropout):
    """`torch.nn.Dropout`, three times as fast on a processor.

    There torch draws each kept unit by a Bernoulli call of its own, a quarter of an epoch's time;
    a uniform number each, rounded up after subtracting the share, gives the same distribution
    (of other random numbers, so not the same bits).
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """Leave out units at random while training, and scale up the rest."""
        if not self.training or self.p in (0, 1):
            return super().forward(input)
        return input * torch.rand_like(input).sub_(self.p).ceil_().div_(1 - self.p)


class _FastGCN(nn.Module):
    """A X is the same at every epoch: computed once, as A (X W) = (A X) W."""

    def __init__(self, network: GCN) -> None:
        super().__init__()
        self.network = network
        self.dropout = Dropout(network.dropout.p)
        self._smooth = Kept(lambda x, adjacency: (Operator(adjacency), adjacency @ x))

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """Logits, shape (n, out_channels)."""
        conv1, conv2 = self.network.conv1, self.network.conv2
        operator, smooth = self._smooth(x, adjacency)
        hidden = (conv1.lin(smooth) + conv1.bias).relu()
        logits: Tensor = operator @ conv2.lin(self.dropout(hidden)) + conv2.bias
        return logits


class _FastMLP(nn.Module):
    """The MLP with the fast dropout."""

    def __init__(self, network: MLP) -> None:
        super().__init__()
        self.network = network
        self.dropout = Dropout(network.dropout.p)

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """Logits, shape (n, out_channels)."""
        lin1, lin2 = self.network.lin1, self.network.lin2
        hidden = (linear(x, lin1.weight) + lin1.bias).relu()
        return linear(self.dropout(hidden), lin2.weight) + lin2.bias
