"""The files that install the project say the same, and declare what the package imports."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "leukgnn"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
# Of the room `book`: what a chapter shows must work without the tools that run chapters.
SHOWN = {"__init__", "pictures", "plots", "tables"}


def normal(name):
    return re.sub(r"[-_.]+", "-", re.split(r"[=<>\[; ]", name)[0]).lower()


def pins():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    return {normal(line): line.partition("==")[2] for line in lines}


def declared(*extras):
    lists = [PROJECT["dependencies"], *(EXTRAS[extra] for extra in extras)]
    return {normal(name) for names in lists for name in names}


def third_party(path):
    """Distributions that a module imports, but for those that it can do without."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    spared = {
        id(node)
        for guard in ast.walk(tree)
        if isinstance(guard, ast.Try)
        and any("ImportError" in ast.unparse(h.type) for h in guard.handlers if h.type)
        for statement in guard.body
        for node in ast.walk(statement)
    }
    modules = set()
    for node in ast.walk(tree):
        if id(node) in spared:
            continue
        if isinstance(node, ast.Import):
            modules |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules.add(node.module.partition(".")[0])
    found = packages_distributions()
    return {
        normal(found[name][0] if name in found else name)
        for name in modules - sys.stdlib_module_names - {"leukgnn"}
    }


def extras_of(path):
    """Extras that a module of the package may rest on."""
    if path.parent.name == "book" and path.stem not in SHOWN:
        return ("book",)
    of_the_demo = {"serve": ("demo",), "export": ("book",)}  # the book has the page at try/
    return of_the_demo.get(path.stem, ()) if path.parent.name == "demo" else ()


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=str)
def test_every_import_is_declared_where_it_is_needed(path):
    assert third_party(path) <= declared(*extras_of(path))


@pytest.mark.parametrize("extra", ["book", "demo"])
def test_an_extra_repeats_nothing(extra):
    assert not declared() & {normal(name) for name in EXTRAS[extra]}


def test_every_dependency_is_pinned_exactly():
    wanted = PROJECT["dependencies"] + [name for names in EXTRAS.values() for name in names]
    for name in wanted:
        if normal(name) == PROJECT["name"]:
            continue
        assert pins()[normal(name)], name
        if "==" in name:
            assert pins()[normal(name)] == name.partition("==")[2]


def test_dev_installs_all_extras():
    assert f"{PROJECT['name']}[{','.join(sorted(set(EXTRAS) - {'dev'}))}]" in EXTRAS["dev"]


def test_conda_installs_this_package_under_these_constraints():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    python, *_, pip = environment["dependencies"]
    # Read from a temporary file by some, so nothing but the package may be named by its path.
    assert pip["pip"] == ["-e .[dev]", *(ROOT / "constraints.txt").read_text("utf-8").split()]
    least = tuple(map(int, PROJECT["requires-python"].removeprefix(">=").split(".")))
    assert tuple(map(int, python.partition("=")[2].split("."))) >= least


def test_versions_agree():
    from leukgnn import __version__

    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert PROJECT["version"] == __version__ == citation["version"]
