"""The CNN row: ResNet-18 fine-tuned end to end, fold by fold, and the hybrid on its features."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import safetensors.torch
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torchvision.models import resnet18
from torchvision.transforms.v2 import functional
from tqdm import tqdm

from leukgnn import cells, controls, files, phantoms, protocols, splits, training
from leukgnn.controls import Task
from leukgnn.files import InputError
from leukgnn.images import evaluation_pixels, normalise, read_image, training_transform
from leukgnn.paper import EXTRACTOR, FINE_TUNING, GRAPH, TRAINING
from leukgnn.resnet import Weights, find_weights
from leukgnn.splits import Mask

REFERENCE = "cnn_predictions.parquet"  # among the package's data
MODELS = ("cnn", "cnn_gcn", "cnn_mlp")
CHUNK = 128  # cells at a time when nothing is learnt


class CNN(nn.Module):
    """ResNet-18 with two logits instead of ImageNet's thousand.

    Its batch norms stay in eval mode: the statistics of the weights at hand are folded into scale
    and shift (see their provenance), and re-estimating them on 32 cells would only add noise.
    """

    def __init__(self, weights: Weights, seed: int) -> None:
        super().__init__()
        self.body = resnet18()
        self.body.load_state_dict(weights.state)
        self.body.fc = nn.Identity()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.head = nn.Linear(EXTRACTOR.features, TRAINING.classes)
        self.to(memory_format=torch.channels_last)

    def train(self, mode: bool = True) -> "CNN":
        """Switch to training or evaluation; the batch norms stay in evaluation."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def features(self, pixels: Tensor) -> Tensor:
        """Features (b, 512) of normalised pixels (b, 3, 128, 128)."""
        return cast(Tensor, self.body(pixels.contiguous(memory_format=torch.channels_last)))

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits (b, 2) of normalised pixels (b, 3, 128, 128)."""
        return cast(Tensor, self.head(self.features(pixels)))


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


def fine_tune(
    pixels: Tensor,
    labels: NDArray[np.int64],
    train: Mask,
    weights: Weights,
    *,
    seed: int,
    epochs: int = FINE_TUNING.epochs,
    checkpoint: Path | None = None,
    progress: bool = True,
) -> tuple[CNN, list[float]]:
    """Train all layers on the training cells, augmented as the paper says (section III.C).

    Adam, class-weighted loss; the last epoch counts, nothing is selected.

    Parameters
    ----------
    pixels : Tensor, shape (n, 3, 128, 128), uint8
    labels : ndarray, shape (n,)
    train : ndarray, shape (n,), bool
    weights : Weights
        To start from.
    seed : int
        Of the head, the order of cells and the augmentation.
    epochs : int
    checkpoint : Path, optional
        A `.safetensors` file, written after each epoch. After an interruption the same call goes on
        from there and ends with the same network.
    progress : bool

    Returns
    -------
    network : CNN
    losses : list of float
        Mean training loss of each epoch.
    """
    if epochs < 1:
        raise InputError(f"epochs={epochs}: expected at least 1.")
    network = CNN(weights, seed)
    optimiser = torch.optim.Adam(network.parameters(), lr=FINE_TUNING.learning_rate)
    class_weights = training.class_weights(torch.from_numpy(labels[train]))
    losses = _resume(checkpoint, network, optimiser)
    for epoch in range(len(losses), epochs):
        network.train()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1000 * seed + epoch)  # an epoch depends on nothing before it but Adam
            total = 0.0
            for views, batch in _augmented(pixels, train, f"epoch {epoch + 1}/{epochs}", progress):
                optimiser.zero_grad()
                target = torch.from_numpy(labels[batch])
                loss = cross_entropy(network(views), target, weight=class_weights)
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                total += loss.item() * len(batch)
        losses.append(total / int(train.sum()))
        if checkpoint:
            _save(checkpoint, network, optimiser, losses)
    return network.eval(), losses


def _augmented(
    pixels: Tensor, train: Mask, name: str, progress: bool
) -> Iterator[tuple[Tensor, NDArray[np.int64]]]:
    """Shuffled batches of augmented, normalised cells and their row numbers."""
    transform = training_transform()
    order = np.flatnonzero(train)[torch.randperm(int(train.sum())).numpy()]
    with tqdm(total=len(order), unit="cell", desc=name, disable=not progress) as bar:
        for start in range(0, len(order), FINE_TUNING.batch_size):
            batch = order[start : start + FINE_TUNING.batch_size]
            views = [transform(_picture(pixels[i])) for i in batch]
            yield torch.stack(views), batch
            bar.update(len(batch))


def _picture(pixels: Tensor) -> Image.Image:
    """Pillow image of one cell: the augmentation of chapter 02 acts on such."""
    return cast(Image.Image, functional.to_pil_image(pixels))


def _save(path: Path, network: CNN, optimiser: torch.optim.Adam, losses: list[float]) -> None:
    """Write network, Adam's moments and losses, whole or not at all."""
    state = {f"network.{name}": value.contiguous() for name, value in network.state_dict().items()}
    for number, moments in optimiser.state_dict()["state"].items():
        state |= {f"adam.{number}.{name}": v.contiguous() for name, v in moments.items()}
    with files.atomic_path(path) as temporary:
        safetensors.torch.save_file({**state, "losses": torch.tensor(losses)}, temporary)


def _resume(path: Path | None, network: CNN, optimiser: torch.optim.Adam) -> list[float]:
    """Load what `_save` wrote, if anything; the losses of the epochs that are done."""
    if path is None or not path.is_file():
        return []
    try:
        stored = safetensors.torch.load_file(path)
    except SafetensorError as error:
        raise InputError(f"{path}: a damaged checkpoint ({error}); delete it.") from error
    network.load_state_dict(
        {k.removeprefix("network."): v for k, v in stored.items() if k.startswith("network.")}
    )
    moments: dict[int, dict[str, Tensor]] = {}
    for key, value in stored.items():
        if key.startswith("adam."):
            _, number, name = key.split(".")
            moments.setdefault(int(number), {})[name] = value
    optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})
    return [float(loss) for loss in stored["losses"].double()]


@torch.inference_mode()
def answer(network: CNN, pixels: Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Probability of class 1 (n,) and features (n, 512) of cells as they are, not augmented."""
    network.eval()
    features = torch.cat([network.features(normalise(part)) for part in torch.split(pixels, CHUNK)])
    return network.head(features).softmax(dim=1)[:, 1].numpy(), features.numpy()


def cross_predict(
    folder: Path,
    weights: Weights,
    target: Path,
    *,
    seed: int,
    epochs: int = FINE_TUNING.epochs,
    progress: bool = True,
) -> pd.DataFrame:
    """Fine-tune on the other folds, test on each, pooled; then GCN and MLP on those features.

    The hybrid as the paper's abstract means it, without leak: network, graph and GCN of a fold see
    its training cells only, and each test cell is attached alone (`splits.inductive_edges`).

    Parameters
    ----------
    folder : Path
        Images in the C-NMC layout.
    weights : Weights
    target : Path
        A `.parquet` file; provenance and losses are written beside it as `.json`. Checkpoints stay
        in a folder beside it until all folds are done.
    seed : int

    Returns
    -------
    DataFrame
        Predictions of `MODELS`, columns as of `protocols.rows_of`.
    """
    files.check_target(target, ".parquet")
    started = time.perf_counter()
    table, pixels = read_cells(folder)
    labels = table["label"].to_numpy(copy=True)
    told, curves = [], {}
    checkpoints = target.with_name(f"{target.stem}.partial")
    # A checkpoint of other images, weights or settings must not be gone on from.
    marks = f"{weights.sha256} {seed} {epochs} {FINE_TUNING}".encode()
    key = files.sha256_bytes(
        marks + "\n".join(table["filename"]).encode() + pixels.numpy().tobytes()
    )
    for split in splits.official_folds(table):
        checkpoint = checkpoints / f"{split.fold}_{key[:16]}.safetensors"
        network, curves[split.fold] = fine_tune(
            pixels, labels, split.train, weights,
            seed=seed, epochs=epochs, checkpoint=checkpoint, progress=progress,
        )  # fmt: skip
        probability, features = answer(network, pixels)
        task = Task(table, features, split, GRAPH.k, GRAPH.edges, True, seed, {})
        answers = (probability, controls.gcn(task), controls.mlp(task))
        told += [
            protocols.rows_of(task, given, protocol="subject_disjoint", model=model)
            for model, given in zip(MODELS, answers, strict=True)
        ]
    predictions = pd.concat(told, ignore_index=True).astype({"probability": np.float32})
    _write(target, predictions, weights, seed, epochs, curves, time.perf_counter() - started)
    for path in checkpoints.glob("*.safetensors"):
        path.unlink()
    checkpoints.rmdir()
    return predictions


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
    with files.atomic_path(target) as temporary:
        predictions.to_parquet(temporary, index=False, compression="zstd")
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
    files.write_json(target.with_suffix(".json"), provenance)


def reference(table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Predictions that the package ships for the cells of `table`, and their provenance.

    Returns
    -------
    predictions : DataFrame
        Empty when the reference lacks some of the cells: models are compared on the same cells.
    provenance : dict
        Weights, settings, losses of each epoch by fold.
    """
    path = files.shipped_path(REFERENCE)
    predictions = pd.read_parquet(path)
    whole = set(table["filename"]) <= set(predictions["filename"])
    chosen = predictions["filename"].isin(table["filename"]) & whole
    return predictions[chosen].reset_index(drop=True), json.loads(
        path.with_suffix(".json").read_text()
    )


def demonstrate(folder: Path) -> list[float]:
    """Losses of two epochs on drawn phantoms: the whole fine-tuning, without any real cell."""
    images = phantoms.write_phantoms(folder / "phantoms", cells_per_class=12, seed=0)
    table, pixels = read_cells(images)
    everyone = np.ones(len(table), dtype=bool)
    labels = table["label"].to_numpy(copy=True)
    weights = find_weights("random:0")
    return fine_tune(pixels, labels, everyone, weights, seed=0, epochs=2, progress=False)[1]
