"""What a shell exports does not change what comes out."""

import ast
import io
import os
import sys
from pathlib import Path

import pytest

from leukgnn import files, shell

PACKAGE = Path(files.__file__).parent
# Read and written by the locale's encoding still; `make` sets PYTHONUTF8 for them.
TEXT = {"read_text", "write_text", "open"}


@pytest.mark.parametrize(
    ("given", "threads", "stays"),
    [
        ("", os.cpu_count(), False),
        ("auto", os.cpu_count(), False),
        ("0", os.cpu_count(), False),
        ("3", 3, True),
        ("4,2", 4, True),
    ],
)
def test_numbers_of_threads_that_are_none_are_passed_over(monkeypatch, given, threads, stays):
    for name in shell.THREADS:
        monkeypatch.setenv(name, given)
    assert files.provenance()["threads"] == threads
    shell.settle()
    assert [name in os.environ for name in shell.THREADS] == [stays] * len(shell.THREADS)
    assert files.provenance()["threads"] == threads


def test_a_terminal_without_a_letter_gets_another_sign(monkeypatch):
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", terminal)
    shell.settle()
    print("0.95 \u2265 0.9", flush=True)
    assert terminal.buffer.getvalue() == b"0.95 \\u2265 0.9\n"


def calls(path):
    """Calls that read or write text by the locale's encoding unless told which."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        named = {keyword.arg for keyword in node.keywords}
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        mode = [a.value for a in node.args if isinstance(a, ast.Constant)]
        binary = any(isinstance(value, str) and "b" in value for value in mode)
        owner = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
        if name in TEXT and "encoding" not in named and not binary and owner not in ("Image", "os"):
            yield f"{path.relative_to(PACKAGE)}:{node.lineno}"


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.name)
def test_text_is_utf_8_in_every_locale(path):
    assert list(calls(path)) == []


def test_a_call_without_encoding_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    code = "p.read_text()\nopen('a')\np.open('rb')\np.write_text('b', encoding='utf-8')\n"
    (tmp_path / "a.py").write_text(code, encoding="utf-8")
    assert list(calls(tmp_path / "a.py")) == ["a.py:1", "a.py:2"]
