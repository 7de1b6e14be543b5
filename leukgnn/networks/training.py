"""One `fit` and one `predict` for every network."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch_geometric.utils import k_hop_subgraph
from tqdm import tqdm

from leukgnn import graph
from leukgnn.files import InputError
from leukgnn.models import GCN, seeded
from leukgnn.paper import TRAINING

EVERY = 10  # epochs between two points of the accuracy curves: each costs a pass over the graph
HOPS = 2  # as many as the network has layers
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


def fit(
    network: GCN,
    x: Tensor,
    adjacency: Tensor,
    labels: Tensor,
    train: Mask,
    *,
    held_out: Mask | None = None,
    seed: int,
    weighted: bool = True,
    learning_rate: float = TRAINING.learning_rate,
    weight_decay: float = TRAINING.weight_decay,
    epochs: int = TRAINING.epochs,
    batch_size: int | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Train `network` in place; the same seed gives the same bits on one machine.

    Parameters
    ----------
    network : GCN
        From `models.seeded`; any network with its `forward`.
    x : Tensor, shape (n, d), float32
    adjacency : Tensor, shape (n, n), sparse CSR
        From `graph.adjacency`.
    labels : Tensor, shape (n,), int64
        Only those of the training cells enter the loss.
    train, held_out : ndarray, shape (n,), bool
        The held-out cells, if any, are only measured for the curves: nothing is selected by them.
    seed : int
        Of dropout and of the order of batches.
    weighted : bool
        Weigh the loss by `class_weights` (section IV.D); the released code does not.
    learning_rate, weight_decay, epochs
        Of Adam (section IV.D); the last epoch counts, there is no early stopping.
    batch_size : int, optional
        None: every epoch is one step on all training cells. Else that many training cells a
        step, each with its 2-hop neighbourhood: our reading of the paper's "batch size".
    progress : bool
        Show a bar.

    Returns
    -------
    DataFrame
        One row per measured epoch: `epoch`, `steps`, `loss` (mean over the epoch's steps),
        `train_accuracy`, `held_out_accuracy`.

    Raises
    ------
    InputError
        When shapes do not fit or a setting is out of its range.
    """
    marks = [train] if held_out is None else [train, held_out]
    _check(x, adjacency, labels, marks, learning_rate, epochs, batch_size)
    chosen = torch.from_numpy(np.flatnonzero(train))
    weights = class_weights(labels[chosen]) if weighted else None
    optimiser = torch.optim.Adam(network.parameters(), lr=learning_rate, weight_decay=weight_decay)
    rows = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        steps = 0
        for epoch in tqdm(range(1, epochs + 1), desc="epochs", disable=not progress):
            network.train()
            losses = []
            for batch in _batches(chosen, batch_size):
                optimiser.zero_grad()
                logits = _logits(network, x, adjacency, batch, whole=batch_size is None)
                loss = cross_entropy(logits, labels[batch], weight=weights)
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                losses.append(loss.item())
            steps += len(losses)
            if epoch == epochs or (held_out is not None and (epoch == 1 or epoch % EVERY == 0)):
                right = (predict(network, x, adjacency) >= 0.5) == labels.numpy().astype(bool)
                shares = [np.nan if m is None else right[m].mean() for m in (train, held_out)]
                rows.append((epoch, steps, float(np.mean(losses)), *shares))
    names = ["epoch", "steps", "loss", "train_accuracy", "held_out_accuracy"]
    return pd.DataFrame(rows, columns=names)


@torch.no_grad()
def predict(network: GCN, x: Tensor, adjacency: Tensor) -> NDArray[np.float32]:
    """Probability of class 1 (leukemic) for every cell, shape (n,)."""
    network.eval()
    probability: NDArray[np.float32] = network(x, adjacency).softmax(dim=1)[:, 1].numpy()
    return probability


def trained(
    kind: type[GCN],
    x: NDArray[np.float32],
    labels: NDArray[np.int64],
    edges: NDArray[np.int64],
    train: Mask,
    seen: Mask,
    *,
    seed: int,
    settings: Mapping[str, Any],
    hidden: int = TRAINING.hidden,
) -> GCN:
    """Train a network on the cells that it may see.

    Parameters
    ----------
    kind : type
        `GCN` or `MLP`.
    x : ndarray, shape (n, 512)
    labels : ndarray, shape (n,)
    edges : ndarray, shape (2, E)
        Those between seen cells are trained with.
    train, seen : ndarray, shape (n,), bool
        Cells whose labels enter the loss, and cells whose features are there while training:
        the same cells (inductive), or test cells too (transductive).
    settings : mapping
        Further keyword arguments of `fit`.

    Returns
    -------
    GCN
        The trained network; `answer` asks it.
    """
    network = seeded(kind, seed, hidden_channels=hidden)
    fit(
        network, torch.from_numpy(x[seen]),
        graph.adjacency(graph.within(edges, seen), int(seen.sum())),
        torch.from_numpy(labels[seen]), train[seen], seed=seed, progress=False, **settings,
    )  # fmt: skip
    return network


def answer(network: GCN, x: NDArray[np.float32], edges: NDArray[np.int64]) -> NDArray[np.float32]:
    """Probability of class 1 for every cell, shape (n,), on the given edges (2, E)."""
    return predict(network, torch.from_numpy(x), graph.adjacency(edges, len(x)))


def neighbourhood(adjacency: Tensor, seeds: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Cells within two hops of `seeds`, with the edges and weights of the whole graph.

    Because the weights are those of the whole graph, a network gives the seeds the same logits
    on this part as on the whole.

    Returns
    -------
    nodes : Tensor, shape (m,)
    edge_index : Tensor, shape (2, e)
        (source, target), numbered within `nodes`.
    edge_weight : Tensor, shape (e,)
    positions : Tensor
        Where the seeds stand in `nodes`.
    """
    coo = adjacency.to_sparse_coo()  # type: ignore[no-untyped-call]
    target, source = coo.coalesce().indices()
    edges = torch.stack([source, target])
    nodes, part, positions, kept = k_hop_subgraph(
        seeds, HOPS, edges, relabel_nodes=True, num_nodes=len(adjacency)
    )
    return nodes, part, adjacency.values()[kept], positions


def _batches(chosen: Tensor, size: int | None) -> tuple[Tensor, ...]:
    """Split the training cells into the batches of one epoch, shuffled unless there is only one."""
    if size is None:
        return (chosen,)
    return torch.split(chosen[torch.randperm(len(chosen))], size)


def _logits(
    network: nn.Module, x: Tensor, adjacency: Tensor, cells: Tensor, *, whole: bool
) -> Tensor:
    """Logits of `cells`, from the whole graph or from their neighbourhood alone."""
    if whole:
        logits: Tensor = network(x, adjacency)[cells]
        return logits
    nodes, edges, weights, positions = neighbourhood(adjacency, cells)
    logits = network(x[nodes], edges, weights)[positions]
    return logits


def _check(
    x: Tensor,
    adjacency: Tensor,
    labels: Tensor,
    marks: list[Mask],
    learning_rate: float,
    epochs: int,
    batch_size: int | None,
) -> None:
    """Raise InputError for what `fit` cannot use."""
    n = len(x)
    if adjacency.shape != (n, n) or {len(labels), *map(len, marks)} != {n}:
        raise InputError(
            f"features of {n} cells, adjacency {tuple(adjacency.shape)}, {len(labels)} labels and "
            f"marks of {', '.join(str(len(mark)) for mark in marks)} cells do not fit: expected "
            "the same n for all."
        )
    if learning_rate <= 0:
        raise InputError(f"learning_rate={learning_rate}: expected a number above 0.")
    if epochs < 1:
        raise InputError(f"epochs={epochs}: expected at least 1.")
    if batch_size is not None and batch_size < 1:
        raise InputError(f"batch_size={batch_size}: expected at least 1, or none for full batch.")
