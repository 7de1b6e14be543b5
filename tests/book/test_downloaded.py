"""A chapter as a page of the book offers it, where nothing but the installed package is."""

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
PACKAGE = ("leukgnn", "pyproject.toml", "README.md", "LICENSE")
INSTALL = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Where the package lies after `pip install .`; what it needs is this environment's."""
    source = tmp_path_factory.mktemp("source")
    for name in PACKAGE:
        path = ROOT / name
        (shutil.copytree if path.is_dir() else shutil.copy)(path, source / name)
    site = tmp_path_factory.mktemp("site")
    subprocess.run([sys.executable, "-m", "pip", "install", *INSTALL, site, source], check=True)
    return site


@pytest.mark.notebook
def test_a_downloaded_chapter_runs_from_any_folder(installed, tmp_path, monkeypatch):
    """It finds cells, features and published runs in the package."""
    monkeypatch.setenv("PYTHONPATH", str(installed))
    notebook = jupytext.read(ROOT / "notebooks" / "08_controls.md")
    where = nbformat.v4.new_code_cell("import leukgnn; print(leukgnn.__file__)")
    notebook.cells.append(where)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}})
    asyncio.run(client.async_execute())
    assert notebook.cells[-1].outputs[0].text.startswith(str(installed))
    assert not list(tmp_path.iterdir())
