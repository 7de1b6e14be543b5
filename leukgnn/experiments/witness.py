"""The witness: published runs computed again here, and compared answer by answer."""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leukgnn import names
from leukgnn.experiments.runs import Asked, Run, compute, fill
from leukgnn.experiments.store import Store, Value, published_runs, runs_folder
from leukgnn.paper import THRESHOLD

# Computed again by every build, with the first seed; those as written come with the artifacts.
ALWAYS_IN, ALWAYS = ("as_written", "subject_disjoint"), ("gcn", "mlp")
LEAST = 0.005  # of both: what passes where nothing is random
UNSURE = 2.0  # times the spread, where no more than two seeds of a run were published
LEVEL = 0.005  # of ROC AUC: strengths that differ by less are level
COLUMNS = [
    "run", "protocol", "model", "seed", "fold", "cells", "mean_difference", "largest_difference",
    "same_answers", "mean_allowed", "same_allowed",
]  # fmt: skip


def witnesses(groups: Mapping[str, Sequence[Asked]], draw: str) -> list[Asked]:
    """Choose the published runs that a build computes again.

    The first seed's GCN and MLP, as written and on a drawn fold of new subjects, and of every
    published file one run more. They are drawn by a hexadecimal text such as a commit, so that in
    time all are visited.

    Parameters
    ----------
    groups : mapping of str to sequence of Asked
        Of `Plan.groups`: by published file.
    draw : str
    """
    known = {
        group: [a for a in asked if a.run.key in published_runs()]
        for group, asked in groups.items()
    }
    always = [
        [a for a in known[protocol] if a.model == model and a.seed == known[protocol][0].seed]
        for protocol in ALWAYS_IN
        for model in ALWAYS
    ]
    chosen = [asked[int(draw, 16) % len(asked)] for asked in [*always, *known.values()] if asked]
    return list({a.run.key: a for a in reversed(chosen)}.values())[::-1]  # the first of equals


def witnessing() -> Store:
    """Runs that this checkout computed again, apart from those that its pages read.

    What is compared without choosing strengths again is no run of its own.
    """
    return Store(runs_folder() / "witness", published=False)


def compare(
    asked: Sequence[Asked],
    everything: Sequence[Asked],
    own: Store,
    *,
    choosing: bool = False,
    progress: bool = True,
) -> pd.DataFrame:
    """Compute published runs again, where this machine has not yet, and compare them.

    Parameters
    ----------
    asked : sequence of Asked
        Published ones.
    everything : sequence of Asked
        Of `Plan.everything`: what seeds differ by is seen from it.
    own : Store
        Where what is computed here is kept.
    choosing : bool
        Choose strengths again too; else the published ones are taken, which saves most of the time.

    Returns
    -------
    DataFrame
        One row a run: `run` (its name), `protocol`, `model`, `seed`, `fold`, `cells`,
        `mean_difference` and `largest_difference` of the probabilities, `same_answers` (share of
        cells), and what may differ, `mean_allowed` and `same_allowed`.
    """
    known = {a.run.key: published_runs()[a.run.key].choice for a in asked}
    fill(asked, own, choices=None if choosing else known, progress=progress)
    spreads = spread_of_seeds(everything)
    rows = []
    for a in asked:
        here, published = _answers(_computed(a, own)), _answers(published_runs()[a.run.key])
        mean, same = distance(here, published)
        mean_allowed, same_allowed = allowed(a.run, spreads)
        rows.append(
            {
                "run": a.run.name,
                "protocol": a.protocol,
                "model": a.model,
                "seed": a.seed,
                "fold": a.run.fold,
                "cells": len(here),
                "mean_difference": mean,
                "largest_difference": float(np.abs(here - published).max()),
                "same_answers": same,
                "mean_allowed": mean_allowed,
                "same_allowed": same_allowed,
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[float, float]:
    """Mean difference of two runs' probabilities, and the share of cells with the same answer."""
    same = ((a >= THRESHOLD) == (b >= THRESHOLD)).mean()
    return float(np.abs(a - b).mean()), float(same)


def spread_of_seeds(everything: Sequence[Asked]) -> dict[str, tuple[float, float]]:
    """How far published runs lie apart that differ in their seed alone: the worst `distance`.

    Training carries the last bits of a product far: on another processor a network gives other
    answers for a few cells, and where its loss still swings, as many as another seed would. So this
    is what a run computed again may differ by.

    Returns
    -------
    dict of str to tuple of float
        By `family` (`UNSURE` times as wide for two seeds), and by classifier (the worst of its
        families on the official folds, or on other partitions for what is never asked there, as the
        protocols ask them under its own name: other readings and features may swing far more).
    """
    families: dict[str, dict[str, Run]] = {}
    plain: dict[str, dict[str, set[str]]] = {}
    for a in everything:
        if a.run.key in published_runs():
            families.setdefault(family(a.run), {})[a.run.key] = a.run
            own = a.protocol in names.PROTOCOLS and a.model == a.run.classifier
            if own:
                places = plain.setdefault(a.run.classifier, {})
                places.setdefault(a.run.partition.by, set()).add(family(a.run))
    spreads: dict[str, tuple[float, float]] = {}
    for name, siblings in families.items():
        answers = [_answers(published_runs()[key]) for key in siblings]
        pairs = [distance(a, b) for a, b in combinations(answers, 2)]
        if not pairs:
            continue
        pairs.append((LEAST, 1 - LEAST))
        spreads[name] = _worst(pairs) if len(answers) > 2 else _wider(*_worst(pairs))
        classifier = next(iter(siblings.values())).classifier
        places = plain.get(classifier, {})
        if name in places.get("official", places.get("equal_files", ())):
            spreads[classifier] = _worst([*pairs, spreads.get(classifier, pairs[0])])
    return spreads


def allowed(run: Run, spreads: Mapping[str, tuple[float, float]]) -> tuple[float, float]:
    """Most mean difference and least share of same answers that pass for a run.

    What seeds differ by: those of the same run and its classifier's. Of a run with one published
    seed nobody knows how far it swings, and it may swing more than the classifier does elsewhere
    (on cells of known subjects, say): `UNSURE` times its classifier's. Two say little more.
    """
    exact = LEAST, 1 - LEAST
    mean, same = spreads.get(run.classifier, exact)
    if family(run) in spreads:
        return _worst([(mean, same), spreads[family(run)]])
    return exact if (mean, same) == exact else _wider(mean, same)


def family(run: Run) -> str:
    """Description of a run but for its seed."""
    parts = json.loads(run.description)
    return json.dumps({key: parts[key] for key in parts if key not in ("seed", "chooser")})


def _wider(mean: float, same: float) -> tuple[float, float]:
    """Limits of a spread that few seeds tell of."""
    return UNSURE * mean, 1 - UNSURE * (1 - same)


def _worst(pairs: Iterable[tuple[float, float]]) -> tuple[float, float]:
    means, shares = zip(*pairs, strict=True)
    return max(means), min(shares)


def _answers(value: Value) -> NDArray[np.float64]:
    return value.probability.astype(np.float64)


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
