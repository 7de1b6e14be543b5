"""The ledger of the paper's claims, and the verdict that this build's numbers give to each."""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import yaml

from leukgnn import files
from leukgnn.display import with_interval
from leukgnn.files import InputError

HOLDS = "holds"
APPROXIMATELY = "holds approximately"
CONTRADICTED = "contradicted by the paper itself"
NOT_REPRODUCED = "not reproduced"
UNSPECIFIED = "unspecified"
NOT_CHECKABLE = "not checkable here"
VERDICTS = (HOLDS, APPROXIMATELY, CONTRADICTED, NOT_REPRODUCED, UNSPECIFIED, NOT_CHECKABLE)
KINDS = ("arithmetic", "metadata", "experiment", "literature", "not checkable")
FIELDS = {"id", "section", "claim", "paper_value", "kind", "rule", "evidence"}
COLUMNS = ["id", "section", "claim", "paper_value", "our_value", "verdict", "evidence"]
ABSENT = "not computed in this build"
Judgement = tuple[str, str]  # verdict, our value


class MissingError(KeyError):
    """A fact that this build does not have."""


@dataclass(frozen=True)
class Facts:
    """What a build knows: numbers glued in its chapters, and its result tables.

    Attributes
    ----------
    glued : mapping of str to value
    intervals : DataFrame
        Index protocol, model, metric; `value`, `low`, `high`.
    differences : DataFrame
        Index protocol, first, second, metric; `value`, `low`, `high`.
    """

    glued: Mapping[str, Any]
    intervals: pd.DataFrame
    differences: pd.DataFrame

    def number(self, name: str) -> float:
        """Glued number of this name."""
        if name not in self.glued:
            raise MissingError(name)
        return float(self.glued[name])

    def interval(self, table: str, *key: str) -> pd.Series:
        """Row of `intervals` or `differences`."""
        rows: pd.DataFrame = getattr(self, table)
        if key not in rows.index:
            raise MissingError(key)
        return rows.loc[[key]].iloc[0]


def read_facts(chapters: Path, results: Path) -> Facts:
    """Facts of the executed chapters and the result tables.

    Raises
    ------
    InputError
        When a table is missing.
    """
    glued: dict[str, Any] = {}
    for path in sorted(chapters.glob("*.ipynb")):
        glued |= _glued(path)
    keys = {
        "intervals": ["protocol", "model", "metric"],
        "differences": ["protocol", "first", "second", "metric"],
    }
    tables = {}
    for name, index in keys.items():
        path = results / f"{name}.csv"
        if not path.is_file():
            raise InputError(f"{path} is missing: run `make book` first.")
        tables[name] = pd.read_csv(path).set_index(index).sort_index()
    return Facts(glued, **tables)


def _glued(path: Path) -> dict[str, Any]:
    """Values that a chapter glued, by name, read from its outputs."""
    found = {}
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            told = output.get("metadata", {}).get("scrapbook")
            if told:
                text = output["data"][f"{told['mime_prefix']}text/plain"]
                try:
                    found[told["name"]] = ast.literal_eval(text)
                except (ValueError, SyntaxError) as error:
                    raise InputError(
                        f"{path.name}: {told['name']} is glued as {text}; glue a plain number."
                    ) from error
    return found


def fixed(_: Facts, *, verdict: str, reason: str) -> Judgement:
    """Give the verdict that reading alone gives; the reason stands where our value would."""
    return verdict, reason


def near(
    facts: Facts,
    *,
    fact: str,
    value: float | None = None,
    tolerance: float = 0.0,
    approximately: float = 0.0,
    low: float = float("-inf"),
    high: float = float("inf"),
    otherwise: str = NOT_REPRODUCED,
) -> Judgement:
    """Compare a glued number with a value, within tolerances, or with a range."""
    ours = facts.number(fact)
    told = f"{ours:,.0f}" if ours == round(ours) else f"{ours:,.4g}"
    if value is None:
        return (HOLDS if low <= ours <= high else otherwise), told
    distance = abs(ours - value)
    if distance <= tolerance:
        return HOLDS, told
    return (APPROXIMATELY if distance <= approximately else otherwise), told


def inside(facts: Facts, *, value: float, low: str, high: str) -> Judgement:
    """Say whether a printed value lies between two glued numbers."""
    ends = facts.number(low), facts.number(high)
    told = f"between {ends[0]:.3f} and {ends[1]:.3f}"
    return (HOLDS if ends[0] <= value <= ends[1] else NOT_REPRODUCED), told


def text(facts: Facts, *, fact: str, value: str) -> Judgement:
    """Compare a glued text with a printed one."""
    if fact not in facts.glued:
        raise MissingError(fact)
    ours = str(facts.glued[fact])
    return (HOLDS if ours == value else NOT_REPRODUCED), ours


def in_interval(
    facts: Facts,
    *,
    protocol: str,
    model: str,
    metric: str,
    value: float,
    approximately: float,
) -> Judgement:
    """Say whether a printed value lies in our 95 % interval, or near what we got.

    A wide interval cannot exclude much, so a value inside it "holds" only if it is also within
    `approximately` of ours; inside but farther away, it "holds approximately".
    """
    row = facts.interval("intervals", protocol, model, metric)
    within = row["low"] <= value <= row["high"]
    close = abs(row["value"] - value) <= approximately
    verdict = {2: HOLDS, 1: APPROXIMATELY, 0: NOT_REPRODUCED}[int(within) + int(close)]
    return verdict, with_interval(row)


def better(facts: Facts, *, protocol: str, first: str, second: str, metric: str) -> Judgement:
    """Say whether the paired difference of two models lies above zero with its whole interval."""
    row = facts.interval("differences", protocol, first, second, metric)
    verdict = HOLDS if row["low"] > 0 else NOT_REPRODUCED
    return verdict, f"{first} minus {second}: {with_interval(row, signed=True)}"


PREDICATES: dict[str, Callable[..., Judgement]] = {
    one.__name__: one for one in (fixed, near, inside, text, in_interval, better)
}


def ledger(path: Path | None = None) -> list[dict[str, Any]]:
    """Claims of the ledger, checked.

    Parameters
    ----------
    path : Path, optional
        Another ledger than the one that the package ships.

    Raises
    ------
    InputError
        When an entry has other fields than it must, an id twice, an unknown kind or predicate.
    """
    path = path or Path(str(package_files("leukgnn") / "data" / "claims.yml"))
    entries: list[dict[str, Any]] = yaml.safe_load(path.read_text())
    seen = set()
    for entry in entries:
        name = entry.get("id", "an entry without id")
        if set(entry) != FIELDS:
            wrong = sorted(set(entry) ^ FIELDS)
            raise InputError(f"{path.name}: {name} has too few or too many fields: {wrong}.")
        if name in seen:
            raise InputError(f"{path.name}: {name} is there twice; give each claim its own id.")
        if entry["kind"] not in KINDS:
            raise InputError(
                f"{path.name}: {name}: kind {entry['kind']!r}, expected one of {KINDS}."
            )
        rule = entry["rule"].get("name")
        if rule not in PREDICATES:
            raise InputError(
                f"{path.name}: {name}: rule {rule!r}, expected one of {', '.join(PREDICATES)}."
            )
        for verdict in (entry["rule"].get("verdict"), entry["rule"].get("otherwise")):
            if verdict not in (None, *VERDICTS):
                raise InputError(f"{path.name}: {name}: verdict {verdict!r} is none of {VERDICTS}.")
        seen.add(name)
    return entries


def judge(facts: Facts, entries: list[dict[str, Any]]) -> pd.DataFrame:
    """Verdict on every claim: the table `claims.csv`.

    A claim whose fact this build did not compute is "not checkable here", and says so.
    """
    rows = []
    for entry in entries:
        arguments = {key: value for key, value in entry["rule"].items() if key != "name"}
        try:
            verdict, ours = PREDICATES[entry["rule"]["name"]](facts, **arguments)
        except MissingError:
            verdict, ours = NOT_CHECKABLE, ABSENT
        except TypeError as error:
            raise InputError(f"claims.yml: {entry['id']}: {error}.") from error
        told = {**entry, "our_value": ours, "verdict": verdict, "evidence": address(entry)}
        rows.append({column: told[column] for column in COLUMNS})
    return pd.DataFrame(rows)


def address(entry: Mapping[str, Any]) -> str:
    """Where a claim's evidence stands: page#anchor, seen from the page of claims."""
    page, _, anchor = entry["evidence"].partition("#")
    return f"chapters/{page}.html#{anchor}" if anchor else f"{page}.html#{_TITLES[page]}"


_TITLES = {"bibliography": "bibliography", "environment": "environment-and-provenance"}


def write(chapters: Path, results: Path) -> pd.DataFrame:
    """Judge all claims by a build's numbers and write `claims.csv` among its results."""
    table = judge(read_facts(chapters, results), ledger())
    with files.atomic_path(results / "claims.csv") as temporary:
        table.to_csv(temporary, index=False)
    return table
