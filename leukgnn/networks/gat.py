"""Graph attention: the weight of a neighbour is learned."""

from typing import cast

from torch import Tensor
from torch_geometric.nn import GATv2Conv

from leukgnn.networks.family import Family
from leukgnn.networks.operators import edges_of

HEADS = 8


def head_width(hidden_channels: int) -> int:
    """Width of each head, so that all together have half of the hidden channels."""
    return max(1, hidden_channels // (2 * HEADS))


class GAT(Family):
    """Two layers of attention over a cell and its neighbours (Brody et al. 2022: GATv2).

    Eight heads, then one, as in the first paper on graph attention; PyG's `GATv2Conv` on the edge
    list, as every edge has a vector of its own: many times slower than a sparse product. So all
    heads together have half of `hidden_channels`. Takes the edges alone.
    """

    def build(self, in_channels: int, hidden_channels: int, out_channels: int) -> None:
        """Make the layers."""
        width = head_width(hidden_channels)
        self.conv1 = GATv2Conv(in_channels, width, heads=HEADS, share_weights=True)
        self.conv2 = GATv2Conv(HEADS * width, out_channels, share_weights=True)

    def keep(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """The edges."""
        return edges_of(adjacency)

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """Logits, shape (n, out_channels)."""
        edges = self.kept(x, adjacency)
        hidden = self.dropout(self.conv1(x, edges).relu())
        return cast(Tensor, self.conv2(hidden, edges))

    def attention(self, x: Tensor, adjacency: Tensor) -> tuple[Tensor, Tensor]:
        """Edges (2, E + n), self loops last, and the first layer's mean weight of each, (E + n,).

        The weights of the edges that arrive at a cell sum to 1.
        """
        edges = self.kept(x, adjacency)
        _, (edges, weights) = self.conv1(x, edges, return_attention_weights=True)
        return edges, weights.mean(dim=1)
