"""The page of claims: counts, a table that can be filtered, and the lists in the chapters."""

import json
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
from docutils.nodes import make_id

from leukgnn.claims.ledger import ledger
from leukgnn.claims.rules import ADOPTED, BASES, COMPUTED, FUTURE, READ, VERDICTS
from leukgnn.claims.verdicts import row_anchor
from leukgnn.files import InputError
from leukgnn.paper import TITLE
from leukgnn.text import counted, markdown_table

FENCED = re.compile(r"^(`{3,}|~{3,}).*?^\1", re.MULTILINE | re.DOTALL)


# What a verdict looks like besides its words and its colour.
SIGNS = dict(zip(VERDICTS, "✓≈⇄✗?–·", strict=True))


def counts(table: pd.DataFrame) -> pd.DataFrame:
    """Count the claims of `claims.csv` by verdict, a column for each basis."""
    given = pd.crosstab(table["verdict"], table["basis"], margins=True, margins_name="all")
    rows = [v for v in (*VERDICTS, "all") if v in given.index]
    columns = [b for b in (*BASES, "all") if b in given.columns]
    return given.loc[rows, columns].rename_axis(columns=None).reset_index()


def generated(results: Path, chapters: Sequence[Path]) -> dict[str, str]:
    """Parts of the book that come from `claims.csv`, by name.

    Parameters
    ----------
    results : Path
        Folder of the result tables.
    chapters : sequence of Path
        Executed notebooks.

    Returns
    -------
    dict of str to str
        `verdicts`, the counts as a table and `verdicts_short` as a sentence; `claims`, the table of
        all claims; `references`, those about the paper's references; and for each executed chapter
        the claims that it is evidence for.
    """
    table = pd.read_csv(results / "claims.csv", keep_default_na=False)
    caption = "Verdicts on the paper's claims, by what they rest on."
    return {
        "verdicts": markdown_table(counts(table), name="tbl-verdicts", caption=caption),
        "verdicts_short": sentence(table),
        "claims": f"```{{raw}} html\n{_filters(table)}{_rows(table)}```\n",
        "references": _references(table),
        **{f"claims/{path.stem}": evidence_in(path, table) for path in chapters},
    }


def sentence(table: pd.DataFrame) -> str:
    """Counts of the verdicts of `claims.csv` in one sentence: of those that numbers decide."""
    bases = table["basis"].value_counts().reindex(BASES, fill_value=0)
    given = table.loc[table["basis"] == COMPUTED, "verdict"].value_counts()
    parts = [f"{verdict} {given[verdict]}" for verdict in VERDICTS if verdict in given]
    return (
        f"Verdicts on {counted(given.sum(), 'claim')} of the paper, all computed: "
        f"{', '.join(parts)}. Not counted: {bases[READ]} judged by reading, {bases[ADOPTED]} that "
        f"we adopted, so that they cannot fail, and {bases[FUTURE]} of future work.\n"
    )


def _references(table: pd.DataFrame) -> str:
    """What we found of each work that the paper lists."""
    rows = table[table["section"] == "References"]
    shown = pd.DataFrame(
        {
            "Entry": rows["claim"].str.removeprefix("reference "),
            "Printed": rows["paper_value"],
            "What we found": rows["our_value"],
        }
    )
    caption = "The paper's references, and what we found of them."
    return markdown_table(shown, name="tbl-references", caption=caption)


def _filters(table: pd.DataFrame) -> str:
    """Controls above the table; without JavaScript they stay hidden."""
    choices = {
        "verdict": [v for v in VERDICTS if v in set(table["verdict"])],
        "basis": [b for b in BASES if b in set(table["basis"])],
        "section": list(dict.fromkeys(table["section"])),
    }
    parts = [
        f'<label>{name}<select data-column="{name}"><option value="">all</option>'
        + "".join(f"<option>{escape(value)}</option>" for value in values)
        + "</select></label>"
        for name, values in choices.items()
    ]
    parts.append('<label>words<input type="search"></label>')
    status = '<span role="status" aria-live="polite"></span>'
    return f'<form class="claims-filter" hidden>{"".join(parts)}{status}</form>\n'


def _rows(table: pd.DataFrame) -> str:
    """The table, each row with an anchor of its own."""
    heads = ("", "claim", "verdict", "here")
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    merged = {entry["id"]: entry.get("also", []) for entry in ledger()}
    records = table.to_dict("records")
    body = "\n".join(_row(row, merged.get(row["id"], [])) for row in records)
    script = '<script src="../scripts/claims.js" defer></script>'
    reviews = json.dumps([_review(row) for row in records if row["basis"] == COMPUTED])
    return (
        '<div class="pst-scrollable-table-container">'  # as the theme does with its own tables
        f'<table class="table claims"><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n'
        f"</tbody></table></div>\n{script}\n"
        f'<script type="application/ld+json">{reviews.replace("<", chr(92) + "u003c")}</script>\n'
    )


def _row(row: dict[Any, Any], merged: Sequence[str]) -> str:
    """Row of a claim; the ids that were merged into it lead here too."""
    cells = {name: escape(str(value)) for name, value in row.items()}
    theirs = f"<small>paper: {cells['paper_value']}</small>" if cells["paper_value"] else ""
    code = f"<small>released code: {cells['code']}</small>" if cells["code"] else ""
    anchors = "".join(f'<span id="{row_anchor(name)}"></span>' for name in merged)
    also = f" <small>with {', '.join(merged)}</small>" if merged else ""
    return (
        f'<tr id="{row_anchor(cells["id"])}" data-verdict="{cells["verdict"]}" '
        f'data-basis="{cells["basis"]}" data-section="{cells["section"]}">'
        f'<th scope="row">{anchors}{cells["id"]} <small>{cells["section"]}</small>{also}</th>'
        f"<td>{cells['claim']} {theirs}{code}</td>"
        f'<td class="verdict"><span aria-hidden="true">{SIGNS[row["verdict"]]}</span> '
        f'<a href="{cells["evidence"]}">{cells["verdict"]}</a> <small>{cells["basis"]}</small></td>'
        f"<td>{cells['our_value']}</td></tr>"
    )


def _review(row: dict[Any, Any]) -> dict[str, Any]:
    """A computed verdict as schema.org's ClaimReview."""
    return {
        "@context": "https://schema.org",
        "@type": "ClaimReview",
        "url": f"claims.html#{row_anchor(row['id'])}",
        "claimReviewed": row["claim"],
        "itemReviewed": {
            "@type": "Claim",
            "appearance": {"@type": "ScholarlyArticle", "name": TITLE},
        },
        "author": {"@type": "Organization", "name": "leukgnn"},
        "reviewRating": {"@type": "Rating", "alternateName": row["verdict"]},
    }


def evidence_in(chapter: Path, table: pd.DataFrame) -> str:
    """Markdown list of an executed chapter's sections, with the claims that each is evidence for.

    Parameters
    ----------
    chapter : Path
        The executed notebook.
    table : DataFrame
        `claims.csv`.

    Raises
    ------
    InputError
        When a claim points to a section that the chapter does not have.
    """
    titles = sections(nbformat.read(chapter, as_version=4))  # type: ignore[no-untyped-call]
    lines: dict[str, list[str]] = {anchor: [] for anchor in titles}
    page = f"chapters/{chapter.stem}.html#"
    for row in table[table["evidence"].str.startswith(page)].to_dict("records"):
        anchor = row["evidence"].removeprefix(page)
        if anchor not in lines:
            raise InputError(
                f"claims.yml: {row['id']}: {chapter.stem} has no section {anchor!r}: expected one "
                f"of {', '.join(titles)}."
            )
        link = f'<a href="../claims.html#{row_anchor(row["id"])}">{row["id"]}</a>'
        lines[anchor].append(f"    - {link} {escape(row['claim'])}: *{row['verdict']}*")
    parts = [
        "\n".join([f'- <a href="#{anchor}">{escape(titles[anchor])}</a>', *claims])
        for anchor, claims in lines.items()
        if claims
    ]
    return "\n".join(parts or ["No claim has its evidence on this page."]) + "\n"


def sections(notebook: Any) -> dict[str, str]:
    """Titles of a notebook's headings by the anchors that Sphinx gives them."""
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    titles = [
        re.sub("[`*$]", "", title)
        for source in cells
        for title in re.findall(r"^#+ (.+)$", FENCED.sub("", source), flags=re.MULTILINE)
    ]
    return {make_id(title): title for title in titles}
