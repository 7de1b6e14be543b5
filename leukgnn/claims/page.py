"""The page of claims: counts, a table that can be filtered, and the lists in the chapters."""

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
from docutils.nodes import make_id

from leukgnn.claims.ledger import ledger
from leukgnn.claims.rules import VERDICTS
from leukgnn.claims.verdicts import row_anchor
from leukgnn.files import InputError
from leukgnn.text import markdown_table

FENCED = re.compile(r"^(`{3,}|~{3,}).*?^\1", re.MULTILINE | re.DOTALL)


def counts(table: pd.DataFrame) -> pd.DataFrame:
    """Count the claims of each verdict, and say of which kinds they are, from `claims.csv`."""
    kinds = table["id"].map({entry["id"]: entry["kind"] for entry in ledger()})
    rows = [
        (verdict, int(given.sum()), _by_kind(kinds[given]))
        for verdict in VERDICTS
        if (given := table["verdict"] == verdict).any()
    ]
    rows.append(("all", len(table), _by_kind(kinds)))
    return pd.DataFrame(rows, columns=["verdict", "claims", "of which"])


def _by_kind(kinds: pd.Series) -> str:
    """Count claims by kind, in words, the most frequent first."""
    return ", ".join(f"{n} {kind}" for kind, n in kinds.value_counts().items())


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
    caption = "Verdicts on the paper's claims, by kind of claim."
    return {
        "verdicts": markdown_table(counts(table), name="tbl-verdicts", caption=caption),
        "verdicts_short": sentence(table),
        "claims": f"```{{raw}} html\n{_filters(table)}{_rows(table)}```\n",
        "references": _references(table),
        **{f"claims/{path.stem}": evidence_in(path, table) for path in chapters},
    }


def sentence(table: pd.DataFrame) -> str:
    """Counts of the verdicts of `claims.csv` in one sentence."""
    given = table["verdict"].value_counts()
    parts = [f"{verdict} {given[verdict]}" for verdict in VERDICTS if verdict in given]
    return f"Verdicts on {given.sum()} claims of the paper: {', '.join(parts)}.\n"


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
    body = "\n".join(_row(row) for row in table.to_dict("records"))
    script = '<script src="../scripts/claims.js" defer></script>'
    return (
        f'<table class="table claims"><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n'
        f"</tbody></table>\n{script}\n"
    )


def _row(row: dict[Any, Any]) -> str:
    """Row of a claim."""
    cells = {name: escape(str(value)) for name, value in row.items()}
    theirs = f"<small>paper: {cells['paper_value']}</small>" if cells["paper_value"] else ""
    return (
        f'<tr id="{row_anchor(cells["id"])}" data-verdict="{cells["verdict"]}" '
        f'data-section="{cells["section"]}">'
        f'<th scope="row">{cells["id"]} <small>{cells["section"]}</small></th>'
        f"<td>{cells['claim']} {theirs}</td>"
        f'<td><a href="{cells["evidence"]}">{cells["verdict"]}</a></td>'
        f"<td>{cells['our_value']}</td></tr>"
    )


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
