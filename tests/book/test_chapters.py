"""Chapters: declared parameters, their checks, failing cells, clean outputs."""

import json

import nbformat
import pytest

from leukgnn import execute, files
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
    declared = execute.declared_parameters(chapter("1"))
    assert declared["k"] == execute.Parameter("k", "int", 10, "neighbours")
    assert list(declared) == ["k", "rate", "flag", "name", "rates", "profile"]


def test_a_parameter_without_help_is_named(chapter):
    source = chapter("1")
    source.write_text(source.read_text().replace("  # neighbours", ""))
    with pytest.raises(InputError, match="k: int = 10"):
        execute.declared_parameters(source)


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
        execute.check_parameters(chapter("1"), given)


def test_assignments_have_the_declared_types(chapter):
    source = chapter("1")
    texts = ["k=20", "flag=false", "name=2019", "rate=1e-3", "rates=[1, 0.5]"]
    given = execute.check_parameters(source, execute.parse_assignments(source, texts))
    assert given == {"k": 20, "flag": False, "name": "2019", "rate": 0.001, "rates": [1.0, 0.5]}
    assert execute.parse_assignments(source, ["name="]) == {"name": ""}
    with pytest.raises(InputError, match="NAME=VALUE"):
        execute.parse_assignments(source, ["k"])


@pytest.mark.parametrize("text", ["k=1:30", "k=2.5", "rates=[1", "rate=fast", "flag=perhaps"])
def test_what_cannot_be_read_as_declared_is_named(chapter, text):
    source, (name, _, value) = chapter("1"), text.partition("=")
    with pytest.raises(InputError, match="expected") as told:
        execute.check_parameters(source, execute.parse_assignments(source, [text]))
    assert f"{name}='{value}'" in str(told.value)


def test_a_profile_brings_its_parameters_but_for_those_given(chapter, tmp_path):
    source, output = chapter("print(k, rate)"), tmp_path / "out.ipynb"
    profiles = "quick: {}\nfull:\n  07_trial: {k: 5, rate: 2.0}\n"
    (tmp_path / "notebooks" / "profiles.yml").write_text(profiles)
    execute.run(source, output, {"profile": "full", "rate": 3})
    assert nbformat.read(output, as_version=4).cells[-1].outputs[0].text == "5 3.0\n"
    with pytest.raises(InputError, match="profile 'fast' is unknown: expected one of quick, full"):
        execute.run(source, output, {"profile": "fast"})


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
            execute.run(source, tmp_path / output, {})


def test_a_kernel_that_dies_is_named(chapter, tmp_path):
    with pytest.raises(execute.ChapterError, match="chapter 07_trial: its kernel died"):
        execute.run(chapter("import os\nos._exit(1)"), tmp_path / "out.ipynb", {})
    assert not (tmp_path / "out.ipynb").exists()


def test_unknown_chapter_names_the_known_ones(chapter):
    chapter("1")
    with pytest.raises(InputError, match="expected one of 07_trial"):
        execute.chapter_source("08_none")


def test_outside_a_checkout_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="not inside a checkout"):
        files.project_root()


def test_a_run_is_whole_clean_and_from_the_source(chapter, tmp_path, capsys):
    code = "import sys\nprint('k is', k, flag is False)\nprint('50%\\r', file=sys.stderr)"
    source, output = chapter(code), tmp_path / "out.ipynb"
    for k in (20, 30):
        execute.run(source, output, {"k": k, "flag": False, "rate": 1})
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
    with pytest.raises(execute.ChapterError) as caught:
        execute.run(chapter("x = 1\nx / 0"), output, {})
    message = str(caught.value)
    assert "chapter 07_trial, cell" in message and "(x = 1)" in message
    assert "ZeroDivisionError" in message and "\x1b" not in message
    assert not output.exists()
    assert (tmp_path / "build" / "failed" / "07_trial.ipynb").is_file()


def test_an_error_output_that_papermill_lets_pass_is_caught(chapter, tmp_path):
    source = chapter(":tags: [raises-exception]\n\n1 / 0")
    with pytest.raises(execute.ChapterError, match="ZeroDivisionError"):
        execute.run(source, tmp_path / "out.ipynb", {})
    assert not (tmp_path / "out.ipynb").exists()
