"""What the chapters show besides figures: numbered tables, and the end of a page."""

from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from leukgnn.files import InputError, provenance


def show_table(frame: pd.DataFrame, *, name: str, caption: str, decimals: int = 3) -> None:
    r"""Display `frame` as a table that the book numbers and that ``{numref}`name``` reaches.

    The output carries two forms: HTML for Jupyter, and a MyST ``{table}`` directive, which the
    book prefers (`nb_mime_priority_overrides` in `_config.yml`).

    Parameters
    ----------
    frame : DataFrame
        What to show; the index is left out. Strings are taken as Markdown (links, ``$k$``).
    name : str
        Label of the table, unique in the whole book, such as ``"tbl-folds"``.
    caption : str
        One or two sentences, in Markdown.
    decimals : int
        Decimals of floats. Integers get none, missing values an en dash.

    Raises
    ------
    InputError
        When the frame has no row or no column: an empty table is a defect of the chapter.
    """
    if frame.empty:
        raise InputError(f"The table {name!r} is empty: expected at least one row and one column.")
    cells = frame.map(lambda value: _text(value, decimals)).astype(str)
    html = cells.to_html(index=False, border=0)
    display(  # type: ignore[no-untyped-call]
        {
            "text/html": html.replace("<thead>", f"<caption>{caption}</caption><thead>", 1),
            "text/markdown": markdown_table(frame, name=name, caption=caption, decimals=decimals),
        },
        raw=True,
    )


def markdown_table(frame: pd.DataFrame, *, name: str, caption: str, decimals: int = 3) -> str:
    """MyST ``{table}`` directive of `frame`; the parameters are those of `show_table`."""
    numeric = [pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes]
    rows = [
        [str(column) for column in frame.columns],
        ["---:" if right else ":---" for right in numeric],
        *([_text(value, decimals) for value in row] for row in frame.itertuples(index=False)),
    ]
    body = "\n".join("| " + " | ".join(_cell(text) for text in row) + " |" for row in rows)
    caption = " ".join(caption.split())
    # Tildes: a fence of backticks could not hold a caption with `code` in it.
    return f"~~~{{table}} {caption}\n:name: {name}\n\n{body}\n~~~\n"


def with_interval(row: Any, *, signed: bool = False) -> str:
    """Write `value`, `low` and `high` of a row as text: 0.796 [0.733, 0.852]."""
    value, low, high = (
        f"{row[name]:{'+' if signed else ''}.3f}" for name in ("value", "low", "high")
    )
    return f"{value} [{low}, {high}]"


def p_value(p: float) -> str:
    """Write a p-value as text, never as zero."""
    return "<0.001" if p < 0.0005 else f"{p:.3f}"


def p_note(draws: int, rows: int = 1) -> str:
    """Say in a caption how its p-values were made, and what they cannot tell.

    `rows` is how many of them Holm's correction is over; 1 where none is made.
    """
    holm = ", with Holm's correction over the rows" if rows > 1 else ""
    return (
        "p by sign flips over subjects, for the AUC by Obuchowski's variance" + holm + ". Sign "
        "flips ask whether the two models could be exchanged: of models that trade recall for "
        "specificity they see little, so read the interval there. "
        f"{draws:,} draws give no p below {rows / (draws + 1):.2g}."
    )


def counted(number: int, noun: str) -> str:
    """Write a number of things as text: 1 seed, 10 seeds."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def page_note(profile: str) -> None:
    """Display the line at the end of a chapter: profile, package version and commit."""
    origin = provenance()
    display(  # type: ignore[no-untyped-call]
        Markdown(  # type: ignore[no-untyped-call]
            f"*Profile `{profile}`, leukgnn {origin['leukgnn']}, commit `{origin['commit']}`; "
            "everything else about this run stands on the page "
            "[](../environment.md), the numbers of the full profile on the page "
            "[](../results.md).*"
        )
    )


def claims_note(chapter: str) -> None:
    """Display the list of the claims whose evidence stands in this chapter.

    The book puts it in when it is built (`claims_page.evidence_in`), verdicts and all; so the
    chapters do not depend on the ledger, and no chapter runs again when a claim changes.
    """
    display(  # type: ignore[no-untyped-call]
        {
            "text/html": "<p>The book lists here which of the paper's claims this chapter checks, "
            "with their verdicts; the page of claims has them all.</p>",
            "text/markdown": f"```{{include}} ../generated/claims/{chapter}.md\n```\n",
        },
        raw=True,
    )


def _text(value: Any, decimals: int) -> str:
    """How one value reads in a table."""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return str(value)
    if pd.isna(value):
        return "–"
    return f"{value:.{decimals}f}" if isinstance(value, float | np.floating) else str(value)


def _cell(text: str) -> str:
    """`text` so that it stays within its cell of a Markdown table."""
    return " ".join(text.replace("|", "\\|").split())
