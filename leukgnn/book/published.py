"""The published runs and tables: one `make book PROFILE=full`, which README and book show.

Every build reads the published runs, so it shows the same numbers; whatever it computes for itself
(the witness, other parameters, other features) is set beside them and never mixed in.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from leukgnn import files
from leukgnn.features import read_features, shipped_features
from leukgnn.files import InputError
from leukgnn.names import KEYS, TABLES
from leukgnn.profiles import profile

FOLDER = files.shipped_path("published")
COMPARED = (*(name for name in TABLES if name.endswith(".csv")), "claims.csv")
PROVENANCE = "provenance.json"
PROFILE = "full"
KEY_COLUMNS = ("protocol", "model", "seed", "fold", "first", "second", "metric")
FIRST_FEW = 5  # rows that a message names
SAME = 1e-9  # how near two tables of the same runs must be


def table(name: str, folder: Path = FOLDER) -> pd.DataFrame:
    """One of `COMPARED`, of the published run or of a build's `folder`."""
    path = folder / name
    if not path.is_file():
        raise InputError(f"{path} is missing: run `make book` first.")
    return pd.read_csv(path, keep_default_na=name != "claims.csv")


def keyed(name: str, folder: Path = FOLDER) -> pd.DataFrame:
    """The table `intervals` or `differences`, a row a key, in their order."""
    return table(f"{name}.csv", folder).set_index(KEYS[name]).sort_index()


def row_of(rows: pd.DataFrame, key: tuple[str, ...]) -> pd.Series:
    """The row of a key."""
    return rows.loc[[key]].iloc[0]


def provenance() -> dict[str, Any]:
    """Where the published runs and tables come from: commit, machine, seeds, draws."""
    origin: dict[str, Any] = json.loads((FOLDER / PROVENANCE).read_text(encoding="utf-8"))
    return origin


def deviations(results: Path) -> list[str]:
    """Rows of a build's result tables that are not the published ones, a sentence each.

    Both rest on the published runs; so a row that differs names a run whose published answers are
    not those that the published tables were made of, or code that counts otherwise than it did.
    """
    problems = []
    for name in COMPARED[:-1]:
        ours, own = table(name), table(name, results)
        keys = [column for column in KEY_COLUMNS if column in ours.columns]
        both = ours.merge(own, on=keys, how="outer", suffixes=("", "_here"), indicator=True)
        values = [column for column in ours.columns if column not in keys]
        same = pd.DataFrame({c: _same(both[c], both[f"{c}_here"]) for c in values})
        other = same.idxmin(axis=1)  # the first that differs
        for i in np.flatnonzero(~same.all(axis=1) | (both["_merge"] != "both")):
            row, column = both.iloc[i], other[i]
            where = ", ".join(f"{key} {row[key]}" for key in keys)
            if row["_merge"] != "both":
                side = "published" if row["_merge"] == "left_only" else "this build's"
                problems.append(f"{name}: {where} is only in the {side} table.")
                continue
            problems.append(
                f"{name}: {where}: the published {column} is {_text(row[column])}, the published "
                f"runs give {_text(row[f'{column}_here'])}. If this change is meant, make the "
                "published results anew with `make book PROFILE=full` and `make publish`; else a "
                "published run or the code has changed."
            )
    return problems


def faults(results: Path, name: str) -> list[str]:
    """What keeps a build that rests on the published runs from showing the published numbers.

    Parameters
    ----------
    results : Path
        Folder of the build's tables.
    name : str
        Of the build's profile; "full" computes its own runs and may differ.

    Returns
    -------
    list of str
        The first few `deviations`, and how many more there are.
    """
    if not profile(name).published or read_features() != shipped_features():
        return []
    found = deviations(results)
    more = [f"and {len(found) - FIRST_FEW:,} more rows."] if len(found) > FIRST_FEW else []
    return found[:FIRST_FEW] + more


def _same(a: pd.Series, b: pd.Series) -> pd.Series:
    """Where two columns are equal, missing values included."""
    if is_numeric_dtype(a) and is_numeric_dtype(b):
        return pd.Series(np.isclose(a, b, rtol=0, atol=SAME, equal_nan=True), index=a.index)
    return (a == b) | (a.isna() & b.isna())


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"
