"""The partitions of cells by which the protocols test, each written once."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from leukgnn.experiments.leakage import groupings, near_duplicates
from leukgnn.experiments.splits import (
    Split,
    grouped_folds,
    inner_split,
    official_folds,
    stratified_split,
)
from leukgnn.features import Features
from leukgnn.files import InputError
from leukgnn.names import GROUPINGS

APART = ("equal_files",)  # groupings that keep independent subjects apart on any set of cells


@dataclass(frozen=True, kw_only=True)
class Partition:
    """How cells are parted into training and test cells.

    Attributes
    ----------
    by : str
        "share": a share of the cells, drawn cell by cell (section IV.D). "all": every cell is
        trained and tested on. "official": the data set's own folds. A key of `names.GROUPINGS`:
        random folds that keep those groups together.
    share : float, optional
        Of the cells, for "share".
    folds : int, optional
        Of a grouping.
    draw : int, optional
        Seed of the draw, for "share" and groupings.
    similarity : float, optional
        Least cosine of near-duplicates, for "near_duplicates".
    inner : bool
        Test on a part of the training cells instead, as settings are chosen.
    """

    by: str
    share: float | None = None
    folds: int | None = None
    draw: int | None = None
    similarity: float | None = None
    inner: bool = False

    @property
    def name(self) -> str:
        """How tables call it, such as ``official`` or ``equal_files 7``."""
        return self.by if self.draw is None else f"{self.by} {self.draw}"

    def splits(self, features: Features) -> list[Split]:
        """Training and test cells of each fold.

        Raises
        ------
        InputError
            When `by` is unknown, or the cells cannot be parted so.
        """
        splits = _outer(self, features)
        if not self.inner:
            return splits
        share, seed = self.share or 0.0, self.draw or 0
        return [inner_split(features.table, split, share=share, seed=seed) for split in splits]

    def split(self, features: Features, fold: str) -> Split:
        """Training and test cells of one fold.

        Raises
        ------
        InputError
            When the partition has no such fold; names those it has.
        """
        splits = {split.fold: split for split in self.splits(features)}
        if fold not in splits:
            raise InputError(f"fold {fold!r}: expected one of {', '.join(splits)}.")
        return splits[fold]


@lru_cache(maxsize=64)
def _outer(partition: Partition, features: Features) -> list[Split]:
    """Folds of a partition, without its inner split; found again for the same features."""
    table = features.table
    if partition.by == "official":
        return official_folds(table)
    if partition.by == "all":
        everyone = np.ones(len(table), dtype=bool)
        return [Split("all", everyone, everyone, apart=False)]
    if partition.by == "share":
        labels = table["label"].to_numpy()
        marks = stratified_split(labels, partition.share or 0.0, partition.draw or 0)
        return [Split("all", *marks, apart=False)]
    if partition.by not in GROUPINGS:
        expected = ", ".join(("share", "all", "official", *GROUPINGS))
        raise InputError(f"partition by {partition.by!r}: expected one of {expected}.")
    return grouped_folds(
        table,
        _groups(features, partition.by, partition.similarity),
        folds=partition.folds or 0,
        seed=partition.draw or 0,
        apart=partition.by in APART,
    )


@lru_cache(maxsize=16)
def _groups(features: Features, by: str, similarity: float | None) -> pd.Series:
    """Group of each cell."""
    if by == "near_duplicates":
        pairs = near_duplicates(features, similarity=similarity or 0.0)
    else:
        pairs = None
    return groupings(features.table, pairs)[by]
