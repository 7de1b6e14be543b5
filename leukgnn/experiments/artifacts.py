"""What is computed beside the runs: a build's features, their graph, and what networks see."""

from pathlib import Path
from typing import Any

import numpy as np

from leukgnn import files, networks
from leukgnn.experiments.features_witness import witnessed
from leukgnn.experiments.plan import Plan
from leukgnn.experiments.runs import compute
from leukgnn.experiments.witness import witnessing
from leukgnn.features import Features, features_hash, shipped_features, write_features
from leukgnn.graphs import knn, knn_edges, write_graph
from leukgnn.networks import Settings
from leukgnn.paper import GRAPH


def prepare(images: str, weights: str, folder: Path) -> Features:
    """Write the features that chapters and runs read, and the graph of all cells.

    `features.npz` with its provenance, and `graph.npz` with its settings.

    Parameters
    ----------
    images : str
        Folder of C-NMC images; empty: the features of real cells that the package ships.
    weights : str
        As of `resnet.find_weights`; without any, the shipped features.
    folder : Path

    Returns
    -------
    Features
        What was written.
    """
    features: Features = shipped_features()
    comparison: dict[str, Any] = {"compared": False}
    own = _from_pixels(images, weights, folder)
    if own is not None:
        features, comparison = witnessed(own)
    provenance = {**features.provenance, "witness": comparison}
    write_features(folder / "features.npz", features.x, features.table, provenance)
    edge_index = knn_edges(knn(features.x, GRAPH.k)[0], GRAPH.edges)
    settings = {"k": GRAPH.k, "edges": GRAPH.edges, "features": features_hash(features.x)}
    write_graph(folder, edge_index, settings)
    return features


def _from_pixels(images: str, weights: str, folder: Path) -> Features | None:
    """Features computed here; None without images or weights."""
    if not images:
        return None
    from leukgnn.features import extraction, resnet  # torchvision: only where there are pixels

    found = resnet.local_weights(weights)
    if found is None:
        return None
    return extraction.extract_folder(Path(images), found, folder / "extracted.npz")


def write_hidden(features: Features, folder: Path, settings: Settings | None = None) -> None:
    """Write `hidden.npz`: `hidden` and `hidden_mlp` (n, 128), float16, and `test` (n,), bool.

    Hidden features of the first seed's GCN and MLP as written, with its test cells. The networks
    are those of runs which every witness computes again: their answers are left there.
    """
    plan = Plan.of(features, "quick", seeds=1, settings=settings or Settings())
    found = {}
    for name, asked in zip(("hidden", "hidden_mlp"), plan.as_written(["gcn", "mlp"]), strict=True):
        task = asked.run.task(features)
        witnessing().write(asked.run, compute(asked.run, task))
        network, _ = task.trained_gcn if name == "hidden" else task.trained_mlp
        found[name] = networks.hidden(network, features.x, task.edge_index).astype(np.float16)
    with files.atomic_path(folder / "hidden.npz") as temporary:
        np.savez_compressed(temporary, test=task.split.test, **found)  # type: ignore[arg-type]
