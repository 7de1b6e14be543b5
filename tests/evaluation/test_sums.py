"""Sums per subject, worked by hand: pairs, ties, strata, links."""

import numpy as np
import pandas as pd
import pytest

from leukgnn.evaluation import sums


def cells(rows):
    """Predictions of one model from (subject, label, probability, fold)."""
    table = pd.DataFrame(rows, columns=["subject", "label", "probability", "fold"])
    table["filename"] = [f"{i}.bmp" for i in range(len(table))]
    return table.assign(protocol="p", model="gcn", seed=0)


def summed(table):
    """Sums of the one replicate, and which subjects are leukemic."""
    (found,) = sums.answers(table).values()
    ((_, of_replicate),) = found.sums.items()
    return of_replicate, found


TWO = [("a", 1, 0.5, "f"), ("a", 1, 0.9, "f"), ("h", 0, 0.5, "f"), ("h", 0, 0.3, "f")]


def test_ties_in_the_auc_count_half():
    """Of four pairs three are in order and one is a tie."""
    one, found = summed(cells(TWO))
    assert one.ordered["roc_auc"].tolist() == [[3.5]] and one.pairs["roc_auc"].tolist() == [[4]]
    values = sums.values([one], np.ones((1, 2)), found.leukemic)
    assert values["roc_auc"].item() == sums.areas(cells(TWO))["roc_auc"] == 3.5 / 4


def test_a_constant_answer_has_an_auc_of_a_half():
    constant = cells([(s, y, 0.7, "f") for s, y in (("a", 1), ("h", 0), ("h", 0), ("b", 1))])
    assert sums.areas(constant)["roc_auc"] == 0.5


def test_counts_are_those_of_each_subject_at_the_threshold():
    one, found = summed(cells(TWO))
    assert found.subjects.tolist() == ["a", "h"] and found.leukemic.tolist() == [True, False]
    assert one.counts.tolist() == [[0, 0, 0, 2], [1, 1, 0, 0]]  # tn, fp, fn, tp
    assert one.cells.tolist() == [2, 2]


def test_only_what_one_network_answered_is_compared():
    """The second fold's network is bolder: pooled, its healthy cell stands above all."""
    rows = [("a", 1, 0.4, "f"), ("h", 0, 0.2, "f"), ("b", 1, 0.9, "g"), ("i", 0, 0.8, "g")]
    areas = sums.areas(cells(rows))
    assert areas["roc_auc"] == 1 and areas["pooled_auc"] == 3 / 4
    one, _ = summed(cells(rows))
    assert one.pairs["roc_auc"].tolist() == [[1, 0], [0, 1]]
    assert one.pairs["pooled_auc"].tolist() == [[1, 1], [1, 1]]


def test_subjects_that_equal_files_link_count_as_one():
    """20 and 21 share files, 22 shares none with them."""
    rows = [("20", 1, 0.6, "f"), ("21", 1, 0.7, "f"), ("22", 1, 0.8, "f"), ("H1", 0, 0.1, "f")]
    one, found = summed(cells(rows))
    assert len(found.subjects) == 3 and sorted(one.cells) == [1, 1, 2]


def test_counted_once_a_subject_weighs_the_same_however_many_cells_it_has():
    rows = [("a", 1, 0.9, "f")] * 9 + [("b", 1, 0.1, "f"), ("h", 0, 0.3, "f"), ("h", 0, 0.4, "f")]
    one, found = summed(cells(rows))
    by_cell, by_subject = (
        sums.values([s], np.ones((1, 3)), found.leukemic) for s in (one, one.each_once())
    )
    assert by_cell["recall"].item() == 9 / 10 and by_subject["recall"].item() == 1 / 2
    assert by_cell["roc_auc"].item() == 9 / 10 and by_subject["roc_auc"].item() == 1 / 2


def test_a_subject_without_weight_is_as_if_it_were_not_there():
    generator = np.random.default_rng(0)
    rows = [
        (f"s{i}", i % 2, p, f"f{i % 3}") for i in range(8) for p in np.round(generator.random(5), 1)
    ]
    table = cells(rows)
    one, found = summed(table)
    for place, subject in enumerate(found.subjects):
        weights = np.ones((1, 8))
        weights[0, place] = 0
        less = table[table["subject"] != subject]
        expected, without = summed(less)
        given = sums.values([one], weights, found.leukemic)
        alone = sums.values([expected], np.ones((1, 7)), without.leukemic)
        for name in ("accuracy", "recall", "specificity", "mcc", "roc_auc", "pooled_auc"):
            assert given[name].item() == pytest.approx(alone[name].item())
        assert given["roc_auc"].item() == pytest.approx(sums.areas(less)["roc_auc"])
