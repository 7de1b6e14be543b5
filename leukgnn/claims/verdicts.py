"""The verdict that a build's numbers give to each claim, and where its evidence stands."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from leukgnn.claims.facts import ABSENT, Facts, MissingError, read_facts
from leukgnn.claims.ledger import ledger
from leukgnn.claims.rules import NOT_CHECKABLE, PREDICATES, basis
from leukgnn.files import InputError, atomic_path

COLUMNS = [
    "id", "section", "claim", "paper_value", "our_value", "verdict", "evidence", "basis", "code",
]  # fmt: skip


def judge(facts: Facts, entries: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Verdict on every claim: the table `claims.csv`, in the order of the entries.

    A claim whose fact this build did not compute is "not checkable here", and says so. A rule's
    `says` is a sentence that stands in place of the bare number that the rule compares.

    Parameters
    ----------
    facts : Facts
    entries : sequence of mapping
        Of the ledger.

    Returns
    -------
    DataFrame
        With `COLUMNS`.

    Raises
    ------
    InputError
        When a rule has an argument that its predicate does not take.
    """
    rows = []
    for entry in entries:
        arguments = dict(entry["rule"])
        name, says = arguments.pop("name"), arguments.pop("says", "")
        predicate = PREDICATES[name]
        try:
            verdict, our_value = predicate(facts, **arguments)
            our_value = facts.fill(says) or our_value
        except MissingError:
            verdict, our_value = NOT_CHECKABLE, ABSENT
        except TypeError as error:
            raise InputError(f"claims.yml: {entry['id']}: {error}.") from error
        row = {
            **entry,
            "paper_value": facts.fill(entry["paper_value"]),
            "our_value": our_value,
            "verdict": verdict,
            "evidence": address(entry),
            "basis": basis(name),
            "code": entry.get("code", ""),
        }
        rows.append({column: row[column] for column in COLUMNS})
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
    """Anchor of a claim's row on the page of claims, from its id."""
    return name.lower()


def write(chapters: Iterable[Path], results: Path) -> pd.DataFrame:
    """Judge all claims by a build's numbers and write `claims.csv` among its results.

    Parameters
    ----------
    chapters : iterable of Path
        Executed notebooks.
    results : Path
        Folder of the result tables.
    """
    table = judge(read_facts(chapters, results), ledger())
    with atomic_path(results / "claims.csv") as temporary:
        table.to_csv(temporary, index=False)
    return table
