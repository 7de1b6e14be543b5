"""The ledger of the paper's claims: its entries, read and checked."""

import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from leukgnn.claims.facts import is_printed_name, printed
from leukgnn.claims.rules import PREDICATES, VERDICTS
from leukgnn.files import InputError, shipped_path

FIELDS = {"id", "section", "claim", "paper_value", "rule", "evidence"}
OPTIONAL = {"also", "code"}  # ids of merged claims; what the released code does
SENTENCES = ("reason", "says")  # of a rule, with facts in braces


def ledger(path: Path | None = None) -> list[dict[str, Any]]:
    """Entries of the ledger, checked, in the file's order.

    Parameters
    ----------
    path : Path, optional
        Another ledger than the one that the package ships.

    Raises
    ------
    InputError
        When an entry has other fields than it must, an id twice, an unknown predicate, or names a
        figure that the paper does not print.
    """
    path = path or shipped_path("claims.yml")
    entries: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    seen: set[str] = set()
    for entry in entries:
        name = entry.get("id", "an entry without id")
        if set(entry) - OPTIONAL != FIELDS:
            wrong = sorted((set(entry) - OPTIONAL) ^ FIELDS)
            raise InputError(f"{path.name}: {name} has too few or too many fields: {wrong}.")
        if seen & {name, *entry.get("also", [])}:
            raise InputError(f"{path.name}: {name} is there twice; give each claim its own id.")
        try:
            _check(entry)
        except InputError as error:
            raise InputError(f"{path.name}: {name}: {error}") from None
        seen |= {name, *entry.get("also", [])}
    return entries


def _check(entry: Mapping[str, Any]) -> None:
    """Check what an entry's fields hold."""
    rule = entry["rule"]
    if rule.get("name") not in PREDICATES:
        expected = ", ".join(PREDICATES)
        raise InputError(f"rule {rule.get('name')!r}, expected one of {expected}.")
    for verdict in (rule.get("verdict"), rule.get("otherwise")):
        if verdict not in (None, *VERDICTS):
            raise InputError(f"verdict {verdict!r} is none of {', '.join(VERDICTS)}.")
    for name in (*rule.values(), *fact_names(entry)):
        if isinstance(name, str) and is_printed_name(name):
            printed(name)


def fact_names(entry: Mapping[str, Any]) -> list[str]:
    """Names of the facts in a claim's sentences, such as that in ``{gcn.accuracy:.3f}``."""
    sentences = [entry["paper_value"], *(entry["rule"].get(key, "") for key in SENTENCES)]
    parts = [part for sentence in sentences for part in string.Formatter().parse(sentence)]
    return [name for _, name, _, _ in parts if name]
