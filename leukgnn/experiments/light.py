"""The same real cells under other light, stain, focus and position: what the networks then answer.

The paper expects resilience to stain and light (section VI) and describes no experiment. Here cells
of unseen subjects are changed pixel by pixel, embedded anew, attached one-way to the training cells
and judged by the networks that the book shows. It needs images and weights, so its table ships.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from leukgnn import files
from leukgnn.cells.changes import CHANGES, UNCHANGED, changed
from leukgnn.experiments.finetune import read_cells
from leukgnn.experiments.plan import Plan
from leukgnn.experiments.splits import Split
from leukgnn.experiments.tasks import Task
from leukgnn.features import shipped_features
from leukgnn.features.extraction import BATCH
from leukgnn.features.resnet import Weights, extractor
from leukgnn.files import InputError
from leukgnn.graphs import attach, no_edges

CELLS = 1200  # drawn from all


def ask(
    folder: Path, weights: Weights, target: Path, *, cells: int = CELLS, progress: bool = True
) -> pd.DataFrame:
    """Ask the first seed's networks about changed cells of subjects that they have not seen.

    Parameters
    ----------
    folder : Path
        Images in the C-NMC layout.
    weights : Weights
        Those of the shipped features.
    target : Path
        A `.parquet` file: filename, subject, label, fold, change, strength, model, probability, and
        `nearest`, the training cell that is most similar. Beside it a `.json` with provenance.
    cells : int
        How many are drawn, with seed 0.
    progress : bool

    Returns
    -------
    DataFrame
        What the file holds.

    Raises
    ------
    InputError
        When the weights are not those of the shipped features.
    """
    known = shipped_features()
    if weights.sha256 != known.provenance["weights"]["sha256"]:
        raise InputError(
            f"the weights are {weights.name}, the shipped features are of "
            f"{known.provenance['weights']['name']}; give those with --weights."
        )
    table, pixels = read_cells(folder)
    place = pd.Series(range(len(table)), index=table["filename"])
    drawn = np.random.default_rng(0).permutation(len(known.table))[:cells]
    tasks = [a.run.task(known) for a in Plan.of(known, "quick", seeds=1).subject_disjoint(["gcn"])]
    views = [(UNCHANGED, 0.0), *((name, s) for name, (_, tried) in CHANGES.items() for s in tried)]
    embed, parts = extractor(weights), []
    for task in tasks:
        rows = np.sort(drawn[task.split.test[drawn]])
        own = pixels[torch.tensor(place[known.table["filename"].iloc[rows]].to_list())]
        for change, strength in tqdm(views, desc=task.split.fold, disable=not progress):
            batches = (changed(part, change, strength) for part in torch.split(own, BATCH))
            x = np.concatenate([embed(batch) for batch in batches])
            parts.append(_answers(task, rows, x).assign(change=change, strength=strength))
    found = pd.concat(parts, ignore_index=True)
    how = {"cells": len(drawn), "seed": task.seed, "weights": known.provenance["weights"]}
    files.write_table(target, found, {**how, **files.provenance()})
    return found


def _answers(task: Task, rows: NDArray[np.int64], x: NDArray[np.float32]) -> pd.DataFrame:
    """What a fold's networks answer for some test cells that have other features now."""
    asked = np.zeros_like(task.split.test)
    asked[rows] = True
    now = task.x.copy()
    now[rows] = x
    anew = replace(
        task,
        features=replace(task.features, x=now),
        split=Split(task.split.fold, task.split.train, asked, apart=True),
    )
    training = np.flatnonzero(task.split.train)
    nearest = training[attach(x, now[training], 1)[0][:, 0]]
    cells: dict[str, Any] = {
        name: task.table[name].to_numpy()[rows] for name in ("filename", "subject", "label", "fold")
    }
    cells["nearest"] = task.table["filename"].to_numpy()[nearest]
    answers = {
        "gcn": anew.ask(task.trained_gcn[0], anew.edge_index),
        "mlp": anew.ask(task.trained_mlp[0], no_edges()),
    }
    return pd.concat(
        [
            pd.DataFrame(cells).assign(model=model, probability=answer[rows].astype(np.float32))
            for model, answer in answers.items()
        ],
        ignore_index=True,
    )
