import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leukgnn import cells
from leukgnn.files import InputError

# Counts of the public data set, fold by fold: leukemic, healthy.
CELLS = {"fold_0": (2397, 1130), "fold_1": (2418, 1163), "fold_2": (2457, 1096)}
SUBJECTS = {"fold_0": (19, 9), "fold_1": (11, 3), "fold_2": (17, 14)}


def per_fold_and_class(table: pd.DataFrame) -> dict[str, tuple[int, int]]:
    counts = pd.crosstab(table["fold"], table["label"])
    return {fold: (row[1], row[0]) for fold, row in counts.iterrows()}


def make_files(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"any")
    return folder


def test_manifest_holds_every_file_once() -> None:
    table = cells.manifest()
    assert len(table) == 15_114
    assert table["split"].value_counts().to_dict() == {
        "train": 10_661,
        "final": 2_586,
        "prelim": 1_867,
    }
    assert not any(column.startswith("in_images") for column in table)
    assert table["sha256"].str.fullmatch("[0-9a-f]{64}").all()


def test_a_changed_table_does_not_change_the_next_one() -> None:
    files, table = cells.manifest(), cells.training_cells()
    files["bytes"] = 0
    table["label"] = 7
    assert cells.manifest()["bytes"].min() > 0
    assert set(cells.training_cells()["label"]) == {0, 1}


def test_training_cells() -> None:
    table = cells.training_cells()
    assert len(table) == 10_661
    assert table.index.equals(pd.RangeIndex(10_661))
    assert table["filename"].is_unique
    assert not table.isna().any(axis=None)
    assert per_fold_and_class(table) == CELLS
    assert table.equals(table.sort_values(["fold", "filename"]))
    assert (table[["bbox_w", "bbox_h"]] > 0).all(axis=None)
    assert table["source_image"].nunique() == 2_376


def test_subjects_are_of_one_class_and_in_one_fold() -> None:
    table = cells.training_cells()
    assert table["subject"].nunique() == 73
    assert per_fold_and_class(table.drop_duplicates("subject")) == SUBJECTS
    assert len(table.drop_duplicates(["subject", "fold", "label"])) == 73


def test_the_lower_case_names_belong_to_subject_h3() -> None:
    table = cells.training_cells()
    lower_case = table[table["filename"].str.startswith("UID_h")]
    assert len(lower_case) == 36
    assert set(lower_case["subject"]) == {"H3"}
    case_sensitive = table["filename"].str.extract(r"UID_(H?\d+)_", expand=False)
    assert case_sensitive.notna().sum() == 10_625


def test_names_say_what_the_manifest_says() -> None:
    table = cells.training_cells()
    parsed = pd.DataFrame([cells.parse_name(name) for name in table["filename"]])
    pd.testing.assert_frame_equal(parsed, table[["subject", "image", "cell", "label"]])


def test_twins_cross_the_folds_but_not_the_classes() -> None:
    pairs = cells.twins(cells.training_cells())
    assert len(pairs) == 104
    assert (pairs["fold_a"] != pairs["fold_b"]).sum() == 94
    assert (pairs["label_a"] == pairs["label_b"]).all()
    assert pairs["sha256"].is_unique


def test_merged_subjects_share_no_twin() -> None:
    table = cells.training_cells()
    merged = set(table["merged_subject"])
    assert {name for name in merged if "+" in name} == {
        "20+21",
        "51+75+78",
        "H2+H4+H5+H6",
        "H3+H10",
    }
    assert len(merged) == 66
    assert len(table.drop_duplicates(["sha256", "merged_subject"])) == table["sha256"].nunique()


def test_subjects_are_merged_through_others() -> None:
    table = pd.DataFrame(
        {
            "sha256": ["a", "a", "b", "b", "c"],
            "filename": ["1", "2", "3", "4", "5"],
            "fold": "fold_0",
            "subject": ["10", "9", "9", "H1", "2"],
            "label": 1,
        }
    )
    together = "9+10+H1"
    assert cells.merged_subjects(table) == {"9": together, "10": together, "H1": together, "2": "2"}


@given(
    number=st.integers(0, 10**6),
    image=st.integers(0, 10**6),
    cell=st.integers(0, 10**6),
    label=st.sampled_from([0, 1]),
    letter=st.sampled_from("Hh"),
    suffix=st.sampled_from(["", *cells.SUFFIXES, ".BMP"]),
)
def test_parse_name_reads_what_was_written(
    number: int, image: int, cell: int, label: int, letter: str, suffix: str
) -> None:
    subject = f"{number}" if label else f"{letter}{number}"
    name = f"UID_{subject}_{image}_{cell}_{cells.CLASSES[label]}{suffix}"
    assert cells.parse_name(name) == (subject.upper(), str(image), str(cell), label)


@given(st.text())
def test_parse_name_takes_a_name_or_says_why_not(name: str) -> None:
    try:
        assert cells.parse_name(name).label in (0, 1)
    except InputError as error:
        assert "expected UID_" in str(error) or "does not go with" in str(error)


@pytest.mark.parametrize("name", ["UID_3_1_1_hem.bmp", "UID_H3_1_1_all.bmp", "UID_h3_1_1_all.bmp"])
def test_a_subject_of_the_other_class_is_an_error(name: str) -> None:
    with pytest.raises(InputError, match="does not go with class"):
        cells.parse_name(name)


def test_scan_gives_the_order_of_training_cells(shared: Path) -> None:
    found = cells.scan(shared / "data" / "cnmc2019" / "images_128")
    assert len(found) == 7_936
    columns = ["filename", "fold", "label", "subject", "image", "cell"]
    table = cells.training_cells()[columns]
    there = table[table["filename"].isin(found["filename"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(found[columns], there)


def test_scan_finds_the_folds_at_any_depth_and_every_kind_of_file(tmp_path: Path) -> None:
    names = ["UID_1_99_1_all.BMP", "UID_1_99_2_all.png", "UID_1_99_3_all.webp"]
    names += ["UID_2_99_1_all.jpeg"]
    fold = "C-NMC_Leukemia/training_data/fold_2"
    make_files(
        tmp_path, *(f"{fold}/all/{name}" for name in names), f"{fold}/hem/UID_h3_99_1_hem.jpg"
    )
    make_files(tmp_path, f"{fold}/all/._UID_1_1_1_all.bmp", f"{fold}/all/notes.txt")
    make_files(tmp_path, "__MACOSX/training_data/fold_2/all/UID_1_1_1_all.bmp")
    table = cells.scan(tmp_path)
    assert [path.name for path in table["path"]] == [*names, "UID_h3_99_1_hem.jpg"]
    assert (table["filename"].str.endswith(".bmp")).all()
    assert table["label"].tolist() == [1, 1, 1, 1, 0]
    assert set(table["fold"]) == {"fold_2"}


ALL = "fold_0/all/UID_1_1_1_all.bmp"
HEM = "fold_0/hem/UID_H1_1_1_hem.bmp"
OTHER_FOLD = ["fold_2/all/UID_1_1_1_all.png", "fold_2/hem/UID_H1_1_98_hem.bmp"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "no fold in it"),
        ([ALL, HEM, "fold_0/other/x.bmp"], "unknown class folder"),
        ([ALL], "no image of this class"),
        ([ALL, HEM, "fold_0/all/cell.png"], "does not parse"),
        ([ALL, HEM, "fold_0/hem/UID_1_1_2_all.bmp"], "named otherwise"),
        ([ALL, HEM, "fold_0/all/UID_1_1_1_all.png"], "a second image of this cell"),
        ([ALL, HEM, f"copy/{ALL}"], "is there twice"),
        (
            [ALL, HEM, *OTHER_FOLD],
            "second image of this cell, beside .*fold_0",
        ),
    ],
)
def test_scan_names_what_is_wrong(names: list[str], message: str, tmp_path: Path) -> None:
    make_files(tmp_path, *names)
    with pytest.raises(InputError, match=message):
        cells.scan(tmp_path)


def test_scan_of_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=re.escape(f"{tmp_path / 'absent'}: no such folder")):
        cells.scan(tmp_path / "absent")


def test_sample_is_balanced_and_repeatable() -> None:
    table = cells.training_cells()
    drawn = cells.sample(table, per_class=5, seed=3)
    assert drawn["label"].tolist() == [0] * 5 + [1] * 5
    assert drawn.equals(cells.sample(table, per_class=5, seed=3))
    assert not drawn.equals(cells.sample(table, per_class=5, seed=4))


@pytest.mark.parametrize("per_class", [0, 3_390])
def test_sample_of_more_than_there_is(per_class: int) -> None:
    with pytest.raises(InputError, match=f"{per_class} cells of each class .* expected 1 to 3389"):
        cells.sample(cells.training_cells(), per_class=per_class, seed=0)


def test_folders_behind_links_are_found_and_circles_end(tmp_path: Path) -> None:
    disk = make_files(tmp_path / "disk", ALL, HEM)
    data = make_files(tmp_path / "data" / "training_data", ALL.replace("_0", "_1"))
    (data / "fold_0").symlink_to(disk / "fold_0", target_is_directory=True)
    (data / "fold_0" / "round").symlink_to(data, target_is_directory=True)
    (data / "again").symlink_to(data, target_is_directory=True)
    assert [path.name for path in cells.find_folds(tmp_path / "data")] == ["fold_0", "fold_1"]
    link = tmp_path / "link"
    link.symlink_to(data, target_is_directory=True)
    assert cells.find_folds(link) == [link / "fold_0", link / "fold_1"]


def test_what_is_found_at_a_place_changes_with_it(tmp_path: Path) -> None:
    folder = make_files(tmp_path / "cells", ALL, HEM)
    first = cells.found_there(str(folder))
    (folder / "notes.txt").touch()
    assert cells.found_there(str(folder)) == first and len(first) == 64
    make_files(folder, "fold_1/all/UID_2_1_1_all.bmp")
    second = cells.found_there(str(folder))
    (folder / HEM).unlink()
    third = cells.found_there(str(folder))
    (folder / ALL).write_bytes(b"another")
    assert len({first, second, third, cells.found_there(str(folder))}) == 4
    assert cells.found_there(str(folder / ALL)) != ""
    assert [cells.found_there(place) for place in ("", "random:0", "nowhere")] == [""] * 3


def test_scan_names_a_cell_that_was_moved_to_another_fold(tmp_path: Path) -> None:
    table = cells.training_cells()
    moved = table[(table["fold"] == "fold_1") & (table["label"] == 1)]["filename"].iloc[0]
    make_files(tmp_path, ALL, HEM, f"fold_0/all/{moved}")
    with pytest.raises(InputError, match=f"{moved} is in fold_0, in the data set it is in fold_1"):
        cells.scan(tmp_path)
