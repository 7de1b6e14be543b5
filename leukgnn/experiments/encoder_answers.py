"""What the folds' encoders answer, and GCN and MLP on their features: whether a graph helps.

Each fold is asked of classifiers that were trained on the other folds' cells, as that fold's
encoder, which was trained on them too, encodes them.
"""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leukgnn import files
from leukgnn.cells import training_cells
from leukgnn.experiments.plan import Plan, Sources
from leukgnn.experiments.runs import predictions
from leukgnn.experiments.splits import Mask, official_folds
from leukgnn.experiments.store import Store
from leukgnn.features import Features
from leukgnn.files import InputError
from leukgnn.graphs import like_within
from leukgnn.networks import Settings

CLASSIFIERS = ("gcn", "mlp")
CONTROL = "encoder_papers"


def encoded(outputs: Path, *, fold: str, seed: int) -> tuple[Features, Mask]:
    """Features of all cells by a fold's encoder, and whether each cell is of that fold."""
    with np.load(outputs / f"encoder_{fold}_{seed}.npz", allow_pickle=False) as stored:
        x, names, test = stored["features"], stored["filename"], stored["test"]
    table = pd.DataFrame({"filename": names}).merge(
        training_cells(), on="filename", how="left", validate="1:1"
    )
    origin = f"{len(table):,} cells, by the encoder of {fold}, seed {seed}."
    weights = {"weights": {"name": f"encoder of {fold}, seed {seed}"}}
    return Features(x.astype(np.float32), table, weights, origin), test


def together(
    outputs: Path, *, seed: int, model: str = "encoder", folds: Sequence[str] = ()
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Answers of one seed's encoders, each about its own fold's cells.

    Parameters
    ----------
    outputs : Path
        Folder that `encoder.encode` wrote to.
    seed : int
    model : str
        As of `encoder.model`.
    folds : sequence of str
        All official ones when empty.

    Returns
    -------
    table : DataFrame
        protocol, model, seed, fold, filename, subject, label, probability, n_train.
    origins : dict
        What stands beside each fold's answers.

    Raises
    ------
    InputError
        When a fold's answers are not there, or answer a cell twice.
    """
    known = training_cells().set_index("filename")
    parts, origins = [], {}
    for fold in folds or sorted(known["fold"].unique()):
        path = outputs / f"{model}_{fold}_{seed}.npz"
        if not path.is_file():
            raise InputError(f"{path} is missing: train part {fold} with seed {seed} first.")
        origins[fold] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        with np.load(path, allow_pickle=False) as stored:
            rows = {name: stored[name][stored["test"]] for name in ("filename", "probability")}
        parts.append(pd.DataFrame(rows).assign(n_train=origins[fold]["training_cells"]))
    answers = pd.concat(parts, ignore_index=True)
    if answers["filename"].duplicated().any():
        raise InputError(f"{outputs}: two folds' encoders answer one cell; train all folds anew.")
    facts = known.loc[answers["filename"], ["subject", "label"]].reset_index(drop=True)
    table = pd.concat([answers, facts], axis=1).assign(
        protocol="subject_disjoint", model=model, seed=seed, fold="all"
    )
    columns = ["protocol", "model", "seed", "fold", "filename", "subject", "label"]
    return table[[*columns, "probability", "n_train"]], origins


def collect(
    outputs: Path, folder: Path, *, seeds: Sequence[int] = (0, 1), settings: Settings | None = None
) -> pd.DataFrame:
    """Train GCN and MLP on each fold's encoder's features and write what they and it answer.

    Parameters
    ----------
    outputs : Path
        Folder that `encoder.encode` wrote to.
    folder : Path
        Gets `encoder_predictions.parquet` (columns as of `together`; models "encoder",
        "encoder_gcn", "encoder_mlp"), its `.json`, and `features_encoder_folds.npz`: each cell's
        features by the first seed's encoder that has not met its subject.
    seeds : sequence of int
        Of the encoders; on the features of each, GCN and MLP are trained with the first seed.
    settings : Settings, optional

    Returns
    -------
    DataFrame
        What the `.parquet` file holds.

    Raises
    ------
    InputError
        As of `together`.
    """
    parts: list[pd.DataFrame] = []
    origins: dict[str, Any] = {}
    apart, pairs = [], []
    for seed in seeds:
        answers, trained = together(outputs, seed=seed)
        parts.append(answers)
        origins |= {f"{fold} seed {seed}": origin for fold, origin in trained.items()}
        for fold in trained:
            cells, test = encoded(outputs, fold=fold, seed=seed)
            parts.append(_asked(cells, fold, seed, settings or Settings())[answers.columns])
            if seed == seeds[0]:
                apart.append((cells.table["filename"][test], cells.x[test], fold))
                pairs.append((cells.x[test], cells.x[~test]))
    table = pd.concat(parts, ignore_index=True)
    provenance = {
        "command": "leukgnn encoder DIR --part FOLD --seed SEED, then --part answers",
        "models": sorted(table["model"].unique()),
        "unlike": like_within(pairs),
        **_summed(origins),
    }
    with files.atomic_path(folder / "features_encoder_folds.npz") as temporary:
        np.savez_compressed(
            temporary,
            filename=np.concatenate([names for names, _, _ in apart]).astype(str),
            features=np.concatenate([x for _, x, _ in apart]).astype(np.float16),
            fold=np.concatenate([[fold] * len(x) for _, x, fold in apart]),
        )
    files.write_table(folder / "encoder_predictions.parquet", table, provenance)
    return table


def collect_control(outputs: Path, folder: Path) -> pd.DataFrame:
    """Write what the encoders on the paper's augmentation answer, of the folds that have one.

    Parameters
    ----------
    outputs : Path
        Folder that `encoder.encode` wrote to, with seed 0.
    folder : Path
        Gets `encoder_papers_predictions.parquet` (columns as of `together`) and its `.json`, which
        holds the share of leukemic training cells of each of these folds.

    Returns
    -------
    DataFrame
        What the `.parquet` file holds.

    Raises
    ------
    InputError
        When no fold has one, and as of `together`.
    """
    folds = sorted(training_cells()["fold"].unique())
    there = [fold for fold in folds if (outputs / f"{CONTROL}_{fold}_0.npz").is_file()]
    if not there:
        raise InputError(
            f"{outputs} has no {CONTROL}_FOLD_0.npz: train a fold with --papers-views first."
        )
    table, origins = together(outputs, seed=0, model=CONTROL, folds=there)
    with np.load(outputs / f"{CONTROL}_{there[0]}_0.npz", allow_pickle=False) as stored:
        cells = training_cells().set_index("filename").loc[stored["filename"]].reset_index()
    provenance = {
        "command": "leukgnn encoder DIR --part FOLD --papers-views, then --part answers "
        "--papers-views",
        "prevalence": {
            split.fold: cells.loc[split.train, "label"].mean()
            for split in official_folds(cells)
            if split.fold in there
        },
        **_summed(origins),
    }
    files.write_table(folder / f"{CONTROL}_predictions.parquet", table, provenance)
    return table


def _asked(cells: Features, fold: str, seed: int, settings: Settings) -> pd.DataFrame:
    """What GCN and MLP answer for a fold's cells."""
    plan = Plan(sources=Sources(cells), settings=settings, seeds=1)
    asked = [a for a in plan.subject_disjoint(CLASSIFIERS) if a.run.fold == fold]
    with tempfile.TemporaryDirectory() as scratch:
        answers = predictions(asked, Store(Path(scratch), published=False))
    return answers.assign(model="encoder_" + answers["model"], seed=seed, fold="all")


def _summed(origins: dict[str, Any]) -> dict[str, Any]:
    """Recipe, losses, seconds, commits and processors of trainings, by their names."""
    return {
        "recipe": next(iter(origins.values()))["recipe"],
        "losses": {name: origin["losses"] for name, origin in origins.items()},
        "seconds": sum(origin["seconds"] for origin in origins.values()),
        "commits": sorted({origin["commit"] for origin in origins.values()}),
        "processors": sorted({origin["processor"] for origin in origins.values()}),
    }
