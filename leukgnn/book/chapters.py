"""One chapter through jupytext and papermill: parameters checked, every error fatal."""

import ast
import re
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import papermill
import yaml
from nbclient.exceptions import DeadKernelError
from traitlets.config import Config

from leukgnn import files, shell
from leukgnn.files import InputError
from leukgnn.names import FIGURE_DATA

ANSI = re.compile(r"\x1b\[[0-9;]*m")
# Between papermill and the kernel; without it every kernel warns that others could listen.
KERNELS = Config({"KernelManager": {"transport_encryption": "auto"}})
TYPES = {"int": int, "float": float, "str": str, "bool": bool, "list": list}
READERS: dict[str, Callable[[str], Any]] = {
    "int": int, "float": float, "str": str, "bool": yaml.safe_load, "list": yaml.safe_load,
}  # fmt: skip


class ChapterError(RuntimeError):
    """A cell of a chapter failed; the message names chapter and cell and holds the traceback."""


@dataclass(frozen=True)
class Parameter:
    """A chapter's declared parameter, as its cell tagged `parameters` gives it."""

    name: str
    type: str
    default: Any
    help: str


def chapters() -> list[Path]:
    """List the sources of all chapters of the checkout, in the book's order."""
    return sorted((files.project_root() / "notebooks").glob("[0-9][0-9]_*.md"))


def chapter_source(name: str) -> Path:
    """Source of one chapter, such as ``"05_gcn"``.

    Raises
    ------
    InputError
        When there is no such chapter; names those there are.
    """
    known = {path.stem: path for path in chapters()}
    if name not in known:
        raise InputError(f"chapter {name!r} is unknown: expected one of {', '.join(known)}.")
    return known[name]


def declared_parameters(source: Path) -> dict[str, Parameter]:
    """Parameters that a chapter declares: typed, commented literals in its tagged cell.

    Papermill reads them; what it would pass over in silence is refused here.

    Raises
    ------
    InputError
        When the chapter has no such cell, or a line of it is not ``name: type = literal  # help``.
    """
    notebook = jupytext.read(source)
    cells = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    if len(cells) != 1:
        raise InputError(f"{source}: expected one cell tagged parameters, found {len(cells)}.")
    inspected = papermill.inspect_notebook(notebook)
    found = {}
    for line in filter(None, map(str.strip, cells[0].source.splitlines())):
        name = line.partition(":")[0]
        parameter = _parameter(inspected.get(name, {}))
        if parameter is None or name in found:
            raise InputError(f"{source}: {line!r} is not `name: type = literal  # help`.")
        found[name] = parameter
    return found


def _parameter(inspected: Mapping[str, str]) -> Parameter | None:
    """Parameter that papermill found, unless its type, literal or help is missing or unfit."""
    kind = inspected.get("inferred_type_name", "").partition("[")[0]
    if kind not in TYPES or not inspected["help"]:
        return None
    try:
        default = ast.literal_eval(inspected["default"])
    except (ValueError, SyntaxError):
        return None
    # A list says by its first element what its elements are.
    fits = type(_as(TYPES[kind], default)) is TYPES[kind] and default != []
    return Parameter(inspected["name"], kind, default, inspected["help"]) if fits else None


def parse_assignments(source: Path, assignments: Sequence[str]) -> dict[str, Any]:
    """Read ``["k=20", "flag=false"]`` by the declared types: ``{"k": 20, "flag": False}``.

    What cannot be read so stays text, for `check_parameters` to say what was expected.
    """
    declared = declared_parameters(source)
    given: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals or not name:
            raise InputError(f"-p {assignment}: expected NAME=VALUE, such as -p k=20.")
        kind = declared[name].type if name in declared else "str"
        try:
            given[name] = READERS[kind](value)
        except (ValueError, yaml.YAMLError):
            given[name] = value
    return given


def check_parameters(source: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """Check given parameters against the declared ones; integers are taken for floats.

    A list's elements must be like those of the declared one.

    Raises
    ------
    InputError
        For an unknown parameter (names the known ones) or a value of another type.
    """
    declared = declared_parameters(source)
    checked = {}
    for name, value in given.items():
        if name not in declared:
            raise InputError(
                f"{source.stem} has no parameter {name!r}: expected one of {', '.join(declared)}."
            )
        kind, default = TYPES[declared[name].type], declared[name].default
        if kind is list and type(value) is list:
            value = [_as(type(default[0]), element) for element in value]
            fits = all(type(element) is type(default[0]) for element in value)
        else:
            value = _as(kind, value)
            fits = type(value) is kind
        if not fits:
            raise InputError(
                f"{source.stem}: {name}={value!r} is of type {type(value).__name__}, "
                f"expected {declared[name].type}, such as {default!r}."
            )
        checked[name] = value
    return checked


def _as(kind: type, value: Any) -> Any:
    """An integer as a float where a float is expected; else the value."""
    return float(value) if kind is float and type(value) is int else value


def run(source: Path, output: Path, parameters: Mapping[str, Any]) -> None:
    """Execute a chapter from its source into `output`.

    A chapter that fails never reaches `output`: what it got to is kept as
    `build/failed/CHAPTER.ipynb` of the checkout.

    Parameters
    ----------
    source : Path
        A MyST Markdown notebook.
    output : Path
        The executed `.ipynb` to write.
    parameters : mapping
        Checked against the declared ones.

    Raises
    ------
    InputError
        For parameters that do not fit, or an output that cannot be written.
    ChapterError
        When a cell fails or the kernel dies.
    """
    root = files.project_root()
    checked = check_parameters(source, parameters)
    files.check_target(output, ".ipynb")
    kept = files.build_folder() / "failed" / f"{source.stem}.ipynb"
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        plain, executed = Path(scratch, f"{source.stem}.ipynb"), Path(scratch, "executed.ipynb")
        jupytext.write(jupytext.read(source), plain)
        try:
            with shell.for_kernels(Path(scratch)):
                papermill.execute_notebook(
                    plain, executed, checked, kernel_name="python3", cwd=root, progress_bar=False,
                    config=KERNELS,
                )  # fmt: skip
        except papermill.PapermillExecutionError as error:
            _keep(executed, kept)
            raise ChapterError(_explain(source.stem, error, kept.relative_to(root))) from None
        except DeadKernelError as error:
            raise ChapterError(
                f"chapter {source.stem}: its kernel died, for want of memory perhaps ({error})."
            ) from error
        notebook = nbformat.read(executed, as_version=4)  # type: ignore[no-untyped-call]
        try:
            _clean(notebook, source.stem, checked, time.perf_counter() - started)
        except ChapterError:
            _keep(executed, kept)
            raise
    with files.atomic_path(output) as temporary:
        nbformat.write(notebook, temporary)  # type: ignore[no-untyped-call]


def _keep(executed: Path, kept: Path) -> None:
    """Keep a partial output for inspection, apart from the book."""
    with files.atomic_path(kept) as temporary:
        temporary.write_bytes(executed.read_bytes())


def _explain(chapter: str, error: papermill.PapermillExecutionError, kept: Path) -> str:
    """Say where a chapter failed."""
    first = error.source.strip().splitlines()[0] if error.source.strip() else ""
    traceback = ANSI.sub("", "\n".join(error.traceback))
    return (
        f"chapter {chapter}, cell {error.exec_count} ({first}): {error.ename}: {error.evalue}\n"
        f"{traceback}\nThe output up to there: {kept}"
    )


def _clean(notebook: Any, chapter: str, parameters: Mapping[str, Any], seconds: float) -> None:
    """Replace papermill's metadata (paths of this machine) by our own, and check the outputs."""
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not _is_stderr(output, chapter)]
            if cell.metadata.get("mystnb", {}).get("figure"):
                _check_figure(cell, chapter)
                _end_caption(cell)
    notebook.metadata.pop("papermill", None)
    notebook.metadata["leukgnn"] = {
        "chapter": chapter,
        "parameters": dict(parameters),
        "seconds": round(seconds, 1),
        "provenance": files.provenance(),
    }


def _is_stderr(output: Any, chapter: str) -> bool:
    """Whether an output is for the terminal, not for the page; hands warnings on to it.

    Progress bars write there, and libraries' warnings with this machine's paths.
    """
    if output.output_type == "error":
        raise ChapterError(f"chapter {chapter}: a cell shows an error: {output.ename}")
    if output.output_type != "stream" or output.name != "stderr":
        return False
    if output.text.strip() and "\r" not in output.text:
        print(f"chapter {chapter}: {output.text}", file=sys.stderr)
    return True


def _check_figure(cell: Any, chapter: str) -> None:
    """Raise ChapterError when a cell that is to show a figure shows no image."""
    kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
    if not any(kind.startswith("image/") for kind in kinds):
        raise ChapterError(
            f"chapter {chapter}: the cell of {cell.metadata.mystnb.figure.get('name')} shows no "
            "image; end it with plt.show()."
        )


def _end_caption(cell: Any) -> None:
    """Say under a figure where it comes from, and link to its data.

    The data becomes metadata, `data` of the cell, from which the book writes a file: it would take
    a second form of the figure for a second output.
    """
    figure = cell.metadata.mystnb.figure
    parts = [f"Code cell {cell.execution_count} of this chapter", "[provenance](../environment.md)"]
    for output in cell.outputs:
        if text := output.get("data", {}).pop(FIGURE_DATA, ""):
            cell.metadata["data"] = text
            parts.append(f"{{download}}`data <../generated/figures/{figure.name}.csv>`")
    figure.caption += f" *{'; '.join(parts)}.*"


def metadata(notebook: Path) -> dict[str, Any]:
    """What `run` wrote into an executed notebook: parameters, seconds, provenance.

    Raises
    ------
    InputError
        When another program wrote the notebook, or it is damaged.
    """
    try:
        executed = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
        return dict(executed.metadata["leukgnn"])
    except (OSError, ValueError, KeyError, AttributeError, nbformat.ValidationError) as error:
        raise InputError(
            f"{notebook}: not a chapter that `leukgnn run` executed; move it elsewhere, or remove "
            "it and run `make book` again."
        ) from error
