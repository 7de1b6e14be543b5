"""The CNN row of Table 1: the CNN fold by fold, and the hybrid on its features."""

import shutil
import time
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
from leukgnn.experiments.splits import Split, official_folds
from leukgnn.experiments.tasks import Probability, Task
from leukgnn.features import Features
from leukgnn.features.resnet import Weights, find_weights
from leukgnn.graphs import Attached
from leukgnn.paper import FINE_TUNING, GRAPH

MODELS = ("cnn", "cnn_gcn", "cnn_mlp")


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
    seed: int,
    epochs: int = FINE_TUNING.epochs,
    progress: bool = True,
) -> pd.DataFrame:
    """Fine-tune on the other folds, test on each; then GCN and MLP on those features.

    The hybrid as the paper's abstract means it, without leak: network, graph and GCN of a fold see
    its training cells only, and each test cell is attached one-way and alone.

    Parameters
    ----------
    folder : Path
        Images in the C-NMC layout.
    weights : Weights
    target : Path
        A `.parquet` file; provenance and losses are written beside it as `.json`. Checkpoints stay
        in a folder beside it until all folds are done.
    seed : int
    epochs : int
    progress : bool

    Returns
    -------
    DataFrame
        Predictions of `MODELS`, columns as of `experiments.predictions`.
    """
    files.check_target(target, ".parquet")
    started = time.perf_counter()
    table, pixels = read_cells(folder)
    labels = table["label"].to_numpy(copy=True)
    checkpoints = target.with_name(f"{target.stem}.partial")
    key = _key(table, pixels, weights, seed, epochs)
    parts, losses = [], {}
    for split in official_folds(table):
        network, losses[split.fold] = cnn.fine_tune(
            pixels, labels, split.train, weights,
            seed=seed, epochs=epochs, checkpoint=checkpoints / f"{split.fold}_{key}.pt",
            progress=progress,
        )  # fmt: skip
        probability, x = cnn.answer(network, pixels)
        answers = (probability, *_hybrid(x, table, weights, split, seed))
        parts += [
            _rows(table, split, model, seed, given)
            for model, given in zip(MODELS, answers, strict=True)
        ]
    predictions = pd.concat(parts, ignore_index=True)
    _write(target, predictions, weights, seed, epochs, losses, time.perf_counter() - started)
    shutil.rmtree(checkpoints)  # whatever else an operating system put there
    return predictions


def _key(table: pd.DataFrame, pixels: Tensor, weights: Weights, seed: int, epochs: int) -> str:
    """Tell checkpoints apart: those of other images, weights or settings are not gone on from."""
    settings = f"{weights.sha256} {seed} {epochs} {FINE_TUNING}".encode()
    names = "\n".join(table["filename"]).encode()
    return files.sha256_bytes(settings + names + pixels.numpy().tobytes())[:16]


def _hybrid(
    x: NDArray[np.float32], table: pd.DataFrame, weights: Weights, split: Split, seed: int
) -> tuple[Probability, Probability]:
    """Answers of GCN and MLP on the fine-tuned features of one fold's network."""
    provenance = {"weights": {"name": f"{weights.name}, fine-tuned"}}
    origin = f"{len(x):,} cells, by the network fine-tuned for {split.fold}."
    task = Task(
        features=Features(x, table, provenance, origin),
        split=split,
        graph=Attached(k=GRAPH.k, edges=GRAPH.edges),
        seed=seed,
    )
    return classifiers.gcn(task), classifiers.mlp(task)


def _rows(
    table: pd.DataFrame, split: Split, model: str, seed: int, probability: Probability
) -> pd.DataFrame:
    """Predictions of one model for a fold's test cells."""
    tested = table.loc[split.test, ["filename", "subject", "label"]]
    rows = tested.assign(
        protocol="subject_disjoint",
        model=model,
        seed=seed,
        fold=split.fold,
        probability=probability[split.test].astype(np.float32),
        n_train=int(split.train.sum()),
    )
    names = ["protocol", "model", "seed", "fold", *tested.columns, "probability", "n_train"]
    return rows[names]


def _write(
    target: Path,
    predictions: pd.DataFrame,
    weights: Weights,
    seed: int,
    epochs: int,
    losses: dict[str, list[float]],
    seconds: float,
) -> None:
    """Write the predictions and where they come from."""
    provenance = {
        "weights": {"name": weights.name, "sha256": weights.sha256},
        "command": "leukgnn finetune DIR --weights FILE --output " + target.name,
        "seed": seed,
        "epochs": epochs,
        "learning_rate": FINE_TUNING.learning_rate,
        "batch_size": FINE_TUNING.batch_size,
        "cells": int(predictions["filename"].nunique()),
        "losses": losses,
        "seconds": round(seconds, 1),
        **files.provenance(),
    }
    files.write_table(target, predictions, provenance)


def demonstrate(folder: Path) -> list[float]:
    """Losses of two epochs on drawn phantoms: the whole fine-tuning, without any real cell."""
    images = write_phantoms(folder / "phantoms", cells_per_class=4, seed=0)
    table, pixels = read_cells(images)
    everyone = np.ones(len(table), dtype=bool)
    labels = table["label"].to_numpy(copy=True)
    weights = find_weights("random:0")
    return cnn.fine_tune(pixels, labels, everyone, weights, seed=0, epochs=2, progress=False)[1]
