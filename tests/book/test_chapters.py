"""Chapters: declared parameters, their checks, failing cells, clean outputs."""

import json
import os
import subprocess
import sys

import nbformat
import pytest

from leukgnn import files
from leukgnn.book import chapters, imports
from leukgnn.files import InputError

CHAPTER = """---
kernelspec:
  name: python3
  display_name: Python 3
  language: python
---

# A chapter

```{{code-cell}} ipython3
:tags: [parameters]

k: int = 10  # neighbours
rate: float = 0.5  # a share
flag: bool = True  # a switch
name: str = "a"  # a word
rates: list = [0.1]  # shares
profile: str = "quick"  # quick or full
```

```{{code-cell}} ipython3
{code}
```
"""


@pytest.fixture
def chapter(tmp_path, monkeypatch):
    """A checkout in a folder of its own, and a function that writes a chapter into it."""
    (tmp_path / "_toc.yml").touch()
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path)

    def write(code):
        source = tmp_path / "notebooks" / "07_trial.md"
        source.write_text(CHAPTER.format(code=code))
        return source

    return write


def test_declared_parameters(chapter):
    declared = chapters.declared_parameters(chapter("1"))
    assert declared["k"] == chapters.Parameter("k", "int", 10, "neighbours")
    assert list(declared) == ["k", "rate", "flag", "name", "rates", "profile"]


@pytest.mark.parametrize(
    "line",
    [
        "k: int = 10",
        "k = 10  # neighbours",
        "k: int = ten  # neighbours",
        "k: int = 2 * 5  # neighbours",
        "k: dict = {}  # neighbours",
        "k: list = []  # neighbours",
        "k: int = 'ten'  # neighbours",
        "k: int  # neighbours",
        "print('k')",
        "flag: bool = False  # again below",
    ],
)
def test_a_line_that_declares_no_parameter_is_named(chapter, line):
    source = chapter("1")
    source.write_text(source.read_text().replace("k: int = 10  # neighbours", line))
    with pytest.raises(InputError, match="is not `name: type = literal  # help`"):
        chapters.declared_parameters(source)


def test_a_chapter_without_a_cell_of_parameters_is_named(chapter):
    source = chapter("1")
    source.write_text(source.read_text().replace(":tags: [parameters]", ":tags: [other]"))
    with pytest.raises(InputError, match="expected one cell tagged parameters, found 0"):
        chapters.declared_parameters(source)


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"kk": 3}, "no parameter 'kk': expected one of k, rate, flag, name,"),
        ({"k": 2.5}, "k=2.5 is of type float, expected int"),
        ({"k": True}, "k=True is of type bool, expected int"),
        ({"flag": "false"}, "expected bool"),
        ({"name": 3}, "expected str"),
        ({"rates": 0.1}, "expected list"),
        ({"rates": ["a"]}, r"rates=\['a'\] .* expected list, such as \[0.1\]"),
    ],
)
def test_parameters_that_do_not_fit_are_named(chapter, given, word):
    with pytest.raises(InputError, match=word):
        chapters.check_parameters(chapter("1"), given)


def test_assignments_have_the_declared_types(chapter):
    source = chapter("1")
    texts = ["k=20", "flag=false", "name=2019", "rate=1e-3", "rates=[1, 0.5]"]
    given = chapters.check_parameters(source, chapters.parse_assignments(source, texts))
    assert given == {"k": 20, "flag": False, "name": "2019", "rate": 0.001, "rates": [1.0, 0.5]}
    assert chapters.parse_assignments(source, ["name="]) == {"name": ""}
    with pytest.raises(InputError, match="NAME=VALUE"):
        chapters.parse_assignments(source, ["k"])


@pytest.mark.parametrize("text", ["k=1:30", "k=2.5", "rates=[1", "rate=fast", "flag=perhaps"])
def test_what_cannot_be_read_as_declared_is_named(chapter, text):
    source, (name, _, value) = chapter("1"), text.partition("=")
    with pytest.raises(InputError, match="expected") as caught:
        chapters.check_parameters(source, chapters.parse_assignments(source, [text]))
    assert f"{name}='{value}'" in str(caught.value)


def test_an_output_that_cannot_be_written_is_named_before_the_run(chapter, tmp_path):
    source = chapter("raise SystemError")
    (tmp_path / "folder.ipynb").mkdir()
    (tmp_path / "file").touch()
    for output, word in {
        "out.md": "ends in .ipynb",
        "folder.ipynb": "is a folder",
        "file/out.ipynb": "cannot be written",
    }.items():
        with pytest.raises(InputError, match=word):
            chapters.run(source, tmp_path / output, {})


def test_a_kernel_that_dies_is_named(chapter, tmp_path):
    with pytest.raises(chapters.ChapterError, match="chapter 07_trial: its kernel died"):
        chapters.run(chapter("import os\nos._exit(1)"), tmp_path / "out.ipynb", {})
    assert not (tmp_path / "out.ipynb").exists()


def test_unknown_chapter_names_the_known_ones(chapter):
    chapter("1")
    with pytest.raises(InputError, match="expected one of 07_trial"):
        chapters.chapter_source("08_none")


def test_outside_a_checkout_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="not inside a checkout"):
        files.project_root()


def test_a_run_is_whole_clean_and_from_the_source(chapter, tmp_path, capsys):
    code = "import sys\nprint('k is', k, flag is False)\nprint('50%\\r', file=sys.stderr)"
    source, output = chapter(code), tmp_path / "out.ipynb"
    for k in (20, 30):
        chapters.run(source, output, {"k": k, "flag": False, "rate": 1})
        notebook = nbformat.read(output, as_version=4)
        injected = [
            c for c in notebook.cells if "injected-parameters" in c.metadata.get("tags", [])
        ]
        assert len(injected) == 1
        assert notebook.cells[-1].outputs[0].text == f"k is {k} True\n"
        assert len(notebook.cells[-1].outputs) == 1  # no progress bar
    assert notebook.metadata["leukgnn"]["parameters"] == {"k": 30, "flag": False, "rate": 1.0}
    assert str(tmp_path) not in json.dumps(notebook)


def test_a_failing_cell_is_named_and_nothing_reaches_the_book(chapter, tmp_path):
    output = tmp_path / "book" / "out.ipynb"
    with pytest.raises(chapters.ChapterError) as caught:
        chapters.run(chapter("x = 1\nx / 0"), output, {})
    message = str(caught.value)
    assert "chapter 07_trial, cell" in message and "(x = 1)" in message
    assert "ZeroDivisionError" in message and "\x1b" not in message
    assert not output.exists()
    assert (tmp_path / "build" / "failed" / "07_trial.ipynb").is_file()


def test_an_error_output_that_papermill_lets_pass_is_caught(chapter, tmp_path):
    source = chapter(":tags: [raises-exception]\n\n1 / 0")
    with pytest.raises(chapters.ChapterError, match="ZeroDivisionError"):
        chapters.run(source, tmp_path / "out.ipynb", {})
    assert not (tmp_path / "out.ipynb").exists()
    assert (tmp_path / "build" / "failed" / "07_trial.ipynb").is_file(), "to be looked at"


FIGURE = """---
mystnb:
  figure:
    name: fig-trial
    caption: A trial.
---
import matplotlib.pyplot as plt, os, sys
{code}
"""


def test_the_same_chapter_comes_out_whatever_the_shell_exports(chapter, tmp_path, monkeypatch):
    foreign = tmp_path / "foreign"
    (foreign / "leukgnn").mkdir(parents=True)
    (foreign / "leukgnn" / "__init__.py").write_text("raise SystemError", encoding="utf-8")
    (foreign / "pandas.py").write_text("raise SystemError", encoding="utf-8")
    (foreign / "matplotlibrc").write_text("text.usetex: True\n", encoding="utf-8")
    startup = foreign / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "first.py").write_text("k = 99\nimport pandas", encoding="utf-8")
    kernel = foreign / "kernels" / "python3"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text('{"argv": ["false"], "display_name": "x"}', "utf-8")
    for name, value in {
        "MPLBACKEND": "Agg", "MATPLOTLIBRC": str(foreign), "OMP_NUM_THREADS": "",
        "PYTHONPATH": str(foreign), "IPYTHONDIR": str(foreign / "ipython"), "LC_ALL": "C",
        "PYTHONUTF8": "0", "JUPYTER_PATH": str(foreign), "JUPYTER_PREFER_ENV_PATH": "0",
        "GIT_DIR": str(foreign), "PYTHONSTARTUP": str(startup / "first.py"),
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    code = (
        "from leukgnn import files\nfrom leukgnn.book import plots\nplots.style()\n"
        "print(k, plt.rcParams['text.usetex'], sys.flags.utf8_mode, files.__file__)\n"
        "plt.plot([1, 2])\nplt.show()"
    )
    chapters.run(chapter(FIGURE.format(code=code)), tmp_path / "out.ipynb", {})
    notebook = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    printed, *shown = notebook.cells[-1].outputs
    assert printed.text.split() == ["10", "False", "1", files.__file__]
    assert ["image/png" in output.data for output in shown] == [True]
    assert notebook.metadata["leukgnn"]["provenance"]["threads"] == os.cpu_count()
    assert dict(os.environ) == before
    cell = notebook.cells[-1]
    assert cell.metadata["data"].splitlines() == [
        "panel,series,drawn_as,x,y",
        "1,,line,0.0,1.0",
        "1,,line,1.0,2.0",
    ]
    assert all("text/csv" not in output.data for output in shown), "the book knows no such form"
    assert cell.metadata.mystnb.figure.caption == (
        f"A trial. *Code cell {cell.execution_count} of this chapter; "
        "[provenance](../environment.md); {download}`data <../generated/figures/fig-trial.csv>`.*"
    )


def test_a_figure_without_an_image_is_an_error(chapter, tmp_path):
    source = chapter(FIGURE.format(code="print('no figure')"))
    with pytest.raises(chapters.ChapterError, match="the cell of fig-trial shows no image"):
        chapters.run(source, tmp_path / "out.ipynb", {})
    assert not (tmp_path / "out.ipynb").exists()


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A small package, and a function that gives the names of its files."""
    package = tmp_path / "leukgnn"
    for path, code in {
        "__init__.py": "",
        "files.py": "import os",
        "cells/__init__.py": "from leukgnn.cells.table import read",
        "cells/table.py": "from leukgnn.files import Thing",
        "cells/verify.py": "",
        "graphs/__init__.py": "from leukgnn.graphs.search import knn",
        "graphs/search.py": "def knn():\n    import leukgnn.cells.verify",
        "book/__init__.py": "from leukgnn.book import plots",
        "book/plots.py": "",
        "book/building.py": "from leukgnn.graphs import knn",
    }.items():
        (package / path).parent.mkdir(parents=True, exist_ok=True)
        (package / path).write_text(code)
    monkeypatch.setattr(imports, "PACKAGE", package)
    imports._imported.cache_clear()
    yield lambda paths: {str(path.relative_to(package)) for path in paths}
    imports._imported.cache_clear()


CELLS = {"cells/__init__.py", "cells/table.py", "files.py"}
GRAPHS = {"graphs/__init__.py", "graphs/search.py", "cells/verify.py", *CELLS}


@pytest.mark.parametrize(
    ("code", "files_used"),
    [
        ("import leukgnn.files", {"files.py"}),
        ("from leukgnn import files", {"files.py"}),
        ("from leukgnn import cells", CELLS),
        ("from leukgnn.cells import read", CELLS),
        ("from leukgnn.cells import table", CELLS),
        ("from leukgnn.cells.verify import Report", {*CELLS, "cells/verify.py"}),
        ("from leukgnn.graphs import knn", GRAPHS),
        ("from leukgnn.book import plots", {"book/__init__.py", "book/plots.py"}),
        ("import pandas", set()),
    ],
)
def test_a_chapter_rests_on_all_that_a_face_leads_to(chapter, package, code, files_used):
    assert package(imports.modules_used(chapter(code))) == files_used


def test_rooms_and_modules_rest_on_what_they_import(package):
    assert package(imports.modules_of("graphs")) == GRAPHS
    shown = {"book/__init__.py", "book/plots.py", "book/building.py"}
    assert package(imports.modules_of("book.building")) == GRAPHS | shown
    assert package(imports.modules_of("files", "cells")) == CELLS
    with pytest.raises(InputError, match="no room or module 'attic'"):
        imports.modules_of("attic")


def test_what_python_imports_is_among_the_files():
    code = (
        "import sys, leukgnn.graphs\n"
        "print(*(m.__file__ for n, m in sys.modules.items() if n.startswith('leukgnn.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {str(path) for path in imports.modules_of("graphs")}


@pytest.mark.parametrize("content", ['{"cells": [], "metadata": {}, "nbformat": 4}', "", "{}"])
def test_a_notebook_of_another_program_is_named(tmp_path, content):
    path = tmp_path / "Untitled.ipynb"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"Untitled\.ipynb: not a chapter that .* move it"):
        chapters.metadata(path)
