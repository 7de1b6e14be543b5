"""Near-duplicates and groupings: planted ones are found, chance is not."""

import numpy as np
import pandas as pd
import pytest

from leukgnn import cells
from leukgnn.experiments import groupings, near_duplicates
from leukgnn.features import Features
from leukgnn.names import GROUPINGS


@pytest.fixture
def planted():
    """40 cells of ten subjects; cell 1 is an equal copy of 0, cell 11 looks like 30."""
    generator = np.random.default_rng(0)
    x = generator.random((40, 16)).astype(np.float32)
    x[1] = x[0]
    x[11] = x[30] * 1.7 + 1e-4
    subject = np.repeat([f"{i}" for i in range(5)] + [f"H{i}" for i in range(5)], 4)
    table = pd.DataFrame(
        {
            "filename": [f"{i}.bmp" for i in range(40)],
            "fold": np.where(np.arange(40) % 2, "fold_0", "fold_1"),
            "subject": subject,
            "source_image": subject,
            "label": np.repeat([1, 0], 20),
            "sha256": [f"{i:064d}" for i in range(40)],
            "bbox_w": np.arange(40),
            "bbox_h": np.arange(40),
        }
    )
    table.loc[1, ["sha256", "bbox_w", "bbox_h"]] = table.loc[0, ["sha256", "bbox_w", "bbox_h"]]
    table.loc[11, ["bbox_w", "bbox_h"]] = table.loc[30, ["bbox_w", "bbox_h"]]
    table["merged_subject"] = table["subject"].map(cells.merged_subjects(table))
    return Features(x, table, {}, "planted")


def test_planted_pairs_are_found_and_equal_bytes_are_marked(planted):
    pairs = near_duplicates(planted, similarity=0.999)
    found = {(a, b): e for a, b, e in pairs[["filename_a", "filename_b", "equal"]].to_numpy()}
    assert found == {("0.bmp", "1.bmp"): True, ("11.bmp", "30.bmp"): False}
    facts = ["filename", "fold", "subject", "label"]
    sides = [f"{name}_{side}" for side in "ab" for name in facts]
    assert pairs.columns.tolist() == ["similarity", "equal", *sides]
    assert pairs["similarity"].is_monotonic_decreasing and pairs.index.tolist() == [0, 1]
    assert pairs["similarity"].to_numpy() == pytest.approx(1, abs=1e-5)
    for side in "ab":
        shown = pairs[[f"{name}_{side}" for name in facts]].to_numpy()
        rows = planted.table.set_index("filename", drop=False).loc[pairs[f"filename_{side}"], facts]
        assert (shown == rows.to_numpy()).all()


def test_the_most_similar_pair_stands_first_however_few_cells_there_are(planted):
    """Of three cells each has two neighbours; the later pair is the more similar one."""
    few = planted.take(np.array([0, 2, 11]))
    few.table[["bbox_w", "bbox_h"]] = 9
    few.x[:] = 0.01
    few.x[0, 0], few.x[1, :2], few.x[2, :2] = 1, (1, 0.5), (1, 0.6)
    pairs = near_duplicates(few, similarity=0)
    assert pairs[["filename_a", "filename_b"]].to_numpy().tolist() == [
        ["2.bmp", "11.bmp"], ["0.bmp", "2.bmp"], ["0.bmp", "11.bmp"]
    ]  # fmt: skip
    assert pairs["similarity"].is_monotonic_decreasing


def test_similar_features_with_another_size_are_no_pair(planted):
    planted.table.loc[11, "bbox_w"] = 99
    pairs = near_duplicates(planted, similarity=0.999)
    assert pairs["filename_a"].tolist() == ["0.bmp"]


def test_similar_features_of_the_same_width_and_another_height_are_no_pair(planted):
    planted.table.loc[11, "bbox_h"] = 99
    pairs = near_duplicates(planted, similarity=0.999)
    assert pairs["filename_a"].tolist() == ["0.bmp"]


def test_cells_of_one_size_that_look_less_alike_than_asked_are_no_pair(planted):
    """Cells 5 and 6 have one size; their cosine is about 0.9."""
    planted.x[6] = planted.x[5] + np.where(np.arange(16) == 3, 1.3, 0).astype(np.float32)
    for column in ("bbox_w", "bbox_h"):
        planted.table.loc[6, column] = planted.table.loc[5, column]
    a, b = planted.x[[5, 6]]
    cosine = float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    assert 0.7 < cosine < 0.97
    for similarity, there in ((cosine + 0.01, False), (cosine - 0.01, True)):
        pairs = near_duplicates(planted, similarity=similarity)
        assert ("5.bmp" in set(pairs["filename_a"])) == there


def test_a_grouping_keeps_what_its_name_says(planted):
    names = {
        "cells": "filename",
        "source_images": "source_image",
        "subjects": "subject",
        "equal_files": "merged_subject",
    }
    table = planted.table.assign(
        source_image=planted.table["subject"] + "_" + (np.arange(40) % 4 // 2).astype(str),
        merged_subject=planted.table["subject"].replace({"H1": "H0+H1", "H0": "H0+H1"}),
    )
    groups = groupings(table)
    for key, column in names.items():
        assert groups[key].tolist() == table[column].tolist()
    assert [groups[key].nunique() for key in names] == [40, 20, 10, 9]


def test_groupings_get_coarser(planted):
    pairs = near_duplicates(planted, similarity=0.999)
    groups = groupings(planted.table, pairs)
    assert tuple(groups) == tuple(GROUPINGS)
    counts = [group.nunique() for group in groups.values()]
    assert counts == sorted(counts, reverse=True) and counts[0] == 40 and counts[-1] == 9
    last = groups["near_duplicates"]
    assert last[11] == last[30] == "2+H2"


def test_without_pairs_that_grouping_is_left_out(planted):
    assert tuple(groupings(planted.table)) == tuple(GROUPINGS)[:-1]
