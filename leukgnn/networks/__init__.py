"""Networks, all `forward(x, adjacency) -> logits`, and the one way to train and to ask them."""

from leukgnn.networks.adjacency import neighbourhood, normalised
from leukgnn.networks.fast import accelerated
from leukgnn.networks.gcn import GCN
from leukgnn.networks.mlp import MLP
from leukgnn.networks.training import (
    CURVES,
    Settings,
    class_weights,
    fit,
    parameter_count,
    predict,
    seeded,
)

__all__ = [
    "CURVES",
    "GCN",
    "MLP",
    "Settings",
    "accelerated",
    "class_weights",
    "fit",
    "neighbourhood",
    "normalised",
    "parameter_count",
    "predict",
    "seeded",
]
