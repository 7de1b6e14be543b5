"""The model that the demo answers with: trained on all reference cells, measured on others.

The model file stands beside the features that it was trained on, under their name.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor

from leukgnn import evaluation, experiments, files, networks
from leukgnn.cells import training_cells
from leukgnn.demo.model_file import model_path
from leukgnn.evaluation import SENSITIVITY, threshold_at
from leukgnn.experiments import Partition, Plan, Sources, Store, Task
from leukgnn.features import Features, features_hash, read_features_file
from leukgnn.features.resnet import ENCODER
from leukgnn.files import InputError
from leukgnn.graphs import Joined, like_within
from leukgnn.networks import GCN, Settings
from leukgnn.paper import GRAPH, TRAINING

NETWORKS = ("gcn", "mlp")
SHOWN = ("accuracy", "roc_auc", "recall", "specificity")


def train(
    reference: Path,
    *,
    epochs: int = TRAINING.epochs,
    store: Store | None = None,
) -> Path:
    """Train GCN and MLP on all cells of a feature file and write the model file beside it.

    What the model is worth is read off the runs that the book shows too: subjects kept apart,
    first seed. Features of the shipped encoder have met every cell's class, so there the folds'
    encoders tell it, and the networks on their features. The model itself is then trained on all
    cells, with the paper's settings.

    Parameters
    ----------
    reference : Path
        A feature file; its cells become the ones that a new cell is attached to.
    epochs : int
    store : Store, optional
        Of runs; default: the checkout's, published runs included.

    Returns
    -------
    Path
        The model file: both networks' parameters, what the reference cells pass on to a new one
        (`passed_on`), and as metadata how it was made and measured.

    Raises
    ------
    InputError
        When a cell is none of C-NMC 2019, so that its subject and fold are not known; when nothing
        tells what the encoder is worth that made the features.
    """
    cells = read_features_file(reference)
    if "merged_subject" not in cells.table:
        of_manifest = training_cells()["filename"]
        foreign = cells.table.loc[~cells.table["filename"].isin(of_manifest), "filename"]
        raise InputError(
            f"{reference}: {foreign.iloc[0]} is no training cell of C-NMC 2019, so its subject and "
            "fold are not known; see `leukgnn data verify DIR` for the folder of images."
        )
    settings = Settings(epochs=epochs)
    if cells.provenance["weights"].get("own", False):
        apart, distance = _by_folds_encoders(cells, reference)
    else:
        apart = _held_apart(cells, settings, store or experiments.open_store("quick"))
        distance = unlike(cells)
    metadata = {
        "reference": {
            "cells": len(cells.table),
            "subjects": int(cells.table["subject"].nunique()),
            "leukemic": int(cells.table["label"].sum()),
            "sha256": features_hash(cells.x),
        },
        "weights": cells.provenance["weights"],
        "k": GRAPH.k,
        "edges": GRAPH.edges,
        "seed": TRAINING.seed,
        "epochs": epochs,
        "performance": _measured(apart, SHOWN),
        "operating_point": operating_point(apart),
        "unlike": distance,
        "provenance": files.provenance(),
    }
    target = model_path(reference)
    with files.atomic_path(target) as temporary:
        header = {"leukgnn": json.dumps(metadata, sort_keys=True)}
        safetensors.torch.save_file(_tensors(cells, settings), temporary, metadata=header)
    return target


def _held_apart(cells: Features, settings: Settings, store: Store) -> pd.DataFrame:
    """Predictions of both networks for subjects that they have not seen, first seed."""
    plan = Plan(sources=Sources(cells), settings=settings, seeds=1)
    return experiments.predictions(plan.subject_disjoint(NETWORKS), store)


def _by_folds_encoders(cells: Features, reference: Path) -> tuple[pd.DataFrame, float]:
    """What the folds' encoders say instead, as of `_held_apart` and `unlike`."""
    answers, provenance = experiments.reference("encoder", cells.table)
    shipped = files.sha256_file(files.shipped_path(ENCODER))
    if cells.provenance["weights"]["sha256"] != shipped or answers.empty:
        raise InputError(
            f"{reference}: made by an encoder that was trained on its cells, so only encoders of "
            "folds can tell what it is worth; they are known of the shipped encoder and its cells "
            "alone. Give `leukgnn features` other weights."
        )
    own = {f"encoder_{name}": name for name in NETWORKS}
    first = answers[answers["model"].isin(own) & (answers["seed"] == TRAINING.seed)]
    return first.assign(model=first["model"].map(own)), float(provenance["unlike"])


def _tensors(cells: Features, settings: Settings) -> dict[str, Tensor]:
    """Parameters of both networks, trained on all cells, and what the cells pass on."""
    task = Task(
        features=cells,
        split=Partition(by="all").splits(cells)[0],
        graph=Joined(k=GRAPH.k, edges=GRAPH.edges),
        seed=TRAINING.seed,
        settings=settings,
    )
    (gcn, _), (mlp, _) = task.trained_gcn, task.trained_mlp
    tensors = {
        **{f"gcn.{name}": value for name, value in gcn.state_dict().items()},
        **{f"mlp.{name}": value for name, value in mlp.state_dict().items()},
        **passed_on(gcn, cells.x, task.edge_index),
    }
    return {name: value.detach().contiguous() for name, value in tensors.items()}


@torch.no_grad()
def passed_on(
    network: GCN, x: NDArray[np.float32], edge_index: NDArray[np.int64]
) -> dict[str, Tensor]:
    """What the reference cells pass on to a new cell, which does not change them.

    Returns
    -------
    dict of str to Tensor
        `degree`, shape (n,): neighbours and the cell itself; `scores`, shape (n, 2): hidden
        features times the second layer's weights.
    """
    network.eval()
    degree = np.bincount(edge_index[1], minlength=len(x)) + 1
    hidden = network.hidden(torch.from_numpy(x), networks.normalised(edge_index, len(x)))
    return {"degree": torch.from_numpy(degree).float(), "scores": network.conv2.lin(hidden)}


def _measured(predictions: pd.DataFrame, shown: tuple[str, ...]) -> list[dict[str, Any]]:
    """Rows of `evaluation.intervals` that the demo shows."""
    table = evaluation.intervals(predictions)
    table = table[table["metric"].isin(shown)]
    columns = ["model", "metric", "value", "low", "high"]
    return [dict(zip(columns, row, strict=True)) for row in table[columns].to_numpy().tolist()]


def operating_point(apart: pd.DataFrame) -> dict[str, Any]:
    """Threshold that finds 95 % of the leukemic cells, and what it does on held-apart cells.

    The threshold in use is chosen on all held-apart predictions. It is measured as
    `evaluation.operated` does: each fold with a threshold that none of its people had a part in.

    Parameters
    ----------
    apart : DataFrame
        Predictions for subjects kept apart, the GCN's among them.

    Returns
    -------
    dict
        `threshold`, `sensitivity` and `specificity` as measured, and `measured`: both with
        intervals over subjects.
    """
    gcn = apart[apart["model"] == "gcn"]
    measured = _measured(evaluation.operated(gcn), ("recall", "specificity"))
    value = {row["metric"]: row["value"] for row in measured}
    return {
        "threshold": threshold_at(SENSITIVITY, gcn["label"], gcn["probability"]),
        "sensitivity": value["recall"],
        "specificity": value["specificity"],
        "measured": measured,
    }


def unlike(cells: Features) -> float:
    """Cosine distance beyond which a new cell is unlike all reference cells.

    The 99th percentile of how far held-apart cells are from their nearest training cell: a new
    cell comes from a new subject too.
    """
    splits = Partition(by="official").splits(cells)
    return like_within((cells.x[split.test], cells.x[split.train]) for split in splits)
