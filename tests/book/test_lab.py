"""The chapters in Jupyter, as `make lab` opens them: from text to a notebook and back."""

import asyncio
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from jupyter_server.services.contents.largefilemanager import LargeFileManager
from jupytext.sync_contentsmanager import build_sync_jupytext_contents_manager_class
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "notebooks").glob("*.md"))


@pytest.fixture
def jupyter(tmp_path):
    """What the server reads and writes chapters with, over a folder of its own."""
    kind = build_sync_jupytext_contents_manager_class(LargeFileManager)
    for source in [*SOURCES, ROOT / "notebooks/jupytext.toml"]:
        shutil.copy(source, tmp_path)
    return kind(root_dir=str(tmp_path))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_chapter_that_is_opened_and_saved_stays_as_it_was(jupyter, source, tmp_path):
    model = jupyter.get(source.name, type="notebook")
    assert any(cell.cell_type == "code" for cell in model["content"]["cells"])
    jupyter.save(model, source.name)
    assert (tmp_path / source.name).read_text("utf-8") == source.read_text("utf-8")
    assert not list(tmp_path.glob("*.ipynb"))


def test_a_student_changes_k_runs_all_and_saves(jupyter, tmp_path, monkeypatch):
    """The kernel is this environment's, the features are found, and only k is another one."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    model = jupyter.get("04_graph.md", type="notebook")
    notebook = nbformat.from_dict(model["content"])
    (cell,) = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    cell.source = re.sub(r"(?m)^k: int = 10 ", "k: int = 5 ", cell.source)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}})
    asyncio.run(client.async_execute())
    glued = {
        output.metadata["scrapbook"]["name"]: output.data
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "scrapbook" in output.get("metadata", {})
    }
    assert glued["graph_k"]["application/papermill.record/text/plain"] == "5"
    jupyter.save({**model, "content": notebook}, "04_graph.md")
    before = (ROOT / "notebooks/04_graph.md").read_text("utf-8")
    after = (tmp_path / "04_graph.md").read_text("utf-8")
    assert after == before.replace("\nk: int = 10 ", "\nk: int = 5 ")
