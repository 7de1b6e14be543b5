"""The CNN: ResNet-18 with two logits, fine-tuned end to end, resumable after each epoch."""

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torchvision.transforms.v2 import functional
from tqdm import tqdm

from leukgnn import files, networks
from leukgnn.cells.transforms import normalise, training_transform
from leukgnn.experiments.splits import Mask
from leukgnn.features.resnet import Weights, body
from leukgnn.files import InputError
from leukgnn.paper import EXTRACTOR, FINE_TUNING, TRAINING

CHUNK = 128  # cells at a time when nothing is learnt
# What torch raises for a file that is no checkpoint, is cut off or is of another network.
UNREADABLE = (
    OSError, EOFError, RuntimeError, ValueError, KeyError, TypeError, pickle.UnpicklingError,
)  # fmt: skip


class CNN(nn.Module):
    """ResNet-18 with two logits instead of ImageNet's thousand.

    Its batch norms stay in eval mode: the statistics of the weights at hand are folded into scale
    and shift (see their provenance), and re-estimating them on 32 cells would only add noise.
    """

    def __init__(self, weights: Weights, seed: int) -> None:
        super().__init__()
        self.body = body(weights)
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
        A `.pt` file, written after each epoch. After an interruption the same call goes on from
        there and ends with the same network.
    progress : bool

    Returns
    -------
    network : CNN
    losses : list of float
        Mean training loss of each epoch.

    Raises
    ------
    InputError
        When a class has no training cell, `epochs` is below 1, or the checkpoint is damaged.
    """
    if epochs < 1:
        raise InputError(f"epochs={epochs}: expected at least 1.")
    network = CNN(weights, seed)
    optimiser = torch.optim.Adam(network.parameters(), lr=FINE_TUNING.learning_rate)
    class_weights = networks.class_weights(torch.from_numpy(labels[train]))
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
    state = {
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "losses": losses,
    }
    with files.atomic_path(path) as temporary:
        torch.save(state, temporary)


def _resume(path: Path | None, network: CNN, optimiser: torch.optim.Adam) -> list[float]:
    """Load what `_save` wrote, if anything; the losses of the epochs that are done."""
    if path is None or not path.is_file():
        return []
    try:
        state = torch.load(path, weights_only=True)
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        losses: list[float] = state["losses"]
    except UNREADABLE as error:
        raise InputError(f"{path}: a damaged checkpoint; delete it and run again.") from error
    return losses


@torch.inference_mode()
def answer(network: CNN, pixels: Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Probability of class 1 (n,) and features (n, 512) of cells as they are, not augmented."""
    network.eval()
    features = torch.cat([network.features(normalise(part)) for part in torch.split(pixels, CHUNK)])
    return network.head(features).softmax(dim=1)[:, 1].numpy(), features.numpy()
