"""The table of cells: names, the shipped manifest, subjects and folds.

Labels are 0 for hem (healthy) and 1 for all (leukemic).
"""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from leukgnn.files import InputError, shipped_path

LABELS = {"hem": 0, "all": 1}
CLASSES = {label: name for name, label in LABELS.items()}
BOX = ["bbox_x", "bbox_y", "bbox_w", "bbox_h"]

_NAME = re.compile(r"UID_(H?\d+)_(\d+)_(\d+)_(all|hem)", re.IGNORECASE | re.ASCII)


class CellName(NamedTuple):
    """What the name of a training image says."""

    subject: str  # "11", or "H3" when healthy
    image: str  # number of the microscope image within the subject
    cell: str  # number of the cell within that image
    label: int  # 0 hem, 1 all


def parse_name(filename: str) -> CellName:
    """Parse the name of a training image.

    36 cells of subject H3 are named `UID_h3_...`: read with a case-sensitive pattern they would be
    lost, or be counted as one more subject. Here they belong to H3.

    Parameters
    ----------
    filename : str
        Such as "UID_H3_10_1_hem.bmp"; any suffix or none.

    Raises
    ------
    InputError
        When the name does not have this form, or is that of a healthy subject with a leukemic cell
        or the other way round.

    Examples
    --------
    >>> parse_name("UID_h3_10_1_hem.bmp")
    CellName(subject='H3', image='10', cell='1', label=0)
    """
    found = _NAME.fullmatch(Path(filename).stem)
    if found is None:
        raise InputError(
            f"{filename}: the name does not parse, expected UID_<subject>_<image>_<cell>_<all or "
            "hem>, such as UID_11_10_1_all.bmp; rename or remove the file."
        )
    subject, image, cell, name = found.groups()
    if subject.upper().startswith("H") != (name.lower() == "hem"):
        raise InputError(
            f"{filename}: subject {subject} does not go with class {name}, as H marks the healthy "
            "(hem); rename or remove the file."
        )
    return CellName(subject.upper(), image, cell, LABELS[name.lower()])


@cache
def _manifest() -> pd.DataFrame:
    numbers = dict.fromkeys(["bytes", *BOX], "Int64")
    texts = ["split", "fold", "label", "subject", "image", "cell", "filename", "sha256"]
    path = shipped_path("manifest.csv.xz")
    return pd.read_csv(path, dtype=numbers | dict.fromkeys(texts, "str"))


def manifest() -> pd.DataFrame:
    """Every file of C-NMC 2019, one row each; the columns are described in `data/README.md`."""
    return _manifest().copy()


@cache
def _training_cells() -> pd.DataFrame:
    table = manifest().query("split == 'train'").drop(columns="split")
    table = table.sort_values(["fold", "filename"], ignore_index=True)
    table["label"] = table["label"].map(LABELS)
    table["source_image"] = table["subject"] + "_" + table["image"]
    table["merged_subject"] = table["subject"].map(merged_subjects(table))
    whole_numbers = ["label", "bytes", *BOX]
    table[whole_numbers] = table[whole_numbers].astype("int64")
    first = ["filename", "fold", "label", "subject", "image", "cell"]
    return table[[*first, "source_image", "merged_subject", "bytes", "sha256", *BOX]]


def training_cells() -> pd.DataFrame:
    """Give the labelled cells of C-NMC 2019, in the order of fold and file name.

    Returns
    -------
    DataFrame
        10,661 rows with filename, fold ("fold_0" to "fold_2"), label (0 hem, 1 all), subject (the
        lower-case h3 mended), image and cell (numbers as text), source_image (subject and image),
        merged_subject (see `merged_subjects`), bytes, sha256, and the box around the pixels that
        are not black in the 450x450 original: bbox_x and bbox_y its first column and row, bbox_w
        and bbox_h last less first.
    """
    return _training_cells().copy()


def twins(table: pd.DataFrame) -> pd.DataFrame:
    """Give the pairs of files with equal content.

    Parameters
    ----------
    table : DataFrame
        Cells with sha256, filename, fold, subject and label.

    Returns
    -------
    DataFrame
        One row a pair: sha256, and each of the other columns twice, ending in _a and _b.
    """
    columns = ["sha256", "filename", "fold", "subject", "label"]
    twice = table.loc[table["sha256"].duplicated(keep=False), columns]
    pairs = twice.merge(twice, on="sha256", suffixes=("_a", "_b"))
    earlier = (pairs["fold_a"] + pairs["filename_a"]) < (pairs["fold_b"] + pairs["filename_b"])
    return pairs[earlier].reset_index(drop=True)


def merged_subjects(table: pd.DataFrame) -> dict[str, str]:
    """Merge the subjects that share a file's content, directly or through others.

    Parameters
    ----------
    table : DataFrame
        Cells with sha256, filename, fold, subject and label.

    Returns
    -------
    dict
        For each subject the merged one: the names of all that belong together, such as "20+21".
    """
    return linked(table, twins(table))


@cache
def known_merged_subjects() -> dict[str, str]:
    """Merged subject of every subject of C-NMC 2019, as of `merged_subjects`."""
    table = _training_cells()
    return dict(zip(table["subject"], table["merged_subject"], strict=True))


def linked(table: pd.DataFrame, pairs: pd.DataFrame) -> dict[str, str]:
    """Merge the subjects that pairs of cells link, directly or through others.

    Parameters
    ----------
    table : DataFrame
        Cells with subject.
    pairs : DataFrame
        With subject_a and subject_b, such as from `twins`.

    Returns
    -------
    dict
        As of `merged_subjects`.
    """
    names = sorted(table["subject"].unique(), key=natural)
    row, column = (
        pd.Categorical(pairs[side], categories=names).codes for side in ("subject_a", "subject_b")
    )
    links = coo_array(([True] * len(pairs), (row, column)), shape=(len(names), len(names)))
    _, group = connected_components(links, directed=False)
    members = pd.Series(names).groupby(group).agg("+".join)
    return dict(zip(names, members[group], strict=True))


def log_area(table: pd.DataFrame) -> pd.Series:
    """Natural logarithm of the area of each cell's box, in square pixels at 450x450."""
    return ((table["bbox_w"] + 1.0) * (table["bbox_h"] + 1.0)).map(np.log)


def natural(subject: str) -> tuple[bool, int]:
    """Sort key of a subject: leukemic before healthy, then by number."""
    return subject.startswith("H"), int(subject.removeprefix("H"))


def sample(table: pd.DataFrame, *, per_class: int, seed: int) -> pd.DataFrame:
    """Draw the same number of cells of each class, healthy first.

    Raises
    ------
    InputError
        When a class has fewer than `per_class` cells, or `per_class` is below 1.
    """
    fewest = int(table["label"].value_counts().min())
    if not 1 <= per_class <= fewest:
        raise InputError(
            f"{per_class} cells of each class were asked for, expected 1 to {fewest}; "
            "ask for another number or give a folder with more images."
        )
    return table.groupby("label").sample(per_class, random_state=seed)
