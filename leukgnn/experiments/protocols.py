"""The three protocols: the paper's text, the released code, and subjects kept apart."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from joblib import Parallel, delayed, parallel_config
from numpy.typing import NDArray
from torch import Tensor

from leukgnn import controls, graph, models, splits, training
from leukgnn.controls import Task
from leukgnn.files import InputError
from leukgnn.paper import RELEASED, TRAINING
from leukgnn.splits import Mask, Split

NETWORKS = {"gcn": models.GCN, "mlp": models.MLP}


def rows_of(task: Task, probability: NDArray[Any], *, protocol: str, model: str) -> pd.DataFrame:
    """Rows for the test cells of one task and model: the contract's columns, and `n_train`."""
    drawn = task.table.loc[task.split.test]
    return pd.DataFrame(
        {
            "protocol": protocol,
            "model": model,
            "seed": task.seed,
            "fold": "all",
            "filename": drawn["filename"],
            "subject": drawn["subject"],
            "label": drawn["label"],
            "probability": probability[task.split.test].astype(np.float64),
            "n_train": int(task.split.train.sum()),
        }
    ).reset_index(drop=True)


def as_written(
    table: pd.DataFrame,
    x: Tensor,
    adjacency: Tensor,
    *,
    seed: int,
    k: int,
    edges: str,
    settings: Mapping[str, Any],
    svm_strength: float | None = None,
    hidden: int = TRAINING.hidden,
    dropout: float = TRAINING.dropout,
    test_share: float = TRAINING.test_share,
    progress: bool = True,
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, models.GCN], Mask]:
    """Run the paper's text once: one graph over all cells, 80/20 by cell, its settings.

    Parameters
    ----------
    table : DataFrame
        Cells of C-NMC 2019, one row per cell.
    x : Tensor, shape (n, 512)
    adjacency : Tensor, shape (n, n), sparse CSR
        Over all cells, test cells included (transductive), as the paper's text reads.
    seed : int
        Of the split, of the initial weights and of the dropout.
    k, edges
        Of that graph.
    settings : mapping
        Further keyword arguments of `training.fit`.
    svm_strength : float, optional
        The SVM's penalty C where `controls.best` has chosen it for this seed already.

    Returns
    -------
    predictions : DataFrame
        The columns of the contract `predictions.parquet` and `n_train`. Test cells only, but for
        the model "gcn_all_nodes": the GCN's answers for all cells, training cells included,
        because the paper's matrix counts as many as there are cells.
    history : DataFrame
        Curves of the networks, with `model` and `seed`.
    networks : dict of str to GCN
        The trained networks.
    test : ndarray, shape (n,), bool
    """
    labels = table["label"].to_numpy(copy=True)  # torch wants its own
    train, test = splits.stratified_split(labels, test_share, seed)
    task = Task(table, x.numpy(), Split("all", train, test), k, edges, False, seed, settings)
    told, histories, networks = [], [], {}
    for name, kind in NETWORKS.items():
        network = models.seeded(kind, seed, hidden_channels=hidden, dropout=dropout)
        history = training.fit(
            network, x, adjacency, torch.from_numpy(labels), train,
            held_out=test, seed=seed, progress=progress, **settings,
        )  # fmt: skip
        probability = training.predict(network, x, adjacency)
        told.append(rows_of(task, probability, protocol="as_written", model=name))
        if name == "gcn":
            everyone = np.ones(len(table), dtype=bool)
            whole = replace(task, split=Split("all", train, everyone))
            told.append(rows_of(whole, probability, protocol="as_written", model="gcn_all_nodes"))
        histories.append(history.assign(model=name, seed=seed))
        networks[name] = network
    for name, strength in (("svm", svm_strength), ("majority", None)):
        answer = controls.answer(name, task, strength)
        told.append(rows_of(task, answer, protocol="as_written", model=name))
    return pd.concat(told), pd.concat(histories), networks, test


def as_released(table: pd.DataFrame, x: NDArray[np.float32], *, seed: int) -> pd.DataFrame:
    """Run what the authors' released code does: trained on all cells and measured on them.

    K-means cliques with one-way edges ("gcn"), the same with the reverse edges added
    ("gcn_reverse"), and the network without graph ("mlp"); 64 hidden units, Adam 0.01, 200 epochs,
    no weight decay, no class weights.

    Parameters
    ----------
    table : DataFrame
    x : ndarray, shape (n, 512)
        Of images that were not normalised, as in the released code.
    seed : int
        Of initial weights and dropout; K-means keeps the released code's.

    Returns
    -------
    DataFrame
        Predictions, columns as of `as_written`; every cell is a training cell.
    """
    everyone = np.ones(len(table), dtype=bool)
    cliques = graph.cluster_cliques(x, RELEASED.clusters, RELEASED.kmeans_seed)
    settings = {
        "weighted": False,
        "weight_decay": 0.0,
        "learning_rate": RELEASED.learning_rate,
        "epochs": RELEASED.epochs,
    }
    task = Task(table, x, Split("all", everyone, everyone), 0, "cliques", False, seed, settings)
    told = []
    for name, kind, edges in (
        ("gcn", models.GCN, cliques),
        ("gcn_reverse", models.GCN, graph.both_ways(cliques)),
        ("mlp", models.MLP, cliques[:, :0]),
    ):
        network = training.trained(
            kind, x, task.labels, edges, everyone, everyone,
            seed=seed, settings=settings, hidden=RELEASED.hidden,
        )  # fmt: skip
        probability = training.answer(network, x, edges)
        told.append(rows_of(task, probability, protocol="as_released", model=name))
    return pd.concat(told, ignore_index=True)


def answers(
    tasks: Sequence[Task], names: Sequence[str], *, protocol: str, called: str = "{}"
) -> pd.DataFrame:
    """Answers of controls and networks to tasks that differ in their seed alone.

    Parameters
    ----------
    tasks : sequence of Task
        With the same training cells; the first one's inner split chooses a control's strength.
    names : sequence of str
        Of `controls.CONTROLS`.
    protocol : str
        What to call it in the predictions.
    called : str
        What to call the models there: "{}" stands for the name.

    Returns
    -------
    DataFrame
        Predictions, columns as of `as_written`.

    Raises
    ------
    InputError
        When the tasks have other training cells each (a strength chosen for one could know
        another's test cells), or an inductive task's subjects or files lie on both sides.
    """
    if any((task.split.train != tasks[0].split.train).any() for task in tasks):
        raise InputError("tasks of several sets of training cells: expected one set a call.")
    for task in tasks:
        if task.inductive:
            splits.check_disjoint(task.table, task.split)
    told = []
    for name in names:
        strength = controls.best(name, tasks[0])
        told += [
            rows_of(
                task, controls.answer(name, task, strength),
                protocol=protocol, model=called.format(name),
            )
            for task in tasks
        ]  # fmt: skip
    return pd.concat(told, ignore_index=True)


def side_by_side(parts: Sequence[Callable[[], pd.DataFrame]], processes: int) -> pd.DataFrame:
    """Predictions of all parts in their order, that many parts at a time, each on one thread."""
    with parallel_config("loky", inner_max_num_threads=1):
        # Without max_nbytes=None large arrays would arrive read-only, which PyTorch warns about.
        told = Parallel(n_jobs=processes, max_nbytes=None)(delayed(part)() for part in parts)
    predictions: pd.DataFrame = pd.concat(told, ignore_index=True)
    return predictions


def transductive(task: Task) -> pd.DataFrame:
    """Answers of the GCN when test cells are joined to each other, with and without own subject.

    "gcn_transductive" trains and answers on one graph over training and test cells;
    "gcn_transductive_masked" is the same network, asked without the edges between test cells of one
    subject. As every subject has one class, such edges vote for the right answer whatever the
    features say.
    """
    joined = replace(task, inductive=False)
    masked = splits.without_same_subject(
        joined.graph, task.table["merged_subject"], task.split.test
    )
    told = []
    for name, edges in (("gcn_transductive", joined.graph), ("gcn_transductive_masked", masked)):
        probability = training.answer(joined.trained_gcn, task.x, edges)
        told.append(rows_of(task, probability, protocol="subject_disjoint", model=name))
    return pd.concat(told, ignore_index=True)


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
