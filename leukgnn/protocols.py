"""Who trains on what and is tested on what."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.model_selection import train_test_split
from torch import Tensor

from leukgnn import models, training
from leukgnn.files import InputError
from leukgnn.paper import TRAINING

NETWORKS = {"gcn": models.GCN, "mlp": models.MLP}
STRENGTHS = (0.1, 1.0, 10.0)  # of the SVM's penalty C: a decade either way of the usual 1
Mask = NDArray[np.bool_]


def stratified_split(
    labels: NDArray[np.int64], share: float, seed: int, within: Mask | None = None
) -> tuple[Mask, Mask]:
    """Mark the kept and the drawn cells of a split stratified by class (section IV.D).

    Cells, not subjects, are drawn, as the paper writes: cells of one subject come to lie on both
    sides. Chapters 07 and 10 are about what that does.

    Parameters
    ----------
    labels : ndarray, shape (n,)
    share : float
        Of the cells to draw, between 0 and 1.
    seed : int
    within : ndarray of bool, optional
        Split only these cells, such as the training cells into a fitting and a validation part.

    Returns
    -------
    kept, drawn : ndarray, shape (n,), bool
    """
    if not 0 < share < 1:
        raise InputError(f"test_share={share}: expected a share between 0 and 1, such as 0.2.")
    candidates = np.arange(len(labels)) if within is None else np.flatnonzero(within)
    kept, drawn = train_test_split(
        candidates, test_size=share, stratify=labels[candidates], random_state=seed
    )
    marks = np.zeros((2, len(labels)), dtype=bool)
    marks[0, kept] = marks[1, drawn] = True
    return marks[0], marks[1]


def prediction_rows(
    table: pd.DataFrame, test: Mask, probability: NDArray[Any], *, model: str, seed: int
) -> pd.DataFrame:
    """Rows of `predictions.parquet` for the test cells of one model under `as_written`."""
    drawn = table.loc[test]
    return pd.DataFrame(
        {
            "protocol": "as_written",
            "model": model,
            "seed": seed,
            "fold": "all",
            "filename": drawn["filename"],
            "subject": drawn["subject"],
            "label": drawn["label"],
            "probability": probability[test].astype(np.float64),
        }
    ).reset_index(drop=True)


def as_written(
    table: pd.DataFrame,
    x: Tensor,
    adjacency: Tensor,
    *,
    seed: int,
    strength: float,
    settings: Mapping[str, Any],
    hidden: int = TRAINING.hidden,
    dropout: float = TRAINING.dropout,
    test_share: float = TRAINING.test_share,
    progress: bool = True,
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, models.GCN], Mask]:
    """Run the paper's text once: one graph over all cells, 80/20 by cell, its settings.

    Parameters
    ----------
    table : DataFrame
        With `filename`, `subject` and `label`, one row per cell.
    x : Tensor, shape (n, 512)
    adjacency : Tensor, shape (n, n), sparse CSR
        Over all cells, test cells included (transductive), as the paper's text reads.
    seed : int
        Of the split, of the initial weights and of the dropout.
    strength : float
        The SVM's penalty C, chosen beforehand by `choose_strength`.
    settings : mapping
        Further keyword arguments of `training.fit`.

    Returns
    -------
    predictions : DataFrame
        Test cells only, the columns of the contract `predictions.parquet`.
    history : DataFrame
        Curves of the networks, with `model` and `seed`.
    networks : dict of str to GCN
        The trained networks.
    test : ndarray, shape (n,), bool
    """
    labels = table["label"].to_numpy(copy=True)  # torch wants its own
    train, test = stratified_split(labels, test_share, seed)
    predictions, histories, networks = [], [], {}
    for name, kind in NETWORKS.items():
        network = models.seeded(kind, seed, hidden_channels=hidden, dropout=dropout)
        history = training.fit(
            network, x, adjacency, torch.from_numpy(labels), train,
            held_out=test, seed=seed, progress=progress, **settings,
        )  # fmt: skip
        probability = training.predict(network, x, adjacency)
        predictions.append(prediction_rows(table, test, probability, model=name, seed=seed))
        histories.append(history.assign(model=name, seed=seed))
        networks[name] = network
    margin = svm_probability(x.numpy(), labels, train, strength)
    predictions.append(prediction_rows(table, test, margin, model="svm", seed=seed))
    always = models.majority().fit(x.numpy()[train], labels[train]).predict_proba(x.numpy())[:, 1]
    predictions.append(prediction_rows(table, test, always, model="majority", seed=seed))
    return pd.concat(predictions), pd.concat(histories), networks, test


def svm_probability(
    x: NDArray[np.float32], labels: NDArray[np.int64], train: Mask, strength: float
) -> NDArray[np.float64]:
    """Score of class 1 for every cell: the SVM's margin, squashed to 0..1.

    0.5 is the decision border; the score ranks the cells and is not calibrated.
    """
    machine = models.svm(strength).fit(x[train], labels[train])
    scores: NDArray[np.float64] = expit(machine.decision_function(x))
    return scores


def choose_strength(
    x: NDArray[np.float32], labels: NDArray[np.int64], fitting: Mask, validation: Mask
) -> pd.DataFrame:
    """Accuracy of the SVM on the validation cells for each penalty C; test cells are not seen."""
    rows = []
    for strength in STRENGTHS:
        predicted = svm_probability(x, labels, fitting, strength) >= 0.5
        rows.append((strength, float((predicted == labels)[validation].mean())))
    return pd.DataFrame(rows, columns=["C", "validation_accuracy"])


def learning_rate_grid(
    x: Tensor,
    adjacency: Tensor,
    labels: NDArray[np.int64],
    fitting: Mask,
    validation: Mask,
    *,
    rates: Sequence[float],
    seed: int,
    settings: Mapping[str, Any],
    progress: bool = True,
) -> pd.DataFrame:
    """Curves of the GCN for each learning rate, measured on validation cells (section IV.D).

    Returns
    -------
    DataFrame
        The history of `training.fit` with `learning_rate`; `held_out_accuracy` is that of the
        validation cells.
    """
    curves = []
    for rate in rates:
        network = models.seeded(models.GCN, seed)
        history = training.fit(
            network, x, adjacency, torch.from_numpy(labels), fitting, held_out=validation,
            seed=seed, progress=progress, **{**settings, "learning_rate": rate},
        )  # fmt: skip
        curves.append(history.assign(learning_rate=rate))
    return pd.concat(curves, ignore_index=True)
