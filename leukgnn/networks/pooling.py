"""A person's cells to one decision: a layer over the person's own graph, a pooling, a line."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch_geometric.nn import DenseGCNConv, TopKPooling, aggr, dense_diff_pool
from torch_geometric.utils import softmax

from leukgnn.paper import EXTRACTOR, TRAINING

CLUSTERS = 4  # of a person's cells, to which DiffPool assigns them
KEPT = 0.5  # share of a person's cells that top-k pooling keeps
HEADS = 4  # of the Set Transformer
SMALL = 1e-8  # mass of a cluster to which no cell is assigned


class Aggregated(nn.Module):
    """One of PyG's aggregations over the cells of each bag.

    Parameters
    ----------
    aggregation : Module
        `(hidden, bag) -> pooled`.
    """

    def __init__(self, aggregation: nn.Module) -> None:
        super().__init__()
        self.aggregation = aggregation

    def forward(self, hidden: Tensor, adjacency: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden features of each bag, shape (b, channels), and nothing to add to the loss."""
        return self.aggregation(hidden[there], bag_of(there)), hidden.new_zeros(())


class Attention(Aggregated):
    """A mean whose weights are learned (Ilse et al. 2018, without their gate)."""

    def __init__(self, channels: int) -> None:
        score = nn.Sequential(nn.Linear(channels, channels), nn.Tanh(), nn.Linear(channels, 1))
        super().__init__(aggr.AttentionalAggregation(score))
        self.score = score

    def weights(self, hidden: Tensor, there: Tensor) -> Tensor:
        """Weight of every cell that is there, bag by bag; those of a bag sum to 1."""
        weights: Tensor = softmax(self.score(hidden[there]).flatten(), bag_of(there))
        return weights


class TopK(nn.Module):
    """Mean of the half of the cells that score highest by a learned direction (Gao & Ji 2019)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.choice = TopKPooling(channels, ratio=KEPT)
        self.mean = aggr.MeanAggregation()

    def forward(self, hidden: Tensor, adjacency: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden features of each bag, shape (b, channels), and nothing to add to the loss."""
        no_edges = torch.zeros((2, 0), dtype=torch.int64)  # no layer follows that would hear along
        kept, _, _, bag, *_ = self.choice(hidden[there], no_edges, batch=bag_of(there))
        return self.mean(kept, bag), hidden.new_zeros(())


class DiffPool(nn.Module):
    """Cells are assigned to clusters, and a layer runs over the clusters' graph (Ying et al. 2018).

    A cluster has the mean of its cells and not, as there, their sum: what is said of a person
    should not depend on how many cells were photographed.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.assign = DenseGCNConv(channels, CLUSTERS)
        self.conv = DenseGCNConv(channels, channels)

    def forward(self, hidden: Tensor, adjacency: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden features of each bag, (b, channels), and the assignment's two losses, summed."""
        scores = self.assign(hidden, adjacency, there)
        summed, between, link, entropy = dense_diff_pool(hidden, adjacency, scores, there)
        mass = (scores.softmax(dim=-1) * there.unsqueeze(-1)).sum(dim=1).clamp(min=SMALL)
        clusters = self.conv(summed / mass.unsqueeze(-1), between).relu()
        return clusters.mean(dim=1), link + entropy


POOLINGS: dict[str, Callable[[int], nn.Module]] = {  # hidden channels -> pooling
    "pool_mean": lambda channels: Aggregated(aggr.MeanAggregation()),
    "pool_max": lambda channels: Aggregated(aggr.MaxAggregation()),
    "pool_attention": Attention,
    "pool_top_k": TopK,
    "pool_diff": DiffPool,
    "pool_set": lambda channels: Aggregated(
        aggr.SetTransformerAggregation(channels, heads=HEADS, layer_norm=True)
    ),
}


class PersonNetwork(nn.Module):
    """Decide about a person by a bag of the person's cells.

    A graph convolution over the person's own graph (without edges: a line for every cell alone), a
    pooling, and a line to the logits.

    Parameters
    ----------
    pooling : str
        Of `POOLINGS`.
    hidden_channels : int
        Four heads share them in the Set Transformer.
    dropout : float
        Share of hidden units left out while training.
    """

    def __init__(self, pooling: str, *, hidden_channels: int, dropout: float) -> None:
        super().__init__()
        self.conv = DenseGCNConv(EXTRACTOR.features, hidden_channels)
        self.pool = POOLINGS[pooling](hidden_channels)
        self.out = nn.Linear(hidden_channels, TRAINING.classes)
        self.dropout = nn.Dropout(dropout)

    def hidden(self, x: Tensor, adjacency: Tensor, there: Tensor) -> Tensor:
        """Hidden features of every place of every bag, shape (b, n, hidden_channels)."""
        hidden: Tensor = self.conv(x, adjacency, there).relu()
        return hidden

    def forward(self, x: Tensor, adjacency: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of every bag, and what the pooling adds to the loss.

        Parameters
        ----------
        x : Tensor, shape (b, n, 512)
            Bags of cells, filled up to n places.
        adjacency : Tensor, shape (b, n, n)
            1 between cells of a bag that hear each other.
        there : Tensor, shape (b, n), bool
            Places that hold a cell.

        Returns
        -------
        Tensor, shape (b, 2)
        Tensor, a number
        """
        hidden = self.dropout(self.hidden(x, adjacency, there))
        pooled, added = self.pool(hidden, adjacency, there)
        return self.out(pooled), added


def bag_of(there: Tensor) -> Tensor:
    """Number of the bag of every cell that is there, in order."""
    return there.nonzero()[:, 0]
