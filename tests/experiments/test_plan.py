"""The plan: every run once, subjects apart where they shall be, shards that fit together."""

import dataclasses
from itertools import combinations

import numpy as np
import pytest

from leukgnn.experiments import (
    PASSES,
    READINGS,
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
from leukgnn.experiments import store as store_module
from leukgnn.features import shipped_features
from leukgnn.files import InputError
from leukgnn.graphs import Attached
from leukgnn.names import FEW_CELLS, GRAPHS, GROUPINGS, NETWORKS, POOLINGS, label
from leukgnn.networks import Settings
from leukgnn.profiles import profile


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
    (longer, _) = (a.run.settings for a in plan.batch_sizes(33))
    assert longer.epochs == plan.minibatch_epochs * 17


def test_the_sweep_names_its_k_and_changes_nothing_else(plan):
    asked = plan.sweep()
    assert {a.protocol for a in asked} == {"2"}
    assert {a.run.graph for a in asked} == {Attached(k=2, edges="union")}
    assert {a.run.partition for a in asked} == {Partition(by="official")}


def test_unknown_models_are_named(plan):
    for protocol in (plan.as_written, plan.as_released, plan.subject_disjoint):
        known = ", ".join(dict.fromkeys(a.model for a in protocol()))
        assert known.startswith("gcn, mlp")
        with pytest.raises(InputError) as refused:
            protocol(["gcn", "forest", "zebra"])
        assert str(refused.value) == f"model 'forest': expected one of {known}."
        assert {a.model for a in protocol(["mlp"])} == {"mlp"}


def test_other_networks_and_poolings_that_there_are_not_are_named(plan):
    with pytest.raises(InputError) as refused:
        plan.other_networks("as_written", ["gat", "forest"])
    assert str(refused.value) == f"family 'forest': expected one of {', '.join(NETWORKS)}."
    with pytest.raises(InputError) as refused:
        plan.people(["forest"])
    assert str(refused.value) == f"pooling 'forest': expected one of {', '.join(POOLINGS)}."


@pytest.mark.parametrize(
    "name",
    [
        "seeds", "partitions", "partition_seeds", "repeats", "reading_seeds", "network_seeds",
        "graph_seeds", "own_seeds",
    ],
)  # fmt: skip
def test_none_of_something_is_refused(plan, name):
    with pytest.raises(InputError, match=rf"^{name}=0: expected at least 1\.$"):
        dataclasses.replace(plan, **{name: 0})
    assert getattr(dataclasses.replace(plan, **{name: 1}), name) == 1


def test_a_profile_has_few_of_everything_for_cells_that_no_published_run_knows(real):
    few = profile("quick").few
    found = Plan.of(real, "quick", k=7, own_seeds=4)
    assert found.k == 7 and found.sources.paper is real
    assert few and {name: getattr(found, name) for name in few} == dict(few)
    whole = Plan(sources=Sources(real), reading_seeds=1)
    assert Plan.of(real, "full", reading_seeds=1) == whole
    assert all(getattr(whole, name) > most for name, most in few.items() if name != "reading_seeds")
    shipped = shipped_features()
    assert Plan.of(shipped, "quick", k=7) == Plan(sources=Sources(shipped), k=7)


def test_every_published_file_is_a_group_of_the_plan(plan):
    assert {path.stem for path in store_module.PUBLISHED.glob("*.parquet")} <= set(plan.groups())


def rows_of(asked):
    """Protocols and models, each once, in their order."""
    return [list(dict.fromkeys(getattr(a, of) for a in asked)) for of in ("protocol", "model")]


def test_tables_find_their_rows_under_these_names(plan):
    everyone = [f"{key}_alone" for key in POOLINGS]
    few = [f"pool_attention_of_{cells}" for cells in FEW_CELLS]
    own = ["gcn", "mlp", "gcn_own_similar", "gcn_own_random"]
    smoothed = ["mlp", *(f"mlp_smoothed_{hops}" for hops in PASSES), "gcn"]
    assert rows_of(plan.people()) == [
        ["other_partitions"], [*POOLINGS, *everyone, "attention_rank", *few]
    ]  # fmt: skip
    graphs = ["gcn", "mlp", "gcn_masked", "gcn_random_graph", *GRAPHS]
    assert rows_of(plan.other_graphs()) == [["subject_disjoint"], graphs]
    assert rows_of(plan.own_cells()) == [["subject_disjoint"], own]
    for protocol in ("as_written", "subject_disjoint"):
        assert rows_of(plan.smoothing(protocol)) == [[protocol], smoothed]
        assert rows_of(plan.readings(protocol)) == [list(READINGS), ["gcn", "mlp"]]
        assert rows_of(plan.other_networks(protocol, ["gat", "sage"])) == [
            [protocol], ["gcn", "mlp", "gat", "sage", "gat_alone", "sage_alone", "vote", "gat_vote"]
        ]  # fmt: skip
        assert "vote" not in rows_of(plan.other_networks(protocol, ["sage"]))[1]
        alone = [f"{key}_alone" for key in NETWORKS]
        assert rows_of(plan.other_networks(protocol))[1][2:-2] == [*NETWORKS, *alone]
    assert rows_of(plan.batch_sizes(16)) == [
        ["whole graph", "16 cells and their neighbourhoods"], ["gcn"]
    ]  # fmt: skip
    assert rows_of(plan.resubstituted()) == [["resubstituted"], ["gcn", "mlp"]]
    assert rows_of(plan.groupings()) == [list(GROUPINGS), ["gcn", "mlp"]]
    assert rows_of(plan.other_partitions()) == [["other_partitions"], ["gcn", "mlp", "size"]]


def test_everything_that_is_asked_has_a_name_for_readers(plan):
    nameless = {a.model for a in plan.everything() if label(a.model) == a.model}
    assert nameless == set()


def test_what_is_asked_of_people_is_asked_once_a_partition_with_networks_of_its_own_size(plan):
    short = dataclasses.replace(plan, person_epochs=3, own_seeds=4)
    asked = short.people(["pool_attention"])
    settings = dataclasses.replace(plan.settings, hidden=planning.PERSON_HIDDEN, epochs=3)
    assert {a.run.settings for a in asked} == {settings} and {a.seed for a in asked} == {0}
    assert [a.run.partition.draw for a in asked if a.model == "pool_attention"] == [0] * 3 + [1] * 3
    assert {a.run.partition.by for a in asked} == {"equal_files"}
    again = short.people(["pool_attention"], again=True)
    assert [(a.seed, a.run.partition.draw) for a in again[:3]] == [(1, 0)] * 3
    assert len(asked) == 2 * len(again)
    own = short.own_cells()
    assert [a.seed for a in own if a.model == "gcn" and a.run.fold == "fold_1"] == [0, 1, 2, 3]
    assert {a.run.partition for a in own} == {Partition(by="official")}
    assert {a.run.graph for a in (*asked, *own)} == {plan.attached}


def test_other_first_seeds_count_on_from_there(plan):
    shifted = dataclasses.replace(plan, seed=40)
    assert [a.seed for a in shifted.as_written(["gcn"])] == [40, 41]
    assert {a.run.chooser for a in shifted.subject_disjoint(["gcn_tuned"])} == {40}
    draws = [a.run.partition.draw for a in shifted.other_partitions()]
    assert np.unique(draws).tolist() == [40, 41]
