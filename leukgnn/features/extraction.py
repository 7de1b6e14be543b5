"""From image files to a feature file: decoding, the network, shards that survive interruption."""

import shutil
import sys
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from joblib import cpu_count
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from leukgnn import files
from leukgnn.cells import scan
from leukgnn.cells.appearance import ODD, oddities
from leukgnn.cells.images import read_image
from leukgnn.cells.phantoms import write_phantoms
from leukgnn.cells.transforms import evaluation_pixels
from leukgnn.features.resnet import Embed, Weights, extractor, preprocessing
from leukgnn.features.store import Features, read_features_file, write_features
from leukgnn.files import InputError
from leukgnn.paper import EXTRACTOR, IMAGES

Batch = tuple[Tensor, Tensor]  # pixels, uint8 (b, 3, 128, 128); odd, bool (b, len(ODD))
BATCH = 32  # cells a pass
SHARD = 512  # cells between two saves: a few seconds of work lost at most when interrupted
WORKERS = 2  # processes that decode; more gain nothing, the network is slower than one of them
FEW_BATCHES = 2  # up to so many are decoded before a worker process has started


def extract(
    paths: Sequence[Path],
    embed: Embed,
    *,
    batch_size: int = BATCH,
    partial: Path | None = None,
    progress: bool = True,
) -> NDArray[np.float32]:
    """Features of image files, decoded in worker processes while the network computes.

    Parameters
    ----------
    paths : sequence of Path
        Images that `read_image` accepts.
    embed : callable
        From `resnet.extractor`.
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
    return _extract(paths, embed, batch_size, partial, progress)[0]


def _extract(
    paths: Sequence[Path], embed: Embed, batch_size: int, partial: Path | None, progress: bool
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Features of `extract`, and for each cell which of `ODD` are true of its image."""
    if batch_size < 1:
        raise InputError(f"batch_size={batch_size}: expected at least 1.")
    x = np.empty((len(paths), EXTRACTOR.features), np.float32)
    odd = np.empty((len(paths), len(ODD)), np.bool_)
    with tqdm(total=len(paths), unit="cell", desc="features", disable=not progress) as bar:
        batches: list[range] = []
        for start in range(0, len(paths), SHARD):
            cells = range(len(paths))[start : start + SHARD]
            rows = slice(cells.start, cells.stop)
            if partial and _read_shard(_shard(partial, start), x[rows], odd[rows]):
                bar.update(len(cells))
            else:
                # No batch crosses the border of a shard.
                batches += [cells[i : i + batch_size] for i in range(0, len(cells), batch_size)]
        for batch, (pixels, found) in zip(batches, _decoded_ahead(paths, batches), strict=True):
            x[batch.start : batch.stop] = embed(pixels)
            odd[batch.start : batch.stop] = found
            bar.update(len(batch))
            if partial and (batch.stop % SHARD == 0 or batch.stop == len(paths)):
                start = batch.start // SHARD * SHARD
                with files.atomic_path(_shard(partial, start)) as temporary:
                    np.savez(temporary, x=x[start : batch.stop], odd=odd[start : batch.stop])
    return x, odd


def _shard(partial: Path, start: int) -> Path:
    """File of the shard whose first cell is `start`."""
    return partial / f"{start:06d}.npz"


def _read_shard(path: Path, x: NDArray[np.float32], odd: NDArray[np.bool_]) -> bool:
    """Fill in what a shard holds; False when it is not there or damaged, to be computed again."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            found = stored["x"], stored["odd"]
    except (OSError, EOFError, ValueError, KeyError, TypeError, BadZipFile, zlib.error):
        return False
    if (found[0].shape, found[1].shape) != (x.shape, odd.shape):
        return False
    x[:], odd[:] = found
    return True


class _Batches(Dataset[Batch | InputError]):
    """Decoded batches by number, what torch's DataLoader asks for."""

    def __init__(self, paths: Sequence[Path], batches: Sequence[range]) -> None:
        self.groups = [[paths[row] for row in batch] for batch in batches]

    def __len__(self) -> int:
        return len(self.groups)

    def __getitem__(self, number: int) -> Batch | InputError:
        # A worker's exception would reach the reader with the worker's traceback in its message:
        # the error goes to the main process as a value and is raised there.
        try:
            return _judged(self.groups[number])
        except InputError as error:
            return error


def _decoded_ahead(paths: Sequence[Path], batches: Sequence[range]) -> Iterator[Batch]:
    """Each batch, decoded by worker processes while the network computes."""
    spare = len(batches) > FEW_BATCHES and cpu_count() > 1
    loader = DataLoader(
        _Batches(paths, batches),
        batch_size=None,  # the dataset gives whole batches
        num_workers=WORKERS if spare else 0,
        generator=torch.Generator(),  # else it would draw from torch's global one
    )
    for batch in loader:
        if isinstance(batch, InputError):
            raise batch
        yield batch


def decode(paths: Sequence[Path]) -> Tensor:
    """Pixels of a batch, uint8 of shape (b, 3, 128, 128)."""
    return _judged(paths)[0]


def _judged(paths: Sequence[Path]) -> Batch:
    """Pixels of a batch, and which of `ODD` are true of each image."""
    images = [read_image(path) for path in paths]
    pixels = torch.stack([evaluation_pixels(image) for image in images])
    found = [oddities(image.width, p.numpy()) for image, p in zip(images, pixels, strict=True)]
    return pixels, torch.tensor([[kind in odd for kind in ODD] for odd in found])


def extract_folder(
    folder: Path,
    weights: Weights,
    target: Path,
    *,
    normalised: bool = True,
    progress: bool = True,
) -> Features:
    """Features of every cell image below `folder`, written to `target`.

    Goes on where an interrupted run with the same images and weights stopped. Says on standard
    error how many images are odd (`cells.appearance`), which the provenance holds too.

    Parameters
    ----------
    folder : Path
        A folder with the C-NMC layout.
    weights : Weights
        From `resnet.find_weights`.
    target : Path
        A `.npz` file; its provenance is written beside it as `.json`.
    normalised : bool
        As of `resnet.extractor`.
    """
    files.check_target(target, ".npz")
    table = scan(folder)
    listing = [f"{p}:{p.stat().st_size}:{p.stat().st_mtime_ns}" for p in table["path"]]
    key = files.sha256_bytes("\n".join([weights.sha256, str(normalised), *listing]).encode())[:16]
    partial = target.with_name(f"{target.stem}.partial") / key
    started = time.perf_counter()
    embed = extractor(weights, normalised=normalised)
    x, odd = _extract(list(table["path"]), embed, BATCH, partial, progress)
    if problem := _unusable(x):
        shutil.rmtree(partial, ignore_errors=True)
        raise InputError(f"{folder}: {problem}")
    warnings = {kind: int(n) for kind, n in zip(ODD, odd.sum(axis=0), strict=True) if n}
    _, scale = preprocessing(weights, normalised=normalised)
    provenance = {
        "weights": {"name": weights.name, "sha256": weights.sha256}
        | ({"own": True} if weights.own else {}),
        "preprocessing": f"Pillow bilinear resize to {IMAGES.size}x{IMAGES.size}, "
        f"scaled to 0..1, {scale}",
        "layer": "ResNet-18, fc = Identity, eval mode",
        "cells": len(table),
        "warnings": warnings,
        "seconds": round(time.perf_counter() - started, 1),
        **files.provenance(),
    }
    write_features(target, x, table, provenance)
    shutil.rmtree(partial, ignore_errors=True)
    if not any(partial.parent.glob("[!.]*")):
        shutil.rmtree(partial.parent, ignore_errors=True)
    for kind, count in warnings.items():
        print(f"leukgnn: {count:,} of {len(table):,} images {ODD[kind]}.", file=sys.stderr)
    return read_features_file(target)


def _unusable(x: NDArray[np.float32]) -> str:
    """Say why no network can learn from these features; empty when it can."""
    with np.errstate(over="ignore"):  # stored as float16
        finite = np.isfinite(x.astype(np.float16)).all(axis=1)
    if not finite.all():
        return (
            f"the features of {(~finite).sum():,} of {len(x):,} cells are not finite numbers, or "
            "too large for the feature file; give other weights."
        )
    if len(x) > 1 and (x == x[0]).all():
        return (
            f"all {len(x):,} cells have the same features, so there is nothing to tell them apart "
            "by; look at the images and the weights."
        )
    return ""


def demonstrate(folder: Path, weights: Weights) -> Features:
    """Features of drawn phantoms in `folder`: the whole extraction, without any real cell."""
    images = write_phantoms(folder / "phantoms", cells_per_class=6, seed=0)
    return extract_folder(images, weights, folder / "features.npz", progress=False)
