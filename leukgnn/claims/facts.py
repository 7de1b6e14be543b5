"""What a build knows: numbers glued in its chapters, its result tables, and the paper's figures.

A glued number goes by the name that a chapter gave it, such as ``dataset_cells``; a figure that the
paper prints by the name that `leukgnn.paper` gives it, such as ``gcn.accuracy``. What the last
benchmark measured begins with ``measured_``.
"""

import ast
import json
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pandas as pd

from leukgnn import files, paper
from leukgnn.files import InputError
from leukgnn.names import KEYS

ABSENT = "not computed in this build"
PRINTED_NAME = re.compile(r"[a-z]+\.[a-z_0-9]+")  # such as gcn.accuracy
PRINTED: dict[str, Any] = {
    **paper.PRINTED,
    "matrix": paper.CONFUSION,
    "images": paper.IMAGES,
    "extractor": paper.EXTRACTOR,
    "graph": paper.GRAPH,
    "training": paper.TRAINING,
    "fold": SimpleNamespace(low=paper.CELLS_PER_FOLD[0], high=paper.CELLS_PER_FOLD[1]),
    "total": SimpleNamespace(low=paper.CELLS_TOTAL[0], high=paper.CELLS_TOTAL[1]),
}


class MissingError(KeyError):
    """A fact that this build does not have."""


def is_printed_name(name: str) -> bool:
    """Whether a text has the form of a printed figure's name."""
    return PRINTED_NAME.fullmatch(name) is not None


def printed(name: str) -> Any:
    """Figure of the paper, such as ``"gcn.accuracy"`` or ``"training.epochs"``.

    Raises
    ------
    InputError
        When `leukgnn.paper` has no such figure.
    """
    group, _, field = name.partition(".")
    if group not in PRINTED or not hasattr(PRINTED[group], field):
        raise InputError(
            f"{name!r} is no figure of the paper: expected a field of {', '.join(PRINTED)}, such "
            "as gcn.accuracy."
        )
    return getattr(PRINTED[group], field)


class _Filled(string.Formatter):
    """Fills ``{name:format}`` with facts; what is missing reads as such."""

    def __init__(self, glued: Mapping[str, Any]) -> None:
        self.glued = glued

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Any) -> tuple[Any, str]:
        if "." in field_name:
            return printed(field_name), field_name
        return self.glued.get(field_name, ABSENT), field_name

    def format_field(self, value: Any, format_spec: str) -> str:
        return ABSENT if value is ABSENT else format(value, format_spec)


@dataclass(frozen=True)
class Facts:
    """What a build knows.

    Attributes
    ----------
    glued : mapping of str to value
        Numbers and texts that chapters glued.
    intervals : DataFrame
        Index protocol, model, metric; `value`, `low`, `high`.
    differences : DataFrame
        Index protocol, first, second, metric; `value`, `low`, `high`, `outcome`.
    """

    glued: Mapping[str, Any]
    intervals: pd.DataFrame
    differences: pd.DataFrame

    def number(self, what: float | str) -> float:
        """Give a number as it is, a name's figure of the paper, or a glued number."""
        return float(self.value(what) if isinstance(what, str) else what)

    def value(self, name: str) -> Any:
        """Figure of the paper or glued value of this name."""
        if "." in name:
            return printed(name)
        if name not in self.glued:
            raise MissingError(name)
        return self.glued[name]

    def interval(self, table: str, *key: str) -> pd.Series:
        """Row of `intervals` or `differences`."""
        rows: pd.DataFrame = getattr(self, table)
        if key not in rows.index:
            raise MissingError(key)
        return rows.loc[[key]].iloc[0]

    def fill(self, template: str) -> str:
        """Put facts into a sentence such as ``"{dataset_cells:,} cells"``."""
        return _Filled(self.glued).format(template)


def read_facts(chapters: Path, results: Path) -> Facts:
    """Facts of the executed chapters and the result tables.

    Parameters
    ----------
    chapters, results : Path
        Their folders.

    Raises
    ------
    InputError
        When a table is missing, or something other than a plain value was glued.
    """
    glued: dict[str, Any] = measured()
    for path in sorted(chapters.glob("*.ipynb")):
        glued |= _glued(path)
    tables = {}
    for name, index in KEYS.items():
        path = results / f"{name}.csv"
        if not path.is_file():
            raise InputError(f"{path} is missing: run `make book` first.")
        tables[name] = pd.read_csv(path).set_index(index).sort_index()
    return Facts(glued, **tables)


def measured() -> dict[str, Any]:
    """Facts of the last `make bench`, which is not part of a build.

    Raises
    ------
    InputError
        When its results are missing or damaged.
    """
    path = files.project_root() / "benchmarks" / "results.json"
    if not path.is_file():
        raise InputError(f"{path} is missing: run `make bench` first.")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        slopes = {row["Step"]: row["Slope"] for row in found["scaling"]}
        steps = [row["Value"] for row in found["demo"] if row["What"].startswith("one cell:")]
        return {"measured_knn_slope": slopes["k-NN graph"], "measured_answer_ms": sum(steps)}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} holds no results of benchmarks: run `make bench`.") from error


def _glued(path: Path) -> dict[str, Any]:
    """Values that a chapter glued, by name, read from its outputs."""
    values = {}
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            # myst-nb's `glue` marks its outputs so, after the scrapbook library.
            metadata = output.get("metadata", {}).get("scrapbook")
            if not metadata:
                continue
            content = output["data"][f"{metadata['mime_prefix']}text/plain"]
            try:
                values[metadata["name"]] = ast.literal_eval(content)
            except (ValueError, SyntaxError) as error:
                raise InputError(
                    f"{path.name}: {metadata['name']} is glued as {content}; glue a plain number."
                ) from error
    return values
