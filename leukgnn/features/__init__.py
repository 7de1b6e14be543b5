"""Features of cells: the feature file with its provenance, the shipped ones, what they hold."""

from leukgnn.features.probe import area_probe
from leukgnn.features.store import (
    COLUMNS,
    Features,
    all_sizes,
    control_features,
    features_hash,
    read_features,
    read_features_file,
    shipped_features,
    write_features,
)

__all__ = [
    "COLUMNS",
    "Features",
    "all_sizes",
    "area_probe",
    "control_features",
    "features_hash",
    "read_features",
    "read_features_file",
    "shipped_features",
    "write_features",
]
