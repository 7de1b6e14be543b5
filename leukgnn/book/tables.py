"""What the chapters show besides figures: numbered tables, and the end of a page."""

import pandas as pd
from IPython.display import Markdown, display

from leukgnn.files import InputError, provenance
from leukgnn.text import markdown_table, value_text


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
    cells = frame.map(lambda value: value_text(value, decimals)).astype(str)
    html = cells.to_html(index=False, border=0)
    display(  # type: ignore[no-untyped-call]
        {
            "text/html": html.replace("<thead>", f"<caption>{caption}</caption><thead>", 1),
            "text/markdown": markdown_table(frame, name=name, caption=caption, decimals=decimals),
        },
        raw=True,
    )


def page_note(profile: str) -> None:
    """Display the line at the end of a chapter: profile, package version and commit."""
    origin = provenance()
    display(  # type: ignore[no-untyped-call]
        Markdown(  # type: ignore[no-untyped-call]
            f"*Profile `{profile}`, leukgnn {origin['leukgnn']}, commit `{origin['commit']}`; "
            "everything else about this build stands on the page [](../environment.md); the page "
            "[](../results.md) says where the networks' answers come from.*"
        )
    )


def claims_note(chapter: str) -> None:
    """Display the list of the claims whose evidence stands in this chapter.

    The book puts it in when it is built (`leukgnn.claims.page.evidence_in`), verdicts and all; so
    the chapters do not depend on the ledger, and no chapter runs again when a claim changes.
    """
    display(  # type: ignore[no-untyped-call]
        {
            "text/html": "<p>The book lists here which of the paper's claims this chapter checks, "
            "with their verdicts; the page of claims has them all.</p>",
            "text/markdown": f"```{{include}} ../generated/claims/{chapter}.md\n```\n",
        },
        raw=True,
    )
