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
from torch import Tensor

from leukgnn import (
    features,
    files,
    graph,
    inference,
    metrics,
    models,
    protocols,
    splits,
    training,
)
from leukgnn.cells import training_cells
from leukgnn.controls import Task
from leukgnn.demo.model_file import LIKE, model_path
from leukgnn.features import Features
from leukgnn.files import InputError
from leukgnn.paper import GRAPH, TRAINING
from leukgnn.results import SENSITIVITY

NETWORKS = ("gcn", "mlp")
SHOWN = ("accuracy", "roc_auc", "recall", "specificity")


def train(reference: Path, *, draws: int = 2000, epochs: int = TRAINING.epochs) -> Path:
    """Train GCN and MLP on all cells of a feature file and write the model file beside it.

    What the model is worth is measured on subjects kept apart, fold by fold, by networks trained
    in the same way; the model itself is then trained on all cells, with the paper's settings.

    Parameters
    ----------
    reference : Path
        A feature file; its cells become the ones that a new cell is attached to.
    draws : int
        Of the bootstrap over subjects.
    epochs : int

    Returns
    -------
    Path
        The model file: both networks' parameters, what the reference cells pass on to a new one
        (`passed_on`), and as metadata how it was made and measured.

    Raises
    ------
    InputError
        When a cell is none of C-NMC 2019, so that its subject and fold are not known.
    """
    cells = features.read_features_file(reference)
    if "merged_subject" not in cells.table:
        of_manifest = training_cells()["filename"]
        foreign = cells.table.loc[~cells.table["filename"].isin(of_manifest), "filename"]
        raise InputError(
            f"{reference}: {foreign.iloc[0]} is no training cell of C-NMC 2019, so its subject and "
            "fold are not known; see `leukgnn data verify DIR` for the folder of images."
        )
    settings = {"epochs": epochs}
    tasks = [
        Task(cells.table, cells.x, split, GRAPH.k, GRAPH.edges, True, TRAINING.seed, settings)
        for split in splits.official_folds(cells.table)
    ]
    parts = [protocols.answers([t], NETWORKS, protocol="subject_disjoint") for t in tasks]
    apart = pd.concat(parts, ignore_index=True)
    metadata = {
        "reference": {
            "cells": len(cells.table),
            "subjects": int(cells.table["subject"].nunique()),
            "leukemic": int(cells.table["label"].sum()),
            "sha256": graph.features_hash(cells.x),
        },
        "weights": cells.provenance["weights"],
        "k": GRAPH.k,
        "edges": GRAPH.edges,
        "seed": TRAINING.seed,
        "epochs": epochs,
        "performance": _measured(apart, SHOWN, draws),
        "operating_point": operating_point(apart, cells.table, draws=draws),
        "unlike": unlike(tasks),
        "provenance": files.provenance(),
    }
    target = model_path(reference)
    with files.atomic_path(target) as temporary:
        header = {"leukgnn": json.dumps(metadata, sort_keys=True)}
        safetensors.torch.save_file(_tensors(cells, settings), temporary, metadata=header)
    return target


def _tensors(cells: Features, settings: dict[str, Any]) -> dict[str, Tensor]:
    """Parameters of both networks, trained on all cells, and what the cells pass on."""
    everyone = np.ones(len(cells.x), dtype=bool)
    edges = graph.edge_index(graph.knn(cells.x, GRAPH.k)[0], GRAPH.edges)
    adjacency = graph.adjacency(edges, len(cells.x))
    x, labels = (
        torch.from_numpy(cells.x),
        torch.from_numpy(cells.table["label"].to_numpy(copy=True)),
    )
    tensors: dict[str, Tensor] = {}
    for name in NETWORKS:
        network = models.seeded(protocols.NETWORKS[name], TRAINING.seed)
        training.fit(network, x, adjacency, labels, everyone, seed=TRAINING.seed, **settings)
        tensors |= {f"{name}.{key}": value for key, value in network.state_dict().items()}
        if name == "gcn":
            tensors |= passed_on(network, x, adjacency, edges)
    return {key: value.detach().contiguous() for key, value in tensors.items()}


@torch.no_grad()
def passed_on(network: models.GCN, x: Tensor, adjacency: Tensor, edges: Any) -> dict[str, Tensor]:
    """What the reference cells pass on to a new cell, which does not change them.

    Returns
    -------
    dict of str to Tensor
        `degree`, shape (n,): neighbours and the cell itself; `scores`, shape (n, 2): hidden
        features times the second layer's weights.
    """
    network.eval()
    degree = torch.bincount(torch.from_numpy(edges[1]), minlength=len(x)) + 1
    return {"degree": degree.float(), "scores": network.conv2.lin(network.hidden(x, adjacency))}


def _measured(
    predictions: pd.DataFrame, shown: tuple[str, ...], draws: int
) -> list[dict[str, Any]]:
    """Rows of `inference.intervals` that the demo shows."""
    table = inference.intervals(predictions, draws=draws, seed=TRAINING.seed)
    table = table[table["metric"].isin(shown)]
    columns = ["model", "metric", "value", "low", "high"]
    return [dict(zip(columns, row, strict=True)) for row in table[columns].to_numpy().tolist()]


def operating_point(apart: pd.DataFrame, table: pd.DataFrame, *, draws: int) -> dict[str, Any]:
    """Threshold that finds 95 % of the leukemic cells, and what it does on held-apart cells.

    The threshold in use is chosen on all held-apart predictions. It is measured fold by fold with
    the threshold that the other folds would have chosen, so no cell is judged by its own choice.

    Parameters
    ----------
    apart : DataFrame
        Predictions of `protocols.subject_disjoint`.
    table : DataFrame
        Cells, for their folds.

    Returns
    -------
    dict
        `threshold`, `sensitivity` and `specificity` as measured, and `measured`: both with
        intervals over subjects.
    """
    gcn = apart[apart["model"] == "gcn"].reset_index(drop=True)
    fold = gcn["filename"].map(table.set_index("filename")["fold"])
    found = pd.Series(0.0, index=gcn.index)
    for held in fold.unique():
        others = gcn[fold != held]
        threshold = metrics.threshold_at(SENSITIVITY, others["label"], others["probability"])
        found[fold == held] = (gcn.loc[fold == held, "probability"] >= threshold).astype(float)
    measured = _measured(gcn.assign(probability=found), ("recall", "specificity"), draws)
    value = {row["metric"]: row["value"] for row in measured}
    return {
        "threshold": metrics.threshold_at(SENSITIVITY, gcn["label"], gcn["probability"]),
        "sensitivity": value["recall"],
        "specificity": value["specificity"],
        "measured": measured,
    }


def unlike(tasks: list[Task]) -> float:
    """Cosine distance beyond which a new cell is unlike all reference cells.

    The 99th percentile of how far held-apart cells are from their nearest training cell: a new
    cell comes from a new subject too.
    """
    distances = []
    for task in tasks:
        train, test = task.split.train, task.split.test
        _, similarity = graph.attach(task.x[test], task.x[train], 1)
        distances.append(1 - similarity[:, 0])
    return float(np.percentile(np.concatenate(distances), LIKE))
