"""Who is trained on and who is tested: marks over one table of cells."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold, train_test_split

from leukgnn.files import InputError

Mask = NDArray[np.bool_]
Ints = NDArray[np.int64]
INNER = 5  # parts of the training subjects, one of which chooses settings


@dataclass(frozen=True)
class Split:
    """Cells to train on and cells to be tested on, as marks over one table.

    Attributes
    ----------
    fold : str
        Name of the tested part.
    train, test : ndarray, shape (n,), bool
    apart : bool
        Whether subjects are kept apart: no merged subject lies on both sides.
    """

    fold: str
    train: Mask
    test: Mask
    apart: bool = True


def stratified_split(
    labels: Ints, share: float, seed: int, within: Mask | None = None
) -> tuple[Mask, Mask]:
    """Mark the kept and the drawn cells of a split stratified by class (section IV.D).

    Cells, not subjects, are drawn, as the paper writes: cells of one subject come to lie on both
    sides. Chapters 07 and 10 are about what that does.

    Parameters
    ----------
    labels : ndarray, shape (n,)
    share : float
        Of the cells to draw, between 0 and 1.
    seed : int
    within : ndarray of bool, optional
        Split only these cells, such as the training cells into a fitting and a validation part.

    Returns
    -------
    kept, drawn : ndarray, shape (n,), bool
    """
    if not 0 < share < 1:
        raise InputError(f"test_share={share}: expected a share between 0 and 1, such as 0.2.")
    candidates = np.arange(len(labels)) if within is None else np.flatnonzero(within)
    try:
        kept, drawn = train_test_split(
            candidates, test_size=share, stratify=labels[candidates], random_state=seed
        )
    except ValueError as error:
        raise InputError(
            f"{len(candidates)} cells cannot be split by class at a share of {share} ({error})."
        ) from error
    marks = np.zeros((2, len(labels)), dtype=bool)
    marks[0, kept] = marks[1, drawn] = True
    return marks[0], marks[1]


def official_folds(table: pd.DataFrame) -> list[Split]:
    """The data set's own folds, each tested once on a network trained on the others.

    The folds share no subject by name, yet equal files link subjects across them. Training cells
    of every subject linked to a test subject (`merged_subject`) are left out.

    Raises
    ------
    InputError
        When there are fewer than two folds, or a split is not disjoint all the same.
    """
    folds = sorted(table["fold"].unique())
    if len(folds) < 2:
        raise InputError(f"the cells lie in {folds}: expected at least two folds.")
    splits = []
    for fold in folds:
        test = (table["fold"] == fold).to_numpy()
        linked = table["merged_subject"].isin(table.loc[test, "merged_subject"]).to_numpy()
        splits.append(Split(fold, ~linked & ~test, test))
    for split in splits:
        check_disjoint(table, split)
    return splits


def grouped_folds(
    table: pd.DataFrame, groups: pd.Series, *, folds: int, seed: int, apart: bool
) -> list[Split]:
    """Random folds that keep each group of cells together, stratified by class.

    The groups themselves are drawn. `StratifiedGroupKFold` deals them out by size, largest first,
    and its seed decides between equals only: on these subjects all its seeds give nearly one
    partition.

    Parameters
    ----------
    table : DataFrame
        With `label`.
    groups : Series
        Of each cell: its subject, its source image, or its own name for no grouping at all. A group
        counts as of the class that most of its cells have.
    folds : int
    seed : int
    apart : bool
        Whether these groups keep subjects apart.

    Raises
    ------
    InputError
        When there are fewer than two folds, or a class has fewer groups than folds.
    """
    classes = _classes(table, groups)
    most = int(classes.value_counts().min())
    if not 2 <= folds <= most:
        raise InputError(
            f"folds={folds}: expected 2 to {most}, the number of groups of the rarer class."
        )
    splits = []
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    for i, (_, drawn) in enumerate(splitter.split(classes, classes)):
        test = groups.isin(classes.index[drawn]).to_numpy()
        splits.append(Split(f"part_{i}", ~test, test, apart))
    return splits


def _classes(table: pd.DataFrame, groups: pd.Series) -> pd.Series:
    """Class of each group, by the majority of its cells."""
    return table["label"].groupby(groups.to_numpy()).mean().round().astype(int)


def inner_split(table: pd.DataFrame, split: Split, *, share: float, seed: int) -> Split:
    """Part the training cells again, to choose settings by, as the test cells were parted off.

    A strength that is best for new subjects would handicap a classifier that is asked about known
    ones. With subjects apart a fifth of the training subjects of each class is drawn (more than a
    fifth where a class has fewer than five), else this share of the training cells.
    """
    if not split.apart:
        parts = stratified_split(table["label"].to_numpy(), share, seed, within=split.train)
        return Split("inner", *parts, apart=False)
    first = inner_folds(table, split, seed=seed)[0]
    return Split("inner", first.train, first.test)


def inner_folds(table: pd.DataFrame, split: Split, *, seed: int) -> list[Split]:
    """Part the training cells by subject into fifths; into fewer where a class has fewer subjects.

    Parameters
    ----------
    table : DataFrame
    split : Split
        Whose training cells are parted; its test cells take no part.
    seed : int
    """
    known = table[split.train]
    subjects = known["merged_subject"]
    folds = min(INNER, int(_classes(known, subjects).value_counts().min()))
    rows = np.flatnonzero(split.train)
    parts = grouped_folds(known, subjects, folds=folds, seed=seed, apart=True)
    return [
        Split(
            part.fold, _marked(rows[part.train], len(table)), _marked(rows[part.test], len(table))
        )
        for part in parts
    ]


def _marked(rows: Ints, n: int) -> Mask:
    """Mark some of n rows."""
    marks = np.zeros(n, dtype=bool)
    marks[rows] = True
    return marks


def check_disjoint(table: pd.DataFrame, split: Split) -> None:
    """Raise InputError when training and test cells share a merged subject or a file's content."""
    for column in ("merged_subject", "sha256"):
        shared = set(table.loc[split.train, column]) & set(table.loc[split.test, column])
        if shared:
            raise InputError(
                f"{split.fold}: {len(shared)} values of {column} lie on both sides, such as "
                f"{min(shared)}; leave those training cells out."
            )
