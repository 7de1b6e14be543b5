"""Whatever answers a task: a ruler, a line, a vote, the networks, the networks on other graphs.

Where a classifier has a strength to choose, it chooses by the ROC AUC on a fifth of the *training*
cells, split off as the test cells were (by subject, or by cell), never by a test cell. All weigh
the two classes alike, as the paper's loss does, but for the vote, label propagation and Correct &
Smooth, which have no loss to weigh: read those by the ROC AUC.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.base import ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from leukgnn import names, networks
from leukgnn.cells import log_area
from leukgnn.experiments.other_graphs import GRAPHS, gcn_on_graph
from leukgnn.experiments.people import attention_rank, gcn_own, person_network
from leukgnn.experiments.reasons import REASONS, reason
from leukgnn.experiments.tasks import Probability, Task
from leukgnn.files import InputError
from leukgnn.graphs import attach, no_edges, without_same_subject

LAYERS = 50  # of label propagation and of Correct & Smooth, as in their papers' code
RATES_AND_DECAYS = ((0.001, 5e-4), (0.01, 5e-4), (0.001, 5e-2), (0.01, 5e-2))
PASSES = (1, 2, 4)  # of the adjacency over the features of an MLP
ROUNDS = 2000  # of the linear solvers; they stop earlier


def gcn(task: Task, _: None = None) -> Probability:
    """Answer of the paper's network."""
    return task.ask(task.trained_gcn[0], task.edge_index)


def gcn_dummy(task: Task, _: None = None) -> Probability:
    """Answer of the very same network for test cells without any neighbour.

    What the released demo does with a new cell: one node with a self loop. For graphs to which
    test cells are attached, so that training never sees their edges.
    """
    arriving = task.split.test[task.edge_index[1]]
    return task.ask(task.trained_gcn[0], task.edge_index[:, ~arriving])


def gcn_asked_masked(task: Task, _: None = None) -> Probability:
    """Answer of the very same network without the edges between test cells of one subject.

    As every subject has one class, such edges vote for the right answer whatever the features say.
    """
    subjects = task.table["merged_subject"]
    kept = without_same_subject(task.edge_index, subjects, task.split.test)
    return task.ask(task.trained_gcn[0], kept)


def mlp(task: Task, _: None = None) -> Probability:
    """Answer of the same network without graph."""
    return task.ask(task.trained_mlp[0], no_edges())


def mlp_smoothed(task: Task, _: None = None, *, hops: int) -> Probability:
    """Answer of the MLP on features that passed the normalised adjacency `hops` times."""
    x = networks.smoothed(task.x, task.edge_index, hops)
    return mlp(replace(task, features=replace(task.features, x=x)))


def gcn_tuned(task: Task, strength: tuple[float, float]) -> Probability:
    """Answer of the GCN with a learning rate and weight decay of its own."""
    return gcn(_with_strength(task, strength))


def mlp_tuned(task: Task, strength: tuple[float, float]) -> Probability:
    """Answer of the MLP with a learning rate and weight decay of its own."""
    return mlp(_with_strength(task, strength))


def _with_strength(task: Task, strength: tuple[float, float]) -> Task:
    rate, decay = strength
    settings = replace(task.settings, learning_rate=rate, weight_decay=decay)
    return replace(task, settings=settings)


def gcn_random_graph(task: Task, _: None = None) -> Probability:
    """Answer of the GCN on the same graph with the cells shuffled: every degree, no similarity."""
    return _gcn_on(task, task.shuffled)


def gcn_masked(task: Task, _: None = None) -> Probability:
    """Answer of the GCN trained and asked without any edge between cells of one subject."""
    everyone = np.ones(len(task.x), dtype=bool)
    subjects = task.table["merged_subject"]
    return _gcn_on(task, without_same_subject(task.edge_index, subjects, everyone))


def _gcn_on(task: Task, edge_index: NDArray[np.int64]) -> Probability:
    """Answer of a GCN trained and asked on these edges."""
    network, _ = task.trained(task.gcn_kind, edge_index)
    return task.ask(network, edge_index)


def other_network(task: Task, _: None = None, *, key: str, alone: bool = False) -> Probability:
    """Answer of another graph network, or of its twin: the same one trained without any edge."""
    _check_plain(task)
    edges = no_edges() if alone else task.edge_index
    return task.ask(task.trained(networks.FAMILIES[key], edges)[0], edges)


def gat(task: Task, _: None = None) -> Probability:
    """Answer of the network that learns how much to hear of each neighbour."""
    _check_plain(task)
    return task.ask(task.trained_gat[0], task.edge_index)


def gat_vote(task: Task, _: None = None) -> Probability:
    """Share of its attention to training neighbours that the GAT pays to leukemic ones."""
    _check_plain(task)
    return _vote(task, *networks.attention(task.trained_gat[0], task.inputs, task.edge_index))


def vote(task: Task, _: None = None) -> Probability:
    """Share of leukemic cells among a cell's training neighbours in the graph."""
    return _vote(task, task.edge_index, np.ones(task.edge_index.shape[1]))


def _vote(task: Task, edge_index: NDArray[np.int64], weight: NDArray[Any]) -> Probability:
    """Weighed share of leukemic training neighbours; a half for a cell without any."""
    known = task.split.train[edge_index[0]]
    (source, target), weight = edge_index[:, known], weight[known].astype(np.float64)
    heard = np.bincount(target, weight, minlength=len(task.x))
    leukemic = np.bincount(target, weight * task.labels[source], minlength=len(task.x))
    share: NDArray[np.float64] = np.full(len(task.x), 0.5)
    np.divide(leukemic, heard, out=share, where=heard > 0)
    return share


def _check_plain(task: Task) -> None:
    """Raise InputError for settings that are of the GCN's layers or its adjacency."""
    plain = networks.Settings()
    for name in ("batch_size", "normalisation", "similarity_weights", "batch_norm", "residual"):
        if getattr(task.settings, name) != getattr(plain, name):
            raise InputError(
                f"{name}={getattr(task.settings, name)!r}: the other graph networks have layers of "
                f"their own and train on the whole graph; expected {getattr(plain, name)!r}."
            )


def majority(task: Task, _: None = None) -> Probability:
    """Answer the training cells' most frequent class, always."""
    return _fitted(DummyClassifier(strategy="most_frequent"), task.x, task)


def size(task: Task, _: None = None) -> Probability:
    """Answer by one number: the logarithm of the area of the box around the cell."""
    area = log_area(task.table).to_numpy()
    return _fitted(LogisticRegression(class_weight="balanced"), area[:, None], task)


def logistic(task: Task, strength: float) -> Probability:
    """Answer of a logistic regression with penalty C."""
    return _logistic(task, task.x, strength)


def sgc(task: Task, strength: float) -> Probability:
    """Answer of a logistic regression on twice smoothed features (Wu et al. 2019)."""
    return _logistic(task, task.smoothed, strength)


def _logistic(task: Task, x: NDArray[np.float32], strength: float) -> Probability:
    model = LogisticRegression(C=strength, class_weight="balanced", max_iter=ROUNDS)
    return _fitted(make_pipeline(StandardScaler(), model), x, task)


def svm_linear(task: Task, strength: float) -> Probability:
    """Answer of a linear support vector machine with penalty C."""
    # With fewer cells than features its solver draws the order of features.
    model = LinearSVC(C=strength, class_weight="balanced", max_iter=ROUNDS, random_state=0)
    return _fitted(make_pipeline(StandardScaler(), model), task.x, task)


def svm(task: Task, strength: float) -> Probability:
    """Answer of an RBF support vector machine with penalty C, gamma one over the features.

    The paper names an SVM and neither its kernel nor its features; it gets the very features that
    the GCN gets. The kernel is computed at once, by matrix products, and not row by row.
    """
    model = SVC(C=strength, kernel=rbf_kernel, class_weight="balanced")
    return _fitted(make_pipeline(StandardScaler(), model), task.x, task)


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
    near, _ = attach(task.x[test], task.x[train], strength)
    answer[test] = task.labels[train][near].mean(axis=1)
    return answer


def label_propagation(task: Task, strength: float) -> Probability:
    """Spread the training cells' labels along the edges."""
    return networks.label_propagation(
        task.labels, task.edge_index, task.split.train, alpha=strength, layers=LAYERS
    )


def correct_and_smooth(task: Task, strength: float) -> Probability:
    """Correct the MLP's answers by its training errors, then smooth them."""
    return networks.correct_and_smooth(
        mlp(task), task.labels, task.edge_index, task.split.train, alpha=strength, layers=LAYERS
    )


@dataclass(frozen=True)
class Classifier:
    """What answers a task, and what its answer depends on.

    Attributes
    ----------
    answer : callable
        `(task, strength) -> probability` of class 1 for every cell; what it holds for other than
        test cells depends on the classifier.
    strengths : tuple
        To choose from; empty when there is none.
    graph : bool
        Whether the graph matters to it.
    trained : bool
        Whether it is a network: settings and seed matter to it.
    """

    answer: Callable[[Task, Any], Probability]
    strengths: tuple[Any, ...] = ()
    graph: bool = False
    trained: bool = False


PENALTIES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
ALPHAS = (0.5, 0.8, 0.95, 0.99)
CLASSIFIERS = {
    "majority": Classifier(majority),
    "size": Classifier(size),
    "logistic": Classifier(logistic, PENALTIES),
    "svm_linear": Classifier(svm_linear, (1e-7, 1e-6, 1e-5, 1e-4, 1e-3)),
    "svm": Classifier(svm, (0.01, 0.1, 1.0, 10.0)),
    "knn": Classifier(knn, (5, 10, 20, 50, 100, 200)),
    "label_propagation": Classifier(label_propagation, ALPHAS, graph=True),
    "correct_and_smooth": Classifier(correct_and_smooth, ALPHAS, graph=True, trained=True),
    "sgc": Classifier(sgc, PENALTIES, graph=True),
    "mlp": Classifier(mlp, trained=True),
    "mlp_tuned": Classifier(mlp_tuned, RATES_AND_DECAYS, trained=True),
    **{
        f"mlp_smoothed_{hops}": Classifier(
            partial(mlp_smoothed, hops=hops), graph=True, trained=True
        )
        for hops in PASSES
    },
    "gcn": Classifier(gcn, graph=True, trained=True),
    "gcn_dummy": Classifier(gcn_dummy, graph=True, trained=True),
    "gcn_asked_masked": Classifier(gcn_asked_masked, graph=True, trained=True),
    "gcn_tuned": Classifier(gcn_tuned, RATES_AND_DECAYS, graph=True, trained=True),
    "gcn_random_graph": Classifier(gcn_random_graph, graph=True, trained=True),
    "gcn_masked": Classifier(gcn_masked, graph=True, trained=True),
    "vote": Classifier(vote, graph=True),
    **{
        key: Classifier(partial(other_network, key=key), graph=True, trained=True)
        for key in names.NETWORKS
    },
    "gat": Classifier(gat, graph=True, trained=True),
    "gat_vote": Classifier(gat_vote, graph=True, trained=True),
    **{
        f"{key}_alone": Classifier(partial(other_network, key=key, alone=True), trained=True)
        for key in names.NETWORKS
    },
    **{
        key: Classifier(partial(person_network, key=key), graph=True, trained=True)
        for key in names.POOLINGS
    },
    **{
        f"{key}_alone": Classifier(partial(person_network, key=key, alone=True), trained=True)
        for key in names.POOLINGS
    },
    **{
        f"pool_attention_of_{cells}": Classifier(
            partial(person_network, key="pool_attention", cells=cells), graph=True, trained=True
        )
        for cells in names.FEW_CELLS
    },
    "attention_rank": Classifier(attention_rank, graph=True, trained=True),
    **{key: Classifier(partial(gcn_on_graph, by=key), graph=True, trained=True) for key in GRAPHS},
    "gcn_own_similar": Classifier(partial(gcn_own, similar=True), graph=True, trained=True),
    "gcn_own_random": Classifier(partial(gcn_own, similar=False), graph=True, trained=True),
    **{key: Classifier(partial(reason, by=key), graph=True, trained=True) for key in REASONS},
}


def classifier(name: str) -> Classifier:
    """Give a classifier by its key.

    Raises
    ------
    InputError
        When there is none of this name; names those there are.
    """
    if name not in CLASSIFIERS:
        raise InputError(f"classifier {name!r}: expected one of {', '.join(CLASSIFIERS)}.")
    return CLASSIFIERS[name]


def choice(name: str, task: Task, seed: int) -> NDArray[np.float64]:
    """ROC AUC of each strength of a classifier on the task's inner split.

    Parameters
    ----------
    name : str
        Of `CLASSIFIERS`.
    task : Task
    seed : int
        Of the inner split, and of what is trained on it.

    Returns
    -------
    ndarray, shape (strengths,)
        In the order of `Classifier.strengths`.
    """
    chosen = classifier(name)
    if not chosen.strengths:
        return np.zeros(0)
    inner = task.inner(seed)
    test = inner.split.test
    answers = (chosen.answer(inner, strength) for strength in chosen.strengths)
    return np.array([roc_auc_score(task.labels[test], answer[test]) for answer in answers])


def best(name: str, areas: NDArray[np.float64]) -> Any:
    """Strength with the highest of `choice`'s areas; None for a classifier without strength."""
    return classifier(name).strengths[int(areas.argmax())] if len(areas) else None


def answer(name: str, task: Task, areas: NDArray[np.float64] | None = None) -> Probability:
    """Probability of class 1 for every test cell, shape (n,).

    Parameters
    ----------
    name : str
        Of `CLASSIFIERS`.
    task : Task
    areas : ndarray, optional
        Of `choice`; chosen on the task's own seed when left out.
    """
    if areas is None:
        areas = choice(name, task, task.seed)
    return classifier(name).answer(task, best(name, areas))
