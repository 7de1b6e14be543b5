"""A learned metric: a projection by which cells of one class, but of other people, come close."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from leukgnn.files import InputError
from leukgnn.networks.training import class_weights

# Fixed before any test cell was asked. Among people left out of the first fold's training people,
# more steps, more cells a step or three times the rate changed nothing.
DIMENSIONS, TEMPERATURE = 64, 0.1
STEPS, BATCH, RATE, DECAY = 100, 256, 1e-3, 5e-4
Floats = NDArray[np.float32]
Projection = Callable[[Floats], Floats]


def learned_projection(
    x: Floats, labels: NDArray[np.int64], people: NDArray[Any], *, seed: int
) -> Projection:
    """Learn a linear projection in which a cell is like those of its class and another person.

    Supervised contrastive loss (Khosla et al. 2020) on standardised features; pairs of cells of one
    person count neither as like nor as unlike, since people are what a graph joins anyway.

    Parameters
    ----------
    x : ndarray, shape (n, d), float32
        Of the cells to learn from.
    labels : ndarray, shape (n,)
    people : ndarray, shape (n,)
    seed : int
        Of the first projection and the batches.

    Returns
    -------
    callable
        From features (m, d) to (m, `DIMENSIONS`), to be compared by their cosine.

    Raises
    ------
    InputError
        When a class has cells of fewer than two people.
    """
    for label in np.unique(labels):
        if len(np.unique(people[labels == label])) < 2:
            raise InputError(
                f"class {label} has cells of one person only: a metric that brings people together "
                "needs two of each class at least."
            )
    mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-6
    inputs, target = torch.from_numpy((x - mean) / scale), torch.from_numpy(labels.copy())
    persons = torch.from_numpy(np.unique(people, return_inverse=True)[1])
    weights = class_weights(target)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        matrix = torch.nn.init.orthogonal_(torch.empty(x.shape[1], DIMENSIONS)).requires_grad_()
        optimiser = torch.optim.Adam([matrix], lr=RATE, weight_decay=DECAY)
        for _ in range(STEPS):
            rows = torch.randperm(len(inputs))[:BATCH]
            losses, used = _contrast(inputs[rows] @ matrix, target[rows], persons[rows])
            share = weights[target[rows]][used]
            optimiser.zero_grad()
            ((losses * share).sum() / share.sum()).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    learned = matrix.detach().numpy()
    return lambda values: ((values - mean) / scale) @ learned


def _contrast(z: Tensor, labels: Tensor, persons: Tensor) -> tuple[Tensor, Tensor]:
    """Loss of each cell that has a like one in the batch, and which those are."""
    unit = normalize(z)
    other = persons[:, None] != persons
    like = other & (labels[:, None] == labels)
    logits = (unit @ unit.T / TEMPERATURE).masked_fill(~other, -torch.inf)
    used = like.any(dim=1)
    log_share = (logits - logits.logsumexp(dim=1, keepdim=True)).masked_fill(~like, 0.0)[used]
    return -log_share.sum(dim=1) / like[used].sum(dim=1), used
