"""Faults of method, planted to see what they do to a result and whether anything notices.

Most faults need no code of their own: they are partitions, graphs and readings of answers that the
book has anyway. These two are features that nobody should use.
"""

from dataclasses import replace

import numpy as np
from sklearn.preprocessing import StandardScaler

from leukgnn.features import Features


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


def scaled_on_all(features: Features) -> Features:
    """Features standardised by the mean and variance of all cells, test cells included."""
    scaled = StandardScaler().fit_transform(features.x).astype(np.float32)
    return replace(features, x=scaled, origin=f"{features.origin} Standardised over all of them.")
