"""Give the executed notebooks a first cell that installs the package where it is missing (Colab).

usage: launchable.py REPOSITORY_URL
"""

import sys
from pathlib import Path

import nbformat

for path in sorted(Path("book/chapters").glob("*.ipynb")):
    notebook = nbformat.read(path, as_version=4)
    setup = (
        "import importlib.util\n"
        "if importlib.util.find_spec('leukgnn') is None:\n"
        f"    !git clone --quiet --depth 1 {sys.argv[1]} leukgnn-book\n"
        "    %cd leukgnn-book\n"
        "    %pip install --quiet -c constraints.txt ."
    )
    notebook.cells.insert(0, nbformat.v4.new_code_cell(setup))
    nbformat.write(notebook, path)
