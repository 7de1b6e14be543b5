from .adjacency import adjacency_of, entries, neighbourhood, normalised, similarities
from .families import FAMILIES, HOPS
from .fast import accelerated
from .gcn import GCN
from .metric import learned_projection
from .mlp import MLP
from .people import BAG, attention_to_cells, fit_people, predict_people
from .pooling import POOLINGS, PersonNetwork
from .propagation import correct_and_smooth, label_propagation, smoothed
from .settings import CURVES, Settings
from .training import attention, class_weights, fit, hidden, parameter_count, predict, seeded
from .varied import VariedGCN

__all__ = [
    "BAG",
    "CURVES",
    "FAMILIES",
    "GCN",
    "HOPS",
    "MLP",
    "POOLINGS",
    "PersonNetwork",
    "Settings",
    "VariedGCN",
    "accelerated",
    "adjacency_of",
    "attention",
    "attention_to_cells",
    "class_weights",
    "correct_and_smooth",
    "entries",
    "fit",
    "fit_people",
    "hidden",
    "label_propagation",
    "learned_projection",
    "neighbourhood",
    "normalised",
    "parameter_count",
    "predict",
    "predict_people",
    "seeded",
    "similarities",
    "smoothed",
]
