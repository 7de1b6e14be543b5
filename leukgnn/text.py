"""How numbers, tables and pages read as text: intervals, p-values, counts, MyST tables."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

NBSP = "\N{NO-BREAK SPACE}"


def with_interval(row: Mapping[Any, Any] | pd.Series, *, signed: bool = False) -> str:
    """Write `value`, `low` and `high` of a row as text: 0.796 [0.733, 0.852].

    Its spaces do not break, so that no line ends within an interval.
    """
    value, low, high = (
        f"{row[name]:{'+' if signed else ''}.3f}" for name in ("value", "low", "high")
    )
    return f"{value} [{low}, {high}]".replace(" ", NBSP)


def p_value(p: float) -> str:
    """Write a p-value as text, never as zero."""
    return "<0.001" if p < 0.0005 else f"{p:.3f}"


def difference(row: Mapping[Any, Any] | pd.Series) -> str:
    """Write a paired difference with its interval, its outcome and the subjects that carry it."""
    return f"{with_interval(row, signed=True)}, {row['outcome']} ({row['effective_subjects']:.1f})"


def each_once(row: Mapping[Any, Any] | pd.Series, *, signed: bool = False) -> str:
    """Write value and interval of a row of results where every subject counts once."""
    ends = {"value": "", "low": "_low", "high": "_high"}
    once = {name: row[f"by_subject{end}"] for name, end in ends.items()}
    return with_interval(once, signed=signed)


def declared(row: Mapping[Any, Any] | pd.Series) -> str:
    """Write a declared secondary comparison's outcome, with its p-value among the others."""
    return f"*{row['outcome']}*, p {p_value(row['p_holm'])} after Holm's correction"


def counted(number: int, noun: str) -> str:
    """Write a number of things as text: 1 seed, 10 seeds."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def value_text(value: Any, decimals: int) -> str:
    """Write one value of a table: floats with `decimals`, missing ones as an en dash."""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return str(value)
    if pd.isna(value):
        return "–"
    return f"{value:.{decimals}f}" if isinstance(value, float | np.floating) else str(value)


def markdown_table(frame: pd.DataFrame, *, name: str, caption: str, decimals: int = 3) -> str:
    """MyST ``{table}`` directive of `frame`, which the book numbers.

    Parameters
    ----------
    frame : DataFrame
        The index is left out. Strings are taken as Markdown (links, ``$k$``).
    name : str
        Label of the table, unique in the whole book, such as ``"tbl-folds"``.
    caption : str
        One or two sentences, in Markdown.
    decimals : int
        Decimals of floats.
    """
    numeric = [pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes]
    rows = [
        [str(column) for column in frame.columns],
        ["---:" if right else ":---" for right in numeric],
        *([value_text(value, decimals) for value in row] for row in frame.itertuples(index=False)),
    ]
    body = "\n".join("| " + " | ".join(_within_cell(text) for text in row) + " |" for row in rows)
    caption = " ".join(caption.split())
    # Tildes: a fence of backticks could not hold a caption with `code` in it.
    return f"~~~{{table}} {caption}\n:name: {name}\n\n{body}\n~~~\n"


def _within_cell(text: str) -> str:
    """`text` so that it stays within its cell of a Markdown table."""
    return " ".join(text.replace("|", "\\|").split())


def with_policy(page: str, policy: str) -> str:
    """Give a page its content policy itself, so that no host needs to send it."""
    tag = f'<meta http-equiv="Content-Security-Policy" content="{policy}" />'
    return page.replace("<head>", f"<head>\n    {tag}", 1)
