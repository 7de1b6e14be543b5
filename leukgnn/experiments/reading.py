"""What tables and figures read of runs besides their answers."""

import json
from collections.abc import Sequence
from typing import Any

import pandas as pd

from leukgnn import files
from leukgnn.cells import training_cells
from leukgnn.experiments.classifiers import classifier
from leukgnn.experiments.runs import Asked, values
from leukgnn.experiments.splits import official_folds
from leukgnn.experiments.store import Store
from leukgnn.networks import CURVES

REFERENCES = ("cnn", "encoder")  # whose answers the package ships: they need images to make


def curves(asked: Sequence[Asked], store: Store) -> pd.DataFrame:
    """Training curves of GCN and MLP runs.

    Returns
    -------
    DataFrame
        The columns of `networks.fit`, and `protocol`, `model`, `seed` and `fold`.
    """
    parts = [
        pd.DataFrame(value.curves, columns=CURVES).assign(
            protocol=a.protocol, model=a.model, seed=a.seed, fold=a.run.fold
        )
        for a, value in zip(asked, values(asked, store), strict=True)
    ]
    return pd.concat(parts, ignore_index=True)


def choices(asked: Sequence[Asked], store: Store) -> pd.DataFrame:
    """What each strength of a classifier reached on the inner split that chose it.

    Returns
    -------
    DataFrame
        `model`, `seed`, `fold`, `strength` and `auc`, in the order tried.
    """
    rows = [
        (a.model, a.seed, a.run.fold, strength, area)
        for a, value in zip(asked, values(asked, store), strict=True)
        for strength, area in zip(classifier(a.run.classifier).strengths, value.choice, strict=True)
    ]
    return pd.DataFrame(rows, columns=["model", "seed", "fold", "strength", "auc"])


def reference(name: str, table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Predictions of networks trained on images, which the package ships, and their provenance.

    Parameters
    ----------
    name : str
        Of `REFERENCES`: "cnn", fine-tuned, with its hybrids; "encoder", from random weights,
        with GCN and MLP on its features. Or "encoder_papers", the encoder on the paper's
        augmentation: a control, of some folds alone.
    table : DataFrame
        Cells of C-NMC 2019, with filename and fold.

    Returns
    -------
    predictions : DataFrame
        Columns as of `predictions`. Empty when the reference lacks some of the cells: models are
        compared on the same cells.
    provenance : dict
        Settings, losses of each epoch by fold.
    """
    path = files.shipped_path(f"{name}_predictions.parquet")
    predictions = pd.read_parquet(path)
    provenance: dict[str, Any] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    if "prevalence" in provenance:
        table = table[table["fold"].isin(list(provenance["prevalence"]))]
    if not set(table["filename"]) <= set(predictions["filename"]):
        return predictions.iloc[:0], provenance
    # The shipped file calls the fold of every row "all"; a cell's own fold is the one whose
    # network answered.
    known = training_cells()
    of_all = known[known["filename"].isin(predictions["filename"])]
    prevalence = provenance.get("prevalence") or {
        s.fold: of_all.loc[s.train, "label"].mean() for s in official_folds(of_all)
    }
    fold = predictions["filename"].map(of_all.set_index("filename")["fold"])
    asked = predictions.assign(fold=fold, partition="official", prevalence=fold.map(prevalence))
    here = asked["filename"].isin(table["filename"])
    return asked[here].reset_index(drop=True), provenance
