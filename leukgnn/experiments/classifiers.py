"""What else the same features can do: a ruler, a line, a vote, an MLP, other graphs.

Every control answers one `Task`; where it has a strength to choose, it chooses by the ROC AUC on a
fifth of the *training* cells, split off as the test cells were (by subject, or by cell), never by a
test cell. All weigh the two classes alike, as the paper's loss does, but for the vote, label
propagation and Correct & Smooth, which have no loss to weigh: read those by the ROC AUC.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.base import ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from torch_geometric.nn import CorrectAndSmooth, LabelPropagation

from leukgnn import cells, graph, models, splits, training
from leukgnn.files import InputError
from leukgnn.paper import TRAINING
from leukgnn.splits import Split

LAYERS = 50  # of label propagation and of Correct & Smooth, as in their papers' code
RATES_AND_DECAYS = ((0.001, 5e-4), (0.01, 5e-4), (0.001, 5e-2), (0.01, 5e-2))
ROUNDS = 2000  # of the linear solvers; they stop earlier
Probability = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Task:
    """One split of one table with the features and the graph that a control may use.

    Attributes
    ----------
    table : DataFrame
        Cells, row i for row i of `x`.
    x : ndarray, shape (n, 512), float32
    split : Split
    k, edges
        Of the graph.
    inductive : bool
        Test cells are attached one-way and alone; else one graph joins all cells of the split.
    seed : int
        Of whatever is random, the choice of the inner split included.
    settings : mapping
        Of `training.fit`, for the networks.
    """

    table: pd.DataFrame
    x: NDArray[np.float32]
    split: Split
    k: int
    edges: str
    inductive: bool
    seed: int
    settings: Mapping[str, Any]

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """0 or 1 of every cell."""
        return self.table["label"].to_numpy(copy=True)

    @cached_property
    def graph(self) -> NDArray[np.int64]:
        """Edges (2, E), numbered as the rows of `x`."""
        build = splits.inductive_edges if self.inductive else splits.transductive_edges
        return build(self.x, self.split, k=self.k, edges=self.edges)

    @cached_property
    def trained_gcn(self) -> models.GCN:
        """The paper's network, trained: it may be asked about more than one graph."""
        return trained(self, models.GCN, self.graph)

    @cached_property
    def without_graph(self) -> Probability:
        """Answer of the MLP: a control of its own, and what Correct & Smooth starts from."""
        return network(self, models.MLP, np.zeros((2, 0), dtype=np.int64))

    @cached_property
    def smoothed(self) -> NDArray[np.float32]:
        """Features after two passes of the normalised adjacency: the same for every strength."""
        adjacency = graph.adjacency(self.graph, len(self.x))
        return (adjacency @ (adjacency @ torch.from_numpy(self.x))).numpy()

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Cells whose features are there while training."""
        return self.split.train if self.inductive else self.split.train | self.split.test

    def inner(self) -> "Task":
        """The same task within the training cells: a fifth of them to choose by.

        Split off as the test cells were: by subject when inductive, else by cell. A strength that
        is best for new subjects would handicap a control that is asked about known ones.
        """
        train = self.split.train
        if self.inductive:
            return replace(self, split=splits.inner_split(self.table, train, self.seed))
        parts = splits.stratified_split(self.labels, TRAINING.test_share, self.seed, within=train)
        return replace(self, split=Split("inner", *parts))


def trained(task: Task, kind: type[models.GCN], edges: NDArray[np.int64]) -> models.GCN:
    """Train a network with the task's settings on the given edges."""
    return training.trained(
        kind, task.x, task.labels, edges, task.split.train, task.seen,
        seed=task.seed, settings=task.settings,
    )  # fmt: skip


def network(task: Task, kind: type[models.GCN], edges: NDArray[np.int64]) -> Probability:
    """Answer of a network trained with the task's settings on the given edges."""
    return training.answer(trained(task, kind, edges), task.x, edges)


def gcn(task: Task, _: None = None) -> Probability:
    """Answer of the paper's network."""
    return training.answer(task.trained_gcn, task.x, task.graph)


def gcn_dummy(task: Task, _: None = None) -> Probability:
    """Answer of the very same network for test cells without any neighbour.

    What the released demo does with a new cell: one node with a self loop. For inductive tasks,
    whose training never sees a test cell's edges.
    """
    arriving = task.split.test[task.graph[1]]
    return training.answer(task.trained_gcn, task.x, task.graph[:, ~arriving])


def mlp(task: Task, _: None = None) -> Probability:
    """Answer of the same network without graph."""
    return task.without_graph


def gcn_tuned(task: Task, strength: tuple[float, float]) -> Probability:
    """Answer of the GCN with a learning rate and weight decay of its own."""
    return gcn(_with_strength(task, strength))


def mlp_tuned(task: Task, strength: tuple[float, float]) -> Probability:
    """Answer of the MLP with a learning rate and weight decay of its own."""
    return mlp(_with_strength(task, strength))


def _with_strength(task: Task, strength: tuple[float, float]) -> Task:
    rate, decay = strength
    return replace(task, settings={**task.settings, "learning_rate": rate, "weight_decay": decay})


def gcn_random_graph(task: Task, _: None = None) -> Probability:
    """Answer of the GCN on the same graph with the cells shuffled: every degree, no similarity."""
    places = np.arange(len(task.x))
    seen = np.flatnonzero(task.seen)
    places[seen] = np.random.default_rng(task.seed).permutation(seen)
    return network(task, models.GCN, places[task.graph])


def gcn_masked(task: Task, _: None = None) -> Probability:
    """Answer of the GCN without any edge between cells of one subject."""
    everyone = np.ones(len(task.x), dtype=bool)
    kept = splits.without_same_subject(task.graph, task.table["merged_subject"], everyone)
    return network(task, models.GCN, kept)


def majority(task: Task, _: None = None) -> Probability:
    """Answer the training cells' most frequent class, always."""
    return _fitted(models.majority(), task.x, task)


def size(task: Task, _: None = None) -> Probability:
    """Answer by one number: the logarithm of the area of the box around the cell."""
    area = cells.log_area(task.table).to_numpy()
    return _fitted(LogisticRegression(class_weight="balanced"), area[:, None], task)


def logistic(task: Task, strength: float) -> Probability:
    """Answer of a logistic regression with penalty C."""
    model = LogisticRegression(C=strength, class_weight="balanced", max_iter=ROUNDS)
    return _fitted(make_pipeline(StandardScaler(), model), task.x, task)


def svm_linear(task: Task, strength: float) -> Probability:
    """Answer of a linear support vector machine with penalty C."""
    model = LinearSVC(C=strength, class_weight="balanced", max_iter=ROUNDS)
    return _fitted(make_pipeline(StandardScaler(), model), task.x, task)


def svm(task: Task, strength: float) -> Probability:
    """Answer of the RBF support vector machine of `models.svm`."""
    return _fitted(models.svm(strength), task.x, task)


def sgc(task: Task, strength: float) -> Probability:
    """Answer of a logistic regression on twice smoothed features (Wu et al. 2019)."""
    return logistic(replace(task, x=task.smoothed), strength)


def _fitted(model: ClassifierMixin, x: NDArray[Any], task: Task) -> Probability:
    """Answer for the test cells of a model fitted to the training cells alone; 0 for the others.

    A support vector machine's margin is squashed to 0..1: it ranks and is not calibrated.
    """
    train, test = task.split.train, task.split.test
    model.fit(x[train], task.labels[train])
    answer = np.zeros(len(x))
    if hasattr(model, "predict_proba"):
        answer[test] = model.predict_proba(x[test])[:, 1]
    else:
        answer[test] = expit(model.decision_function(x[test]))
    return answer


def knn(task: Task, strength: int) -> Probability:
    """Share of leukemic cells among the `strength` most similar training cells."""
    train, test = task.split.train, task.split.test
    answer = np.zeros(len(task.x))
    near, _ = graph.attach(task.x[test], task.x[train], strength)
    answer[test] = task.labels[train][near].mean(axis=1)
    return answer


def label_propagation(task: Task, strength: float) -> Probability:
    """Spread the training cells' labels along the edges (Zhu & Ghahramani 2002)."""
    spread = LabelPropagation(num_layers=LAYERS, alpha=strength)(
        torch.from_numpy(task.labels),
        torch.from_numpy(task.graph),
        mask=torch.from_numpy(task.split.train),
    )
    return _share(spread)


def correct_and_smooth(task: Task, strength: float) -> Probability:
    """Correct the MLP's answers by its training errors, then smooth them (Huang et al. 2021)."""
    leukemic = torch.from_numpy(np.asarray(mlp(task), dtype=np.float32))
    answers = torch.stack([1 - leukemic, leukemic], dim=1)
    mask = torch.from_numpy(task.split.train)
    known = torch.from_numpy(task.labels)[mask]
    post = CorrectAndSmooth(LAYERS, strength, LAYERS, strength)
    edges = torch.from_numpy(task.graph)
    corrected = post.correct(answers, known, mask, edges)
    return _share(post.smooth(corrected, known, mask, edges))


def _share(scores: torch.Tensor) -> Probability:
    """Class 1's share of two scores; a half where no label arrived."""
    total = scores.sum(dim=1)
    share = torch.where(total > 0, scores[:, 1] / total.clamp(min=1e-12), 0.5)
    return share.clamp(0, 1).numpy()


Control = Callable[[Task, Any], Probability]
CONTROLS: dict[str, tuple[Control, tuple[Any, ...]]] = {
    "majority": (majority, ()),
    "size": (size, ()),
    "logistic": (logistic, (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)),
    "svm_linear": (svm_linear, (1e-7, 1e-6, 1e-5, 1e-4, 1e-3)),
    "svm": (svm, (0.01, 0.1, 1.0, 10.0)),
    "knn": (knn, (5, 10, 20, 50, 100, 200)),
    "label_propagation": (label_propagation, (0.5, 0.8, 0.95, 0.99)),
    "correct_and_smooth": (correct_and_smooth, (0.5, 0.8, 0.95, 0.99)),
    "sgc": (sgc, (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)),
    "mlp": (mlp, ()),
    "mlp_tuned": (mlp_tuned, RATES_AND_DECAYS),
    "gcn": (gcn, ()),
    "gcn_dummy": (gcn_dummy, ()),
    "gcn_tuned": (gcn_tuned, RATES_AND_DECAYS),
    "gcn_random_graph": (gcn_random_graph, ()),
    "gcn_masked": (gcn_masked, ()),
}


def choose(name: str, task: Task) -> pd.DataFrame:
    """ROC AUC of each strength of a control on the task's inner split.

    Returns
    -------
    DataFrame
        `strength` and `auc`, in the order tried; no row for a control without strength.
    """
    if name not in CONTROLS:
        raise InputError(f"control {name!r}: expected one of {', '.join(CONTROLS)}.")
    control, strengths = CONTROLS[name]
    inner = task.inner() if strengths else task
    labels, test = task.labels, inner.split.test
    rows = [(s, roc_auc_score(labels[test], control(inner, s)[test])) for s in strengths]
    return pd.DataFrame(rows, columns=["strength", "auc"])


def best(name: str, task: Task) -> Any:
    """Strength with the highest ROC AUC of `choose`; None for a control without strength."""
    tried = choose(name, task)
    return tried["strength"].iloc[int(tried["auc"].argmax())] if len(tried) else None


def answer(name: str, task: Task, strength: Any = None) -> Probability:
    """Probability of class 1 for every test cell; without a given strength, with the `best`.

    Shape (n,); what it holds for the other cells depends on the control.
    """
    if strength is None:
        strength = best(name, task)
    return CONTROLS[name][0](task, strength)
