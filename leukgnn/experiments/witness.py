"""The witness: published runs computed again here, and compared answer by answer."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from leukgnn import names
from leukgnn.experiments.runs import Asked, compute, fill
from leukgnn.experiments.store import Store, Value, published_runs
from leukgnn.paper import THRESHOLD

ALWAYS = ("gcn", "mlp")  # computed again by every build: first seed, in each protocol
LEVEL = 0.005  # of ROC AUC: strengths that differ by less are level
COLUMNS = [
    "run", "protocol", "model", "seed", "fold", "cells", "mean_difference", "largest_difference",
    "same_answers",
]  # fmt: skip


def witnesses(groups: Mapping[str, Sequence[Asked]], draw: str) -> list[Asked]:
    """Choose the published runs that a build computes again.

    Of every protocol the first seed's GCN and MLP. Of every other model, and of every group of runs
    that belongs to no protocol (groupings, settings), one run, drawn by a hexadecimal text such as
    a commit, so that in time all are visited.

    Parameters
    ----------
    groups : mapping of str to sequence of Asked
        Of `Plan.groups`.
    draw : str
    """
    first: dict[tuple[str, str], int] = {}
    chosen: list[Asked] = []
    drawn: dict[str, list[Asked]] = {}
    for group, asked in groups.items():
        for a in asked:
            if a.run.key not in published_runs():
                continue
            if a.protocol in names.PROTOCOLS and a.model in ALWAYS:
                if a.seed == first.setdefault((a.protocol, a.model), a.seed):
                    chosen.append(a)
            else:
                family = a.model if a.protocol in names.PROTOCOLS else group
                drawn.setdefault(family, []).append(a)
    chosen += [runs[int(draw, 16) % len(runs)] for runs in drawn.values()]
    return list({a.run.key: a for a in chosen}.values())


def compare(
    asked: Sequence[Asked], folder: Path, *, choosing: bool = False, progress: bool = True
) -> pd.DataFrame:
    """Compute published runs again, where this machine has not yet, and compare them.

    Parameters
    ----------
    asked : sequence of Asked
        Published ones.
    folder : Path
        Where what is computed here is kept.
    choosing : bool
        Choose strengths again too; else the published ones are taken, which saves most of the time.

    Returns
    -------
    DataFrame
        One row a run: `run` (its name), `protocol`, `model`, `seed`, `fold`, `cells`,
        `mean_difference` and `largest_difference` of the probabilities, and `same_answers` (share
        of cells).
    """
    own = Store(folder, published=False)
    known = {a.run.key: published_runs()[a.run.key].choice for a in asked}
    fill(asked, own, choices=None if choosing else known, progress=progress)
    rows = []
    for a in asked:
        published = published_runs()[a.run.key].probability.astype(float)
        here = _computed(a, own).probability.astype(float)
        distance = np.abs(here - published)
        same = float(((here >= THRESHOLD) == (published >= THRESHOLD)).mean())
        rows.append(
            {
                "run": a.run.name,
                "protocol": a.protocol,
                "model": a.model,
                "seed": a.seed,
                "fold": a.run.fold,
                "cells": len(here),
                "mean_difference": float(distance.mean()),
                "largest_difference": float(distance.max()),
                "same_answers": same,
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def _computed(asked: Asked, own: Store) -> Value:
    """What this machine computed for a run; with the published strength where two are level.

    Two strengths whose areas differ by less than processors do may be chosen either way.
    """
    value, published = own.get(asked.run), published_runs()[asked.run.key]
    areas = published.choice
    if not len(areas) or value.choice.argmax() == areas.argmax():
        return value
    if np.abs(value.choice - areas).max() > LEVEL:
        return value
    return compute(asked.run, asked.run.task(asked.features), areas)
