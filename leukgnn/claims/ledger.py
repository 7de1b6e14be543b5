"""The ledger of the paper's claims, and the verdict that this build's numbers give to each."""

import re
import string
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from leukgnn import files
from leukgnn.display import with_interval
from leukgnn.facts import ABSENT, Facts, MissingError, printed, read_facts
from leukgnn.files import InputError

HOLDS = "holds"
APPROXIMATELY = "holds approximately"
CONTRADICTED = "contradicted by the paper itself"
NOT_REPRODUCED = "not reproduced"
UNSPECIFIED = "unspecified"
NOT_CHECKABLE = "not checkable here"
VERDICTS = (HOLDS, APPROXIMATELY, CONTRADICTED, NOT_REPRODUCED, UNSPECIFIED, NOT_CHECKABLE)
KINDS = ("arithmetic", "metadata", "experiment", "literature", "reading", "not checkable")
FIELDS = {"id", "section", "claim", "paper_value", "kind", "rule", "evidence"}
COLUMNS = ["id", "section", "claim", "paper_value", "our_value", "verdict", "evidence"]
SENTENCES = ("reason", "says")  # of a rule, with facts in braces
PRINTED_NAME = re.compile(r"[a-z]+\.[a-z_0-9]+")  # such as gcn.accuracy
Judgement = tuple[str, str]  # verdict, our value


def fixed(facts: Facts, *, verdict: str, reason: str) -> Judgement:
    """Give the verdict that reading alone gives; the reason stands where our value would."""
    return verdict, facts.fill(reason)


def near(
    facts: Facts,
    *,
    fact: str,
    value: float | str | None = None,
    tolerance: float = 0.0,
    approximately: float = 0.0,
    low: float | str = float("-inf"),
    high: float | str = float("inf"),
    otherwise: str = NOT_REPRODUCED,
) -> Judgement:
    """Compare a glued number with a value, within tolerances, or with a range."""
    ours = facts.number(fact)
    told = f"{ours:,.0f}" if ours == round(ours) else f"{ours:,.4g}"
    if value is None:
        inside = facts.number(low) <= ours <= facts.number(high)
        return (HOLDS if inside else otherwise), told
    distance = abs(ours - facts.number(value))
    if distance <= tolerance:
        return HOLDS, told
    return (APPROXIMATELY if distance <= approximately else otherwise), told


def inside(facts: Facts, *, value: float | str, low: str, high: str) -> Judgement:
    """Say whether a printed value lies between two glued numbers."""
    ends = facts.number(low), facts.number(high)
    told = f"between {ends[0]:.3f} and {ends[1]:.3f}"
    return (HOLDS if ends[0] <= facts.number(value) <= ends[1] else NOT_REPRODUCED), told


def text(facts: Facts, *, fact: str, value: str) -> Judgement:
    """Compare a glued text with a printed one."""
    ours = str(facts.value(fact))
    return (HOLDS if ours == value else NOT_REPRODUCED), ours


def in_interval(
    facts: Facts,
    *,
    protocol: str,
    model: str,
    metric: str,
    value: float | str,
    approximately: float,
) -> Judgement:
    """Say whether a printed value lies in our 95 % interval, or near what we got.

    A wide interval cannot exclude much, so a value inside it "holds" only if it is also within
    `approximately` of ours; inside but farther away, it "holds approximately".
    """
    row, theirs = facts.interval("intervals", protocol, model, metric), facts.number(value)
    within = row["low"] <= theirs <= row["high"]
    close = abs(row["value"] - theirs) <= approximately
    verdict = {2: HOLDS, 1: APPROXIMATELY, 0: NOT_REPRODUCED}[int(within) + int(close)]
    return verdict, with_interval(row)


def better(facts: Facts, *, protocol: str, first: str, second: str, metric: str) -> Judgement:
    """Say whether the paired difference of two models lies above zero with its whole interval."""
    row = facts.interval("differences", protocol, first, second, metric)
    verdict = HOLDS if row["low"] > 0 else NOT_REPRODUCED
    what = f"{metric}, {first} minus {second}, {protocol}".replace("_", " ")
    return verdict, f"{what}: {with_interval(row, signed=True)}"


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
        When an entry has other fields than it must, an id twice, an unknown kind or predicate, or
        names a figure that the paper does not print.
    """
    path = path or files.shipped_path("claims.yml")
    entries: list[dict[str, Any]] = yaml.safe_load(path.read_text())
    seen = set()
    for entry in entries:
        name = entry.get("id", "an entry without id")
        if set(entry) != FIELDS:
            wrong = sorted(set(entry) ^ FIELDS)
            raise InputError(f"{path.name}: {name} has too few or too many fields: {wrong}.")
        if name in seen:
            raise InputError(f"{path.name}: {name} is there twice; give each claim its own id.")
        try:
            _check(entry)
        except InputError as error:
            raise InputError(f"{path.name}: {name}: {error}") from None
        seen.add(name)
    return entries


def _check(entry: Mapping[str, Any]) -> None:
    """Check what an entry's fields hold."""
    if entry["kind"] not in KINDS:
        raise InputError(f"kind {entry['kind']!r}, expected one of {', '.join(KINDS)}.")
    rule = entry["rule"]
    if rule.get("name") not in PREDICATES:
        expected = ", ".join(PREDICATES)
        raise InputError(f"rule {rule.get('name')!r}, expected one of {expected}.")
    for verdict in (rule.get("verdict"), rule.get("otherwise")):
        if verdict not in (None, *VERDICTS):
            raise InputError(f"verdict {verdict!r} is none of {', '.join(VERDICTS)}.")
    for name in (*rule.values(), *names_in(entry)):
        if PRINTED_NAME.fullmatch(str(name)) and isinstance(name, str):
            printed(name)


def names_in(entry: Mapping[str, Any]) -> list[str]:
    """Names of the facts that a claim's sentences hold, as in ``{gcn.accuracy:.3f}``."""
    sentences = [entry["paper_value"], *(entry["rule"].get(key, "") for key in SENTENCES)]
    parts = [part for text in sentences for part in string.Formatter().parse(text)]
    return [name for _, name, _, _ in parts if name]


def judge(facts: Facts, entries: list[dict[str, Any]]) -> pd.DataFrame:
    """Verdict on every claim: the table `claims.csv`.

    A claim whose fact this build did not compute is "not checkable here", and says so. A rule's
    `says` is a sentence that stands in place of the bare number that the rule compares.
    """
    rows = []
    for entry in entries:
        arguments = dict(entry["rule"])
        predicate, says = PREDICATES[arguments.pop("name")], arguments.pop("says", "")
        try:
            verdict, ours = predicate(facts, **arguments)
            ours = facts.fill(says) or ours
        except MissingError:
            verdict, ours = NOT_CHECKABLE, ABSENT
        except TypeError as error:
            raise InputError(f"claims.yml: {entry['id']}: {error}.") from error
        told = {
            **entry,
            "paper_value": facts.fill(entry["paper_value"]),
            "our_value": ours,
            "verdict": verdict,
            "evidence": address(entry),
        }
        rows.append({column: told[column] for column in COLUMNS})
    return pd.DataFrame(rows)


def address(entry: Mapping[str, Any]) -> str:
    """Where a claim's evidence stands: page#anchor, seen from the page of claims.

    A claim without evidence elsewhere has its own row there, where the reason stands.
    """
    page, _, anchor = entry["evidence"].partition("#")
    if not page:
        return f"claims.html#{row_anchor(entry['id'])}"
    return f"{'chapters/' if page[0].isdigit() else ''}{page}.html#{anchor}"


def row_anchor(name: str) -> str:
    """Anchor of a claim's row on the page of claims."""
    return name.lower()


def write(chapters: Path, results: Path) -> pd.DataFrame:
    """Judge all claims by a build's numbers and write `claims.csv` among its results."""
    table = judge(read_facts(chapters, results), ledger())
    with files.atomic_path(results / "claims.csv") as temporary:
        table.to_csv(temporary, index=False)
    return table
