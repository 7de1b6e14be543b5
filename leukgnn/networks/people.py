"""Train a network on bags of people's cells and ask it about people."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from leukgnn.files import InputError
from leukgnn.networks.pooling import Attention, PersonNetwork
from leukgnn.networks.settings import Settings
from leukgnn.networks.training import class_weights

BAG = 64  # cells of a person at a time, at most
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


def fit_people(
    network: PersonNetwork,
    x: Floats,
    people: Sequence[Ints],
    labels: Ints,
    *,
    k: int,
    settings: Settings,
    seed: int,
) -> list[float]:
    """Train `network` in place; every epoch is one step on a bag of each person, drawn anew.

    Parameters
    ----------
    network : PersonNetwork
    x : ndarray, shape (n, d), float32
    people : sequence of ndarray
        Rows of each person's cells, one cell at least.
    labels : ndarray, shape (people,)
        One for each person.
    k : int
        Of the k-NN graph within each bag; 0: no edges.
    settings : Settings
        Learning rate, weight decay, epochs and weights of the loss, which are of people here.
    seed : int
        Of bags and dropout.

    Returns
    -------
    list of float
        Loss of every epoch.

    Raises
    ------
    InputError
        When a person has no cell, or labels are not as many as people.
    """
    _check(people)
    if len(labels) != len(people):
        raise InputError(f"{len(labels)} labels of {len(people)} people: expected one for each.")
    cells, target = torch.from_numpy(x), torch.from_numpy(labels.copy())
    weights = class_weights(target) if settings.weighted else None
    optimiser = torch.optim.Adam(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    rows = [torch.from_numpy(own) for own in people]
    losses = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network.train()
        for _ in range(settings.epochs):
            drawn = [own[torch.randperm(len(own))[:BAG]] for own in rows]
            optimiser.zero_grad()
            logits, added = network(*bags(cells, drawn, k))
            loss = cross_entropy(logits, target, weight=weights) + added
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
    network.eval()
    return losses


@torch.no_grad()
def predict_people(
    network: PersonNetwork, x: Floats, people: Sequence[Ints], *, k: int
) -> NDArray[np.float64]:
    """Probability of class 1 for every person, shape (people,).

    Cells are dealt in their order into as few equal bags as hold them all; the person's
    probability is the mean of the bags'.
    """
    network.eval()
    return np.array(
        [
            float(network(*bags(torch.from_numpy(x), dealt, k))[0].softmax(dim=1)[:, 1].mean())
            for dealt in _dealt(people)
        ]
    )


@torch.no_grad()
def attention_to_cells(
    network: PersonNetwork, x: Floats, people: Sequence[Ints], *, k: int
) -> list[Floats]:
    """Weight of each cell in attention pooling, person by person, relative to an equal weight.

    1 is what a mean would give the cell.
    """
    network.eval()
    assert isinstance(network.pool, Attention)
    found = []
    for dealt in _dealt(people):
        batch, adjacency, there = bags(torch.from_numpy(x), dealt, k)
        weights = network.pool.weights(network.hidden(batch, adjacency, there), there)
        sizes = torch.tensor([len(own) for own in dealt])
        found.append((weights * sizes.repeat_interleave(sizes)).numpy())
    return found


def bags(x: Tensor, drawn: Sequence[Tensor], k: int) -> tuple[Tensor, Tensor, Tensor]:
    """Bags of cells, filled up to equal length, with the graph of each.

    Each cell and its k most similar cells of the same bag (cosine) hear each other; all others,
    where there are no more than k.

    Returns
    -------
    features : Tensor, shape (b, n, d)
    adjacency : Tensor, shape (b, n, n)
    there : Tensor, shape (b, n), bool
    """
    rows = torch.nn.utils.rnn.pad_sequence(list(drawn), batch_first=True)
    sizes = torch.tensor([len(own) for own in drawn])
    there = torch.arange(rows.shape[1]) < sizes[:, None]
    batch = x[rows] * there[:, :, None]
    adjacency = batch.new_zeros((*rows.shape, rows.shape[1]))
    if k:
        unit = normalize(batch, dim=2)
        apart = there[:, :, None] & there[:, None] & ~torch.eye(rows.shape[1], dtype=torch.bool)
        similarity = (unit @ unit.mT).masked_fill(~apart, -torch.inf)
        near = similarity.topk(min(k, rows.shape[1]), dim=2).indices
        heard = adjacency.scatter(2, near, 1.0) * apart
        adjacency = torch.maximum(heard, heard.mT)
    return batch, adjacency, there


def _dealt(people: Sequence[Ints]) -> Iterable[tuple[Tensor, ...]]:
    """Each person's rows, in bags of at most `BAG`."""
    _check(people)
    for own in people:
        yield torch.tensor_split(torch.from_numpy(own), -(-len(own) // BAG))


def _check(people: Sequence[Ints]) -> None:
    """Raise InputError for a person without cells."""
    for number, own in enumerate(people):
        if not len(own):
            raise InputError(f"person {number} of {len(people)} has no cell: expected at least 1.")
