"""One question: these features, this split, this graph, this seed. Classifiers answer it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler, normalize

from leukgnn import networks
from leukgnn.experiments.splits import Mask, Split, check_disjoint, inner_split
from leukgnn.features import Features
from leukgnn.files import InputError
from leukgnn.graphs import Builder, no_edges, within
from leukgnn.networks import Settings
from leukgnn.paper import TRAINING

if TYPE_CHECKING:
    from torch import nn

HOPS = 2  # of smoothing: as many as the GCN has layers
Ints = NDArray[np.int64]
Probability = NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class Task:
    """One split of one set of features with the graph that a classifier may use.

    Attributes
    ----------
    features : Features
    split : Split
    graph : Builder
        From training and test cells to the edges.
    seed : int
        Of whatever is random, the choice of the inner split included.
    settings : Settings
        Of the networks.

    Raises
    ------
    InputError
        When the split keeps subjects apart and a subject or file lies on both sides all the same.
    """

    features: Features
    split: Split
    graph: Builder
    seed: int
    settings: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        if self.split.apart:
            check_disjoint(self.features.table, self.split)

    @property
    def x(self) -> NDArray[np.float32]:
        """Features, shape (n, d)."""
        return self.features.x

    @property
    def table(self) -> pd.DataFrame:
        """Cells, row i for row i of `x`."""
        return self.features.table

    @cached_property
    def labels(self) -> Ints:
        """0 or 1 of every cell."""
        return self.table["label"].to_numpy()

    @cached_property
    def edge_index(self) -> Ints:
        """Edges (2, E), numbered as the rows of `x`."""
        return self.graph(self.x, self.split.train, self.split.test)

    @property
    def k(self) -> int:
        """Neighbours that its graph gives each cell.

        Raises
        ------
        InputError
            When it is no k-NN graph.
        """
        k = getattr(self.graph, "k", None)
        if k is None:
            raise InputError(f"graph {self.graph}: expected a k-NN graph, whose k is asked for.")
        return int(k)

    @property
    def shuffled(self) -> Ints:
        """The same edges with the seen cells in each other's places."""
        places = np.arange(len(self.x))
        seen = np.flatnonzero(self.seen)
        places[seen] = np.random.default_rng(self.seed).permutation(seen)
        moved: Ints = places[self.edge_index]
        return moved

    @cached_property
    def inputs(self) -> NDArray[np.float32]:
        """Features as the networks get them, shape (n, d); fitted to the training cells alone."""
        if self.settings.inputs == "standardised":
            scaler = StandardScaler().fit(self.x[self.split.train])
            scaled: NDArray[np.float32] = scaler.transform(self.x)
            return scaled
        return normalize(self.x) if self.settings.inputs == "unit" else self.x

    @property
    def seen(self) -> Mask:
        """Cells whose features are there while training."""
        train, test = self.split.train, self.split.test
        return train | test if self.graph.transductive else train

    @cached_property
    def trained_gcn(self) -> tuple[Any, pd.DataFrame]:
        """The paper's network, trained, and its curves: it may be asked about several graphs."""
        return self.trained(self.gcn_kind, self.edge_index)

    @cached_property
    def trained_mlp(self) -> tuple[Any, pd.DataFrame]:
        """Its twin without graph, and its curves."""
        kind = networks.MLP if self.settings.textbook else self._varied
        return self.trained(kind, no_edges())

    @cached_property
    def trained_gat(self) -> tuple[Any, pd.DataFrame]:
        """The network that learns its neighbours' weights, and its curves."""
        return self.trained(networks.FAMILIES["gat"], self.edge_index)

    @cached_property
    def kept(self) -> dict[Any, Any]:
        """Other networks that classifiers of this task share, by what they are known by."""
        return {}

    @property
    def gcn_kind(self) -> Callable[..., "nn.Module"]:
        """What builds a graph network with the layers that the settings ask for."""
        return networks.GCN if self.settings.textbook else self._varied

    def _varied(self, **sizes: Any) -> "nn.Module":
        """Network with the layers that the settings ask for."""
        return networks.VariedGCN(
            batch_norm=self.settings.batch_norm, residual=self.settings.residual, **sizes
        )

    @cached_property
    def smoothed(self) -> NDArray[np.float32]:
        """Features after two passes of the normalised adjacency: the same for every strength."""
        return networks.smoothed(self.x, self.edge_index, HOPS)

    def trained(
        self, kind: Callable[..., "nn.Module"], edge_index: Ints
    ) -> tuple[Any, pd.DataFrame]:
        """Train a network of this kind on the seen cells and the given edges between them."""
        split, seen = self.split, self.seen
        network = networks.seeded(kind, self.seed, self.settings)
        # Curves on the test cells are drawn where they are there while training, and not trained.
        held_out = (seen & ~split.train)[seen]
        curves = networks.fit(
            network, self.inputs[seen], within(edge_index, seen), self.labels[seen],
            split.train[seen],
            settings=self.settings, seed=self.seed,
            held_out=held_out if held_out.any() else None,
        )  # fmt: skip
        return network, curves

    def ask(self, network: "nn.Module", edge_index: Ints) -> Probability:
        """Probability of class 1 of every cell, by a trained network on these edges."""
        return networks.predict(network, self.inputs, edge_index, self.settings)

    def inner(self, seed: int) -> "Task":
        """The same task within the training cells: a part of them to choose a strength by."""
        split = inner_split(self.table, self.split, share=TRAINING.test_share, seed=seed)
        return replace(self, split=split, seed=seed)
