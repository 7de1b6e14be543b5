"""The result tables of a build, from the predictions of its chapters."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from leukgnn import files, inference, metrics
from leukgnn.files import InputError

PREDICTIONS = {  # artifact: the chapter that writes it
    "predictions.parquet": "05_gcn",
    "protocols.parquet": "07_protocols",
    "controls.parquet": "08_controls",
    "cnn.parquet": "09_cnn",
}
TABLES = (
    "results.csv", "predictions.parquet", "intervals.csv", "differences.csv", "subjects.csv",
    "calibration.csv",
)  # fmt: skip
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
SENSITIVITY = 0.95  # at which the specificity is told


def read_predictions(inputs: str, names: Sequence[str] = tuple(PREDICTIONS)) -> pd.DataFrame:
    """Predictions that the chapters wrote to `inputs`, one below the other."""
    paths = [files.find_artifact(inputs, name, made_by=PREDICTIONS[name]) for name in names]
    return pd.concat([pd.read_parquet(path) for path in paths], ignore_index=True)


def write(inputs: str, outputs: Path, *, draws: int, seed: int) -> None:
    """Write `TABLES`: metrics, predictions, intervals, paired differences, subjects, calibration.

    Parameters
    ----------
    inputs : str
        Folder of the chapters' predictions.
    outputs : Path
    draws : int
        Of the bootstrap and of the permutation tests.
    seed : int
    """
    predictions = read_predictions(inputs)
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
                "specificity_at_95": metrics.specificity_at(SENSITIVITY, *given),
            }
        )
    table = pd.DataFrame(rows).groupby(["protocol", "model"]).mean().drop(columns="seed")
    clustered = inference.design_effect(predictions).set_index(["protocol", "model"])
    return table.join(clustered[["design_effect", "effective_cells"]]).reset_index()
