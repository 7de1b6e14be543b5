"""The other graph networks by their keys in `names.NETWORKS`."""

from leukgnn.networks.appnp import APPNP
from leukgnn.networks.cheb import ChebNet
from leukgnn.networks.family import Family
from leukgnn.networks.gat import GAT
from leukgnn.networks.gin import GIN
from leukgnn.networks.sage import SAGE
from leukgnn.networks.sign import SIGN, FourHopSIGN
from leukgnn.networks.strong import StrongGAT, StrongGCN, StrongSAGE
from leukgnn.networks.transformer import Transformer

FAMILIES: dict[str, type[Family]] = {
    "sage": SAGE,
    "gat": GAT,
    "cheb": ChebNet,
    "gin": GIN,
    "appnp": APPNP,
    "sign_2": SIGN,
    "sign_4": FourHopSIGN,
    "strong_gcn": StrongGCN,
    "strong_sage": StrongSAGE,
    "strong_gat": StrongGAT,
    "transformer": Transformer,
}
# How far along the edges each network hears.
HOPS = {
    "gcn": 2, "sage": 2, "gat": 2, "cheb": 4, "gin": 2, "appnp": 10, "sign_2": 2, "sign_4": 4,
    "strong_gcn": 3, "strong_sage": 3, "strong_gat": 3, "transformer": 2,
}  # fmt: skip
