"""Ratios taken side by side in one run: `make bench` prints them and writes results.json.

Every pair is timed in turns (A B A B ...) in one process, so that a machine that slows down slows
both; the ratio is the median over the turns.
"""

import resource
import statistics
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import torch
from PIL import Image
from torch import nn
from torch_geometric.nn import GCNConv
from torchvision.models import resnet18
from torchvision.transforms import functional

from benchmarks import demo
from benchmarks.timing import THREADS, TURNS, Task, in_turns, row, seconds
from leukgnn import cells, features, files, graphs, names, networks
from leukgnn.cells import phantoms
from leukgnn.cells.transforms import normalise
from leukgnn.features import extraction, resnet
from leukgnn.paper import GRAPH, IMAGES

SIZES = (1000, 2000, 4000, 7936)


def from_files() -> list[dict[str, Any]]:
    """Cells per second from files on disk, 450x450 BMP as distributed."""
    weights = resnet.find_weights("random:0")
    embed = resnet.extractor(weights)
    with tempfile.TemporaryDirectory() as scratch:
        folder = phantoms.write_phantoms(Path(scratch), cells_per_class=96, seed=0)
        paths = cells.scan(folder)["path"].tolist()
        n = len(paths)

        def ours() -> None:
            extraction.extract(paths, embed, progress=False)

        rows = []
        a, b, ratio = in_turns(lambda: one_by_one(paths, weights), ours, 3)
        rows.append(
            row(
                "extraction, cells/s, against one image at a time",
                f"{n / b:.0f}",
                f"{n / a:.0f}",
                ratio,
                ">= 4",
                ratio >= 4,
            )
        )
        ready = [extraction.decode(paths[i : i + 32]) for i in range(0, n, 32)]
        onnx = onnx_session(weights, Path(scratch) / "resnet18.onnx")
        a, b, ratio = in_turns(
            lambda: [onnx.run(None, {"x": normalise(p).numpy()}) for p in ready],
            lambda: [embed(p) for p in ready],
        )
        rows.append(
            row(
                "network alone, cells/s, against ONNX Runtime float32",
                f"{n / b:.0f}",
                f"{n / a:.0f}",
                ratio,
                ">= 0.9",
                ratio >= 0.9,
            )
        )
        a, b, ratio = in_turns(ours, lambda: [embed(p) for p in ready])
        rows.append(
            row(
                "files to features, s, against the network alone (decoding hidden)",
                f"{a:.2f}",
                f"{b:.2f}",
                ratio,
                "<= 1.2",
                ratio <= 1.2,
            )
        )
        short = resnet.extractor(weights, precision="bfloat16")
        a, b, ratio = in_turns(
            lambda: [embed(p) for p in ready], lambda: [short(p) for p in ready], 3
        )
        rows.append(
            row(
                "network alone in bfloat16, cells/s, against float32",
                f"{n / b:.0f}",
                f"{n / a:.0f}",
                ratio,
                "reported",
                None,
            )
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    rows.append(
        row("peak memory of the process, GB", f"{peak:.2f}", "2", peak / 2, "<= 1", peak <= 2)
    )
    return rows


def one_by_one(paths: list[Path], weights: resnet.Weights) -> None:
    """The released code's way: decode, resize, one image through the network, again."""
    network = resnet18()
    network.load_state_dict(weights.state)
    network.fc = nn.Identity()
    network.eval()
    with torch.no_grad():
        for path in paths:
            image = Image.open(path).convert("RGB").resize((IMAGES.size, IMAGES.size))
            network(functional.to_tensor(image)[None])


def onnx_session(weights: resnet.Weights, path: Path) -> onnxruntime.InferenceSession:
    network = resnet18()
    network.load_state_dict(weights.state)
    network.fc = nn.Identity()
    example = torch.zeros(2, 3, IMAGES.size, IMAGES.size)
    torch.onnx.export(
        network.eval(),
        (example,),
        path,
        input_names=["x"],
        dynamic_axes={"x": {0: "n"}},
        dynamo=False,
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    # Else its threads wait busily while the other one of the pair computes.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def neighbours(x: np.ndarray) -> dict[str, Any]:
    tensor = torch.from_numpy(x.astype(np.float64))
    a, b, ratio = in_turns(lambda: graphs.knn(x, GRAPH.k), lambda: tensor @ tensor.T)
    return row(
        "k-NN graph, s, against the bare float64 product",
        f"{a:.2f}",
        f"{b:.2f}",
        ratio,
        "<= 1.7",
        ratio <= 1.7,
    )


def epochs(x: np.ndarray, labels: np.ndarray) -> list[dict[str, Any]]:
    """One training epoch of the GCN against its twin, its textbook form and an edge list."""
    tensor, edge_index = torch.from_numpy(x), graphs.knn_edges(graphs.knn(x, GRAPH.k)[0])
    adjacency, listed = networks.normalised(edge_index, len(x)), torch.from_numpy(edge_index)
    gcn = networks.accelerated(networks.GCN())
    mlp = networks.accelerated(networks.MLP())
    plain, textbook = networks.GCN(), networks.GCN()
    plain.conv1, plain.conv2 = GCNConv(512, 128), GCNConv(128, 2)
    rows = []
    a, b, ratio = in_turns(
        epoch(gcn, tensor, adjacency, labels), epoch(mlp, tensor, adjacency, labels), 20
    )
    rows.append(
        row(
            "GCN epoch, ms, against the network without graph",
            f"{1e3 * a:.0f}",
            f"{1e3 * b:.0f}",
            ratio,
            "<= 1.4",
            ratio <= 1.4,
        )
    )
    a, b, ratio = in_turns(
        epoch(textbook, tensor, adjacency, labels), epoch(gcn, tensor, adjacency, labels), 10
    )
    rows.append(
        row(
            "GCN epoch, ms, against the class that the book teaches",
            f"{1e3 * b:.0f}",
            f"{1e3 * a:.0f}",
            ratio,
            ">= 2",
            ratio >= 2,
        )
    )
    a, b, ratio = in_turns(
        epoch(plain, tensor, listed, labels), epoch(gcn, tensor, adjacency, labels), 10
    )
    rows.append(
        row(
            "GCN epoch, ms, against GCNConv on an edge list",
            f"{1e3 * b:.0f}",
            f"{1e3 * a:.0f}",
            ratio,
            ">= 3",
            ratio >= 3,
        )
    )
    for key, kind in networks.FAMILIES.items():
        a, b, ratio = in_turns(
            epoch(kind(), tensor, adjacency, labels), epoch(gcn, tensor, adjacency, labels), 5
        )
        name = f"{names.label(key)} epoch, ms, against the GCN's"
        rows.append(row(name, f"{1e3 * a:.0f}", f"{1e3 * b:.0f}", ratio, "<= 6", ratio <= 6))
    return rows


def epoch(network: nn.Module, x: torch.Tensor, edges: torch.Tensor, labels: np.ndarray) -> Task:
    target = torch.from_numpy(labels)
    weights = networks.class_weights(target)
    optimiser = torch.optim.Adam(network.parameters())

    def step() -> None:
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(network.train()(x, edges), target, weight=weights)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return step


def scaling(x: np.ndarray, labels: np.ndarray) -> list[dict[str, Any]]:
    """Seconds against the number of cells, with the slope in logarithms (1: linear)."""
    taken: dict[str, list[float]] = {"k-NN graph": [], "adjacency": [], "GCN epoch": []}
    for n in SIZES:
        part = x[:n].copy()
        edge_index = graphs.knn_edges(graphs.knn(part, GRAPH.k)[0])
        adjacency = networks.normalised(edge_index, n)
        gcn = networks.accelerated(networks.GCN())
        tasks: dict[str, Task] = {
            "k-NN graph": partial(graphs.knn, part, GRAPH.k),
            "adjacency": partial(networks.normalised, edge_index, n),
            "GCN epoch": epoch(gcn, torch.from_numpy(part), adjacency, labels[:n].copy()),
        }
        for name, task in tasks.items():
            task()
            taken[name].append(statistics.median(seconds(task) for _ in range(TURNS)))
    return [
        {
            "Step": name,
            **{f"{n:,} cells": value for n, value in zip(SIZES, values, strict=True)},
            "Slope": float(np.polyfit(np.log(SIZES), np.log(values), 1)[0]),
        }
        for name, values in taken.items()
    ]


def main() -> None:
    """Run all, print the tables, write them beside this file."""
    torch.set_num_threads(THREADS)
    rows = from_files()
    real = features.shipped_features()
    order = np.random.default_rng(0).permutation(len(real.x))
    x, labels = real.x[order], real.table["label"].to_numpy()[order]
    rows += [neighbours(x), *epochs(x, labels)]
    sizes = scaling(x, labels)
    served = [*demo.stages(), *demo.load()]
    for table in (rows, sizes, served):
        print(pd.DataFrame(table).to_string(index=False), end="\n\n")
    target = Path(__file__).with_name("results.json")
    measured = {"ratios": rows, "scaling": sizes, "demo": served}
    files.write_json(target, {**measured, "provenance": files.provenance()})


if __name__ == "__main__":
    main()
