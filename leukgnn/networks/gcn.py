"""The networks and baselines of the paper: GCN, its graph-free twin, SVM, majority class."""

from typing import Any, cast

import torch
from sklearn.dummy import DummyClassifier
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from torch import Tensor, nn
from torch_geometric.nn import GCNConv

from leukgnn.paper import EXTRACTOR, TRAINING


class _Product(torch.autograd.Function):
    """Sparse times dense, with the transposed matrix at hand for the way back."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, transposed: Tensor, dense: Tensor) -> Tensor:
        """`matrix @ dense`."""
        ctx.transposed = transposed
        return matrix @ dense

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None, Tensor]:
        """Gradient with respect to `dense`; the adjacency is not trained."""
        return None, None, ctx.transposed @ gradients[0]


class SparseGCNConv(GCNConv):  # type: ignore[misc]
    """`GCNConv` that transposes a CSR adjacency once instead of at every backward pass.

    The transposition costs six times the product itself (2 cores, 7,936 cells, k = 10).
    """

    _adjacency: Tensor | None = None

    def message_and_aggregate(self, adj_t: Tensor, x: Tensor) -> Tensor:
        """Product of the adjacency and the transformed features."""
        if self._adjacency is not adj_t:
            self._adjacency, self._transposed = adj_t, adj_t.t().to_sparse_csr()
        return cast(Tensor, _Product.apply(adj_t, self._transposed, x))


class Dropout(nn.Dropout):
    """`torch.nn.Dropout`, three times as fast on a processor.

    There torch draws each kept unit by a Bernoulli call of its own, a quarter of an epoch's time;
    a uniform number each, rounded up after subtracting the share, gives the same distribution.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """Leave out units at random while training, and scale up the rest."""
        if not self.training or self.p in (0, 1):
            return super().forward(input)
        return input * torch.rand_like(input).sub_(self.p).ceil_().div_(1 - self.p)


class GCN(nn.Module):
    r"""Two-layer graph convolutional network (section IV.C).

    .. math:: Z = \hat A\,\mathrm{dropout}(\mathrm{ReLU}(\hat A X W_0 + b_0))\,W_1 + b_1

    with the normalised adjacency of `leukgnn.graph.adjacency` (Kipf & Welling 2017). The paper
    ends with a log-softmax; here the loss takes it, so the network returns logits.

    Parameters
    ----------
    in_channels, hidden_channels, out_channels : int
        Widths; the paper's are 512, 128 and 2.
    dropout : float
        Share of hidden units left out while training.

    Notes
    -----
    `forward(x, edge_index, edge_weight)`: `x` is (n, in_channels) float32; `edge_index` the
    (n, n) sparse CSR adjacency, already normalised, or an edge list (2, E) with the same values
    as `edge_weight`. Returns logits of shape (n, out_channels).
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
        self.conv2 = SparseGCNConv(hidden_channels, out_channels, normalize=False)
        self.dropout = Dropout(dropout)
        self._smoothed: tuple[Tensor, Tensor, Tensor] | None = None

    def hidden(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None = None) -> Tensor:
        """Hidden features after the ReLU, shape (n, hidden_channels)."""
        if edge_index.layout != torch.sparse_csr:
            return cast(Tensor, self.conv1(x, edge_index, edge_weight).relu())
        # A (X W) = (A X) W, and A X is the same at every epoch: computed once.
        if (
            self._smoothed is None
            or self._smoothed[0] is not x
            or self._smoothed[1] is not edge_index
        ):
            self._smoothed = x, edge_index, edge_index @ x
        return cast(Tensor, (self.conv1.lin(self._smoothed[2]) + self.conv1.bias).relu())

    def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None = None) -> Tensor:
        """Logits, shape (n, out_channels)."""
        hidden = self.dropout(self.hidden(x, edge_index, edge_weight))
        return cast(Tensor, self.conv2(hidden, edge_index, edge_weight))


class MLP(GCN):
    """The same network with the identity adjacency: every cell alone, no graph.

    Parameters, their initial values and the dropout are those of `GCN` at the same seed, so a
    difference between the two is the graph's. `edge_index` is taken and not used.
    """

    def hidden(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None = None) -> Tensor:
        """Hidden features after the ReLU, shape (n, hidden_channels)."""
        return cast(Tensor, (self.conv1.lin(x) + self.conv1.bias).relu())

    def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None = None) -> Tensor:
        """Logits, shape (n, out_channels)."""
        hidden = self.dropout(self.hidden(x, edge_index, edge_weight))
        return cast(Tensor, self.conv2.lin(hidden) + self.conv2.bias)


def parameter_count(network: nn.Module) -> int:
    """Count the trainable numbers of `network`."""
    return sum(value.numel() for value in network.parameters() if value.requires_grad)


def seeded(
    kind: type[GCN],
    seed: int,
    *,
    hidden_channels: int = TRAINING.hidden,
    dropout: float = TRAINING.dropout,
) -> GCN:
    """Build a network whose initial weights depend on `seed` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return kind(hidden_channels=hidden_channels, dropout=dropout)


def svm(strength: float) -> Pipeline:
    """RBF support vector machine on standardised features, classes weighted as in the GCN's loss.

    The paper names an SVM and neither its kernel nor its features; we give it the very features
    that the GCN gets. `strength` is the penalty C, gamma one over the number of features.

    The kernel is computed at once, by matrix products, and not row by row.
    """
    return make_pipeline(
        StandardScaler(), SVC(C=strength, kernel=rbf_kernel, class_weight="balanced")
    )


def majority() -> DummyClassifier:
    """Answer the most frequent class of the training cells, always."""
    return DummyClassifier(strategy="most_frequent")
