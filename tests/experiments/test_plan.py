"""The plan: every run once, subjects apart where they shall be, shards that fit together."""

import dataclasses
from itertools import combinations

import numpy as np
import pytest

from leukgnn.experiments import (
    Partition,
    Plan,
    Sources,
    Store,
    classifiers,
    predictions,
    runs,
    shard,
    values,
)
from leukgnn.experiments import plan as planning
from leukgnn.features import shipped_features
from leukgnn.files import InputError
from leukgnn.graphs import Attached
from leukgnn.networks import Settings


@pytest.fixture(scope="module")
def plan(real):
    """Few of everything, trained for moments."""
    few = {"seeds": 2, "partitions": 2, "repeats": 1, "ks": (2,), "minibatch_epochs": 1}
    return Plan(sources=Sources(real), k=5, settings=Settings(epochs=2), **few)


@pytest.fixture(scope="module")
def books():
    """The book's own plan, on all shipped cells."""
    return Plan(sources=Sources(shipped_features()))


@pytest.fixture
def store(tmp_path, monkeypatch):
    """An empty store, filled in this process."""
    monkeypatch.setattr(runs, "cpu_count", lambda: 1)
    return Store(tmp_path, published=False)


def network(a):
    """What runs that share a trained network have in common."""
    run = a.run
    return (run.features, run.partition, run.fold, run.graph, run.settings, run.seed)


def test_everything_holds_each_run_of_each_group_once(plan):
    keys = [a.run.key for a in plan.everything()]
    assert len(set(keys)) == len(keys)
    assert set(keys) == {a.run.key for part in plan.groups().values() for a in part}
    assert {a.run.key for a in plan.results()} <= set(keys)


def test_no_row_of_a_table_is_there_twice(plan):
    for name, part in plan.groups().items():
        rows = [(a.protocol, a.model, a.seed, a.run.partition, a.run.fold) for a in part]
        assert len(set(rows)) == len(rows), name


def test_a_key_names_the_same_cells_and_classifier_wherever_it_stands(plan):
    cells = {}
    for part in plan.groups().values():
        for a in part:
            asked = (a.run.classifier, a.features.key, a.run.asked(a.features).tobytes())
            assert cells.setdefault(a.run.key, asked) == asked


def test_the_book_asks_for_all_seeds_partitions_and_draws(books):
    counts = {}
    for a in (*books.as_written(), *books.as_released(), *books.subject_disjoint()):
        counts.setdefault((a.protocol, a.model), set()).add(a.seed)
    for protocol in ("as_written", "as_released", "subject_disjoint"):
        assert counts[protocol, "gcn"] == counts[protocol, "mlp"] == set(range(10))
    assert counts["subject_disjoint", "svm"] == {0}
    drawn = books.other_partitions()
    assert {a.run.partition.draw for a in drawn} == set(range(20))
    assert {a.seed for a in drawn} == set(range(books.partition_seeds))
    assert {a.run.graph for a in books.subject_disjoint(["gcn"])} == {Attached(k=10, edges="union")}


@pytest.mark.parametrize("of", [1, 2, 3, 7, 1000])
def test_shards_are_disjoint_and_together_everything(plan, of):
    everything = plan.everything()
    shards = [shard(everything, number, of) for number in range(1, of + 1)]
    keys = [{a.run.key for a in part} for part in shards]
    assert sum(map(len, keys)) == len(set().union(*keys)) == len(everything)
    assert set().union(*keys) == {a.run.key for a in everything}
    if of <= 7:
        trained = [{network(a) for a in part} for part in shards]
        assert all(not a & b for a, b in combinations(trained, 2))
        sizes = [len(part) for part in trained]
        assert max(sizes) - min(sizes) <= 1


def test_protocols_of_new_subjects_keep_subjects_and_files_apart(books):
    asked = [*books.subject_disjoint(), *books.other_partitions()]
    parts = {(a.features.key, a.run.partition, a.run.fold): a for a in asked}
    assert (
        len(parts) == 3 * 3 + 20 * 3
    )  # official folds of three sets of features, twenty partitions
    for a in parts.values():
        split = a.run.partition.split(a.features, a.run.fold)
        train, test = a.features.table[split.train], a.features.table[split.test]
        assert split.apart and len(train) and len(test)
        for column in ("merged_subject", "sha256"):
            assert not set(train[column]) & set(test[column]), a.run.name


def test_as_written_draws_cells_so_subjects_lie_on_both_sides(books):
    for a in books.as_written(["gcn"]):
        split = a.run.partition.split(a.features, a.run.fold)
        subjects = a.features.table["subject"]
        assert len(set(subjects[split.train]) & set(subjects[split.test])) > 50
        assert split.test.mean() == pytest.approx(0.2, abs=1e-3)
    draws = {a.run.partition.draw for a in books.as_written(["gcn"])}
    assert draws == set(range(10))


def test_as_written_answers_for_the_test_cells_and_once_for_all(plan, store):
    models = ["gcn", "gcn_all_nodes", "mlp", "svm", "majority"]
    asked = [a for a in plan.as_written(models) if a.seed == 1]
    table = plan.sources.paper.table
    test = asked[0].run.partition.splits(plan.sources.paper)[0].test
    answers = predictions(asked, store, progress=False)
    assert set(answers["model"]) == set(models)
    for model, rows in answers.groupby("model"):
        expected = table if model == "gcn_all_nodes" else table[test]
        assert rows["filename"].tolist() == expected["filename"].tolist()
        assert rows["label"].tolist() == expected["label"].tolist()
    assert answers["probability"].between(0, 1).all()
    assert (answers["n_train"] == 560).all()
    pair = answers.pivot(index="filename", columns="model", values="probability")
    both = pair[["gcn", "gcn_all_nodes"]].dropna()
    assert len(both) == 140 and (both["gcn"] == both["gcn_all_nodes"]).all()


def test_as_released_is_measured_on_its_training_cells(plan, store, monkeypatch):
    short = dataclasses.replace(planning.RELEASED_SETTINGS, epochs=2)
    monkeypatch.setattr(planning, "RELEASED_SETTINGS", short)
    asked = plan.as_released()
    answers = predictions([a for a in asked if a.seed == 0], store, progress=False)
    cells = len(plan.sources.paper.table)
    assert set(answers["model"]) == {"gcn", "gcn_reverse", "mlp"}
    assert (answers["n_train"] == cells).all()
    assert (answers.groupby("model").size() == cells).all()
    assert {a.features for a in asked} == {plan.sources.unnormalised}
    assert not any(a.run.settings.weighted for a in asked)


@pytest.fixture
def choices(monkeypatch):
    """The classifiers, in the order in which they were chosen a strength for."""
    calls, choice = [], classifiers.choice
    monkeypatch.setattr(
        classifiers, "choice", lambda name, *given: calls.append(name) or choice(name, *given)
    )
    return calls


def test_new_subjects_are_answered_by_the_first_seeds_strength(plan, store, choices):
    models = ["mlp_tuned", "correct_and_smooth"]
    asked = plan.subject_disjoint(models)
    found = values(asked, store, progress=False)
    by_fold = {}
    for a, value in zip(asked, found, strict=True):
        by_fold.setdefault((a.model, a.run.fold), {})[a.seed] = value
    for seeds in by_fold.values():
        assert set(seeds) == {0, 1}
        assert len(seeds[0].choice) == 4
        assert seeds[0].choice.tolist() == seeds[1].choice.tolist()
        assert (seeds[0].probability != seeds[1].probability).any()
    assert sorted(choices) == sorted(models * 3), "once a fold, for all seeds"


def test_a_later_seed_alone_chooses_as_the_first_seed_does(plan, store):
    asked = plan.subject_disjoint(["correct_and_smooth"])
    later = [a for a in asked if a.seed == 1 and a.run.fold == "fold_0"]
    first = [a for a in asked if a.seed == 0 and a.run.fold == "fold_0"]
    (alone,) = values(later, store, progress=False)
    (value,) = values(first, store, progress=False)
    assert alone.choice.tolist() == pytest.approx(value.choice.tolist(), abs=1e-9)


def test_as_written_chooses_a_strength_for_each_seed(plan, store):
    asked = plan.as_written(["knn"])
    assert [a.run.chooser for a in asked] == [0, 1]
    first, second = values(asked, store, progress=False)
    assert first.choice.shape == second.choice.shape == (6,)
    assert first.choice.tolist() != second.choice.tolist()


def test_settings_are_chosen_by_validation_cells_of_the_training_cells(plan):
    outer = plan.as_written(["gcn"])[0]
    split = outer.run.partition.split(outer.features, outer.run.fold)
    asked = plan.learning_rates()
    assert [a.protocol for a in asked] == ["0.001", "0.01", "0.1"]
    for a in asked:
        assert not (a.run.asked(a.features) & ~split.train).any()
        assert a.run.settings.learning_rate == float(a.protocol)


def test_both_readings_of_the_batch_size_take_equally_many_steps(plan):
    whole, batches = (a.run.settings for a in plan.batch_sizes())
    assert (whole.batch_size, batches.batch_size) == (None, 32)
    assert whole.epochs == batches.epochs * -(-560 // 32)


def test_the_sweep_names_its_k_and_changes_nothing_else(plan):
    asked = plan.sweep()
    assert {a.protocol for a in asked} == {"2"}
    assert {a.run.graph for a in asked} == {Attached(k=2, edges="union")}
    assert {a.run.partition for a in asked} == {Partition(by="official")}


def test_unknown_models_are_named(plan):
    for protocol in (plan.as_written, plan.as_released, plan.subject_disjoint):
        with pytest.raises(InputError, match=r"model 'forest': expected one of gcn, mlp"):
            protocol(["gcn", "forest"])
        assert {a.model for a in protocol(["mlp"])} == {"mlp"}


@pytest.mark.parametrize("name", ["seeds", "partitions", "repeats"])
def test_none_of_something_is_refused(plan, name):
    with pytest.raises(InputError, match=f"{name}=0: expected at least 1"):
        dataclasses.replace(plan, **{name: 0})


def test_other_first_seeds_count_on_from_there(plan):
    shifted = dataclasses.replace(plan, seed=40)
    assert [a.seed for a in shifted.as_written(["gcn"])] == [40, 41]
    assert {a.run.chooser for a in shifted.subject_disjoint(["gcn_tuned"])} == {40}
    draws = [a.run.partition.draw for a in shifted.other_partitions()]
    assert np.unique(draws).tolist() == [40, 41]
