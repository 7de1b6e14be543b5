"""The rooms of the package: lower ones never import higher ones, and each has a face."""

import ast
from itertools import pairwise
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "leukgnn"
BASE = {"__init__", "paper", "files", "names", "profiles", "shell", "text"}
ROOMS = [
    "cells", "features", "graphs", "networks", "explain", "experiments", "evaluation", "claims",
]  # fmt: skip
TOP = {"book", "demo"}  # side by side: neither imports the other
DOOR = {"cli", "commands", "steps"}  # the command, above all rooms
HEIGHT = {
    **dict.fromkeys(BASE, 0),
    **{room: i for i, room in enumerate(ROOMS, start=1)},
    **dict.fromkeys(TOP, len(ROOMS) + 1),
    **dict.fromkeys(DOOR, len(ROOMS) + 2),
}


def problems(package):
    """A sentence for each rule of the house that a package breaks."""
    found = []
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        name, room = "/".join(parts), parts[0]
        if room not in HEIGHT:
            found.append(f"{name}: {room} is no room of the house.")
            continue
        tree = ast.parse(path.read_text())
        if path.name == "__init__.py" and not ast.get_docstring(tree):
            found.append(f"{name}: the face has no docstring.")
        for target in imports(tree, package):
            found += [f"{name}: {fault}." for fault in faults(room, target)]
    folders = [path for path in sorted(package.iterdir()) if any(path.glob("*.py"))]
    found += [f"{path.name}: has no face." for path in folders if not has_face(path)]
    return found


def has_face(folder):
    return (folder / "__init__.py").is_file()


def imports(tree, package):
    """Dotted names within the package that a module imports, without the package's own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield [""]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name.split(".")[1:] for name in names if own(name, package))
        elif isinstance(node, ast.Import):
            yield from (a.name.split(".")[1:] for a in node.names if own(a.name, package))


def own(name, package):
    return name.split(".")[0] == package.name and "." in name


def faults(room, target):
    """What is wrong with importing `target`, a dotted name in parts, within `room`."""
    if target == [""]:
        return ["a relative import; modules import each other by full path"]
    other = target[0]
    if other.startswith("__"):
        return []
    if other not in HEIGHT:
        return [f"imports {other}, which is no room of the house"]
    found = []
    if other != room and HEIGHT[other] > HEIGHT[room]:
        found.append(f"imports {other}, which stands higher")
    if other != room and {other, room} <= TOP:
        found.append(f"imports {other}, which stands beside it")
    if other != room and any(part.startswith("_") for part in target):
        found.append(f"reaches into {other} for {'.'.join(target)}, a private name")
    return found


def test_the_house_is_in_order():
    assert problems(PACKAGE) == []


def test_the_order_is_one_order():
    assert all(HEIGHT[low] < HEIGHT[high] for low, high in pairwise([*ROOMS, "book", "cli"]))


@pytest.fixture
def house(tmp_path):
    """A small house in order."""
    package = tmp_path / "leukgnn"
    for room in ("cells", "graphs", "book", "demo"):
        (package / room).mkdir(parents=True)
        (package / room / "__init__.py").write_text('"""A room."""\n')
    (package / "__init__.py").write_text('"""A house."""\n')
    (package / "files.py").write_text("import json\n")
    (package / "graphs" / "knn.py").write_text("from leukgnn.cells import table\n")
    (package / "cli.py").write_text("def f():\n    from leukgnn import book, demo\n")
    assert problems(package) == []
    return package


@pytest.mark.parametrize(
    ("path", "code", "fault"),
    [
        ("cells/a.py", "from leukgnn.graphs import knn", "imports graphs, which stands higher"),
        ("cells/a.py", "from leukgnn import graphs", "imports graphs, which stands higher"),
        ("cells/a.py", "import leukgnn.graphs.knn", "imports graphs, which stands higher"),
        ("cells/a.py", "def f():\n    import leukgnn.book", "imports book, which stands higher"),
        ("files.py", "from leukgnn.cells import table", "imports cells, which stands higher"),
        ("graphs/a.py", "from leukgnn.cli import main", "imports cli, which stands higher"),
        ("demo/a.py", "from leukgnn.book import plots", "imports book, which stands beside it"),
        ("book/a.py", "from leukgnn import demo", "imports demo, which stands beside it"),
        ("graphs/a.py", "from leukgnn.cells.table import _parse", "a private name"),
        ("graphs/a.py", "from leukgnn.cells import _table", "a private name"),
        ("graphs/a.py", "from .knn import search", "a relative import"),
        ("graphs/a.py", "from leukgnn.attic import box", "imports attic, which is no room"),
        ("attic.py", "", "attic is no room of the house"),
        ("graphs/__init__.py", "", "the face has no docstring"),
    ],
)
def test_a_planted_fault_is_found(house, path, code, fault):
    (house / path).write_text(code)
    found = problems(house)
    assert len(found) == 1 and fault in found[0] and found[0].startswith(path.removesuffix(".py"))


def test_a_room_without_a_face_is_found(house):
    (house / "cells" / "__init__.py").unlink()
    (house / "cells" / "table.py").touch()
    assert problems(house) == ["cells: has no face."]


def test_within_a_room_private_names_are_shared(house):
    (house / "graphs" / "a.py").write_text("from leukgnn.graphs.knn import _search")
    assert problems(house) == []
