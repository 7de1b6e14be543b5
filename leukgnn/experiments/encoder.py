"""An encoder of our own: ResNet-18 from random weights, trained to tell the classes apart.

Nothing of anyone else's is in it, so it may be given away. For the book one encoder a fold answers
and encodes that fold's cells, whose subjects it has not met; one trained on all cells is the
demo's. Every setting was fixed before the first training; none was tried on test subjects.
"""

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel
from torchvision.models import resnet18
from tqdm import tqdm

from leukgnn import files, networks
from leukgnn.cells.views import CROP, PAPERS, Views, centre, signed
from leukgnn.experiments.cnn import UNREADABLE
from leukgnn.experiments.finetune import read_cells
from leukgnn.experiments.splits import Mask, Split, official_folds
from leukgnn.features.resnet import CENTRAL, VIEW
from leukgnn.files import InputError
from leukgnn.paper import TRAINING

CHUNK = 256  # cells at a time when nothing is learnt
NAME = "ResNet-18 trained from random weights on C-NMC 2019 (CC BY 4.0)"
ALL = "all"  # the part that trains on every cell


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How an encoder is trained.

    Attributes
    ----------
    epochs, batch_size : int
    learning_rate, weight_decay : float
        The highest rate of the one-cycle schedule, and AdamW's decay.
    label_smoothing : float
    averaged : int
        Last epochs whose weights are averaged.
    views : Views
    """

    epochs: int = 25
    batch_size: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    label_smoothing: float = 0.05
    averaged: int = 5
    views: Views = field(default_factory=Views)

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "averaged"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}={getattr(self, name)}: expected at least 1.")
        if self.averaged > self.epochs:
            raise InputError(f"averaged={self.averaged}: expected at most epochs={self.epochs}.")


def model(recipe: Recipe) -> str:
    """Key of a model in the results: "encoder", or "encoder_papers" on the paper's augmentation."""
    return "encoder_papers" if recipe.views == PAPERS else "encoder"


def products() -> str:
    """Precision of the products in training: "bfloat16" where the processor multiplies in it.

    Elsewhere it would be emulated, at a tenth of float32's speed and less.
    """
    able = torch.cpu.get_capabilities()
    return "bfloat16" if able.get("avx512_bf16") or able.get("amx_bf16") else "float32"


class Encoder(nn.Module):
    """ResNet-18 with 512 features and two logits on them, on the central pixels of a cell."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.body = resnet18()
            self.head = nn.Linear(self.body.fc.in_features, TRAINING.classes)
        self.body.fc = nn.Identity()
        self.to(memory_format=torch.channels_last)

    def features(self, x: Tensor) -> Tensor:
        """Features (b, 512) of views (b, 3, `CROP`, `CROP`) from 0 to 1."""
        return cast(Tensor, self.body(signed(x).contiguous(memory_format=torch.channels_last)))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (b, 2)."""
        return cast(Tensor, self.head(self.features(x)))


def train(
    pixels: Tensor,
    labels: NDArray[np.int64],
    chosen: Mask,
    *,
    seed: int,
    recipe: Recipe | None = None,
    checkpoint: Path | None = None,
    progress: bool = True,
) -> tuple[Encoder, list[float]]:
    """Train an encoder on the chosen cells.

    AdamW on a one-cycle schedule, classes weighed alike, products as of `products` (weights and
    answers stay float32); the weights are the mean of the last epochs', with the batch norms'
    statistics estimated anew on the training cells as they are.

    Parameters
    ----------
    pixels : Tensor, shape (n, 3, 128, 128), uint8
    labels : ndarray, shape (n,)
    chosen : ndarray, shape (n,), bool
    seed : int
        Of the first weights, the order of cells and their views.
    recipe : Recipe, optional
    checkpoint : Path, optional
        A `.pt` file, written after each epoch. After an interruption the same call goes on from
        there and ends with the same encoder.
    progress : bool

    Returns
    -------
    encoder : Encoder
        In evaluation.
    losses : list of float
        Mean training loss of each epoch.

    Raises
    ------
    InputError
        When a class has no training cell, or the checkpoint is damaged or of another training.
    """
    recipe = recipe or Recipe()
    rows = torch.from_numpy(np.flatnonzero(chosen))
    target = torch.from_numpy(labels.copy())
    weights = networks.class_weights(target[rows])
    training = _Training(seed, recipe, steps=-(-len(rows) // recipe.batch_size))
    losses = training.resume(checkpoint)
    quick = products() == "bfloat16"
    for epoch in range(len(losses), recipe.epochs):
        training.network.train()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1000 * seed + epoch)  # an epoch depends on no generator before it
            total = 0.0
            batches = torch.split(rows[torch.randperm(len(rows))], recipe.batch_size)
            name = f"epoch {epoch + 1}/{recipe.epochs}"
            for batch in tqdm(batches, desc=name, disable=not progress):
                with torch.autocast("cpu", dtype=torch.bfloat16, enabled=quick):
                    logits = training.network(recipe.views(pixels[batch]))
                loss = cross_entropy(
                    logits.float(), target[batch], weight=weights,
                    label_smoothing=recipe.label_smoothing,
                )  # fmt: skip
                training.step(loss)
                total += loss.item() * len(batch)
        losses.append(total / len(rows))
        if epoch >= recipe.epochs - recipe.averaged:
            training.average.update_parameters(training.network)
        training.save(checkpoint, losses)
    encoder = cast(Encoder, training.average.module)
    _estimate_norms(encoder, pixels[rows])
    return encoder.eval(), losses


class _Training:
    """What changes while training: network, mean of networks, optimiser and schedule."""

    def __init__(self, seed: int, recipe: Recipe, steps: int) -> None:
        self.network = Encoder(seed)
        self.average = AveragedModel(self.network)
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self.schedule = OneCycleLR(
            self.optimiser, max_lr=recipe.learning_rate, total_steps=recipe.epochs * steps
        )
        self.key = f"{seed} {steps} {recipe}"

    def _parts(self) -> dict[str, Any]:
        return {
            "network": self.network, "average": self.average,
            "optimiser": self.optimiser, "schedule": self.schedule,
        }  # fmt: skip

    def step(self, loss: Tensor) -> None:
        """One step of optimiser and schedule."""
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self.schedule.step()

    def save(self, path: Path | None, losses: list[float]) -> None:
        """Write all of it, whole or not at all."""
        if path is None:
            return
        state = {name: part.state_dict() for name, part in self._parts().items()}
        with files.atomic_path(path) as temporary:
            torch.save({**state, "losses": losses, "key": self.key}, temporary)

    def resume(self, path: Path | None) -> list[float]:
        """Load what `save` wrote, if anything; the losses of the epochs that are done."""
        if path is None or not path.is_file():
            return []
        try:
            state = torch.load(path, weights_only=True)
            known = state["key"] == self.key
            for name, part in self._parts().items():
                part.load_state_dict(state[name])
            losses: list[float] = state["losses"]
        except UNREADABLE as error:
            raise InputError(f"{path}: a damaged checkpoint; delete it and run again.") from error
        if not known:
            raise InputError(f"{path}: of another training; delete it and run again.")
        return losses


@torch.no_grad()
def _estimate_norms(encoder: Encoder, pixels: Tensor) -> None:
    """Estimate the batch norms' statistics on cells as they are: a mean of weights has none."""
    norms = [m for m in encoder.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over all batches
    encoder.train()
    order = torch.randperm(len(pixels), generator=torch.Generator().manual_seed(0))
    for rows in torch.split(order, CHUNK):
        encoder(centre(pixels[rows]))


def _halved(encoder: Encoder) -> dict[str, Tensor]:
    """Round the weights to float16, as they are given away; the encoder goes on with those.

    Returns
    -------
    dict of str to Tensor
        In torchvision's layout, with the two logits as `fc`.
    """
    halves = {
        name: value.half().contiguous() if value.is_floating_point() else value
        for name, value in encoder.state_dict().items()
    }
    encoder.load_state_dict(halves)
    return {k.removeprefix("body.").replace("head.", "fc."): v for k, v in halves.items()}


@torch.inference_mode()
def answer(encoder: Encoder, pixels: Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Probability of class 1 (n,) and features (n, 512) of cells as they are."""
    encoder.eval()
    x = torch.cat([encoder.features(centre(part)) for part in torch.split(pixels, CHUNK)])
    return encoder.head(x).softmax(dim=1)[:, 1].numpy(), x.numpy()


def encode(
    folder: Path, outputs: Path, *, part: str, seed: int, recipe: Recipe | None = None,
    progress: bool = True,
) -> Path:  # fmt: skip
    """Train one part's encoder and write what it says of the cells.

    Parameters
    ----------
    folder : Path
        Images in the C-NMC layout.
    outputs : Path
        Gets `MODEL_PART_SEED.npz`, the model as of `model`: filename, features (float16) and
        probability of all cells, and `test`, those of the fold; for "all" the encoder too,
        `MODEL_all_SEED.safetensors` (float16); beside each a `.json` with provenance and losses.
        Checkpoints stand there until it is done.
    part : str
        An official fold, whose cells are then not trained on, or "all".
    seed : int
    recipe : Recipe, optional
    progress : bool

    Returns
    -------
    Path
        The `.npz` file.

    Raises
    ------
    InputError
        When there is no such part, and as of `train`.
    """
    recipe, started = recipe or Recipe(), time.perf_counter()
    table, pixels = read_cells(folder)
    everyone = np.ones(len(table), dtype=bool)
    splits = {split.fold: split for split in official_folds(table)}
    splits[ALL] = Split(ALL, everyone, everyone, apart=False)
    if part not in splits:
        raise InputError(f"part {part!r}: expected one of {', '.join(splits)}.")
    split, stem = splits[part], outputs / f"{model(recipe)}_{part}_{seed}"
    checkpoint = stem.with_suffix(".partial.pt")
    labels = table["label"].to_numpy()
    encoder, losses = train(
        pixels, labels, split.train, seed=seed, recipe=recipe, checkpoint=checkpoint,
        progress=progress,
    )  # fmt: skip
    halves = _halved(encoder)
    probability, x = answer(encoder, pixels)
    target = stem.with_suffix(".npz")
    with files.atomic_path(target) as temporary:
        np.savez_compressed(
            temporary,
            filename=table["filename"].to_numpy().astype(str),
            features=x.astype(np.float16),
            probability=probability,
            test=split.test,
        )
    if part == ALL:
        with files.atomic_path(stem.with_suffix(".safetensors")) as temporary:
            save_file(halves, temporary, metadata={"name": NAME, VIEW: CENTRAL})
    provenance = {
        "command": f"leukgnn encoder DIR --part {part} --seed {seed}"
        + " --papers-views" * (recipe.views == PAPERS),
        "recipe": asdict(recipe),
        "products": products(),
        "crop": CROP,
        "training_cells": int(split.train.sum()),
        "cells": int(split.test.sum()),
        "losses": losses,
        "seconds": round(time.perf_counter() - started, 1),
        **files.provenance(),
    }
    files.write_json(target.with_suffix(".json"), provenance)
    checkpoint.unlink(missing_ok=True)
    return target
