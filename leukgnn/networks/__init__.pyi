from .adjacency import neighbourhood, normalised
from .fast import accelerated
from .gcn import GCN
from .mlp import MLP
from .propagation import correct_and_smooth, label_propagation, smoothed
from .settings import CURVES, Settings
from .training import class_weights, fit, hidden, parameter_count, predict, seeded

__all__ = [
    "CURVES",
    "GCN",
    "MLP",
    "Settings",
    "accelerated",
    "class_weights",
    "correct_and_smooth",
    "fit",
    "hidden",
    "label_propagation",
    "neighbourhood",
    "normalised",
    "parameter_count",
    "predict",
    "seeded",
    "smoothed",
]
