"""What fine-tuned networks look at, put on trial: an answer without the parts of a cell named.

Every method names the fifth of a cell's patches that carries most of the answer. They are taken
away, the very same network is asked again, and the fall of the answer's probability is kept: the
deletion test (Samek et al. 2017). A method that explains makes it fall further than patches drawn
at random or chosen by area alone do, and further than what it names by networks that were taught
nothing about the classes. It needs images and weights, so its table ships.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import spearmanr
from torch import Tensor, nn
from tqdm import tqdm

from leukgnn import explain, files
from leukgnn.cells import transforms
from leukgnn.experiments import cnn
from leukgnn.experiments.faults import unrelated_labels
from leukgnn.experiments.finetune import SEEDS, checkpoint_key, read_cells
from leukgnn.experiments.fingerprint import code_fingerprint
from leukgnn.experiments.splits import Mask, Split, official_folds
from leukgnn.explain import pixels as ways
from leukgnn.features.resnet import Weights, find_weights
from leukgnn.files import InputError
from leukgnn.names import LOOKS, OWN, looked
from leukgnn.paper import FINE_TUNING

CELLS = 900  # drawn from all
COLUMNS = ["filename", "subject", "label", "fold"]
SEED, OTHER_SEED = SEEDS  # of the networks that are explained, and of others that learnt the same
TOO_FEW = 3  # patches that can be named; with fewer there is no order to agree on
Floats = NDArray[np.float64]
Method = Callable[[nn.Module, Tensor, Floats], Floats]


def _grad_cam(network: nn.Module, pixels: Tensor, side: Floats) -> Floats:
    return explain.grad_cam(network, network.get_submodule("body.layer3"), pixels, side)


EXACT = "look_occlusion"
METHODS: dict[str, Method] = {
    EXACT: explain.occlusion,
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
        A `.parquet` file: filename, subject, label, fold; `method` of `LOOKS`; `probability` of
        class 1 by the network that the method asks; `fall` of the explained network's answer
        without what the method names; `inner`, `rim` and `background`, shares of its positive map;
        `agreement`, Spearman's, with the exact falls of the patches. Beside it a `.json` with
        provenance. Checkpoints stay in a folder beside it until all folds are done.
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
    table, pixels = read_cells(folder)
    drawn = drawn_cells(table, cells)
    checkpoints = target.with_name(f"{target.stem}.partial")
    parts, losses = [], {}
    for number, split in enumerate(official_folds(table)):
        networks, losses[split.fold], key = _networks(
            pixels, table, split, weights, epochs, checkpoints, progress
        )
        done = checkpoints / f"{split.fold}_{_trial(key, cells)}.parquet"
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
    checkpoints: Path,
    progress: bool,
) -> tuple[dict[str, nn.Module], dict[str, list[float]], str]:
    """The network that is explained, those of `OTHER_NETWORKS`, their losses, and a key of all."""
    true = table["label"].to_numpy(np.int64, copy=True)
    taught = {
        OWN: (true, SEED),
        "other_seed": (true, OTHER_SEED),
        "unrelated_labels": (unrelated_labels(table, split.train, SEED), SEED),
    }
    networks: dict[str, nn.Module] = {}
    losses, keys = {}, []
    for name, (labels, seed) in taught.items():
        keys.append(checkpoint_key(table, pixels, labels, weights, seed, epochs))
        networks[name], losses[name] = cnn.fine_tune(
            pixels, labels, split.train, weights,
            seed=seed, epochs=epochs, progress=progress,
            checkpoint=checkpoints / f"{split.fold}_{keys[-1]}.pt",
        )  # fmt: skip
    networks["untrained"] = cnn.CNN(find_weights(f"random:{SEED}"), SEED).eval()
    return networks, losses, " ".join(keys)


def _trial(key: str, cells: int) -> str:
    """Tell a fold's finished trials apart: of other networks, cells or code they are made anew."""
    own = (Path(__file__), *(Path(str(m.__file__)) for m in (ways, transforms, cnn)))
    code = " ".join([code_fingerprint(), *map(files.sha256_file, own)])
    return files.sha256_bytes(f"{key} {cells} {code}".encode())[:16]


def _tried(
    networks: Mapping[str, nn.Module],
    cells: pd.DataFrame,
    pixels: Tensor,
    fold: int,
    progress: bool,
) -> pd.DataFrame:
    """Rows of one fold's cells, in the order of `LOOKS`."""
    own = networks[OWN]
    probability = {
        name: explain.answered(network, pixels, np.ones(len(pixels)))
        for name, network in networks.items()
    }
    side = explain.from_answer(probability[OWN])
    whole, possible = explain.answered(own, pixels, side), explain.can_be_named(pixels)
    chance = np.random.default_rng([SEED, fold]).random(possible.shape)
    parts: list[pd.DataFrame] = []
    exact = np.empty(0)
    maps = _maps(networks, pixels, side, chance)
    bar = tqdm(maps, total=len(LOOKS), desc=f"fold {fold}", disable=not progress)
    for method, name, found in bar:
        scores = explain.by_patch(found)
        exact = scores if method == EXACT else exact
        left = explain.without_patches(pixels, explain.named(scores, possible))
        values = {
            "method": method,
            "probability": probability[name],
            "fall": whole - explain.answered(own, left, side),
            **dict(zip(explain.REGIONS, explain.regions(found, pixels).T, strict=True)),
            "agreement": _agreement(scores, exact, possible),
        }
        parts.append(cells[COLUMNS].assign(**values))
    tried = pd.concat(parts, ignore_index=True)
    return tried.astype(dict.fromkeys(tried.select_dtypes("float64").columns, np.float32))


def _maps(
    networks: Mapping[str, nn.Module], pixels: Tensor, side: Floats, chance: Floats
) -> Iterator[tuple[str, str, Floats]]:
    """Every method's name, its network's, and its maps, in the order of `LOOKS`: `EXACT` first."""
    for name, network in networks.items():
        for way, method in METHODS.items():
            yield looked(way, name), name, method(network, pixels, side)
    yield "look_area", OWN, explain.of_cell(pixels).astype(np.float64)
    yield "look_random", OWN, explain.spread(chance, pixels)


def _agreement(scores: Floats, exact: Floats, possible: Mask) -> Floats:
    """Spearman's correlation over each cell's patches; missing where they have no order."""
    found = np.full(len(scores), np.nan)
    for i, own in enumerate(possible):
        given, known = scores[i, own], exact[i, own]
        if own.sum() >= TOO_FEW and np.ptp(given) > 0 and np.ptp(known) > 0:
            found[i] = spearmanr(given, known).statistic
    return found
