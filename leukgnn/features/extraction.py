"""From image files to a feature file: decoding, the network, shards that survive interruption."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from joblib import cpu_count
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from leukgnn import files
from leukgnn.cells import scan
from leukgnn.cells.images import read_image
from leukgnn.cells.phantoms import write_phantoms
from leukgnn.cells.transforms import evaluation_pixels
from leukgnn.features.resnet import Embed, Weights, extractor
from leukgnn.features.store import Features, read_features_file, write_features
from leukgnn.files import InputError
from leukgnn.paper import EXTRACTOR, IMAGES

SHARD = 512  # cells between two saves: a few seconds of work lost at most when interrupted
WORKERS = 2  # processes that decode; more gain nothing, the network is slower than one of them
FEW_BATCHES = 2  # up to so many are decoded before a worker process has started


def extract(
    paths: Sequence[Path],
    embed: Embed,
    *,
    batch_size: int = 32,
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
    if batch_size < 1:
        raise InputError(f"batch_size={batch_size}: expected at least 1.")
    x = np.empty((len(paths), EXTRACTOR.features), np.float32)
    with tqdm(total=len(paths), unit="cell", desc="features", disable=not progress) as bar:
        batches: list[range] = []
        for start in range(0, len(paths), SHARD):
            cells = range(len(paths))[start : start + SHARD]
            if partial and _shard(partial, start).is_file():
                x[cells.start : cells.stop] = np.load(_shard(partial, start), allow_pickle=False)
                bar.update(len(cells))
            else:
                # No batch crosses the border of a shard.
                batches += [cells[i : i + batch_size] for i in range(0, len(cells), batch_size)]
        for batch, pixels in zip(batches, _decoded_ahead(paths, batches), strict=True):
            x[batch.start : batch.stop] = embed(pixels)
            bar.update(len(batch))
            if partial and (batch.stop % SHARD == 0 or batch.stop == len(paths)):
                start = batch.start // SHARD * SHARD
                with files.atomic_path(_shard(partial, start)) as temporary:
                    np.save(temporary, x[start : batch.stop])
    return x


def _shard(partial: Path, start: int) -> Path:
    """File of the shard whose first cell is `start`."""
    return partial / f"{start:06d}.npy"


class _Batches(Dataset[Tensor | InputError]):
    """Decoded batches by number, what torch's DataLoader asks for."""

    def __init__(self, paths: Sequence[Path], batches: Sequence[range]) -> None:
        self.groups = [[paths[row] for row in batch] for batch in batches]

    def __len__(self) -> int:
        return len(self.groups)

    def __getitem__(self, number: int) -> Tensor | InputError:
        # A worker's exception would reach the reader with the worker's traceback in its message:
        # the error goes to the main process as a value and is raised there.
        try:
            return decode(self.groups[number])
        except InputError as error:
            return error


def _decoded_ahead(paths: Sequence[Path], batches: Sequence[range]) -> Iterator[Tensor]:
    """Pixels of each batch, decoded by worker processes while the network computes."""
    spare = len(batches) > FEW_BATCHES and cpu_count() > 1
    loader = DataLoader(
        _Batches(paths, batches),
        batch_size=None,  # the dataset gives whole batches
        num_workers=WORKERS if spare else 0,
        generator=torch.Generator(),  # else it would draw from torch's global one
    )
    for pixels in loader:
        if isinstance(pixels, InputError):
            raise pixels
        yield pixels


def decode(paths: Sequence[Path]) -> Tensor:
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


def demonstrate(folder: Path, weights: Weights) -> Features:
    """Features of drawn phantoms in `folder`: the whole extraction, without any real cell."""
    images = write_phantoms(folder / "phantoms", cells_per_class=6, seed=0)
    return extract_folder(images, weights, folder / "features.npz", progress=False)
