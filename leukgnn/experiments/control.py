"""The positive control: a signal that reaches a cell through its neighbours alone."""

from dataclasses import replace

import numpy as np
from scipy.sparse import csr_array

from leukgnn import networks
from leukgnn.experiments.splits import Split
from leukgnn.features import Features
from leukgnn.graphs import Builder

COLUMN = 0  # of the features, where the signal stands in place of what was there
FAINT = 1e-3  # its standard deviation: too small to change who is whose neighbour


def planted(features: Features, split: Split, graph: Builder, seed: int) -> Features:
    """The same cells with a drawn number in place of one feature, and labels by the neighbours'.

    A cell is labelled 1 when two passes of the normalised adjacency bring it more of its
    neighbours' numbers than most training cells get; its own number is left out. Its own features
    tell of the label only where the cell lies, and so roughly whose neighbour it is.

    Parameters
    ----------
    features : Features
    split : Split
        The graph, and with it the labels, are those of this split.
    graph : Builder
    seed : int
        Of the numbers.
    """
    signal = np.random.default_rng(seed).standard_normal(len(features.x)).astype(np.float32)
    x = features.x.copy()
    x[:, COLUMN] = FAINT * signal
    adjacency = networks.normalised(graph(x, split.train, split.test), len(x))
    parts = (adjacency.values(), adjacency.col_indices(), adjacency.crow_indices())
    once = csr_array(tuple(part.numpy() for part in parts), shape=tuple(adjacency.shape))
    twice = once @ once
    received = twice @ signal - twice.diagonal() * signal
    label = (received > np.median(received[split.train])).astype(np.int64)
    origin = f"{features.origin} With a planted signal."
    return replace(features, x=x, table=features.table.assign(label=label), origin=origin)
