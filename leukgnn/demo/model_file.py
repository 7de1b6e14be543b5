"""The demo's model file: where it stands, which one belongs to which weights, what is in it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from leukgnn.features.resnet import Weights
from leukgnn.files import InputError, shipped_path

SHIPPED = ("features_encoder.npz", "features.npz")
PARAMETERS = {  # weights and biases of a network's two layers, as `state_dict` calls them
    "gcn": ("conv1.lin.weight", "conv1.bias", "conv2.lin.weight", "conv2.bias"),
    "mlp": ("lin1.weight", "lin1.bias", "lin2.weight", "lin2.bias"),
}
PASSED_ON = ("degree", "scores")  # of the reference cells, see `demo.model.passed_on`
TENSORS = (*(f"{key}.{name}" for key, names in PARAMETERS.items() for name in names), *PASSED_ON)
Floats = NDArray[np.float64]


def model_path(reference: Path) -> Path:
    """Model file that belongs to a feature file."""
    return reference.with_suffix(".safetensors")


def read_model(reference: Path) -> tuple[dict[str, Floats], dict[str, Any]]:
    """Tensors (float64) and metadata of the model file beside a feature file.

    Raises
    ------
    InputError
        When there is none, or a tensor is missing, as in files with an earlier version's names.
    """
    path = model_path(reference)
    try:
        with safe_open(path, framework="numpy") as stored:
            tensors = {name: stored.get_tensor(name).astype(np.float64) for name in TENSORS}
            metadata: dict[str, Any] = json.loads((stored.metadata() or {})["leukgnn"])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise InputError(
            f"{path}: not a model of leukgnn ({error}); make it with `leukgnn model {reference}`."
        ) from error
    return tensors, metadata


def find_reference(weights: Weights) -> Path:
    """Shipped feature file whose cells were seen by the same weights.

    Raises
    ------
    InputError
        When there is none: features of different networks cannot be compared.
    """
    for name in SHIPPED:
        path = shipped_path(name)
        provenance = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        if provenance["weights"]["sha256"] == weights.sha256:
            return path
    raise InputError(
        f"no reference cells were seen by these weights ({weights.name}): make some with "
        "`leukgnn features DIR --weights FILE` and `leukgnn model features.npz`, then give "
        "--reference features.npz."
    )
