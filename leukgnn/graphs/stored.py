"""The graph as an artifact: written by chapter 04, read where its settings are the same."""

import json
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from leukgnn import files
from leukgnn.features import features_hash
from leukgnn.graphs.edges import edge_hash, knn_edges
from leukgnn.graphs.search import Ints, knn


def write_graph(folder: Path, edge_index: Ints, settings: dict[str, Any]) -> None:
    """Write `graph.npz` (edge_index) and `graph.json` (k, edges, hash, provenance)."""
    with files.atomic_path(folder / "graph.npz") as temporary:
        np.savez_compressed(temporary, edge_index=edge_index)
    summary = {
        **settings, "edge_count": edge_index.shape[1], "edge_hash": edge_hash(edge_index)
    }  # fmt: skip
    files.write_json(folder / "graph.json", {**summary, **files.provenance()})


def read_graph(inputs: str, *, features: NDArray[Any], k: int, edges: str) -> Ints:
    """Read chapter 04's graph if it has these settings, else build the graph with them.

    So one chapter can be run with another `k` without running the chapter before it.
    """
    wanted = {"k": k, "edges": edges, "features": features_hash(features)}
    try:
        path = files.find_artifact(inputs, "graph.npz")
        settings = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        with np.load(path, allow_pickle=False) as stored:
            graph: Ints = stored["edge_index"]
    except (OSError, ValueError, KeyError, BadZipFile):  # missing or damaged: built anew
        return knn_edges(knn(features, k)[0], edges)
    # A build that was killed between the two files leaves a graph under another's settings.
    wanted["edge_hash"] = edge_hash(graph)
    if {name: settings.get(name) for name in wanted} == wanted:
        return graph
    return knn_edges(knn(features, k)[0], edges)
