"""Classifiers: probabilities of test cells that owe nothing to other test cells."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from leukgnn import graphs, names, networks
from leukgnn.experiments import (
    CLASSIFIERS,
    Partition,
    Split,
    Task,
    answer,
    choice,
    classifiers,
    official_folds,
)
from leukgnn.files import InputError
from leukgnn.graphs import Attached, Joined
from leukgnn.names import REASONS
from leukgnn.networks import GCN, Settings


@pytest.fixture(scope="module")
def task(real):
    """Tests only read it, and share its graph and networks."""
    return Task(
        features=real,
        split=official_folds(real.table)[0],
        graph=Attached(k=5, edges="union"),
        seed=0,
        settings=Settings(epochs=3),
    )


@pytest.fixture(scope="module")
def others(task):
    """Half of the test cells; the task with the other half turned to nonsense, and without it."""
    kept = np.flatnonzero(task.split.test)[::2]
    others = np.setdiff1d(np.flatnonzero(task.split.test), kept)
    x, table = task.x.copy(), task.table.copy()
    x[others] = np.random.default_rng(0).random((len(others), x.shape[1]))
    table.loc[others, "label"] = 1 - table.loc[others, "label"]
    table.loc[others, ["bbox_w", "bbox_h"]] = 7
    nonsense = dataclasses.replace(task.features, x=x, table=table)
    fewer = np.zeros(len(x), dtype=bool)
    fewer[kept] = True
    alone = dataclasses.replace(task, split=Split("f", task.split.train, fewer))
    return kept, dataclasses.replace(task, features=nonsense), alone


# Whole people, whose own test cells count (`test_people` turns other people to nonsense), and three
# trials whose draws or one mask are of all cells together.
TOGETHER = {
    *(name for name in CLASSIFIERS if name.startswith(("pool_", "attention_", "gcn_own_"))),
    "reason_masked", "reason_random",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(set(CLASSIFIERS) - TOGETHER - {"gcn_tuned", "mlp_tuned"}))
def test_an_answer_does_not_change_when_other_test_cells_go_or_change(task, others, name):
    """Attached: half of the test cells turn to nonsense, the other half notices nothing."""
    kept, changed, alone = others
    before = answer(name, task)[kept]
    assert answer(name, changed)[kept] == pytest.approx(before, abs=1e-5)
    assert answer(name, alone)[kept] == pytest.approx(before, abs=1e-5)


@pytest.mark.parametrize("name", sorted(CLASSIFIERS))
def test_every_classifier_answers_with_probabilities_of_its_best_strength(task, name):
    areas = choice(name, task, task.seed)
    assert areas.shape == (len(CLASSIFIERS[name].strengths),)
    probability = answer(name, task, areas)
    assert probability.shape == (len(task.x),)
    assert ((probability >= 0) & (probability <= 1)).all()
    strength = classifiers.best(name, areas)
    if strength is not None:
        assert areas[CLASSIFIERS[name].strengths.index(strength)] == areas.max()
    again = CLASSIFIERS[name].answer(task, strength)
    assert probability == pytest.approx(again, abs=1e-5)  # liblinear shuffles as it likes


def test_a_strength_is_chosen_by_the_inner_split_alone(task):
    """Other labels of the test cells choose the same; the areas are those of the inner split."""
    areas = choice("knn", task, 3)
    inner = task.inner(3)
    test = inner.split.test
    by_hand = [
        roc_auc_score(task.labels[test], classifiers.knn(inner, k)[test])
        for k in CLASSIFIERS["knn"].strengths
    ]
    assert areas.tolist() == pytest.approx(by_hand)
    table = task.table.assign(label=np.where(task.split.test, 1 - task.labels, task.labels))
    other = dataclasses.replace(task, features=dataclasses.replace(task.features, table=table))
    assert choice("knn", other, 3).tolist() == areas.tolist()


def test_training_on_the_parts_is_training_within_the_whole_graph(task):
    """The training cells' own graph gives the network that the cells of the whole graph have."""
    train = task.split.train
    network = networks.seeded(GCN, 0, task.settings)
    part = graphs.within(task.edge_index, train)
    networks.fit(
        network, task.x[train], part, task.labels[train], np.ones(train.sum(), dtype=bool),
        settings=task.settings, seed=0,
    )  # fmt: skip
    whole = networks.predict(network, task.x, task.edge_index)
    assert (answer("gcn", task) == whole).all()
    own = networks.predict(network, task.x[train], part)
    assert whole[train] == pytest.approx(own, abs=1e-6)


def test_without_edges_the_gcn_is_the_mlp(task):
    network, _ = task.trained(GCN, graphs.no_edges())
    gcn = networks.predict(network, task.x, graphs.no_edges())
    assert gcn == pytest.approx(answer("mlp", task), abs=1e-5)


@pytest.fixture
def trainings(monkeypatch):
    """A list that grows with every call of `networks.fit`."""
    calls, fit = [], networks.fit
    monkeypatch.setattr(networks, "fit", lambda *a, **k: calls.append(1) or fit(*a, **k))
    return calls


def test_the_gcn_without_edges_within_a_person_is_trained_and_asked_without_them(
    separable, monkeypatch
):
    task = asked_about(separable)
    used, predict = [], networks.predict
    monkeypatch.setattr(
        networks, "predict", lambda n, x, e, *a: used.append(e) or predict(n, x, e, *a)
    )
    fitted, fit = [], networks.fit
    monkeypatch.setattr(
        networks, "fit", lambda n, x, e, *a, **k: fitted.append(e) or fit(n, x, e, *a, **k)
    )
    answer("gcn_masked", task)
    person, train = task.table["merged_subject"].to_numpy(), task.split.train
    for (kept,), who in ((used, person), (fitted, person[train])):
        assert kept.size and (who[kept[0]] != who[kept[1]]).all()
    left_out = (person[task.edge_index[0]] == person[task.edge_index[1]]).sum()
    assert left_out and used[0].shape[1] == task.edge_index.shape[1] - left_out


def test_joined_answers_differ_by_the_edges_within_test_subjects_alone(task, trainings):
    joined = dataclasses.replace(task, graph=Joined(k=5, edges="union"))
    whole, masked = (answer(name, joined) for name in ("gcn", "gcn_asked_masked"))
    assert len(trainings) == 1
    assert (whole != masked)[task.split.test].any()
    subject, test = task.table["merged_subject"].to_numpy(), task.split.test
    source, target = joined.edge_index
    within = (subject[source] == subject[target]) & test[source] & test[target]
    assert within.any()
    others = networks.predict(joined.trained_gcn[0], task.x, joined.edge_index[:, ~within])
    assert masked == pytest.approx(others, abs=1e-6)


def test_the_dummy_node_asks_the_network_of_the_attached_cells(task, trainings):
    """One training for both ways, and the way without neighbours sees the bare cell."""
    task = dataclasses.replace(task)  # nothing is trained yet
    attached, dummy = (answer(name, task) for name in ("gcn", "gcn_dummy"))
    assert len(trainings) == 1
    test = task.split.test
    bare = networks.predict(task.trained_gcn[0], task.x[test], graphs.no_edges())
    assert dummy[test] == pytest.approx(bare, abs=1e-6)
    assert np.abs(dummy - attached)[test].max() > 1e-3


def test_curves_measure_test_cells_only_where_they_are_there_while_training(task):
    assert task.trained_gcn[1]["held_out_accuracy"].isna().all()
    joined = dataclasses.replace(task, graph=Joined(k=5, edges="union"))
    assert joined.trained_gcn[1]["held_out_accuracy"].notna().all()


def test_the_svm_is_that_of_the_rbf_kernel(task):
    """One matrix product gives what libsvm computes row by row."""
    train, test = task.split.train, task.split.test
    x = StandardScaler().fit(task.x[train])
    slow = SVC(C=1.0, kernel="rbf", gamma=1 / task.x.shape[1], class_weight="balanced")
    slow.fit(x.transform(task.x[train]), task.labels[train])
    margin = slow.decision_function(x.transform(task.x[test]))
    assert classifiers.svm(task, 1.0)[test] == pytest.approx(expit(margin), abs=2e-3)


# What is planted must be found, and nothing else


def asked_about(features, *, graph=None, split=None, **settings):
    """A task on planted cells; by default subjects are apart and test cells attached."""
    return Task(
        features=features,
        split=split or official_folds(features.table)[0],
        graph=graph or Attached(k=5, edges="union"),
        seed=0,
        settings=Settings(**{"epochs": 20, "learning_rate": 0.01, **settings}),
    )


def area_of(name, task):
    test = task.split.test
    return roc_auc_score(task.labels[test], answer(name, task)[test])


@pytest.fixture(scope="module")
def easy(separable):
    """Tests only read it, and share its networks."""
    return asked_about(separable)


# The most frequent class, neighbours at random, whom attention listens to, how far answers fall.
BLIND = {"majority", "gcn_random_graph", "attention_rank", *REASONS}


@pytest.mark.parametrize("name", sorted(set(CLASSIFIERS) - BLIND))
def test_a_class_that_shows_is_found(easy, name):
    assert area_of(name, easy) > 0.9


def test_the_most_frequent_class_is_answered_always(mixed):
    assert (answer("majority", asked_about(mixed))[asked_about(mixed).split.test] == 1).all()


def test_a_shuffled_graph_loses(easy):
    assert area_of("gcn_random_graph", easy) < area_of("gcn", easy) - 0.1


@dataclasses.dataclass(frozen=True)
class Given:
    """A graph that does not come from the features."""

    pairs: tuple
    transductive: bool = False

    def __call__(self, x, train, test):
        return np.array(self.pairs)


@pytest.fixture(scope="module")
def by_neighbours(separable):
    """The test cells are noise; each is joined to five training cells of its own class."""
    split, label = official_folds(separable.table)[0], separable.table["label"].to_numpy()
    generator = np.random.default_rng(3)
    x = separable.x.copy()
    x[split.test] = np.abs(generator.normal(size=x[split.test].shape))
    x[split.test, :64] = generator.normal(size=(split.test.sum(), 64))
    sources = {c: np.flatnonzero(split.train & (label == c)) for c in (0, 1)}
    pairs = [
        (source, target)
        for target in np.flatnonzero(split.train | split.test)
        for source in generator.choice(sources[label[target]], 5, replace=False)
        if source != target
    ]
    features = dataclasses.replace(separable, x=x)
    return asked_about(features, split=split, graph=Given(tuple(np.array(pairs).T.tolist())))


NEIGHBOURLY = ["gcn", "sgc", "label_propagation", "correct_and_smooth", "vote", "gat_vote"]


@pytest.mark.parametrize("name", [*NEIGHBOURLY, *names.NETWORKS])
def test_what_only_neighbours_show_is_found_along_the_edges(by_neighbours, name):
    assert area_of(name, by_neighbours) > 0.9


ALONE = ["mlp", "gcn_dummy", "logistic", "svm", "knn"]


@pytest.mark.parametrize("name", [*ALONE, *(f"{key}_alone" for key in names.NETWORKS)])
def test_what_only_neighbours_show_is_missed_by_whoever_looks_at_the_cell_alone(
    by_neighbours, name
):
    assert area_of(name, by_neighbours) == pytest.approx(0.5, abs=0.15)


LEAKY = ("logistic", "svm", "knn", "sgc", "label_propagation", "mlp", "gcn", "gcn_masked")


@pytest.fixture(scope="module")
def new_persons(recognisable):
    return asked_about(recognisable)


@pytest.fixture(scope="module")
def known_persons(recognisable):
    (split,) = Partition(by="share", share=0.2, draw=0).splits(recognisable)
    return asked_about(recognisable, split=split, graph=Joined(k=5, edges="union"))


@pytest.mark.parametrize("name", LEAKY)
def test_who_is_recognised_leaks_the_class_by_cell_and_not_by_person(
    new_persons, known_persons, name
):
    """Nothing but the person tells the class here: new persons can only be guessed."""
    assert area_of(name, known_persons) > 0.9
    assert area_of(name, new_persons) < 0.75


WEIGHED = ("size", "logistic", "sgc", "svm_linear", "svm", "mlp", "gcn", "gcn_tuned")


@pytest.fixture(scope="module")
def overlapping(mixed):
    return asked_about(mixed)


@pytest.mark.parametrize("name", WEIGHED)
def test_both_classes_weigh_alike_however_rare_one_is(overlapping, name):
    """Unweighted, five leukemic cells to a healthy one would leave few healthy ones found."""
    test = overlapping.split.test
    right = (answer(name, overlapping) >= 0.5) == (overlapping.labels == 1)
    specificity, recall = (right[test & (overlapping.labels == c)].mean() for c in (0, 1))
    assert specificity > 0.5 and recall > 0.5


@pytest.mark.parametrize("name", ["mlp", "gcn"])
def test_without_class_weights_the_rare_class_is_lost(overlapping, mixed, name):
    plain = asked_about(mixed, weighted=False)
    healthy = plain.split.test & (plain.labels == 0)
    found = [(answer(name, t)[healthy] < 0.5).mean() for t in (plain, overlapping)]
    assert found[0] < 0.25 < found[1]


@pytest.mark.parametrize("name", ["gcn_tuned", "mlp_tuned"])
def test_a_tuned_network_is_trained_by_the_rate_and_decay_of_its_strength(easy, name):
    plain = name.removesuffix("_tuned")
    found = []
    for rate, decay in CLASSIFIERS[name].strengths:
        settings = dataclasses.replace(easy.settings, learning_rate=rate, weight_decay=decay)
        expected = answer(plain, dataclasses.replace(easy, settings=settings))
        found.append(CLASSIFIERS[name].answer(easy, (rate, decay)))
        assert (found[-1] == expected).all()
    assert len(found) == len({answers.tobytes() for answers in found}) == 4


@pytest.mark.parametrize("name", ["logistic", "sgc", "svm_linear", "svm"])
def test_a_weaker_penalty_makes_answers_bolder(overlapping, name):
    test, strengths = overlapping.split.test, CLASSIFIERS[name].strengths
    answers = (CLASSIFIERS[name].answer(overlapping, s)[test] for s in strengths)
    bold = [np.ptp(given) for given in answers]
    assert bold[0] < bold[-1] and len(set(bold)) == len(strengths)


def test_the_vote_is_the_share_of_leukemic_cells_among_the_nearest(easy):
    x = easy.x / np.linalg.norm(easy.x, axis=1, keepdims=True)
    train, test = (np.flatnonzero(mask) for mask in (easy.split.train, easy.split.test))
    nearest = np.argsort(-(x[test] @ x[train].T), axis=1)[:, :7]
    votes = easy.labels[train][nearest].mean(axis=1)
    assert classifiers.knn(easy, 7)[test] == pytest.approx(votes)
    assert len(np.unique(votes)) > 3


def test_the_neighbours_vote_by_training_cells_alone_and_by_attention(task):
    """Edges 1, 2 -> 0 and 2, 3 -> 1; cell 3 is a test cell, cell 0 pays cell 2 all attention."""
    labels = pd.Series([0, 0, 1, 0])
    train = np.array([True, True, True, False])
    given = SimpleNamespace(
        x=np.zeros((4, 1)), labels=labels.to_numpy(), split=Split("f", train, ~train)
    )
    edges = np.array([[1, 2, 2, 3], [0, 0, 1, 1]])
    equal = classifiers._vote(given, edges, np.ones(4))
    assert equal.tolist() == [0.5, 1.0, 0.5, 0.5]
    assert classifiers._vote(given, edges, np.array([0.0, 1, 0.5, 9])).tolist() == [1, 1, 0.5, 0.5]
    near, _ = graphs.attach(task.x[task.split.test], task.x[task.split.train], 5)
    share = task.labels[task.split.train][near].mean(axis=1)
    assert answer("vote", task)[task.split.test] == pytest.approx(share)
    weighed = answer("gat_vote", task)[task.split.test]
    assert weighed != pytest.approx(share, abs=1e-6) and np.abs(weighed - share).max() < 0.5


@pytest.mark.parametrize(
    "settings", [{"batch_size": 16}, {"normalisation": "row"}, {"residual": True}]
)
@pytest.mark.parametrize("name", ["sage", "gat", "gat_vote", "cheb_alone"])
def test_the_other_networks_refuse_settings_of_the_gcns_layers(task, name, settings):
    varied = dataclasses.replace(task, settings=Settings(epochs=1, **settings))
    (key,) = settings
    with pytest.raises(InputError, match=f"^{key}="):
        answer(name, varied)


def test_sgc_is_the_logistic_regression_on_twice_smoothed_features(easy):
    adjacency = networks.normalised(easy.edge_index, len(easy.x)).to_dense().numpy()
    features = dataclasses.replace(easy.features, x=adjacency @ adjacency @ easy.x)
    smoothed = dataclasses.replace(easy, features=features)
    expected = classifiers.logistic(smoothed, 1e-3)
    assert classifiers.sgc(easy, 1e-3) == pytest.approx(expected, abs=1e-5)


def test_unknown_classifiers_are_named(task):
    with pytest.raises(InputError, match="'forest': expected one of majority"):
        choice("forest", task, 0)


def test_what_is_refused_is_named_with_what_is_expected(task):
    with pytest.raises(InputError) as refused:
        classifiers.classifier("forest")
    assert str(refused.value) == f"classifier 'forest': expected one of {', '.join(CLASSIFIERS)}."
    batches = dataclasses.replace(task, settings=Settings(epochs=1, batch_size=16))
    with pytest.raises(InputError) as refused:
        answer("sage", batches)
    assert str(refused.value) == (
        "batch_size=16: the other graph networks have layers of their own and train on the whole "
        "graph; expected None."
    )


@pytest.mark.parametrize("name", ["size", "logistic", "svm_linear", "svm", "knn"])
def test_training_cells_get_no_answer(easy, name):
    answers = answer(name, easy)
    assert (answers[~easy.split.test] == 0).all() and answers[easy.split.test].any()


def test_a_strength_is_chosen_by_the_tasks_own_seed_where_none_is_known(easy, monkeypatch):
    asked = []
    monkeypatch.setattr(classifiers, "choice", lambda *given: asked.append(given) or np.arange(6.0))
    seventh = dataclasses.replace(easy, seed=7)
    expected = classifiers.knn(easy, CLASSIFIERS["knn"].strengths[-1])
    assert (answer("knn", seventh) == expected).all()
    assert asked == [("knn", seventh, 7)]


FITTED = {
    "majority": {"strategy": "most_frequent"},
    "size": {"class_weight": "balanced"},
    "logistic": {"C": 0.25, "class_weight": "balanced", "max_iter": 2000},
    "sgc": {"C": 0.25, "class_weight": "balanced", "max_iter": 2000},
    "svm_linear": {"C": 0.25, "class_weight": "balanced", "max_iter": 2000, "random_state": 0},
    "svm": {"C": 0.25, "class_weight": "balanced", "kernel": rbf_kernel},
}


@pytest.mark.parametrize("name", FITTED)
def test_models_that_are_no_networks_are_those_of_the_chapters(easy, monkeypatch, name):
    models = []
    monkeypatch.setattr(classifiers, "_fitted", lambda model, x, task: models.append(model))
    CLASSIFIERS[name].answer(easy, 0.25)
    (model,) = models
    params = (model[-1] if hasattr(model, "steps") else model).get_params()
    assert {key: params[key] for key in FITTED[name]} == FITTED[name]


@pytest.mark.parametrize("name", ["label_propagation", "correct_and_smooth"])
def test_labels_spread_fifty_times_by_the_chosen_strength(easy, monkeypatch, name):
    given = []
    monkeypatch.setattr(networks, name, lambda *_, **how: given.append(how))
    CLASSIFIERS[name].answer(easy, 0.8)
    assert given == [{"alpha": 0.8, "layers": 50}]
