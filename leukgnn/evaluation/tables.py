"""The result tables of a build, from its predictions."""

from pathlib import Path

import pandas as pd

from leukgnn import files
from leukgnn.evaluation import inference, metrics
from leukgnn.files import InputError

DRAWS = 2000  # of the bootstrap and of the permutation tests
CONTRACT = ["protocol", "model", "seed", "fold", "filename", "subject", "label", "probability"]
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
]  # fmt: skip


def write(predictions: pd.DataFrame, outputs: Path, *, draws: int = DRAWS, seed: int = 0) -> None:
    """Write `TABLES`: metrics, predictions, intervals, paired differences, subjects, calibration.

    Parameters
    ----------
    predictions : DataFrame
        Columns `CONTRACT` and `n_train`.
    outputs : Path
        Folder of the tables.
    draws : int
        Of the bootstrap and of the permutation tests.
    seed : int
    """
    subjects = inference.subject_decisions(predictions)
    tables = {
        "results.csv": metrics.results_table(predictions),
        "intervals.csv": inference.intervals(predictions, draws=draws, seed=seed),
        "differences.csv": differences(predictions, draws=draws, seed=seed),
        "subjects.csv": inference.intervals(subjects, draws=draws, seed=seed),
        "calibration.csv": calibration(predictions),
    }
    for name, table in tables.items():
        with files.atomic_path(outputs / name) as temporary:
            table.to_csv(temporary, index=False)
    with files.atomic_path(outputs / "predictions.parquet") as temporary:
        predictions[CONTRACT].to_parquet(temporary, index=False)


def differences(predictions: pd.DataFrame, *, draws: int, seed: int) -> pd.DataFrame:
    """Paired differences of all `PAIRS` that some protocol has."""
    there = predictions.groupby("protocol")["model"].agg(set)
    pairs = [pair for pair in PAIRS if any(set(pair) <= models for models in there)]
    if not pairs:
        raise InputError("the predictions hold no pair of models to compare; run the chapters.")
    return inference.paired_differences(predictions, pairs, draws=draws, seed=seed)


def calibration(predictions: pd.DataFrame) -> pd.DataFrame:
    """How far probabilities can be trusted and how cells cluster, by protocol and model.

    Returns
    -------
    DataFrame
        Means over seeds: `brier`, `calibration_error`, `specificity_at_95` (percent sensitivity),
        and of `inference.design_effect` the `design_effect` and `effective_cells`.
    """
    rows = []
    for (protocol, model, seed), cells in predictions.groupby(["protocol", "model", "seed"]):
        given = cells["label"], cells["probability"]
        rows.append(
            {
                "protocol": protocol,
                "model": model,
                "seed": seed,
                "brier": metrics.brier(*given),
                "calibration_error": metrics.calibration_error(*given),
                "specificity_at_95": metrics.specificity_at(metrics.SENSITIVITY, *given),
            }
        )
    table = pd.DataFrame(rows).groupby(["protocol", "model"]).mean().drop(columns="seed")
    clustered = inference.design_effect(predictions).set_index(["protocol", "model"])
    return table.join(clustered[["design_effect", "effective_cells"]]).reset_index()
