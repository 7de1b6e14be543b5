"""The published runs and tables: one `make book PROFILE=full`, which README and book show.

Every build reads the published runs, so it shows the same numbers; whatever it computes for itself
(the witness, other parameters, other features) is set beside them and never mixed in.
"""

import json
import re
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leukgnn import files, paper
from leukgnn.book import chapters
from leukgnn.claims import TABLES as KEYS
from leukgnn.claims import VERDICTS, sentence
from leukgnn.evaluation import DRAWS, PAIRS
from leukgnn.evaluation import TABLES as BUILT
from leukgnn.experiments import Plan, Store, profiles
from leukgnn.experiments.store import PUBLISHED, write_published
from leukgnn.features import read_features, shipped_features
from leukgnn.files import InputError
from leukgnn.names import METRICS, MODELS, PROTOCOLS
from leukgnn.text import counted, markdown_table, with_interval

FOLDER = files.shipped_path("published")
TABLES = (*(name for name in BUILT if name.endswith(".csv")), "claims.csv")
PROVENANCE = "provenance.json"
PROFILE = "full"
README_MARKS = ("<!-- results: written by `make readme` -->", "<!-- end of results -->")
SHOWN = ("gcn", "mlp", "svm", "cnn", "size", "majority")  # models at a glance
METRICS_SHOWN = ("accuracy", "roc_auc")
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


def _by_key(name: str, folder: Path = FOLDER) -> pd.DataFrame:
    """The table `intervals` or `differences`, a row a key."""
    return table(f"{name}.csv", folder).set_index(KEYS[name])


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


def results_at_a_glance() -> str:
    """The README's table, what the graph adds on new subjects, and the verdicts counted."""
    rows, differences = _by_key("intervals"), _by_key("differences")
    lines = [
        "| model | accuracy, as written | accuracy, new subjects | AUC, new subjects | paper |",
        "|---|---|---|---|---|",
    ]
    for model in SHOWN:
        values = [
            _interval(rows, (protocol, model, metric))
            for protocol, metric in (
                ("as_written", "accuracy"),
                ("subject_disjoint", "accuracy"),
                ("subject_disjoint", "roc_auc"),
            )
        ]
        printed = f"{paper.PRINTED[model].accuracy:.3f}" if model in paper.PRINTED else ""
        lines.append(f"| {MODELS[model].label} | {' | '.join(values)} | {printed} |")
    apart = rows.loc[[("subject_disjoint", "gcn", "accuracy")]].iloc[0]
    of_cnn = rows.loc[[("subject_disjoint", "cnn", "accuracy")]].iloc[0]
    gap = _interval(differences, ("subject_disjoint", "gcn", "mlp", "accuracy"), signed=True)
    lines += [
        "",
        f"{apart['cells']:,.0f} real cells; 95 % intervals over {apart['subjects']:.0f} "
        "independent subjects (those that equal files link count as one); "
        f"{counted(int(apart['seeds']), 'seed')} of whatever is random, of the CNN "
        f"{counted(int(of_cnn['seeds']), 'seed')}. On new subjects the graph adds {gap} to the "
        "accuracy of the same network without graph.",
        "",
        sentence(table("claims.csv")).strip(),
    ]
    return "\n".join(lines)


def with_results(readme: str) -> str:
    """Put the results at a glance between the README's marks."""
    begin, end = README_MARKS
    pattern = re.compile(f"{re.escape(begin)}.*{re.escape(end)}", re.DOTALL)
    return pattern.sub(f"{begin}\n{results_at_a_glance()}\n{end}", readme)


def write_readme() -> None:
    """Write the results at a glance into the README."""
    path = files.project_root() / "README.md"
    text = with_results(path.read_text(encoding="utf-8"))
    with files.atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def generated(results: Path) -> dict[str, str]:
    """The generated part of the page "Published results".

    Parameters
    ----------
    results : Path
        Folder of this build's tables.
    """
    parts = [
        _origin(),
        _standing(results),
        _models(results),
        _differences(results),
        _verdicts(results),
    ]
    return {"published": "\n".join(parts)}


def _origin() -> str:
    """How the published runs were made, in a sentence."""
    origin = provenance()
    return (
        f"{origin['runs']['number']} runs: {origin['seeds']} seeds, {origin['partitions']} other "
        f"partitions of the subjects; {origin['draws']:,} bootstrap draws. Made by "
        f"`{origin['command']}` from commit `{origin['commit']}` (the runs from commit "
        f"`{origin['runs']['commit']}`) on {origin['processor']}, {origin['cores']} cores, Python "
        f"{origin['python']}, torch {origin['libraries']['torch']}.\n"
    )


def _standing(results: Path) -> str:
    """Whether the tables below are the published ones."""
    other = deviations(results)
    if not other:
        return "The tables of this build are the published ones, row by row.\n"
    return (
        f"This build computed its runs itself, or from other features: {len(other):,} rows of its "
        "tables are not the published ones. The tables below are this build's.\n"
    )


def _models(results: Path) -> str:
    """Accuracy and AUC of the models at a glance."""
    rows_of = _by_key("intervals", results)
    runs = table("results.csv", results)
    runs = runs[runs["fold"] == "all"]
    alike = runs["recall"].isin([0, 1]) & (runs["recall"] + runs["specificity"] == 1)
    seeds = alike.groupby([runs["protocol"], runs["model"]]).agg(["size", "sum"])
    rows = []
    for protocol, name in PROTOCOLS.items():
        for model in SHOWN:
            if (protocol, model, "accuracy") not in rows_of.index:
                continue
            row: dict[str, Any] = {"Protocol": name.label, "Model": MODELS[model].label}
            for metric in METRICS_SHOWN:
                row[METRICS[metric].label] = _interval(rows_of, (protocol, model, metric))
            row["Seeds"], row["Alike"] = seeds.loc[[(protocol, model)]].iloc[0]
            rows.append(row)
    caption = (
        "Accuracy and ROC AUC with 95 % intervals over subjects. Seeds: how many; alike: how many "
        "of them gave every cell the same answer."
    )
    return markdown_table(pd.DataFrame(rows), name="tbl-published-models", caption=caption)


def _differences(results: Path) -> str:
    """Paired differences of the models at a glance."""
    rows_of = _by_key("differences", results)
    rows = []
    for protocol, name in PROTOCOLS.items():
        for first, second in PAIRS:
            key = (protocol, first, second)
            if not {first, second} <= set(SHOWN) or (*key, "accuracy") not in rows_of.index:
                continue
            row: dict[str, Any] = {
                "Protocol": name.label,
                "Difference": f"{MODELS[first].label} minus {MODELS[second].label}",
            }
            for metric in METRICS_SHOWN:
                row[METRICS[metric].label] = _interval(rows_of, (*key, metric), signed=True)
            rows.append(row)
    caption = "Paired differences with 95 % intervals over subjects."
    return markdown_table(pd.DataFrame(rows), name="tbl-published-differences", caption=caption)


def _interval(rows: pd.DataFrame, key: tuple[str, ...], *, signed: bool = False) -> str:
    """Value and interval of a row, or a dash where there is none."""
    return with_interval(rows.loc[[key]].iloc[0], signed=signed) if key in rows.index else "–"


def _verdicts(results: Path) -> str:
    """Verdicts counted, published and in this build, and the claims on which they differ."""
    ours, own = table("claims.csv"), table("claims.csv", results)
    counts = pd.DataFrame(
        {
            "Verdict": VERDICTS,
            "Published": [int((ours["verdict"] == v).sum()) for v in VERDICTS],
            "This build": [int((own["verdict"] == v).sum()) for v in VERDICTS],
        }
    )
    both = ours.merge(own, on="id", suffixes=("", "_here"))
    other = both[both["verdict"] != both["verdict_here"]]
    caption = f"Verdicts on {len(ours)} claims."
    text = markdown_table(counts, name="tbl-published-verdicts", caption=caption)
    if other.empty:
        return f"{text}\nThis build gives every claim the published verdict.\n"
    lines = [
        f"- {row['id']}, {row['claim']}: published *{row['verdict']}* ({row['our_value']}), "
        f"this build *{row['verdict_here']}* ({row['our_value_here']})."
        for row in other.map(lambda v: escape(str(v))).to_dict("records")
    ]
    return "\n".join([text, "This build gives another verdict to:", "", *lines, ""])
