"""One `fit` and one `predict` for every network. Arrays come in and go out; tensors stay here."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from leukgnn.files import InputError
from leukgnn.networks.adjacency import adjacency_of, neighbourhood
from leukgnn.networks.fast import accelerated
from leukgnn.networks.gat import GAT
from leukgnn.networks.settings import CURVES, Settings
from leukgnn.paper import THRESHOLD, TRAINING

EVERY = 10  # epochs between two points of the curves: each costs a pass over the graph
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


def class_weights(labels: Tensor) -> Tensor:
    """Weights n / (2 n_c) of the loss, inverse to each class's frequency (section IV.D).

    Raises
    ------
    InputError
        When one of the two classes has no training cell.
    """
    counts = torch.bincount(labels, minlength=TRAINING.classes)
    if len(counts) > TRAINING.classes or (counts == 0).any():
        raise InputError(
            f"The training cells number {counts.tolist()} per class; "
            "expected labels 0 and 1, both present."
        )
    return len(labels) / (TRAINING.classes * counts.float())


def seeded(
    kind: Callable[..., nn.Module], seed: int, settings: Settings | None = None
) -> nn.Module:
    """Build a network whose initial weights depend on `seed` alone."""
    settings = settings or Settings()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return kind(hidden_channels=settings.hidden, dropout=settings.dropout)


def parameter_count(network: nn.Module) -> int:
    """Count the trainable numbers of `network`."""
    return sum(value.numel() for value in network.parameters() if value.requires_grad)


def fit(
    network: nn.Module,
    x: Floats,
    edge_index: Ints,
    labels: Ints,
    train: Mask,
    *,
    settings: Settings,
    seed: int,
    held_out: Mask | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Train `network` in place; the same seed gives the same bits on one machine.

    Parameters
    ----------
    network : Module
        From `seeded`, with its `forward(x, adjacency)`.
    x : ndarray, shape (n, d), float32
    edge_index : ndarray, shape (2, E)
        Without self loops.
    labels : ndarray, shape (n,)
        Only those of the training cells enter the loss.
    train, held_out : ndarray, shape (n,), bool
        The held-out cells, if any, are only measured for the curves: nothing is selected by them.
    settings : Settings
    seed : int
        Of dropout and of the order of batches.
    progress : bool
        Show a bar.

    Returns
    -------
    DataFrame
        One row per measured epoch: `epoch`, `steps`, `loss` (mean over the epoch's steps),
        `train_accuracy` and `held_out_accuracy` (missing without held-out cells).

    Raises
    ------
    InputError
        When shapes do not fit.
    """
    _check(x, labels, [train] if held_out is None else [train, held_out])
    cells, target = torch.from_numpy(x), _tensor(labels)
    adjacency = adjacency_of(x, edge_index, settings)
    chosen = torch.from_numpy(np.flatnonzero(train))
    weights = class_weights(target[chosen]) if settings.weighted else None
    optimiser = torch.optim.Adam(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    fast = accelerated(network)
    rows: list[tuple[float, ...]] = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        steps = 0
        for epoch in tqdm(range(1, settings.epochs + 1), desc="epochs", disable=not progress):
            fast.train()
            losses = []
            for batch in _batches(chosen, settings.batch_size):
                optimiser.zero_grad()
                if settings.batch_size is None:
                    logits = fast(cells, adjacency)[batch]
                else:
                    nodes, part, places = neighbourhood(adjacency, batch)
                    logits = fast(cells[nodes], part)[places]
                loss = cross_entropy(logits, target[batch], weight=weights)
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                losses.append(loss.item())
            steps += len(losses)
            if epoch == settings.epochs or epoch == 1 or epoch % EVERY == 0:
                accuracies = [np.nan, np.nan]
                if held_out is not None:
                    right = (_probability(fast, cells, adjacency) >= THRESHOLD) == (labels == 1)
                    accuracies = [right[mask].mean() for mask in (train, held_out)]
                rows.append((epoch, steps, float(np.mean(losses)), *accuracies))
    network.eval()
    return pd.DataFrame(rows, columns=CURVES)


def predict(
    network: nn.Module, x: Floats, edge_index: Ints, settings: Settings | None = None
) -> Floats:
    """Probability of class 1 (leukemic) for every cell on the given edges, shape (n,).

    `settings` are those that the network was trained with; they say how edges are weighed.
    """
    adjacency = adjacency_of(x, edge_index, settings or Settings())
    return _probability(network, torch.from_numpy(x), adjacency)


@torch.no_grad()
def hidden(network: nn.Module, x: Floats, edge_index: Ints) -> Floats:
    """Hidden features of every cell on the given edges, shape (n, hidden)."""
    network.eval()
    adjacency = adjacency_of(x, edge_index, Settings())
    values: Floats = network.hidden(torch.from_numpy(x), adjacency).numpy()  # type: ignore[operator]
    return values


@torch.no_grad()
def attention(network: GAT, x: Floats, edge_index: Ints) -> tuple[Ints, Floats]:
    """Edges (2, E) and the attention (E,) that a trained `GAT` pays to each, self loops left out.

    What arrives at a cell sums to 1 together with the attention that it pays to itself.
    """
    network.eval()
    edges, weights = network.attention(torch.from_numpy(x), adjacency_of(x, edge_index, Settings()))
    apart = edges[0] != edges[1]
    return edges[:, apart].numpy(), weights[apart].numpy()


@torch.no_grad()
def _probability(network: nn.Module, x: Tensor, adjacency: Tensor) -> Floats:
    """Probability of class 1 of every cell; the network is left in evaluation."""
    network.eval()
    probability: Floats = network(x, adjacency).softmax(dim=1)[:, 1].numpy()
    return probability


def _tensor(labels: Ints) -> Tensor:
    """Labels as a tensor of its own: torch wants arrays that may be written."""
    return torch.from_numpy(labels.copy())


def _batches(chosen: Tensor, size: int | None) -> tuple[Tensor, ...]:
    """Split the training cells into the batches of one epoch, shuffled unless there is only one."""
    if size is None:
        return (chosen,)
    return torch.split(chosen[torch.randperm(len(chosen))], size)


def _check(x: Floats, labels: Ints, marks: list[Mask]) -> None:
    """Raise InputError for arrays that do not fit each other."""
    n = len(x)
    if {len(labels), *map(len, marks)} != {n}:
        raise InputError(
            f"features of {n} cells, {len(labels)} labels and marks of "
            f"{', '.join(str(len(mark)) for mark in marks)} cells do not fit: expected the same n "
            "for all."
        )
