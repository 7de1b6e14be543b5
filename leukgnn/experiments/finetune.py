"""The CNN row of Table 1: the CNN fold by fold, and the hybrid on its features."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from leukgnn import cells, files
from leukgnn.cells.images import read_image
from leukgnn.cells.phantoms import write_phantoms
from leukgnn.cells.transforms import evaluation_pixels
from leukgnn.experiments import classifiers, cnn
from leukgnn.experiments.people import person_network
from leukgnn.experiments.plan import PERSON_EPOCHS, PERSON_HIDDEN
from leukgnn.experiments.splits import Split, official_folds
from leukgnn.experiments.tasks import Probability, Task
from leukgnn.features import Features
from leukgnn.features.resnet import Weights, find_weights
from leukgnn.graphs import Attached
from leukgnn.names import POOLINGS
from leukgnn.paper import FINE_TUNING, GRAPH

MODELS = ("cnn", "cnn_gcn", "cnn_mlp")
SEEDS = (0, 1)  # of the trainings of a fold's network
POOLED_SEEDS = 5  # of networks that pool, on the features of each fold's first network


def read_cells(folder: Path) -> tuple[pd.DataFrame, Tensor]:
    """Table of the cells below a folder and their pixels, uint8 of shape (n, 3, 128, 128).

    Cells of C-NMC 2019 get the facts of the manifest; of others (phantoms) the linked subjects are
    found by their files' SHA-256.
    """
    table = cells.scan(folder)
    pixels = torch.stack([evaluation_pixels(read_image(path)) for path in table["path"]])
    known = cells.training_cells()
    if table["filename"].isin(known["filename"]).all():
        return table[["filename"]].merge(known, on="filename", how="left", validate="1:1"), pixels
    table["sha256"] = [files.sha256_file(path) for path in table["path"]]
    table["merged_subject"] = table["subject"].map(cells.merged_subjects(table))
    return table.drop(columns="path"), pixels


def cross_predict(
    folder: Path,
    weights: Weights,
    target: Path,
    *,
    seeds: Sequence[int] = SEEDS,
    epochs: int = FINE_TUNING.epochs,
    progress: bool = True,
) -> pd.DataFrame:
    """Fine-tune on the other folds, test on each; then other networks on those features.

    The hybrid as the paper's abstract means it, without leak: network, graph and GCN of a fold see
    its training cells only, and each test cell is attached one-way and alone. Networks that pool a
    person's cells are those of `names.POOLINGS`, each with its twin without edges, on the features
    of the first seed's networks.

    Parameters
    ----------
    folder : Path
        Images in the C-NMC layout.
    weights : Weights
    target : Path
        A `.parquet` file; provenance and losses are written beside it as `.json`, and as
        `_people.parquet` what networks that pool answer, columns alike. Checkpoints stay in a
        folder beside it until all folds are done.
    seeds : sequence of int
        Of the networks' trainings, one of each fold for each.
    epochs : int
    progress : bool

    Returns
    -------
    DataFrame
        Predictions of `MODELS`, columns as of `experiments.predictions`.
    """
    files.check_target(target, ".parquet")
    table, pixels = read_cells(folder)
    labels = table["label"].to_numpy(copy=True)
    checkpoints = target.with_name(f"{target.stem}.partial")
    parts, pooled, losses = [], [], {}
    for seed, split in product(seeds, official_folds(table)):
        key = checkpoint_key(table, pixels, labels, weights, seed, epochs)
        network, losses[f"{split.fold}, seed {seed}"] = cnn.fine_tune(
            pixels, labels, split.train, weights,
            seed=seed, epochs=epochs, checkpoint=checkpoints / f"{split.fold}_{key}.pt",
            progress=progress,
        )  # fmt: skip
        probability, x = cnn.answer(network, pixels)
        task = _task(x, table, weights, split, seed)
        answers = (probability, classifiers.gcn(task), classifiers.mlp(task))
        parts += [_rows(task, model, a) for model, a in zip(MODELS, answers, strict=True)]
        pooled += _pooled(task) if seed == seeds[0] else []
    predictions = pd.concat(parts, ignore_index=True)
    provenance = {
        "weights": {"name": weights.name, "sha256": weights.sha256},
        "command": "leukgnn finetune DIR --weights FILE --output " + target.name,
        "seeds": list(seeds),
        "epochs": epochs,
        "learning_rate": FINE_TUNING.learning_rate,
        "batch_size": FINE_TUNING.batch_size,
        "cells": int(predictions["filename"].nunique()),
        "losses": losses,
        **files.provenance(),
    }
    people = target.with_name(f"{target.stem}_people.parquet")
    files.write_table(people, pd.concat(pooled, ignore_index=True), provenance)
    files.write_table(target, predictions, provenance)
    shutil.rmtree(checkpoints)  # whatever else an operating system put there
    return predictions


def checkpoint_key(
    table: pd.DataFrame,
    pixels: Tensor,
    labels: NDArray[np.int64],
    weights: Weights,
    seed: int,
    epochs: int,
) -> str:
    """Tell checkpoints apart: of other images, labels, weights or settings nothing is gone on."""
    settings = f"{weights.sha256} {seed} {epochs} {FINE_TUNING}".encode()
    given = "\n".join(f"{n} {own}" for n, own in zip(table["filename"], labels, strict=True))
    return files.sha256_bytes(settings + given.encode() + pixels.numpy().tobytes())[:16]


def _task(
    x: NDArray[np.float32], table: pd.DataFrame, weights: Weights, split: Split, seed: int
) -> Task:
    """The question to other networks, on the fine-tuned features of one fold's network."""
    provenance = {"weights": {"name": f"{weights.name}, fine-tuned"}}
    origin = f"{len(x):,} cells, by the network fine-tuned for {split.fold}."
    return Task(
        features=Features(x, table, provenance, origin),
        split=split,
        graph=Attached(k=GRAPH.k, edges=GRAPH.edges),
        seed=seed,
    )


def _pooled(task: Task) -> list[pd.DataFrame]:
    """Answers about the fold's people by networks that pool their cells, each with its twin."""
    settings = replace(task.settings, hidden=PERSON_HIDDEN, epochs=PERSON_EPOCHS)
    seeds = (replace(task, settings=settings, seed=task.seed + i) for i in range(POOLED_SEEDS))
    return [
        _rows(again, f"{key}_alone" if alone else key, person_network(again, key=key, alone=alone))
        for again in seeds
        for key in POOLINGS
        for alone in (False, True)
    ]


def _rows(task: Task, model: str, probability: Probability) -> pd.DataFrame:
    """Predictions of one model for the task's test cells."""
    split = task.split
    tested = task.table.loc[split.test, ["filename", "subject", "label"]]
    rows = tested.assign(
        protocol="subject_disjoint",
        model=model,
        seed=task.seed,
        fold=split.fold,
        probability=probability[split.test].astype(np.float32),
        n_train=int(split.train.sum()),
    )
    names = ["protocol", "model", "seed", "fold", *tested.columns, "probability", "n_train"]
    return rows[names]


def demonstrate(folder: Path) -> list[float]:
    """Losses of two epochs on drawn phantoms: the whole fine-tuning, without any real cell."""
    images = write_phantoms(folder / "phantoms", cells_per_class=4, seed=0)
    table, pixels = read_cells(images)
    everyone = np.ones(len(table), dtype=bool)
    labels = table["label"].to_numpy(copy=True)
    weights = find_weights("random:0")
    return cnn.fine_tune(pixels, labels, everyone, weights, seed=0, epochs=2, progress=False)[1]
