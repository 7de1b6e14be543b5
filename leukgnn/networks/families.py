"""The other graph networks by their keys in `names.NETWORKS`."""

from collections.abc import Callable
from functools import partial

from torch import nn

from leukgnn.networks.appnp import APPNP
from leukgnn.networks.cheb import ChebNet
from leukgnn.networks.gat import GAT
from leukgnn.networks.gin import GIN
from leukgnn.networks.sage import SAGE
from leukgnn.networks.sign import SIGN
from leukgnn.networks.strong import Strong

FAMILIES: dict[str, Callable[..., nn.Module]] = {
    "sage": SAGE,
    "gat": GAT,
    "cheb": ChebNet,
    "gin": GIN,
    "appnp": APPNP,
    "sign_2": partial(SIGN, hops=2),
    "sign_4": partial(SIGN, hops=4),
    "strong_gcn": Strong,
    "strong_sage": partial(Strong, means=True),
}
