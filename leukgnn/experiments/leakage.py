"""Where information passes from training to test cells: near-duplicates, and what splits keep."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leukgnn import cells, controls, graph, protocols, splits
from leukgnn.controls import Task

NEAREST = 5  # neighbours of each cell among which near-duplicates are looked for


def near_duplicates(
    x: NDArray[np.float32], table: pd.DataFrame, *, similarity: float
) -> pd.DataFrame:
    """Pairs of cells that look the same though their files may differ.

    Two signs must agree: features at least this similar, and boxes of equal width and
    height around the cells.

    Parameters
    ----------
    x : ndarray, shape (n, 512)
    table : DataFrame
        With filename, fold, subject, label, sha256, bbox_w, bbox_h; row i for row i of `x`.
    similarity : float
        Least cosine.

    Returns
    -------
    DataFrame
        One row a pair, most similar first: `similarity`, `equal` (the same bytes), and filename,
        fold, subject and label of both, ending in _a and _b.
    """
    near, cosine = graph.knn(x, min(NEAREST, len(x) - 1))
    a, b = np.repeat(np.arange(len(x)), near.shape[1]), near.ravel()
    a, b = np.minimum(a, b), np.maximum(a, b)
    keys, first = np.unique(a * len(x) + b, return_index=True)
    found = pd.DataFrame({"a": keys // len(x), "b": keys % len(x)})
    found["similarity"] = cosine.ravel()[first]
    found = found[found["similarity"] >= similarity]
    columns = ["filename", "fold", "subject", "label", "sha256", "bbox_w", "bbox_h"]
    for side in ("a", "b"):
        part = table[columns].iloc[found[side]].add_suffix(f"_{side}").set_index(found.index)
        found = found.join(part)
    same_box = (found["bbox_w_a"] == found["bbox_w_b"]) & (found["bbox_h_a"] == found["bbox_h_b"])
    found = found[same_box].assign(equal=found["sha256_a"] == found["sha256_b"])
    told = [f"{name}_{side}" for side in ("a", "b") for name in columns[:4]]
    found = found.sort_values("similarity", ascending=False, kind="stable")
    return found[["similarity", "equal", *told]].reset_index(drop=True)


def groupings(table: pd.DataFrame, pairs: pd.DataFrame) -> dict[str, pd.Series]:
    """What may be kept together when cells are split, from finest to coarsest.

    `pairs` are those of `near_duplicates`.
    """
    return {
        "cells": table["filename"],
        "source images": table["source_image"],
        "subjects": table["subject"],
        "subjects linked by equal files": table["merged_subject"],
        "subjects linked by near-duplicates": table["subject"].map(cells.linked(table, pairs)),
    }


def by_grouping(
    table: pd.DataFrame,
    x: NDArray[np.float32],
    groups: Mapping[str, pd.Series],
    *,
    folds: int,
    repeats: int,
    k: int,
    edges: str,
    seed: int,
    settings: Mapping[str, Any],
) -> pd.DataFrame:
    """Predictions of GCN and MLP when nothing differs but what a split keeps together.

    Random folds, stratified by class, `repeats` times; every test cell is attached alone.

    Returns
    -------
    DataFrame
        Columns as of `protocols.rows_of`; `protocol` names the grouping, `seed` the repeat.
    """
    told = []
    for name, group in groups.items():
        for one in range(seed, seed + repeats):
            for split in splits.grouped_folds(table, group, folds=folds, seed=one):
                task = Task(table, x, split, k, edges, True, one, settings)
                told += [
                    protocols.rows_of(task, controls.answer(m, task), protocol=name, model=m)
                    for m in ("gcn", "mlp")
                ]
    return pd.concat(told, ignore_index=True)
