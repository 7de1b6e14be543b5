"""The result tables of a build, from its predictions."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leukgnn import files
from leukgnn.evaluation import inference, metrics, sums
from leukgnn.files import InputError

DRAWS = 2000  # of the bootstrap that stands beside the intervals
CONTRACT = ["protocol", "model", "seed", "fold", "filename", "subject", "label", "probability"]
PRIMARY = ("other_partitions", "gcn", "mlp", "roc_auc")  # the one question, declared beforehand
SECONDARY = [  # and the family that Holm's correction is over
    ("other_partitions", "gcn", "mlp", "size_adjusted_auc"),
    ("other_partitions", "gcn", "mlp", "accuracy"),
    ("other_partitions", "gcn", "size", "roc_auc"),
    ("subject_disjoint", "gcn", "mlp", "roc_auc"),
    ("subject_disjoint", "gcn", "svm", "roc_auc"),
    ("subject_disjoint", "gcn", "logistic", "roc_auc"),
    ("subject_disjoint", "gcn", "knn", "roc_auc"),
    ("subject_disjoint", "gcn", "cnn", "roc_auc"),
    ("subject_disjoint", "gcn_tuned", "mlp_tuned", "roc_auc"),
    ("subject_disjoint", "cnn_gcn", "cnn_mlp", "roc_auc"),
]
PAIRS = [
    *[
        ("gcn", other)
        for other in (
            "mlp", "svm", "majority", "size", "logistic", "svm_linear", "knn", "label_propagation",
            "correct_and_smooth", "sgc", "gcn_random_graph", "gcn_masked", "gcn_random_weights",
            "gcn_transductive", "gcn_reverse", "gcn_dummy", "cnn",
        )
    ],
    ("gcn_tuned", "mlp_tuned"),
    ("gcn_random_weights", "mlp_random_weights"),
    ("gcn_transductive", "gcn_transductive_masked"),
    ("gcn_transductive", "mlp"),
    ("mlp", "size"),
    ("mlp", "correct_and_smooth"),
    ("cnn", "size"),
    ("cnn", "svm"),
    ("cnn_gcn", "cnn"),
    ("cnn_gcn", "cnn_mlp"),
    ("encoder", "cnn"),
    ("encoder", "gcn"),
    ("encoder", "size"),
    ("encoder_gcn", "encoder"),
    ("encoder_gcn", "encoder_mlp"),
]  # fmt: skip


def write(predictions: pd.DataFrame, outputs: Path, *, draws: int = DRAWS) -> None:
    """Write `TABLES`: metrics, predictions, intervals, paired differences.

    Parameters
    ----------
    predictions : DataFrame
        Columns `CONTRACT`, `n_train` and `partition`.
    outputs : Path
        Folder of the tables.
    draws : int
        Of the bootstrap.
    """
    summed = sums.answers(predictions)
    tables = {
        "results.csv": results_table(predictions),
        "intervals.csv": inference.intervals(summed, draws=draws),
        "differences.csv": differences(summed, draws=draws),
    }
    for name, table in tables.items():
        with files.atomic_path(outputs / name) as temporary:
            table.to_csv(temporary, index=False)
    with files.atomic_path(outputs / "predictions.parquet") as temporary:
        predictions[[*CONTRACT, "partition"]].to_parquet(temporary, index=False)


def results_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """Every metric of every protocol, model, seed and fold: the table `results.csv`.

    `predictions` has the contract's columns and `n_train`. Fold "all" is all of them: its `roc_auc`
    compares cells that one network answered, its `pooled_auc` all. Where the folds were trained on
    different numbers of cells, its `n_train` is their mean.
    """
    names = ["protocol", "model", "seed"]
    rows = []
    for keys, cells in sums.with_tenths(predictions).groupby(names):
        of_run = dict(zip(names, keys, strict=True))
        rows.append(_result(of_run, "all", cells))
        folds = dict(list(cells.groupby("fold")))
        if len(folds) > 1:
            rows += [_result(of_run, str(fold), part) for fold, part in folds.items()]
    return pd.DataFrame(rows)


def _result(keys: dict[str, Any], fold: str, cells: pd.DataFrame) -> dict[str, Any]:
    """One row of `results_table`."""
    n_train = round(cells["n_train"].mean())
    counts = metrics.confusion(cells["label"], cells["probability"])
    scores = {name: float(value) for name, value in metrics.from_counts(*counts).items()}
    own = {**keys, "fold": fold, "n_train": n_train, "n_test": len(cells)}
    return {**own, **scores, **sums.areas(cells)}


def differences(
    predictions: pd.DataFrame | Mapping[tuple[str, str], sums.Answers],
    *,
    draws: int = 0,
) -> pd.DataFrame:
    """Paired differences of all `PAIRS` that some protocol has.

    Returns
    -------
    DataFrame
        As of `inference.paired_differences`, with `family` ("primary", "secondary", or none) and
        `p_holm`, corrected over the secondary family.
    """
    known = sums.answers(predictions) if isinstance(predictions, pd.DataFrame) else predictions
    protocols = {protocol for protocol, _ in known}
    pairs = [(a, b) for a, b in PAIRS if any({(p, a), (p, b)} <= set(known) for p in protocols)]
    if not pairs:
        raise InputError("the predictions hold no pair of models to compare; run the chapters.")
    table = inference.paired_differences(known, pairs, draws=draws)
    return declared(table)


def declared(table: pd.DataFrame) -> pd.DataFrame:
    """Paired differences with `family` and `p_holm`: what was declared, and what is description."""
    keys = list(
        zip(*(table[name] for name in ("protocol", "first", "second", "metric")), strict=True)
    )
    families = {PRIMARY: "primary", **dict.fromkeys(SECONDARY, "secondary")}
    family = pd.Series([families.get(key) for key in keys], index=table.index, dtype=object)
    secondary = (family == "secondary") & table["p"].notna()
    corrected = pd.Series(np.nan, index=table.index)
    corrected[secondary] = inference.holm(table.loc[secondary, "p"])
    return table.assign(family=family, p_holm=corrected)
