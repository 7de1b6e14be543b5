"""Which files of the package a chapter or a step rests on: its declared inputs."""

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import jupytext

from leukgnn.files import InputError

PACKAGE = Path(__file__).parent.parent


def modules_used(source: Path) -> list[Path]:
    """Files of the package that a chapter rests on: what it imports, and what those import."""
    notebook = jupytext.read(source)
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return _closure(_imported(code))


def modules_of(*names: str) -> list[Path]:
    """Files of the package that rooms or modules rest on, their own among them.

    Parameters
    ----------
    *names : str
        Within the package: ``"experiments"`` for all that this room's face leads to,
        ``"book.building"`` for one module and what it imports.

    Raises
    ------
    InputError
        When there is no such room or module.
    """
    for name in names:
        path = PACKAGE.joinpath(*name.split("."))
        if not path.with_suffix(".py").is_file() and not (path / "__init__.py").is_file():
            raise InputError(f"{PACKAGE.name} has no room or module {name!r}.")
    return _closure({f"{PACKAGE.name}.{name}" for name in names})


def _closure(names: Iterable[str]) -> list[Path]:
    """Files that importing these dotted names would run, those of the package only."""
    found: set[Path] = set()
    waiting = _files_of(names)
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting |= _files_of(_imported(path.read_text(encoding="utf-8")) | _faced(path))
    return sorted(found)


def _files_of(names: Iterable[str]) -> set[Path]:
    """Files of these dotted names: module or face, and the faces on the way to it."""
    found = set()
    for name in names:
        path = PACKAGE
        for part in name.split(".")[1:]:
            path /= part
            found |= {path / "__init__.py", path / "__init__.pyi", path.with_suffix(".py")}
    # The name may also be a function's, which a face hands on; the face is among the files then.
    return {path for path in found if path.is_file()}


def _faced(path: Path) -> set[str]:
    """Dotted names that a stub hands on, relative as `lazy_loader` wants them."""
    if path.suffix != ".pyi":
        return set()
    room = ".".join(path.parent.relative_to(PACKAGE.parent).parts)
    body = ast.parse(path.read_text(encoding="utf-8")).body
    imports = [node for node in body if isinstance(node, ast.ImportFrom)]
    return {f"{room}.{node.module or alias.name}" for node in imports for alias in node.names}


@cache
def _imported(code: str) -> frozenset[str]:
    """Dotted names within the package that a piece of Python imports, wherever it does so."""
    names = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(name for name in names if name.startswith(f"{PACKAGE.name}."))
