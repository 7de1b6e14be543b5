"""What README and book show of the result tables: the models at a glance, and where they stand."""

import json
import re
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from leukgnn import files, paper
from leukgnn.book.published import deviations, keyed, provenance, row_of, table
from leukgnn.claims import VERDICTS, sentence
from leukgnn.evaluation import DIFFERENCE_NOTE, MARGIN, PAIRS, PRIMARY
from leukgnn.names import METRICS, MODELS, PROTOCOLS
from leukgnn.text import (
    counted,
    declared,
    difference,
    markdown_table,
    p_value,
    with_interval,
)

README_MARKS = ("<!-- results: written by `make readme` -->", "<!-- end of results -->")
SHOWN = ("gcn", "mlp", "svm", "cnn", "size", "majority")  # models at a glance
METRICS_SHOWN = ("roc_auc", "size_adjusted_auc", "accuracy")
PROMISED = 0.94  # of a 95 % interval: what a simulation of some hundred studies can tell from 0.95


def results_at_a_glance() -> str:
    """The README's table, what the graph adds on new subjects, and the verdicts counted."""
    rows, differences = keyed("intervals"), keyed("differences")
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
    apart = row_of(rows, ("subject_disjoint", "gcn", "accuracy"))
    of_cnn = row_of(rows, ("subject_disjoint", "cnn", "accuracy"))
    primary = row_of(differences, PRIMARY)
    partitions = counted(provenance()["partitions"], "partition")
    at_equal_size = row_of(differences, (*PRIMARY[:3], "size_adjusted_auc"))
    lines += [
        "",
        f"{apart['cells']:,.0f} real cells; 95 % intervals over {apart['subjects']:.0f} "
        "independent subjects (those that equal files link count as one); "
        f"{counted(int(apart['seeds']), 'seed')} of whatever is random, of the CNN "
        f"{counted(int(of_cnn['seeds']), 'seed')}. Whether the graph adds to the same network "
        f"without graph, asked of new subjects in {partitions}: "
        f"GCN minus MLP in ROC AUC {with_interval(primary, signed=True)}, *{primary['outcome']}* "
        f"(margin {MARGIN}); among cells of about equal size "
        f"{with_interval(at_equal_size, signed=True)}, {declared(at_equal_size)}.",
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
    """The generated parts of the page "Published results".

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
    path = files.project_root() / "benchmarks" / "coverage.csv"
    commit = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["provenance"][
        "commit"
    ]
    told = coverage(pd.read_csv(path), table("intervals.csv"), commit)
    return {"published": "\n".join(parts), "coverage": told}


def coverage(simulated: pd.DataFrame, intervals: pd.DataFrame, commit: str) -> str:
    """How often the intervals held the truth in simulated studies, and which fall short.

    Parameters
    ----------
    simulated : DataFrame
        As `benchmarks/coverage.py` writes it.
    intervals : DataFrame
        The published ones; the studies were drawn after their GCN and MLP on new subjects.
    commit : str
        Whose code simulated them.
    """
    names = {"difference": "GCN minus MLP", **{m: MODELS[m].label for m in ("gcn", "mlp")}}
    held = simulated[~simulated["exchangeable"]]
    null = simulated[simulated["exchangeable"]].set_index(["model", "metric"])["found"]
    shown = pd.DataFrame(
        {
            "Of": held["model"].map(names),
            "Metric": [METRICS[metric].label for metric in held["metric"]],
            "Jackknife": held["jackknife"].map("{:.1%}".format),
            "Bootstrap": held["bootstrap"].map("{:.1%}".format),
            "Test, no difference": [
                f"{null[model, metric]:.1%}" if model == "difference" else "–"
                for model, metric in zip(held["model"], held["metric"], strict=True)
            ],
        }
    )
    caption = (
        f"Share of {held['studies'].max()} simulated studies whose 95 % interval holds the truth, "
        "by the jackknife (which this book prints) and by the percentile bootstrap (beside it in "
        "its tables); and how often the test finds a difference at 5 % between two models that are "
        f"exchangeable. Computed by commit {commit}."
    )
    short = held["jackknife"] < PROMISED
    told = ", ".join((shown["Metric"] + " of " + shown["Of"] + " " + shown["Jackknife"])[short])
    less = (
        f"Below {100 * PROMISED:.0f} % lie: {told}"
        if told
        else f"None lies below {100 * PROMISED:.0f} %"
    )
    table_text = markdown_table(shown, name="tbl-coverage", caption=caption)
    drawn = held.set_index(["model", "metric"])["truth"]
    keys = ["protocol", "model", "metric"]
    real = row_of(intervals.set_index(keys), ("subject_disjoint", "gcn", "roc_auc"))
    found = null["difference"]
    return (
        f"{table_text}\n{less}. The bootstrap's go down to {held['bootstrap'].min():.1%}. Most "
        f"often, in {found.max():.1%} of the studies, the test finds a difference that is none in "
        f"{METRICS[found.idxmax()].label}. In these studies a person's number of cells says "
        "nothing about how well they are classified; in the data it does: the simulated GCN's ROC "
        f"AUC is {drawn['gcn', 'roc_auc']:.3f}, the published one {real['value']:.3f} and, with "
        f"every person weighed alike, {real['by_subject']:.3f}. What that does to the coverage was "
        "not simulated, nor were means over other partitions.\n"
    )


def _origin() -> str:
    """How the published runs were made, in a sentence."""
    origin = provenance()
    return (
        f"{origin['runs']['number']:,} runs: {origin['seeds']} seeds, {origin['partitions']} other "
        f"partitions of the subjects; {origin['draws']:,} bootstrap draws. The tables were made "
        f"from commit `{origin['commit']}`, the runs: {_makers(origin['runs']['made'])}.\n"
    )


def _makers(made: list[dict[str, Any]]) -> str:
    """Who computed how many runs, in words."""
    return "; ".join(
        f"{part['number']:,} from commit `{part['commit']}` on {part['processor']}, Python "
        f"{part['python']}, torch {part['torch']}"
        for part in made
    )


def _standing(results: Path) -> str:
    """Whether the tables below are the published ones."""
    other = deviations(results)
    if not other:
        return "The tables of this build are the published ones, row by row.\n"
    return (
        "This build computed its runs itself, from other features, or counts otherwise: its tables "
        f"differ from the published ones in {counted(len(other), 'row')} (a column that is in one "
        "of them alone counts as one). The tables below are this build's.\n"
    )


def _models(results: Path) -> str:
    """Accuracy and AUC of the models at a glance."""
    known = keyed("intervals", results)
    runs = table("results.csv", results)
    runs = runs[runs["fold"] == "all"]
    alike = runs["recall"].isin([0, 1]) & (runs["recall"] + runs["specificity"] == 1)
    seeds = alike.groupby([runs["protocol"], runs["model"]]).agg(["size", "sum"])
    rows = []
    for protocol, name in PROTOCOLS.items():
        for model in SHOWN:
            if (protocol, model, "accuracy") not in known.index:
                continue
            row: dict[str, Any] = {"Protocol": name.label, "Model": MODELS[model].label}
            for metric in METRICS_SHOWN:
                row[METRICS[metric].label] = _interval(known, (protocol, model, metric))
            row["Seeds"], row["Alike"] = row_of(seeds, (protocol, model))
            rows.append(row)
    caption = (
        "ROC AUC and accuracy with 95 % intervals over subjects. Seeds: how many; alike: how many "
        "of them gave every cell the same answer."
    )
    return markdown_table(pd.DataFrame(rows), name="tbl-published-models", caption=caption)


def _differences(results: Path) -> str:
    """Paired differences of the models at a glance."""
    known = keyed("differences", results)
    rows = []
    for protocol, name in PROTOCOLS.items():
        for first, second in PAIRS:
            key = (protocol, first, second)
            if not {first, second} <= set(SHOWN) or (*key, "accuracy") not in known.index:
                continue
            row: dict[str, Any] = {
                "Protocol": name.label,
                "Difference": f"{MODELS[first].label} minus {MODELS[second].label}",
            }
            for metric in METRICS_SHOWN:
                found = row_of(known, (*key, metric))
                row[METRICS[metric].label] = difference(found) + _corrected(found)
            rows.append(row)
    caption = (
        f"Paired differences {DIFFERENCE_NOTE} Behind what was declared stands its p: of the "
        "primary question as it is, of the secondary family after Holm's correction; all others "
        "describe."
    )
    return markdown_table(pd.DataFrame(rows), name="tbl-published-differences", caption=caption)


def _corrected(row: pd.Series) -> str:
    """P of a declared comparison, nothing for what only describes."""
    if row["family"] == "primary":
        return f"; p {p_value(row['p'])} (primary)"
    return f"; p {p_value(row['p_holm'])} (secondary)" if row["family"] == "secondary" else ""


def _interval(rows: pd.DataFrame, key: tuple[str, ...]) -> str:
    """Value and interval of a row, or a dash where there is none."""
    return with_interval(row_of(rows, key)) if key in rows.index else "–"


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
