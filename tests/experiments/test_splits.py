"""Splits, partitions and tasks: what is apart stays apart."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from leukgnn import cells, graphs, networks
from leukgnn.experiments import (
    Partition,
    Split,
    Task,
    grouped_folds,
    inner_split,
    official_folds,
    stratified_split,
)
from leukgnn.files import InputError
from leukgnn.graphs import Attached, Joined
from leukgnn.names import GROUPINGS
from leukgnn.networks import GCN, Settings


@pytest.fixture(scope="module")
def everyone():
    """All 10,661 labelled cells."""
    return cells.training_cells()


def test_split_is_stratified_and_disjoint():
    labels = np.repeat([0, 1], [300, 700])
    train, test = stratified_split(labels, 0.2, 0)
    assert not (train & test).any() and (train | test).all()
    assert np.bincount(labels[test]).tolist() == [60, 140]
    fitting, validation = stratified_split(labels, 0.2, 0, within=train)
    assert ((fitting | validation) == train).all()
    assert not (fitting & validation).any()
    few = r"^3 cells cannot be split by class at a share of 0\.2 \(.*least populated class.*\)\.$"
    with pytest.raises(InputError, match=few):
        stratified_split(np.array([0, 1, 1]), 0.2, 0)
    with pytest.raises(InputError, match=r"^2 cells cannot be split by class at a share"):
        stratified_split(labels, 0.2, 0, within=np.arange(1000) % 500 == 0)
    for share in (0.0, 1.0):
        with pytest.raises(InputError) as refused:
            stratified_split(labels, share, 0)
        expected = "expected a share between 0 and 1, such as 0.2."
        assert str(refused.value) == f"test_share={share}: {expected}"


def test_another_seed_draws_other_cells():
    labels = np.repeat([0, 1], [300, 700])
    draws = [stratified_split(labels, 0.2, seed)[1] for seed in (0, 0, 1)]
    assert (draws[0] == draws[1]).all() and (draws[0] != draws[2]).any()


def test_official_folds_of_all_cells_are_disjoint(everyone):
    folds = official_folds(everyone)
    assert sum(split.test for split in folds).tolist() == [1] * len(everyone)
    for split in folds:
        assert split.apart
        assert not (split.train & split.test).any()
        left, right = everyone[split.train], everyone[split.test]
        assert not set(left["merged_subject"]) & set(right["merged_subject"])
        assert not set(left["sha256"]) & set(right["sha256"])


def planted(table):
    """A training subject copied into the test fold under another name, with equal bytes."""
    stolen = table[(table["fold"] == "fold_0") & (table["subject"] == "11")].copy()
    stolen["fold"], stolen["subject"] = "fold_1", "999"
    stolen["filename"] = stolen["filename"].str.replace("UID_11_", "UID_999_")
    return pd.concat([table, stolen], ignore_index=True)


def test_a_planted_subject_is_linked_and_left_out(everyone):
    table = planted(everyone)
    table["merged_subject"] = table["subject"].map(cells.merged_subjects(table))
    split = next(s for s in official_folds(table) if s.fold == "fold_1")
    assert "999" in set(table.loc[split.test, "subject"])
    assert "11" not in set(table.loc[split.train, "subject"])


def test_a_planted_subject_that_nobody_linked_is_caught_by_its_bytes(everyone):
    table = planted(everyone)
    table.loc[table["subject"] == "999", "merged_subject"] = "999"
    stolen = table.loc[table["subject"] == "999", "sha256"]
    with pytest.raises(InputError) as refused:
        official_folds(table)
    assert str(refused.value) == (
        f"fold_0: {stolen.nunique()} values of sha256 lie on both sides, such as {stolen.min()}; "
        "leave those training cells out."
    )


def test_a_single_fold_is_no_partition(real):
    alone = r"^the cells lie in \['fold_0'\]: expected at least two folds\.$"
    with pytest.raises(InputError, match=alone):
        official_folds(real.table[real.table["fold"] == "fold_0"])


def test_grouped_folds_keep_groups_whole(real):
    table = real.table
    for column in ("source_image", "merged_subject"):
        folds = grouped_folds(table, table[column], folds=3, seed=1, apart=False)
        assert [split.fold for split in folds] == ["part_0", "part_1", "part_2"]
        assert len(grouped_folds(table, table[column], folds=2, seed=1, apart=False)) == 2
        assert sum(split.test for split in folds).tolist() == [1] * len(table)
        for split in folds:
            assert not set(table.loc[split.train, column]) & set(table.loc[split.test, column])
            assert not split.apart


def test_another_seed_draws_other_subjects(everyone):
    """Also of subjects, which differ so much in size that dealing them out by size is no draw."""
    subjects = everyone["merged_subject"]
    drawn = []
    for seed in range(4):
        first = grouped_folds(everyone, subjects, folds=3, seed=seed, apart=True)[0]
        drawn.append(set(subjects[first.test]))
    shared = [len(a & b) / len(a | b) for i, a in enumerate(drawn) for b in drawn[:i]]
    assert max(shared) < 0.5


def test_a_group_counts_as_of_the_class_that_most_of_its_cells_have():
    """Four groups have one leukemic cell of three, four have two: each part tests one of each."""
    groups = pd.Series(np.repeat(list("abcdefgh"), 3))
    table = pd.DataFrame({"label": [1, 0, 0] * 4 + [1, 1, 0] * 4})
    for seed in range(5):
        for split in grouped_folds(table, groups, folds=4, seed=seed, apart=False):
            first, second = sorted(set(groups[split.test]))
            assert first in "abcd" and second in "efgh"


@pytest.mark.parametrize("folds", [1, 1000])
def test_a_partition_into_too_few_or_too_many_folds_is_refused(real, folds):
    most = real.table.groupby("label")["subject"].nunique().min()
    with pytest.raises(InputError) as refused:
        grouped_folds(real.table, real.table["subject"], folds=folds, seed=0, apart=False)
    expected = f"expected 2 to {most}, the number of groups of the rarer class."
    assert str(refused.value) == f"folds={folds}: {expected}"


def test_the_inner_split_has_a_fifth_of_the_subjects_of_each_class(everyone):
    for split in official_folds(everyone):
        inner = inner_split(everyone, split, share=0.2, seed=0)
        for label, subjects in everyone.groupby("label")["merged_subject"]:
            chosen, all_of_them = (
                subjects[mask[subjects.index]].nunique() for mask in (inner.test, split.train)
            )
            assert chosen == pytest.approx(all_of_them / 5, abs=1), (split.fold, label)
            assert chosen >= 2


@pytest.fixture
def task(real):
    split = official_folds(real.table)[0]
    return Task(features=real, split=split, graph=Attached(k=5, edges="union"), seed=0)


def test_the_shuffled_graph_keeps_degrees_and_loses_homophily(task):
    edge_index, moved = task.edge_index, task.shuffled
    degrees = [np.sort(np.bincount(e[1], minlength=len(task.x))) for e in (edge_index, moved)]
    assert (degrees[0] == degrees[1]).all()
    same = [graphs.homophily(e, task.labels) for e in (edge_index, moved)]
    assert same[1] < same[0] - 0.1
    assert not task.split.test[moved[0]].any()


def test_every_seed_shuffles_the_graph_anew(task):
    other = dataclasses.replace(task, seed=1)
    assert (task.shuffled == task.shuffled).all()
    assert (task.shuffled != other.shuffled).any()


def test_the_inner_split_knows_training_cells_only(task):
    inner = task.inner(0).split
    assert not ((inner.train | inner.test) & ~task.split.train).any()
    own = task.table["merged_subject"]
    assert not set(own[inner.train]) & set(own[inner.test])
    assert inner.train.any() and inner.test.any()
    assert task.inner(0).split.fold == "inner" and inner.apart


def test_the_inner_split_keeps_linked_subjects_together(separable):
    outer = official_folds(separable.table)[0]
    person = separable.table["merged_subject"]
    for seed in range(5):
        inner = inner_split(separable.table, outer, share=0.2, seed=seed)
        assert inner.apart and not set(person[inner.train]) & set(person[inner.test])


def test_the_inner_split_mirrors_the_outer_split(task):
    """Known subjects are chosen for by known subjects: the cells of each lie on both sides."""
    by_cell = dataclasses.replace(task, split=dataclasses.replace(task.split, apart=False))
    inner = by_cell.inner(0).split
    assert not ((inner.train | inner.test) & ~task.split.train).any()
    assert (inner.train ^ inner.test)[task.split.train].all()
    own = task.table["subject"]
    assert set(own[inner.train]) & set(own[inner.test])
    assert not inner.apart and inner.fold == "inner"
    assert inner.test.sum() == pytest.approx(0.2 * task.split.train.sum(), abs=1)


def test_the_inner_task_takes_its_seed_and_builds_its_own_graph(task):
    inner = task.inner(7)
    assert inner.seed == 7
    assert (task.inner(8).split.test != inner.split.test).any()
    outside = ~(inner.split.train | inner.split.test)
    assert outside.any() and not outside[inner.edge_index].any()
    assert not inner.split.test[inner.edge_index[0]].any()


def test_a_task_refuses_subjects_on_both_sides(real):
    marks = stratified_split(real.table["label"].to_numpy(), 0.2, 0)
    given = {"features": real, "graph": Joined(k=5, edges="union"), "seed": 0}
    with pytest.raises(InputError, match="both sides"):
        Task(split=Split("mixed", *marks), **given)
    assert Task(split=Split("mixed", *marks, apart=False), **given).seen.all()


SMALL = Settings(hidden=7, dropout=0.4, learning_rate=0.02, epochs=3)


@pytest.mark.parametrize("graph", [Attached(k=5, edges="union"), Joined(k=5, edges="union")])
def test_a_task_trains_what_fit_trains_by_hand(real, graph):
    """On the cells that are there while training, the test cells' labels not among them."""
    split = official_folds(real.table)[1]
    asked = Task(features=real, split=split, graph=graph, seed=5, settings=SMALL)
    seen = split.train | split.test if graph.transductive else split.train
    assert (asked.seen == seen).all()
    network, labels = networks.seeded(GCN, 5, SMALL), real.table["label"].to_numpy()
    labels = np.where(split.train, labels, 0)
    edges = graphs.within(graph(real.x, split.train, split.test), seen)
    networks.fit(
        network, real.x[seen], edges, labels[seen], split.train[seen], settings=SMALL, seed=5
    )
    pairs = zip(network.parameters(), asked.trained_gcn[0].parameters(), strict=True)
    assert all((a == b).all() for a, b in pairs)


def test_features_are_smoothed_over_two_hops(task):
    adjacency = networks.normalised(task.edge_index, len(task.x)).to_dense().numpy()
    np.testing.assert_allclose(task.smoothed, adjacency @ (adjacency @ task.x), atol=1e-4)


PARTITIONS = [
    Partition(by="share", share=0.2, draw=1),
    Partition(by="all"),
    Partition(by="official"),
    *[Partition(by=by, folds=3, draw=1, similarity=0.998) for by in GROUPINGS],
]


@pytest.mark.parametrize("partition", PARTITIONS, ids=lambda partition: partition.by)
def test_a_partition_tests_every_cell_at_most_once(real, partition):
    splits = partition.splits(real)
    times = sum(split.test.astype(int) for split in splits)
    assert times.max() == 1
    assert times.min() == (0 if partition.by == "share" else 1)
    assert [partition.split(real, split.fold) for split in splits] == splits
    parts = [f"part_{i}" for i in range(3)]
    folds = {"share": ["all"], "all": ["all"], "official": ["fold_0", "fold_1", "fold_2"]}
    assert [split.fold for split in splits] == folds.get(partition.by, parts)
    assert {split.apart for split in splits} == {partition.by in ("official", "equal_files")}


def test_a_partition_by_groups_keeps_them_together(real):
    columns = {
        "source_images": "source_image",
        "subjects": "subject",
        "equal_files": "merged_subject",
        "near_duplicates": "subject",
    }
    for by, column in columns.items():
        groups = real.table[column]
        for split in Partition(by=by, folds=3, draw=0, similarity=0.998).splits(real):
            assert not set(groups[split.train]) & set(groups[split.test]), by


@pytest.mark.parametrize(
    "partition",
    [Partition(by="share", share=0.2), *[Partition(by=by, folds=3) for by in list(GROUPINGS)[:4]]],
    ids=lambda partition: partition.by,
)
def test_another_draw_is_another_partition(separable, partition):
    draws = [dataclasses.replace(partition, draw=draw).splits(separable)[0] for draw in (0, 0, 1)]
    assert (draws[0].test == draws[1].test).all() and (draws[0].test != draws[2].test).any()
    assert (partition.splits(separable)[0].test == draws[0].test).all(), "the first draw is 0"


def test_a_partition_is_called_by_its_kind_and_draw():
    assert Partition(by="official").name == "official"
    assert Partition(by="equal_files", folds=3, draw=0).name == "equal_files 0"


@pytest.mark.parametrize(
    ("partition", "said"),
    [
        (Partition(by="share"), "test_share=0.0: expected a share"),
        (Partition(by="subjects", draw=1), "folds=0: expected 2 to"),
        (Partition(by="all", inner=True), "test_share=0.0: expected a share"),
    ],
)
def test_what_a_partition_needs_and_lacks_is_named(separable, partition, said):
    with pytest.raises(InputError, match=f"^{said}"):
        partition.splits(separable)


def test_without_a_least_cosine_all_neighbours_of_one_size_are_near_duplicates(separable):
    table = separable.table.assign(bbox_w=1, bbox_h=1)
    same = dataclasses.replace(separable, x=np.abs(separable.x), table=table)
    drawn = Partition(by="near_duplicates", folds=2, draw=0)
    with pytest.raises(InputError, match=r"^folds=2: expected 2 to [01],"):
        drawn.splits(same)


def test_near_duplicates_link_the_subjects_that_have_them(separable):
    """Cell 0 of subject 0 looks like cell 40 of subject 2, and has its size."""
    x, table = separable.x.copy(), separable.table.copy()
    x[40] = x[0]
    table.loc[40, ["bbox_w", "bbox_h"]] = table.loc[0, ["bbox_w", "bbox_h"]]
    twins = dataclasses.replace(separable, x=x, table=table)
    assert table.loc[0, "merged_subject"] != table.loc[40, "merged_subject"]
    apart = 0
    for draw in range(6):
        for by, together in (("near_duplicates", True), ("subjects", False)):
            partition = Partition(by=by, folds=3, draw=draw, similarity=0.999)
            same = any(split.test[[0, 40]].all() for split in partition.splits(twins))
            assert same or not together
            apart += not same
    assert apart


def test_an_inner_partition_parts_the_training_cells_again(real):
    outer = Partition(by="share", share=0.2, draw=3)
    (whole,), (inner,) = outer.splits(real), dataclasses.replace(outer, inner=True).splits(real)
    assert ((inner.train | inner.test) == whole.train).all()
    assert inner.test.sum() == pytest.approx(0.2 * whole.train.sum(), abs=1)
    expected = inner_split(real.table, whole, share=0.2, seed=3)
    assert (inner.test == expected.test).all() and inner.fold == "inner"
    undrawn = Partition(by="share", share=0.2)
    (whole,), (inner,) = undrawn.splits(real), dataclasses.replace(undrawn, inner=True).splits(real)
    expected = inner_split(real.table, whole, share=0.2, seed=0)
    assert (inner.test == expected.test).all()


def test_an_unknown_partition_is_named(real):
    known = ", ".join(["share", "all", "official", *GROUPINGS])
    with pytest.raises(InputError, match=rf"^partition by 'hospital': expected one of {known}\.$"):
        Partition(by="hospital").splits(real)


def test_a_fold_that_a_partition_does_not_have_is_named(real):
    with pytest.raises(
        InputError, match=r"^fold 'fold_9': expected one of fold_0, fold_1, fold_2\.$"
    ):
        Partition(by="official").split(real, "fold_9")
