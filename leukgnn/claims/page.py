"""The page of claims: counts, a table that can be filtered, and the lists in the chapters."""

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
from docutils.nodes import make_id

from leukgnn.claims import VERDICTS, ledger, row_anchor
from leukgnn.display import markdown_table
from leukgnn.files import InputError

FENCED = re.compile(r"^(`{3,}|~{3,}).*?^\1", re.MULTILINE | re.DOTALL)


def counts(table: pd.DataFrame) -> pd.DataFrame:
    """Count the claims of each verdict, and say of which kinds they are, from `claims.csv`."""
    kinds = table["id"].map({entry["id"]: entry["kind"] for entry in ledger()})
    rows = [
        (verdict, int(of_it.sum()), _by_kind(kinds[of_it]))
        for verdict in VERDICTS
        if (of_it := table["verdict"] == verdict).any()
    ]
    rows.append(("all", len(table), _by_kind(kinds)))
    return pd.DataFrame(rows, columns=["verdict", "claims", "of which"])


def _by_kind(kinds: pd.Series) -> str:
    """Count claims by kind, in words, the most frequent first."""
    return ", ".join(f"{n} {kind}" for kind, n in kinds.value_counts().items())


def generated(results: Path, chapters: Sequence[Path]) -> dict[str, str]:
    """Parts of the book that come from `claims.csv`, by name.

    Returns
    -------
    dict
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
    found = table["verdict"].value_counts()
    told = [f"{verdict} {found[verdict]}" for verdict in VERDICTS if verdict in found]
    return f"Verdicts on {found.sum()} claims of the paper: {', '.join(told)}.\n"


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
    told = '<span role="status" aria-live="polite"></span>'
    return f'<form class="claims-filter" hidden>{"".join(parts)}{told}</form>\n'


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
    """One claim."""
    told = {name: escape(str(value)) for name, value in row.items()}
    theirs = f"<small>paper: {told['paper_value']}</small>" if told["paper_value"] else ""
    return (
        f'<tr id="{row_anchor(told["id"])}" data-verdict="{told["verdict"]}" '
        f'data-section="{told["section"]}">'
        f'<th scope="row">{told["id"]} <small>{told["section"]}</small></th>'
        f"<td>{told['claim']} {theirs}</td>"
        f'<td><a href="{told["evidence"]}">{told["verdict"]}</a></td>'
        f"<td>{told['our_value']}</td></tr>"
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
    told = [
        "\n".join([f'- <a href="#{anchor}">{escape(titles[anchor])}</a>', *found])
        for anchor, found in lines.items()
        if found
    ]
    return "\n".join(told or ["No claim has its evidence on this page."]) + "\n"


def sections(notebook: Any) -> dict[str, str]:
    """Titles of a notebook's headings by the anchors that Sphinx gives them."""
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    titles = [
        re.sub("[`*$]", "", title)
        for source in cells
        for title in re.findall(r"^#+ (.+)$", FENCED.sub("", source), flags=re.MULTILINE)
    ]
    return {make_id(title): title for title in titles}
