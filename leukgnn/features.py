"""ResNet-18 as feature extractor: weights, extraction, the feature file with its provenance."""

import json
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.resources import files as package_files
from itertools import islice
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np
import pandas as pd
import safetensors.torch
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn
from torchvision.models import ResNet18_Weights, resnet18
from tqdm import tqdm

from leukgnn import cells, files, graph, phantoms
from leukgnn.files import InputError
from leukgnn.images import evaluation_pixels, normalise, read_image
from leukgnn.paper import EXTRACTOR, IMAGES

TORCHVISION_FILE = "resnet18-f37072fd.pth"  # the name ends with the start of its SHA-256
KNOWN_WEIGHTS = {
    "d432ce01a56ba1372163cfc44ba92fb11dbd9616b522374e30652ce4b5925c87": (
        "ResNet-18 of 'And the Bit Goes Down' (ImageNet, small blocks, decoded to float; "
        "65.81 % top-1; CC BY-NC 4.0)"
    )
}
COLUMNS = ("filename", "fold", "subject", "label")
SHARD = 512  # cells between two saves: a few seconds of work lost at most when interrupted
Precision = Literal["float32", "bfloat16"]
Embed = Callable[[Tensor], NDArray[np.float32]]


@dataclass(frozen=True)
class Weights:
    """Named parameters of a ResNet-18 with `fc = Identity`.

    Attributes
    ----------
    name : str
        What they are, in words.
    sha256 : str
        Of the file; of the parameters' bytes when drawn at random.
    state : dict of str to Tensor
        In torchvision's layout, float32.
    """

    name: str
    sha256: str
    state: dict[str, Tensor]


@dataclass(frozen=True)
class Features:
    """Features of cells and where they come from.

    Attributes
    ----------
    x : ndarray, shape (n, 512), float32
        Row i belongs to row i of `table`.
    table : DataFrame
        All columns of `cells.training_cells` for cells of C-NMC 2019; for other cells (phantoms)
        `filename`, `fold`, `subject` and `label`.
    provenance : dict
        Weights (name and SHA-256), preprocessing, versions.
    origin : str
        One sentence for the page: which file, which cells, which weights.
    """

    x: NDArray[np.float32]
    table: pd.DataFrame
    provenance: dict[str, Any]
    origin: str


def find_weights(given: str = "", *, download: bool = False) -> Weights:
    """Find ResNet-18 weights: a given file, torch's cache, a download, in this order.

    Parameters
    ----------
    given : str
        Path of a `.safetensors` file in torchvision's layout, or of torchvision's own
        `resnet18-f37072fd.pth`, or ``"random:SEED"`` for an untrained network as a control.
        Empty: look in torch's cache.
    download : bool
        Whether torchvision may fetch IMAGENET1K_V1 (its SHA-256 is checked).

    Raises
    ------
    InputError
        When nothing is found, or a file is missing, damaged or of another network.
    """
    if given.startswith("random:"):
        return _random_weights(given)
    cached = Path(torch.hub.get_dir()) / "checkpoints" / TORCHVISION_FILE
    if not given and not cached.is_file() and download:
        ResNet18_Weights.IMAGENET1K_V1.get_state_dict(check_hash=True)
    if not given and not cached.is_file():
        raise InputError(
            "No ResNet-18 weights: set LEUKGNN_WEIGHTS (or --weights) to a .safetensors file in "
            f"torchvision's layout, or put torchvision's {TORCHVISION_FILE} at {cached}."
        )
    return _read_weights(Path(given) if given else cached)


def local_weights(given: str = "") -> Weights | None:
    """Find weights as `find_weights` does; None when none are given and the cache has none."""
    try:
        return find_weights(given)
    except InputError:
        if given:
            raise
        return None


def _random_weights(given: str) -> Weights:
    """Draw the weights of ``"random:SEED"``."""
    seed = given.removeprefix("random:")
    if not seed.isdigit():
        raise InputError(f"weights={given!r}: expected random:SEED with a whole number, random:0.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(seed))
        state = resnet18().state_dict()
    content = b"".join(value.numpy().tobytes() for value in state.values())
    return Weights(f"untrained ResNet-18 (seed {seed})", files.sha256_bytes(content), state)


def _read_weights(path: Path) -> Weights:
    """Read and check a weight file; never unpickles a file of unknown content."""
    if not path.is_file():
        raise InputError(
            f"{path}: no such weight file; expected .safetensors or {TORCHVISION_FILE}."
        )
    digest = files.sha256_file(path)
    if path.suffix == ".safetensors":
        try:
            state = safetensors.torch.load_file(path)
        except SafetensorError as error:
            raise InputError(
                f"{path}: not a whole safetensors file ({error}); copy it again."
            ) from error
        name = KNOWN_WEIGHTS.get(digest, path.stem)
    elif digest.startswith(TORCHVISION_FILE[9:17]):
        state, name = torch.load(path, weights_only=True), "torchvision ResNet-18 IMAGENET1K_V1"
    else:
        raise InputError(
            f"{path}: expected a .safetensors file, or torchvision's own {TORCHVISION_FILE} "
            "(by its SHA-256); other pickled files are not loaded, convert them to safetensors."
        )
    state = {key: v.float() if v.is_floating_point() else v for key, v in state.items()}
    network = resnet18()
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise InputError(
            f"{path}: not a ResNet-18 in torchvision's layout; expected its "
            f"{len(network.state_dict())} named tensors, fc included."
        ) from error
    return Weights(name, digest, state)


def extractor(
    weights: Weights, *, precision: Precision = "float32", normalised: bool = True
) -> Embed:
    """ResNet-18 with `fc = Identity` in eval mode, made fast for inference (section III.D).

    Pixels are normalised as the paper's section III.C says, or only scaled to 0..1 as in the
    authors' released code. Batch norms are folded into the convolutions, and convolution, addition
    and ReLU are fused by torch's own inference pass; the input is channels_last.

    Returns
    -------
    callable
        From uint8 pixels of shape (b, 3, 128, 128) to float32 features of shape (b, 512).
    """
    network = resnet18()
    network.load_state_dict(weights.state)
    network.fc = nn.Identity()
    kind = torch.bfloat16 if precision == "bfloat16" else torch.float32
    network = network.eval().to(dtype=kind, memory_format=torch.channels_last)
    example = torch.zeros(2, 3, IMAGES.size, IMAGES.size, dtype=kind)
    with torch.inference_mode(), warnings.catch_warnings():
        # Deprecated in favour of torch.compile, which needs a C++ compiler on the reader's
        # machine; torch is pinned exactly, so the pass stays until that pin moves.
        warnings.simplefilter("ignore", FutureWarning)
        example = example.contiguous(memory_format=torch.channels_last)
        traced = torch.jit.trace(network, example)  # type: ignore[no-untyped-call]
        fast = torch.jit.optimize_for_inference(traced)

    def embed(pixels: Tensor) -> NDArray[np.float32]:
        with torch.inference_mode():
            scaled = normalise(pixels) if normalised else pixels / 255
            batch = scaled.to(dtype=kind).contiguous(memory_format=torch.channels_last)
            features: NDArray[np.float32] = fast(batch).float().numpy()
        return features

    return embed


def extract(
    paths: Sequence[Path],
    embed: Embed,
    *,
    batch_size: int = 32,
    partial: Path | None = None,
    progress: bool = True,
) -> NDArray[np.float32]:
    """Features of image files, decoded in threads while the network computes.

    Parameters
    ----------
    paths : sequence of Path
        Images that `read_image` accepts.
    embed : callable
        From `extractor`.
    batch_size : int
        Cells per pass; the features do not depend on it (within 1e-5).
    partial : Path, optional
        Folder for finished shards. After an interruption the same call goes on from there.
    progress : bool
        Show a bar with cells per second and the time left.

    Returns
    -------
    ndarray, shape (n, 512), float32

    Raises
    ------
    InputError
        When an image cannot be used, or `batch_size` is below 1.
    """
    if batch_size < 1:
        raise InputError(f"batch_size={batch_size}: expected at least 1.")
    done = [np.zeros((0, EXTRACTOR.features), np.float32)]
    with (
        ThreadPoolExecutor(max_workers=2) as pool,
        tqdm(total=len(paths), unit="cell", desc="features", disable=not progress) as bar,
    ):
        for start in range(0, len(paths), SHARD):
            chunk = paths[start : start + SHARD]
            shard = partial / f"{start:06d}.npy" if partial else None
            if shard and shard.is_file():
                done.append(np.load(shard, allow_pickle=False))
                bar.update(len(chunk))
                continue
            rows = []
            for batch in _batches(chunk, batch_size, pool):
                rows.append(embed(batch))
                bar.update(len(batch))
            done.append(np.concatenate(rows))
            if shard:
                with files.atomic_path(shard) as temporary:
                    np.save(temporary, done[-1])
    return np.concatenate(done)


def _batches(paths: Sequence[Path], size: int, pool: ThreadPoolExecutor) -> Iterator[Tensor]:
    """Stacked pixels, two batches ahead of their use: memory stays bounded for any number."""
    groups = [paths[i : i + size] for i in range(0, len(paths), size)]
    waiting = iter(groups)
    ahead = [pool.submit(_decode, group) for group in islice(waiting, 2)]
    while ahead:
        pixels = ahead.pop(0).result()
        ahead.extend(pool.submit(_decode, group) for group in islice(waiting, 1))
        yield pixels


def _decode(paths: Sequence[Path]) -> Tensor:
    """Pixels of a batch, uint8 of shape (b, 3, 128, 128)."""
    return torch.stack([evaluation_pixels(read_image(path)) for path in paths])


def extract_folder(
    folder: Path,
    weights: Weights,
    target: Path,
    *,
    normalised: bool = True,
    progress: bool = True,
) -> Features:
    """Features of every cell image below `folder`, written to `target`.

    Goes on where an interrupted run with the same images and weights stopped.

    Parameters
    ----------
    folder : Path
        A folder with the C-NMC layout.
    weights : Weights
        From `find_weights`.
    target : Path
        A `.npz` file; its provenance is written beside it as `.json`.
    normalised : bool
        As of `extractor`.
    """
    table = cells.scan(folder)
    listing = [f"{p}:{p.stat().st_size}:{p.stat().st_mtime_ns}" for p in table["path"]]
    key = files.sha256_bytes("\n".join([weights.sha256, str(normalised), *listing]).encode())[:16]
    partial = target.with_name(f"{target.stem}.partial") / key
    started = time.perf_counter()
    embed = extractor(weights, normalised=normalised)
    x = extract(list(table["path"]), embed, partial=partial, progress=progress)
    scale = f"mean {IMAGES.mean}, standard deviation {IMAGES.std}" if normalised else "no more"
    provenance = {
        "weights": {"name": weights.name, "sha256": weights.sha256},
        "preprocessing": f"Pillow bilinear resize to {IMAGES.size}x{IMAGES.size}, "
        f"scaled to 0..1, {scale}",
        "layer": "ResNet-18, fc = Identity, eval mode",
        "cells": len(table),
        "seconds": round(time.perf_counter() - started, 1),
        **files.provenance(),
    }
    write_features(target, x, table, provenance)
    for shard in partial.glob("*.npy"):
        shard.unlink()
    partial.rmdir()
    if not any(partial.parent.iterdir()):
        partial.parent.rmdir()
    return read_features_file(target)


def write_features(
    target: Path, x: NDArray[np.float32], table: pd.DataFrame, provenance: dict[str, Any]
) -> None:
    """Write the feature file (float16, no pickles) and its provenance, whole or not at all."""
    columns: dict[str, Any] = {name: table[name].to_numpy() for name in COLUMNS}
    for name in ("filename", "fold", "subject"):
        columns[name] = columns[name].astype(str)  # fixed-width text, which needs no pickle
    with files.atomic_path(target) as temporary:
        np.savez_compressed(temporary, features=x.astype(np.float16), **columns)
    files.write_json(target.with_suffix(".json"), provenance)


def read_features(inputs: str = "") -> Features:
    """Features for a chapter: those in `inputs`, else the project's, else the shipped ones.

    Parameters
    ----------
    inputs : str
        Folder of artifacts that holds `features.npz`. Empty: `build/artifacts` of the checkout
        if chapter 03 has run, else the real cells' features that the package ships; `origin`
        says which.
    """
    if inputs:
        return read_features_file(
            files.find_artifact(inputs, "features.npz", made_by="03_features")
        )
    try:
        return read_features_file(files.find_artifact("", "features.npz", made_by="03_features"))
    except InputError:
        return shipped_features()


def shipped_features(kind: Literal["", "_random", "_unnormalised"] = "") -> Features:
    """Features of the 7,936 real cells that come with the package (float16).

    Parameters
    ----------
    kind : str
        "": the paper's (CC BY-NC 4.0 like their weights). "_random": by an untrained network, a
        control. "_unnormalised": of pixels scaled only, as in the released code (CC BY-NC 4.0).
    """
    return read_features_file(shipped_path(f"features{kind}.npz"))


def shipped_path(name: str) -> Path:
    """Path of a data file that comes with the package."""
    return Path(str(package_files("leukgnn") / "data" / name))


def control_features(kind: Literal["_random", "_unnormalised"], table: pd.DataFrame) -> Features:
    """Shipped features of another kind for those cells of `table` that have them, in its order.

    Raises
    ------
    InputError
        When no cell of `table` is among the shipped ones.
    """
    shipped = shipped_features(kind)
    rows = pd.Index(shipped.table["filename"]).get_indexer(pd.Index(table["filename"]))
    rows = rows[rows >= 0]
    if not len(rows):
        raise InputError(f"features{kind}.npz holds none of the {len(table)} cells asked for.")
    cells_of = shipped.table.iloc[rows].reset_index(drop=True)
    return Features(shipped.x[rows], cells_of, shipped.provenance, shipped.origin)


def read_features_file(path: Path) -> Features:
    """Read and check a feature file and the provenance beside it.

    Raises
    ------
    InputError
        When a file is missing, damaged, holds pickled objects, or its parts do not fit.
    """
    try:
        provenance = json.loads(path.with_suffix(".json").read_text())
        with np.load(path, allow_pickle=False) as stored:
            x = stored["features"].astype(np.float32)
            table = pd.DataFrame({name: stored[name] for name in COLUMNS})
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise InputError(
            f"{path}: not a feature file with its .json beside it ({error}); "
            "make it again with `leukgnn features DIR`."
        ) from error
    if x.ndim != 2 or x.shape[1] != EXTRACTOR.features or len(x) != len(table):
        raise InputError(
            f"{path}: features have shape {x.shape} for {len(table)} names, "
            f"expected (n, {EXTRACTOR.features}); make it again with `leukgnn features DIR`."
        )
    known = cells.training_cells()
    if table["filename"].isin(known["filename"]).all():
        table = table[["filename"]].merge(known, on="filename", how="left", validate="1:1")
    name = provenance["weights"]["name"]
    return Features(x, table, provenance, f"{len(x):,} cells of {path.name}, by {name}.")


def demonstrate(folder: Path, weights: Weights) -> Features:
    """Features of drawn phantoms in `folder`: the whole extraction, without any real cell."""
    images = phantoms.write_phantoms(folder / "phantoms", cells_per_class=30, seed=0)
    return extract_folder(images, weights, folder / "features.npz", progress=False)


def same_neighbours(a: NDArray[np.float32], b: NDArray[np.float32], k: int) -> float:
    """Share of cells whose list of k nearest neighbours is the same by features `a` and `b`."""
    first, second = (np.sort(graph.knn(x, k)[0], axis=1) for x in (a, b))
    return float((first == second).all(axis=1).mean())


def area_probe(features: Features) -> pd.DataFrame:
    """Linear probe: how well the features tell a cell's box area, subjects apart.

    Ridge regression of the logarithm of the area, each fifth of the (merged) subjects predicted
    from the other four.

    Returns
    -------
    DataFrame
        `measured` and `predicted` (natural logarithm of square pixels at 450x450), row i for
        cell i.
    """
    table = features.table
    area = cells.log_area(table)
    model = make_pipeline(StandardScaler(), Ridge(alpha=float(features.x.shape[1])))
    groups = table["merged_subject"]
    predicted = cross_val_predict(model, features.x, area, groups=groups, cv=GroupKFold(5))
    return pd.DataFrame({"measured": area, "predicted": predicted})
