"""A graph transformer: attention over neighbours between a cell's own layers."""

from typing import cast

from torch import Tensor, nn
from torch_geometric.nn import TransformerConv

from leukgnn.networks.family import Family
from leukgnn.networks.gat import HEADS, head_width
from leukgnn.networks.operators import edges_of

BLOCKS = 2


class Transformer(Family):
    r"""Two blocks of a transformer whose cells attend to their neighbours (Dwivedi & Bresson 2021).

    .. math:: G_l = \mathrm{LN}(H_l + \mathrm{dropout}(\mathrm{attention}(H_l))), \quad
        H_{l+1} = \mathrm{LN}(G_l + \mathrm{dropout}(\mathrm{ReLU}(G_l U_l + c_l) V_l + d_l))

    with H_1 a linear map of the features and PyG's `TransformerConv` (eight heads) for attention;
    without their encoding of positions, as a new cell's would depend on who else is asked.
    Attention over all cells, as in `GPSConv`, would let new cells hear each other. All heads
    together have half of `hidden_channels`, as of `GAT`. Takes the edges alone.
    """

    def build(self, in_channels: int, hidden_channels: int, out_channels: int) -> None:
        """Make the layers."""
        width = HEADS * head_width(hidden_channels)
        self.first = nn.Linear(in_channels, width)
        self.attention = nn.ModuleList(
            TransformerConv(width, width // HEADS, heads=HEADS, root_weight=False)
            for _ in range(BLOCKS)
        )
        for attention in self.attention:
            del attention.lin_skip  # made, but of no use without a root weight
        self.own = nn.ModuleList(
            nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
            for _ in range(BLOCKS)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2 * BLOCKS))
        self.out = nn.Linear(width, out_channels)

    def keep(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """The edges."""
        return edges_of(adjacency)

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """Logits, shape (n, out_channels)."""
        edges = self.kept(x, adjacency)
        hidden = self.first(x)
        for block, (attention, own) in enumerate(zip(self.attention, self.own, strict=True)):
            hidden = self.norms[2 * block](hidden + self.dropout(attention(hidden, edges)))
            hidden = self.norms[2 * block + 1](hidden + self.dropout(own(hidden)))
        return cast(Tensor, self.out(hidden))
