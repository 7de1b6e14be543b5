"""What code computed a run: a change of it makes this machine's stored runs stale."""

import ast
from functools import cache
from pathlib import Path

from leukgnn import files

PACKAGE = Path(__file__).parent.parent
COMPUTING = (  # what the answers of a run can depend on
    "paper.py",
    "cells/table.py",
    "explain/__init__.py",
    "explain/neighbours.py",
    "graphs/builders.py",
    "graphs/edges.py",
    "graphs/search.py",
    "networks/*.py",
    "experiments/classifiers.py",
    "experiments/faults.py",
    "experiments/leakage.py",
    "experiments/other_graphs.py",
    "experiments/partitions.py",
    "experiments/people.py",
    "experiments/reasons.py",
    "experiments/runs.py",
    "experiments/splits.py",
    "experiments/tasks.py",
)


def computing_modules() -> list[Path]:
    """Files of the package that a run's answers can depend on."""
    return sorted(path for pattern in COMPUTING for path in PACKAGE.glob(pattern))


@cache
def code_fingerprint() -> str:
    """SHA-256 over the computing code; comments, docstrings and layout do not count."""
    parts = [f"{path.relative_to(PACKAGE)}\n{_essence(path)}" for path in computing_modules()]
    return files.sha256_bytes("\n".join(parts).encode())


def _essence(path: Path) -> str:
    """Syntax tree of a module as text, without docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
            del node.body[0]
    return ast.dump(tree)
