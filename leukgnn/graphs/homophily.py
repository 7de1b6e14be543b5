"""What the edges of a graph join: classes, subjects, source images."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leukgnn.graphs.edges import knn_edges

Ints = NDArray[np.int64]


def homophily(edge_index: Ints, labels: Ints) -> float:
    """Share of edges that join two cells of one class."""
    return (
        float((labels[edge_index[0]] == labels[edge_index[1]]).mean())
        if edge_index.size
        else float("nan")
    )


def adjusted_homophily(edge_index: Ints, labels: Ints) -> float:
    """Edge homophily set against chance: 0 when edges ignore the classes, 1 when all agree.

    Platonov et al. (2023): chance is the sum over classes of their squared share of edge ends.
    """
    ends = np.bincount(labels[edge_index.ravel()], minlength=2) / edge_index.size
    chance = float((ends**2).sum())
    return (homophily(edge_index, labels) - chance) / (1 - chance)


def edge_kinds(edge_index: Ints, table: pd.DataFrame) -> NDArray[np.str_]:
    """Tell what each edge joins, by the cells at its ends.

    "same source image", "same subject" (another of its images) or "cross-subject".
    `table` has `subject` and `source_image`, row i for cell i.
    """
    source, target = (table.iloc[ends].reset_index(drop=True) for ends in edge_index)
    same_image = (source["source_image"] == target["source_image"]).to_numpy()
    same_subject = (source["subject"] == target["subject"]).to_numpy()
    return np.select(
        [same_image, same_subject], ["same source image", "same subject"], "cross-subject"
    )


def sweep(neighbours: Ints, table: pd.DataFrame, ks: list[int], edges: str) -> pd.DataFrame:
    """Homophily and kinds of edges of the graphs for several `k`.

    Returns
    -------
    DataFrame
        One row per k and kind ("all edges" included): `k`, `kind`, `edges`, `share`,
        `homophily`; `adjusted` for all edges.
    """
    labels = table["label"].to_numpy()
    rows: list[dict[str, Any]] = []
    for k in ks:
        joined = knn_edges(neighbours[:, :k], edges)
        kinds = edge_kinds(joined, table)
        adjusted = adjusted_homophily(joined, labels)
        rows.append(_sweep_row(k, "all edges", joined, joined, labels) | {"adjusted": adjusted})
        for kind in ("same source image", "same subject", "cross-subject"):
            rows.append(_sweep_row(k, kind, joined[:, kinds == kind], joined, labels))
    return pd.DataFrame(rows)


def _sweep_row(k: int, kind: str, part: Ints, whole: Ints, labels: Ints) -> dict[str, Any]:
    """One row of `sweep`."""
    count = part.shape[1]
    share = count / whole.shape[1]
    return {
        "k": k,
        "kind": kind,
        "edges": count,
        "share": share,
        "homophily": homophily(part, labels),
    }
