"""What passes from training to test cells: near-duplicates, and what a split may keep together."""

import numpy as np
import pandas as pd

from leukgnn.cells import linked
from leukgnn.features import Features
from leukgnn.graphs import knn

NEAREST = 5  # neighbours of each cell among which near-duplicates are looked for


def near_duplicates(features: Features, *, similarity: float) -> pd.DataFrame:
    """Pairs of cells that look the same though their files may differ.

    Two signs must agree: features at least this similar, and boxes of equal width and
    height around the cells.

    Parameters
    ----------
    features : Features
        Whose table has filename, fold, subject, label, sha256, bbox_w, bbox_h.
    similarity : float
        Least cosine.

    Returns
    -------
    DataFrame
        One row a pair, most similar first: `similarity`, `equal` (the same bytes), and filename,
        fold, subject and label of both, ending in _a and _b.
    """
    x, table = features.x, features.table
    near, cosine = knn(x, min(NEAREST, len(x) - 1))
    a, b = np.repeat(np.arange(len(x)), near.shape[1]), near.ravel()
    a, b = np.minimum(a, b), np.maximum(a, b)
    keys, first = np.unique(a * len(x) + b, return_index=True)
    pairs = pd.DataFrame({"a": keys // len(x), "b": keys % len(x)})
    pairs["similarity"] = cosine.ravel()[first]
    pairs = pairs[pairs["similarity"] >= similarity]
    columns = ["filename", "fold", "subject", "label", "sha256", "bbox_w", "bbox_h"]
    for side in ("a", "b"):
        part = table[columns].iloc[pairs[side]].add_suffix(f"_{side}").set_index(pairs.index)
        pairs = pairs.join(part)
    same_box = (pairs["bbox_w_a"] == pairs["bbox_w_b"]) & (pairs["bbox_h_a"] == pairs["bbox_h_b"])
    pairs = pairs[same_box].assign(equal=pairs["sha256_a"] == pairs["sha256_b"])
    shown = [f"{name}_{side}" for side in ("a", "b") for name in columns[:4]]
    pairs = pairs.sort_values("similarity", ascending=False, kind="stable")
    return pairs[["similarity", "equal", *shown]].reset_index(drop=True)


def groupings(table: pd.DataFrame, pairs: pd.DataFrame | None = None) -> dict[str, pd.Series]:
    """What may be kept together when cells are split, from finest to coarsest.

    Parameters
    ----------
    table : DataFrame
    pairs : DataFrame, optional
        Those of `near_duplicates`; without them that grouping is left out.

    Returns
    -------
    dict of str to Series
        By the keys of `names.GROUPINGS`: the group of each cell.
    """
    groups = {
        "cells": table["filename"],
        "source_images": table["source_image"],
        "subjects": table["subject"],
        "equal_files": table["merged_subject"],
    }
    if pairs is not None:
        groups["near_duplicates"] = table["subject"].map(linked(table, pairs))
    return groups
