"""The published run: the tables of one `make book PROFILE=full`, which README and book quote.

A build of another profile or on another machine computes numbers of its own; whatever is quoted
rests on these files, which are kept with the code that made them.
"""

import json
import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from leukgnn import execute, facts, files, paper
from leukgnn.claims import VERDICTS
from leukgnn.claims_page import sentence
from leukgnn.display import counted, markdown_table, with_interval
from leukgnn.files import InputError
from leukgnn.results import PAIRS
from leukgnn.results import TABLES as BUILT

FOLDER = files.shipped_path("published")
TABLES = (*(name for name in BUILT if name.endswith(".csv")), "claims.csv")
PROVENANCE = "provenance.json"
PROFILE = "full"
README_MARKS = ("<!-- results: written by `make readme` -->", "<!-- end of results -->")
PROTOCOLS = {
    "as_written": "as written",
    "as_released": "as released",
    "subject_disjoint": "new subjects",
}
MODELS = {
    "gcn": "ResNet-18 + GCN",
    "mlp": "ResNet-18 + MLP (same network, no graph)",
    "svm": "ResNet-18 + SVM",
    "cnn": "ResNet-18, fine-tuned",
    "size": "cell size alone (one number)",
    "majority": "always leukemic",
}
METRICS = {"accuracy": "accuracy", "roc_auc": "AUC"}


def publish(chapters: Path, results: Path, target: Path = FOLDER) -> None:
    """Keep a build's result tables as the published ones, with where they come from.

    Parameters
    ----------
    chapters : Path
        Folder of the executed notebooks.
    results : Path
        Folder of the build's tables.
    target : Path
        Where to keep them.

    Raises
    ------
    InputError
        When a chapter or table is missing, or a chapter was not executed in the full profile, from
        the same commit as the others, without changes.
    """
    notebooks = {path.stem: execute.metadata(path) for path in sorted(chapters.glob("*.ipynb"))}
    for path in (chapters, *(results / name for name in TABLES)):
        if not path.exists():
            raise InputError(f"{path} is missing: run `make book PROFILE={PROFILE}` first.")
    for name, told in notebooks.items():
        if told["parameters"].get("profile") != PROFILE:
            raise InputError(
                f"chapter {name} was not executed in the {PROFILE} profile: run `make clean` and "
                f"`make book PROFILE={PROFILE}` first."
            )
    commits = {told["provenance"]["commit"] for told in notebooks.values()}
    if len(commits) != 1 or commits & {"unknown"} or next(iter(commits)).endswith("+"):
        raise InputError(
            f"the chapters come from {', '.join(sorted(commits)) or 'no commit'}: expected one "
            "commit without changes; commit, run `make clean` and build again."
        )
    origin = next(iter(notebooks.values()))["provenance"]
    for name in TABLES:
        with files.atomic_path(target / name) as temporary:
            temporary.write_bytes((results / name).read_bytes())
    files.write_json(
        target / PROVENANCE,
        {
            "command": f"make book PROFILE={PROFILE}",
            **{key: value for key, value in origin.items() if key != "threads"},
            "chapters": {
                name: {"seconds": round(told["seconds"], 1), "parameters": told["parameters"]}
                for name, told in notebooks.items()
            },
        },
    )


def table(name: str, folder: Path = FOLDER) -> pd.DataFrame:
    """One of `TABLES`, of the published run or of a build's `folder`."""
    path = folder / name
    if not path.is_file():
        raise InputError(f"{path} is missing: run `make book` first.")
    return pd.read_csv(path, keep_default_na=name != "claims.csv")


def _by_key(name: str, folder: Path = FOLDER) -> pd.DataFrame:
    """The table `intervals` or `differences`, a row a key."""
    return table(f"{name}.csv", folder).set_index(facts.TABLES[name])


def provenance() -> dict[str, Any]:
    """Where the published tables come from: commit, machine, parameters of each chapter."""
    told: dict[str, Any] = json.loads((FOLDER / PROVENANCE).read_text())
    return told


def results_at_a_glance() -> str:
    """The README's table, what the graph adds on new subjects, and the verdicts counted."""
    rows, differences = _by_key("intervals"), _by_key("differences")
    lines = [
        "| model | accuracy, as written | accuracy, new subjects | AUC, new subjects | paper |",
        "|---|---|---|---|---|",
    ]
    for model, name in MODELS.items():
        values = [
            _interval(rows, (protocol, model, metric))
            for protocol, metric in (
                ("as_written", "accuracy"),
                ("subject_disjoint", "accuracy"),
                ("subject_disjoint", "roc_auc"),
            )
        ]
        told = f"{paper.PRINTED[model].accuracy:.3f}" if model in paper.PRINTED else ""
        lines.append(f"| {name} | {' | '.join(values)} | {told} |")
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
    text = with_results(path.read_text())
    with files.atomic_path(path) as temporary:
        temporary.write_text(text)


def generated(results: Path) -> dict[str, str]:
    """The part of the page "Published results" that compares a build with the published run.

    Parameters
    ----------
    results : Path
        Folder of this build's tables.
    """
    parts = [
        _run(),
        _models(results),
        _differences(results),
        _verdicts(table("claims.csv"), table("claims.csv", results)),
    ]
    return {"published": "\n".join(parts)}


def _run() -> str:
    """How the published tables were made, in a sentence."""
    told = provenance()
    minutes = sum(chapter["seconds"] for chapter in told["chapters"].values()) / 60
    given = told["chapters"]["07_protocols"]["parameters"]
    return (
        f"{given['seeds']} seeds, {given['repeats']} other partitions of the subjects, "
        f"{given['draws']:,} bootstrap draws. Made by `{told['command']}` from commit "
        f"`{told['commit']}` on {told['processor']}, {told['cores']} cores, Python "
        f"{told['python']}, torch {told['libraries']['torch']}; the chapters took "
        f"{minutes:.0f} minutes, some of them side by side.\n"
    )


def _models(results: Path) -> str:
    """Accuracy and AUC of the models at a glance: published, and in this build."""
    ours, own = (_by_key("intervals", folder) for folder in (FOLDER, results))
    runs = table("results.csv")
    alike = runs["recall"].isin([0, 1]) & (runs["recall"] + runs["specificity"] == 1)
    seeds = alike.groupby([runs["protocol"], runs["model"]]).agg(["size", "sum"])
    rows = []
    for protocol, protocol_name in PROTOCOLS.items():
        for model in MODELS:
            if (protocol, model, "accuracy") not in ours.index:
                continue
            row: dict[str, Any] = {"Protocol": protocol_name, "Model": _short(model)}
            for metric, name in METRICS.items():
                row[name] = _interval(ours, (protocol, model, metric))
                row[f"{name}, this build"] = _interval(own, (protocol, model, metric))
            row["Seeds"], row["Alike"] = seeds.loc[[(protocol, model)]].iloc[0]
            rows.append(row)
    caption = (
        "Published accuracy and ROC AUC with 95 % intervals over subjects, and this build's. "
        "Seeds: of the published run; alike: how many of them gave every cell the same answer."
    )
    return markdown_table(pd.DataFrame(rows), name="tbl-published-models", caption=caption)


def _differences(results: Path) -> str:
    """Paired differences of the models at a glance: published, and in this build."""
    ours, own = (_by_key("differences", folder) for folder in (FOLDER, results))
    rows = []
    for protocol, protocol_name in PROTOCOLS.items():
        for first, second in PAIRS:
            key = (protocol, first, second)
            if not {first, second} <= set(MODELS) or (*key, "accuracy") not in ours.index:
                continue
            row: dict[str, Any] = {
                "Protocol": protocol_name,
                "Difference": f"{_short(first)} minus {_short(second)}",
            }
            for metric, name in METRICS.items():
                row[name] = _interval(ours, (*key, metric), signed=True)
                row[f"{name}, this build"] = _interval(own, (*key, metric), signed=True)
            rows.append(row)
    caption = "Published paired differences with 95 % intervals over subjects, and this build's."
    return markdown_table(pd.DataFrame(rows), name="tbl-published-differences", caption=caption)


def _short(model: str) -> str:
    """Name of a model without what all of them share and without its explanation."""
    return MODELS[model].removeprefix("ResNet-18 + ").partition(" (")[0]


def _interval(rows: pd.DataFrame, key: tuple[str, ...], *, signed: bool = False) -> str:
    """Value and interval of a row, or a dash where there is none."""
    return with_interval(rows.loc[[key]].iloc[0], signed=signed) if key in rows.index else "–"


def _verdicts(ours: pd.DataFrame, own: pd.DataFrame) -> str:
    """Verdicts counted, published and in this build, and the claims on which they differ."""
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
    told = markdown_table(counts, name="tbl-published-verdicts", caption=caption)
    if other.empty:
        return f"{told}\nThis build gives every claim the published verdict.\n"
    lines = [_other(row) for row in other.to_dict("records")]
    return "\n".join([told, "This build gives another verdict to:", "", *lines, ""])


def _other(row: Mapping[Any, Any]) -> str:
    """A claim on which this build and the published run differ, as an item of a list."""
    told = {name: escape(str(value)) for name, value in row.items()}
    return (
        f"- {told['id']}, {told['claim']}: published *{told['verdict']}* ({told['our_value']}), "
        f"this build *{told['verdict_here']}* ({told['our_value_here']})."
    )
