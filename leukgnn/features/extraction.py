"""From image files to a feature file: decoding, the network, shards that survive interruption."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from leukgnn import cells, features, files, phantoms, resnet
from leukgnn.features import Features
from leukgnn.files import InputError
from leukgnn.images import evaluation_pixels, read_image
from leukgnn.paper import EXTRACTOR, IMAGES
from leukgnn.resnet import Embed, Weights

SHARD = 512  # cells between two saves: a few seconds of work lost at most when interrupted


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
    ahead = [pool.submit(decode, group) for group in islice(waiting, 2)]
    while ahead:
        pixels = ahead.pop(0).result()
        ahead.extend(pool.submit(decode, group) for group in islice(waiting, 1))
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
    table = cells.scan(folder)
    listing = [f"{p}:{p.stat().st_size}:{p.stat().st_mtime_ns}" for p in table["path"]]
    key = files.sha256_bytes("\n".join([weights.sha256, str(normalised), *listing]).encode())[:16]
    partial = target.with_name(f"{target.stem}.partial") / key
    started = time.perf_counter()
    embed = resnet.extractor(weights, normalised=normalised)
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
    features.write_features(target, x, table, provenance)
    for shard in partial.glob("*.npy"):
        shard.unlink()
    partial.rmdir()
    if not any(partial.parent.iterdir()):
        partial.parent.rmdir()
    return features.read_features_file(target)


def demonstrate(folder: Path, weights: Weights) -> Features:
    """Features of drawn phantoms in `folder`: the whole extraction, without any real cell."""
    images = phantoms.write_phantoms(folder / "phantoms", cells_per_class=30, seed=0)
    return extract_folder(images, weights, folder / "features.npz", progress=False)
