"""Faults of method, planted to see what they do to a result and whether anything notices.

Most faults need no code of their own: they are partitions, graphs and readings of answers that the
book has anyway. These are labels and features that nobody should use.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from leukgnn.features import Features

DEALS = 100  # of which the one that tells least is taken


def shuffled_labels(features: Features, seed: int) -> Features:
    """The same cells with the people's classes dealt out anew: there is nothing to learn.

    As many people as before are leukemic, and all cells of a person stay of one class.

    Parameters
    ----------
    features : Features
    seed : int
        Of the deal.
    """
    people = features.table.groupby("merged_subject")["label"].first()
    dealt = np.random.default_rng(seed).permutation(people.to_numpy())
    label = features.table["merged_subject"].map(dict(zip(people.index, dealt, strict=True)))
    origin = f"{features.origin} Labels shuffled over people."
    return replace(features, table=features.table.assign(label=label.astype(int)), origin=origin)


def unrelated_labels(table: pd.DataFrame, train: NDArray[np.bool_], seed: int) -> NDArray[np.int64]:
    """Deal the training people's classes out so that they tell nothing of the true ones.

    A single deal may go with the truth by chance: people have very different numbers of cells, so
    the correlation over cells can reach a half, and a network learns the classes from it after all.
    Of `DEALS` deals that one is taken whose labels correlate least with the true ones.

    Parameters
    ----------
    table : DataFrame
        With `merged_subject` and `label`.
    train : ndarray, shape (n,), bool
    seed : int

    Returns
    -------
    ndarray, shape (n,)
        All cells of a person stay of one class; who is not among the training people keeps theirs.
    """
    rng = np.random.default_rng(seed)
    cells = table.loc[train, ["merged_subject", "label"]]
    people = cells.groupby("merged_subject")["label"].first()
    deals = [dict(zip(people.index, rng.permutation(people), strict=True)) for _ in range(DEALS)]
    dealt = [cells["merged_subject"].map(deal).to_numpy(np.int64) for deal in deals]
    label = table["label"].to_numpy(np.int64, copy=True)
    label[train] = min(dealt, key=lambda given: abs(np.corrcoef(given, cells["label"])[0, 1]))
    return label


def scaled_on_all(features: Features) -> Features:
    """Features standardised by the mean and variance of all cells, test cells included."""
    scaled = StandardScaler().fit_transform(features.x).astype(np.float32)
    return replace(features, x=scaled, origin=f"{features.origin} Standardised over all of them.")
