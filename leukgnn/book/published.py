"""The published runs and tables: one `make book PROFILE=full`, which README and book show.

Every build reads the published runs, so it shows the same numbers; whatever it computes for itself
(the witness, other parameters, other features) is set beside them and never mixed in.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leukgnn import files
from leukgnn.book import chapters
from leukgnn.evaluation import DRAWS
from leukgnn.evaluation import TABLES as BUILT
from leukgnn.experiments import Plan, Store, profiles
from leukgnn.experiments.store import PUBLISHED, write_published
from leukgnn.features import read_features, shipped_features
from leukgnn.files import InputError
from leukgnn.text import counted

FOLDER = files.shipped_path("published")
TABLES = (*(name for name in BUILT if name.endswith(".csv")), "claims.csv")
PROVENANCE = "provenance.json"
PROFILE = "full"
KEY_COLUMNS = ("protocol", "model", "seed", "fold", "first", "second", "metric")
FIRST_FEW = 5  # rows that a message names
SAME = 1e-9  # how near two tables of the same runs must be


def publish(notebooks: Path, results: Path, store: Store) -> None:
    """Keep a full build's runs and result tables as the published ones, with where they come from.

    Parameters
    ----------
    notebooks : Path
        Folder of the executed chapters.
    results : Path
        Folder of the build's tables.
    store : Store
        Where the build's runs are.

    Raises
    ------
    InputError
        When a chapter, table or run is missing, or something was not computed in the full profile
        from a commit without changes.
    """
    executed = {path.stem: chapters.metadata(path) for path in sorted(notebooks.glob("*.ipynb"))}
    for path in (notebooks, *(results / name for name in TABLES)):
        if not path.exists():
            raise InputError(f"{path} is missing: run `make book PROFILE={PROFILE}` first.")
    for name, metadata in executed.items():
        if metadata["parameters"].get("profile") != PROFILE:
            raise InputError(
                f"chapter {name} was not executed in the {PROFILE} profile: run `make clean` and "
                f"`make book PROFILE={PROFILE}` first."
            )
    commit = _only_commit(metadata["provenance"] for metadata in executed.values())
    plan = Plan.of(shipped_features(), PROFILE)
    groups = {name: {a.run.key: a.run for a in asked} for name, asked in plan.groups().items()}
    runs = {key: run for group in groups.values() for key, run in group.items()}
    missing = [run.name for run in runs.values() if store.read_own(run) is None]
    if missing:
        raise InputError(f"{counted(len(missing), 'run')} missing, such as {missing[0]}.")
    origins = [store.provenance(run) for run in runs.values()]
    computed_by = _only_commit(origins)
    kept: set[str] = set()
    for name, group in groups.items():
        own = {key: run for key, run in group.items() if key not in kept}
        values = {key: (run.description, store.get(run)) for key, run in own.items()}
        write_published(PUBLISHED / f"{name}.parquet", values)
        kept |= set(own)
    for name in TABLES:
        with files.atomic_path(FOLDER / name) as temporary:
            temporary.write_bytes((results / name).read_bytes())
    origin = {key: value for key, value in origins[0].items() if key not in ("threads", "commit")}
    seconds = sum(metadata["seconds"] for metadata in executed.values())
    files.write_json(
        FOLDER / PROVENANCE,
        {
            "command": f"make book PROFILE={PROFILE}",
            **origin,
            "commit": commit,
            "runs": {"number": len(runs), "commit": computed_by},
            "seeds": plan.seeds,
            "partitions": plan.partitions,
            "draws": DRAWS,
            "chapters": {name: round(m["seconds"], 1) for name, m in executed.items()},
            "seconds": round(seconds, 1),
        },
    )


def _only_commit(origins: Any) -> str:
    """Commit of everything computed; raise InputError unless it is one without changes."""
    commits = {origin["commit"] for origin in origins}
    if len(commits) != 1 or commits & {"unknown"} or next(iter(commits)).endswith("+"):
        raise InputError(
            f"what is to be published comes from {', '.join(sorted(commits)) or 'no commit'}: "
            "expected one commit without changes; commit, run `make clean` and build again."
        )
    return str(commits.pop())


def table(name: str, folder: Path = FOLDER) -> pd.DataFrame:
    """One of `TABLES`, of the published run or of a build's `folder`."""
    path = folder / name
    if not path.is_file():
        raise InputError(f"{path} is missing: run `make book` first.")
    return pd.read_csv(path, keep_default_na=name != "claims.csv")


def provenance() -> dict[str, Any]:
    """Where the published runs and tables come from: commit, machine, seeds, draws."""
    origin: dict[str, Any] = json.loads((FOLDER / PROVENANCE).read_text())
    return origin


def deviations(results: Path) -> list[str]:
    """Rows of a build's result tables that are not the published ones, a sentence each.

    Both rest on the published runs; so a row that differs names a run whose published answers are
    not those that the published tables were made of, or code that counts otherwise than it did.
    """
    problems = []
    for name in TABLES[:-1]:
        ours, own = table(name), table(name, results)
        keys = [column for column in KEY_COLUMNS if column in ours.columns]
        both = ours.merge(own, on=keys, how="outer", suffixes=("", "_here"), indicator=True)
        for row in both.to_dict("records"):
            where = ", ".join(f"{key} {row[key]}" for key in keys)
            if row["_merge"] != "both":
                side = "published" if row["_merge"] == "left_only" else "this build's"
                problems.append(f"{name}: {where} is only in the {side} table.")
                continue
            values = [column for column in ours.columns if column not in keys]
            other = [c for c in values if not _same(row[c], row[f"{c}_here"])]
            if other:
                problems.append(
                    f"{name}: {where}: the published {other[0]} is {row[other[0]]:.6g}, the "
                    f"published runs give {row[f'{other[0]}_here']:.6g}. If this change is meant, "
                    "make the published results anew with `make book PROFILE=full` and `make "
                    "publish`; else a published run or the code has changed."
                )
    return problems


def faults(results: Path, profile: str) -> list[str]:
    """What keeps a build that rests on the published runs from showing the published numbers.

    Parameters
    ----------
    results : Path
        Folder of the build's tables.
    profile : str
        Of the build; "full" computes its own runs and may differ.

    Returns
    -------
    list of str
        The first few `deviations`, and how many more there are.
    """
    if not profiles.profile(profile).published or read_features() != shipped_features():
        return []
    found = deviations(results)
    more = [f"and {len(found) - FIRST_FEW:,} more rows."] if len(found) > FIRST_FEW else []
    return found[:FIRST_FEW] + more


def _same(a: float, b: float) -> bool:
    """Whether two numbers of a table are equal, missing ones included."""
    return bool(np.isclose(a, b, rtol=0, atol=SAME, equal_nan=True))
