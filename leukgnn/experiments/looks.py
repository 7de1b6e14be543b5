"""What fine-tuned networks look at, put on trial: an answer without the parts of a cell named.

Every method names the fifth of a cell's patches that carries most of the answer. They are taken
away, the very same network is asked again, and the fall of the answer's probability is kept. A
method that explains makes it fall further than patches drawn at random do, and further than what it
names by networks that cannot know. It needs images and weights, so its table ships.
"""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import spearmanr
from torch import Tensor, nn
from tqdm import tqdm

from leukgnn import explain, files
from leukgnn.experiments import cnn
from leukgnn.experiments.faults import shuffled_labels
from leukgnn.experiments.finetune import _key, read_cells
from leukgnn.experiments.splits import Mask, Split, official_folds
from leukgnn.features import Features
from leukgnn.features.resnet import Weights, find_weights
from leukgnn.files import InputError
from leukgnn.names import LOOKS
from leukgnn.paper import FINE_TUNING

CELLS = 900  # drawn from all
COLUMNS = ["filename", "subject", "label", "fold"]
SEED, OTHER_SEED = 0, 1  # of the networks that are explained, and of others of the same training
TOO_FEW = 3  # patches that can be named; with fewer there is no order to agree on
Floats = NDArray[np.float64]
Method = Callable[[nn.Module, Tensor, Floats], Floats]


def _grad_cam(network: nn.Module, pixels: Tensor, side: Floats) -> Floats:
    return explain.grad_cam(network, network.get_submodule("body.layer3"), pixels, side)


METHODS: dict[str, Method] = {
    "look_occlusion": explain.occlusion,
    "look_grad_cam": _grad_cam,
    "look_gradients": explain.pixel_gradients,
}


def look(
    folder: Path,
    weights: Weights,
    target: Path,
    *,
    cells: int = CELLS,
    epochs: int = FINE_TUNING.epochs,
    progress: bool = True,
) -> pd.DataFrame:
    """Ask each fold's network about drawn cells of people that it has not seen, and try the ways.

    Parameters
    ----------
    folder : Path
        Images in the C-NMC layout.
    weights : Weights
        To start fine-tuning from.
    target : Path
        A `.parquet` file: filename, subject, label, fold; `method` of `LOOKS`; `fall` of the
        answer's probability without what the method names; `inner`, `rim` and `background`, shares
        of its positive map; `agreement`, Spearman's, with the exact falls of the patches; and
        `probability` of class 1 for the whole cell. Beside it a `.json` with provenance.
        Checkpoints stay in a folder beside it until all folds are done.
    cells : int
        How many are drawn, as `drawn_cells` does.
    epochs : int
        Of fine-tuning.
    progress : bool

    Returns
    -------
    DataFrame
        What the file holds.

    Raises
    ------
    InputError
        When the target is of another kind, a fold has none of so few cells, or as of
        `cnn.fine_tune`.
    """
    files.check_target(target, ".parquet")
    started = time.perf_counter()
    table, pixels = read_cells(folder)
    drawn = drawn_cells(table, cells)
    key = _key(table, pixels, weights, SEED, epochs)
    checkpoints = target.with_name(f"{target.stem}.partial")
    parts, losses = [], {}
    for number, split in enumerate(official_folds(table)):
        networks, losses[split.fold] = _networks(
            pixels, table, split, weights, epochs, checkpoints / f"{split.fold}_{key}", progress
        )
        done = checkpoints / f"{split.fold}_{key}_{cells}.parquet"
        if not done.is_file():
            rows = np.flatnonzero(drawn & split.test)
            tried = _tried(networks, table.iloc[rows], pixels[rows], number, progress)
            files.write_table(done, tried, files.provenance())
        parts.append(pd.read_parquet(done))
    looks = pd.concat(parts, ignore_index=True)
    provenance = {
        "weights": {"name": weights.name, "sha256": weights.sha256},
        "seed": SEED,
        "cells": int(drawn.sum()),
        "epochs": epochs,
        "losses": losses,
        "seconds": round(time.perf_counter() - started, 1),
        **files.provenance(),
    }
    files.write_table(target, looks, provenance)
    shutil.rmtree(checkpoints)
    return looks


def drawn_cells(table: pd.DataFrame, cells: int) -> Mask:
    """Draw cells with seed 0; people take turns, so that each has as many as the others, or all.

    Parameters
    ----------
    table : DataFrame
        With `merged_subject` and `fold`.
    cells : int

    Returns
    -------
    ndarray, shape (n,), bool

    Raises
    ------
    InputError
        When a fold has none of so few cells.
    """
    order = np.random.default_rng(SEED).permutation(len(table))
    turns = table.iloc[order].groupby("merged_subject").cumcount().to_numpy()
    drawn = np.zeros(len(table), dtype=bool)
    drawn[order[np.argsort(turns, kind="stable")[: max(cells, 0)]]] = True
    if lacking := sorted(set(table["fold"]) - set(table.loc[drawn, "fold"])):
        raise InputError(f"cells={cells}: {lacking[0]} has none of them; ask for more cells.")
    return drawn


def _networks(
    pixels: Tensor,
    table: pd.DataFrame,
    split: Split,
    weights: Weights,
    epochs: int,
    stem: Path,
    progress: bool,
) -> tuple[dict[str, nn.Module], dict[str, list[float]]]:
    """The network that is explained, as "own", those of `OTHER_NETWORKS`, and their losses."""
    cells = Features(np.empty((len(table), 0), np.float32), table, {}, "")
    labels = {
        "own": (table["label"], SEED),
        "other_seed": (table["label"], OTHER_SEED),
        "shuffled_labels": (shuffled_labels(cells, SEED).table["label"], SEED),
    }
    networks: dict[str, nn.Module] = {}
    losses = {}
    for name, (given, seed) in labels.items():
        networks[name], losses[name] = cnn.fine_tune(
            pixels, given.to_numpy(copy=True), split.train, weights,
            seed=seed, epochs=epochs, progress=progress,
            checkpoint=stem.with_name(f"{stem.name}_{name}.pt"),
        )  # fmt: skip
    networks["untrained"] = cnn.CNN(find_weights(f"random:{SEED}"), SEED).eval()
    return networks, losses


def _tried(
    networks: Mapping[str, nn.Module],
    cells: pd.DataFrame,
    pixels: Tensor,
    fold: int,
    progress: bool,
) -> pd.DataFrame:
    """Rows of one fold's cells, in the order of `LOOKS`."""
    own = networks["own"]
    probability = explain.answered(own, pixels, np.ones(len(pixels)))
    side = explain.from_answer(probability)
    whole, possible = explain.answered(own, pixels, side), explain.can_be_named(pixels)
    chance = np.random.default_rng([SEED, fold]).random(possible.shape)
    facts = cells[COLUMNS].assign(probability=probability)
    parts: list[pd.DataFrame] = []
    exact = np.empty(0)
    maps = _maps(networks, pixels, side, chance)
    for method, found in tqdm(maps, total=len(LOOKS), desc=f"fold {fold}", disable=not progress):
        scores = explain.by_patch(found)
        exact = exact if parts else scores
        left = explain.without_patches(pixels, explain.named(scores, possible))
        values = {
            "method": method,
            "fall": whole - explain.answered(own, left, side),
            **dict(zip(explain.REGIONS, explain.regions(found, pixels).T, strict=True)),
            "agreement": _agreement(scores, exact, possible),
        }
        parts.append(facts.assign(**values))
    tried = pd.concat(parts, ignore_index=True)
    return tried.astype(dict.fromkeys(tried.select_dtypes("float64").columns, np.float32))


def _maps(
    networks: Mapping[str, nn.Module], pixels: Tensor, side: Floats, chance: Floats
) -> Iterator[tuple[str, Floats]]:
    """Every way's maps, in the order of `LOOKS`: the exact ones first."""
    for name, network in networks.items():
        for way, method in METHODS.items():
            yield way if name == "own" else f"{way}_{name}", method(network, pixels, side)
    yield "look_random", explain.spread(chance, pixels)


def _agreement(scores: Floats, exact: Floats, possible: Mask) -> Floats:
    """Spearman's correlation over each cell's patches; missing where they have no order."""
    found = np.full(len(scores), np.nan)
    for i, own in enumerate(possible):
        given, known = scores[i, own], exact[i, own]
        if own.sum() >= TOO_FEW and np.ptp(given) > 0 and np.ptp(known) > 0:
            found[i] = spearmanr(given, known).statistic
    return found
