"""The page of claims: counts, a table that can be filtered, and links back from the chapters."""

from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
from IPython.display import Markdown, display

from leukgnn.claims import VERDICTS, ledger
from leukgnn.display import markdown_table


def counts(table: pd.DataFrame) -> pd.DataFrame:
    """Count the claims of each verdict, and of each kind within it, from `claims.csv`."""
    kinds = {entry["id"]: entry["kind"] for entry in ledger()}
    crossed = pd.crosstab(table["verdict"], table["id"].map(kinds))
    crossed = crossed.reindex(VERDICTS, fill_value=0)
    crossed.insert(0, "claims", crossed.sum(axis=1))
    crossed.loc["all"] = crossed.sum()
    return crossed.rename_axis("verdict").rename_axis(None, axis=1).reset_index()


def generated(results: Path) -> dict[str, str]:
    """Parts of the book that come from `claims.csv`, by name: counts, and the table of claims."""
    table = pd.read_csv(results / "claims.csv", keep_default_na=False)
    caption = "Verdicts on the paper's claims, by kind of claim."
    return {
        "verdicts": markdown_table(counts(table), name="tbl-verdicts", caption=caption),
        "claims": f"```{{raw}} html\n{_filters(table)}{_rows(table)}```\n",
    }


def _filters(table: pd.DataFrame) -> str:
    """Controls above the table; without JavaScript they stay hidden."""
    choices = {
        "verdict": [v for v in VERDICTS if v in set(table["verdict"])],
        "section": list(dict.fromkeys(table["section"])),
    }
    parts = [
        f'<label>{name}<select data-column="{name}"><option value="">all</option>'
        + "".join(f"<option>{escape(value)}</option>" for value in values)
        + "</select></label>"
        for name, values in choices.items()
    ]
    parts.append('<label>words<input type="search"></label>')
    told = '<span role="status" aria-live="polite"></span>'
    return f'<form class="claims-filter" hidden>{"".join(parts)}{told}</form>\n'


def _rows(table: pd.DataFrame) -> str:
    """The table, each row with an anchor of its own."""
    heads = ("", "section", "claim", "paper", "here", "verdict")
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    body = "\n".join(_row(row) for row in table.to_dict("records"))
    script = '<script src="../scripts/claims.js" defer></script>'
    return (
        f'<table class="table claims"><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n'
        f"</tbody></table>\n{script}\n"
    )


def _row(row: dict[Any, Any]) -> str:
    """One claim."""
    told = {name: escape(str(value)) for name, value in row.items()}
    return (
        f'<tr id="{told["id"].lower()}" data-verdict="{told["verdict"]}" '
        f'data-section="{told["section"]}"><th scope="row">{told["id"]}</th>'
        f"<td>{told['section']}</td><td>{told['claim']}</td><td>{told['paper_value']}</td>"
        f"<td>{told['our_value']}</td>"
        f'<td><a href="{told["evidence"]}">{told["verdict"]}</a></td></tr>'
    )


def claims_note(chapter: str) -> None:
    """Display the claims whose evidence stands in this chapter, linked to their verdicts."""
    display(Markdown(evidence_in(chapter)))  # type: ignore[no-untyped-call]


def evidence_in(chapter: str) -> str:
    """Markdown list of a chapter's sections with the claims that they are evidence for."""
    found: dict[str, list[str]] = {}
    for entry in ledger():
        page, _, anchor = entry["evidence"].partition("#")
        if page == chapter:
            link = f'<a href="../claims.html#{entry["id"].lower()}">{entry["id"]}</a>'
            found.setdefault(anchor, []).append(f"{link} {escape(entry['claim'])}")
    return "\n".join(
        f'- <a href="#{anchor}">{anchor.replace("-", " ")}</a>: {"; ".join(told)}'
        for anchor, told in found.items()
    )
