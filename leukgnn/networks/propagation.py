"""What flows along the edges without a network to train: features, labels, errors."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.nn import CorrectAndSmooth, LabelPropagation

from leukgnn.networks.adjacency import normalised

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


def smoothed(x: Floats, edge_index: Ints, hops: int) -> Floats:
    """Features after `hops` passes of the normalised adjacency, shape (n, d) (Wu et al. 2019)."""
    adjacency, passed = normalised(edge_index, len(x)), torch.from_numpy(x)
    for _ in range(hops):
        passed = adjacency @ passed
    smooth: Floats = passed.numpy()
    return smooth


def label_propagation(
    labels: Ints, edge_index: Ints, train: Mask, *, alpha: float, layers: int
) -> Floats:
    """Spread the training cells' labels along the edges (Zhu & Ghahramani 2002).

    Parameters
    ----------
    labels : ndarray, shape (n,)
        Only those of the training cells are used.
    edge_index : ndarray, shape (2, E)
    train : ndarray, shape (n,), bool
    alpha : float
        Share of a cell's new score that comes from its neighbours.
    layers : int
        How often it is passed on.

    Returns
    -------
    ndarray, shape (n,)
        Probability of class 1; a half where no label arrived.
    """
    spread = LabelPropagation(num_layers=layers, alpha=alpha)
    target = torch.from_numpy(labels.copy())
    return _share(spread(target, torch.from_numpy(edge_index), mask=torch.from_numpy(train)))


def correct_and_smooth(
    answers: Floats, labels: Ints, edge_index: Ints, train: Mask, *, alpha: float, layers: int
) -> Floats:
    """Correct answers by their errors on training cells, then smooth them (Huang et al. 2021).

    Parameters
    ----------
    answers : ndarray, shape (n,)
        Probability of class 1 without graph.
    labels, edge_index, train, alpha, layers
        As of `label_propagation`.

    Returns
    -------
    ndarray, shape (n,)
        Probability of class 1.
    """
    leukemic = torch.from_numpy(np.asarray(answers, dtype=np.float32))
    both = torch.stack([1 - leukemic, leukemic], dim=1)
    mask, edges = torch.from_numpy(train), torch.from_numpy(edge_index)
    known = torch.from_numpy(labels.copy())[mask]
    post = CorrectAndSmooth(layers, alpha, layers, alpha)
    return _share(post.smooth(post.correct(both, known, mask, edges), known, mask, edges))


def _share(scores: Tensor) -> Floats:
    """Class 1's share of two scores; a half where no label arrived."""
    total = scores.sum(dim=1)
    share: Tensor = torch.where(total > 0, scores[:, 1] / total.clamp(min=1e-12), 0.5)
    shares: Floats = share.clamp(0, 1).numpy()
    return shares
