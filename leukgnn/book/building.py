"""The book from its executed chapters: generated pages, configuration, build."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import nbformat
import pandas as pd
import yaml

from leukgnn import __version__, files, paper
from leukgnn.book import (
    chapters,
    checks,
    first_screen,
    package_page,
    plots,
    published,
    results_page,
)
from leukgnn.claims import page
from leukgnn.evaluation import agreement, exact
from leukgnn.files import CHAPTERS, EXPLORER, FIGURES, GENERATED, HTML, RESULTS, SITE, InputError
from leukgnn.names import WITNESS
from leukgnn.text import markdown_table

JUPYTER_BOOK = "import sys; from jupyter_book.cli.main import main; sys.exit(main())"
BRANCH = "executed"  # where the publishing workflow puts the executed notebooks
LAUNCH = {
    "notebook_interface": "jupyterlab",
    "binderhub_url": "https://mybinder.org",
    "colab_url": "https://colab.research.google.com",
}


def build(repository: str, profile: str) -> list[str]:
    """Build `_build/html` from the executed chapters and check what was built.

    Parameters
    ----------
    repository : str
        Public address of the project. Empty: no launch buttons.
    profile : str
        Of the build: what rests on the published runs must show the published numbers.

    Returns
    -------
    list of str
        What is wrong with the book, a sentence each; empty when all is well.
    """
    # It runs as a process of its own, and is missed like what is imported.
    if importlib.util.find_spec("jupyter_book") is None:
        raise ModuleNotFoundError("No module named 'jupyter_book'", name="jupyter_book")
    root = files.project_root()
    if problems := published.faults(root / RESULTS, profile):
        return problems
    write_pages()
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    config["html"]["extra_footer"] += f" leukgnn {__version__}, commit {files.commit()}."
    if repository:
        config["repository"] = {"url": repository, "branch": BRANCH, "path_to_book": ""}
        config["launch_buttons"] = LAUNCH
        config["html"]["use_repository_button"] = True
    composed = files.build_folder() / "_config.yml"
    with files.atomic_path(composed) as temporary:
        temporary.write_text(yaml.safe_dump(config), encoding="utf-8")
    shutil.rmtree(root / HTML.parent, ignore_errors=True)
    # By its module: the script beside the interpreter names the folder it was installed in, and
    # would be lost when the checkout is moved or copied.
    command = [sys.executable, "-c", JUPYTER_BOOK, "build", ".", "--all", "-W", "-n"]
    command += ["--keep-going", "--config", str(composed)]
    done = subprocess.run(command, cwd=root, check=False)
    if done.returncode:
        return [f"jupyter-book ended with status {done.returncode}; its warnings stand above."]
    html = root / HTML
    for pages in (SITE, EXPLORER):
        shutil.copytree(root / pages, html / pages.name)
    return checks.check(html, root / "_toc.yml") + checks.check_in_browser(html)


def write_pages() -> None:
    """Write the generated parts of the pages."""
    root = files.project_root()
    executed = chapters.executed(root / CHAPTERS)
    notebooks = {path.stem: chapters.metadata(path) for path in executed}
    if not notebooks:
        raise InputError(f"{CHAPTERS} holds no executed chapter: run `make book` first.")
    environment = [_witness_table(), _chapters_table(notebooks), _software_table(notebooks)]
    tried = pd.read_csv(root / "benchmarks" / "mutants.csv", keep_default_na=False)
    environment += [_features_table(), *_benchmark_tables(), mutants_tables(tried)]
    first_screen.draw(root / RESULTS, root / GENERATED)
    for name, text in {
        "parameters": _parameters_table(notebooks),
        "environment": "\n".join(environment),
        "try": "\n".join(_try_tables()),
        "package": package_page.generated(),
        **page.generated(root / RESULTS, executed),
        **results_page.generated(root / RESULTS),
        **first_screen.generated(root / RESULTS),
    }.items():
        with files.atomic_path(root / GENERATED / f"{name}.md") as temporary:
            temporary.write_text(text, encoding="utf-8")
    _write_figures_data(executed)


def _write_figures_data(executed: list[Path]) -> None:
    """Write the data of the chapters' figures into files, to which their captions link."""
    root = files.project_root()
    for path in executed:
        for cell in nbformat.read(path, as_version=4).cells:  # type: ignore[no-untyped-call]
            if text := cell.metadata.get("data"):
                target = root / FIGURES / f"{cell.metadata.mystnb.figure.name}.csv"
                with files.atomic_path(target) as temporary:
                    temporary.write_text(text, encoding="utf-8")


def _parameters_table(notebooks: dict[str, dict[str, Any]]) -> str:
    rows, sources = [], paper.sources()
    for chapter, metadata in notebooks.items():
        declared = chapters.declared_parameters(chapters.chapter_source(chapter))
        for parameter in declared.values():
            value = metadata["parameters"].get(parameter.name, parameter.default)
            rows.append(
                {
                    "Chapter": f"[{chapter[:2]}](chapters/{chapter}.ipynb)",
                    "Parameter": f"`{parameter.name}`",
                    "Type": parameter.type,
                    "Default": f"`{parameter.default!r}`",
                    "This build": f"`{value!r}`",
                    "Meaning": parameter.help,
                    "Paper": sources.get(parameter.name, ""),
                }
            )
    caption = "Parameters of all chapters, their defaults and their values in this build."
    return markdown_table(pd.DataFrame(rows), name="tbl-parameters", caption=caption)


def _witness_table() -> str:
    """Table of the published runs that this build computed again, and what must hold."""
    compared = published.table(WITNESS, files.project_root() / RESULTS)
    if compared.empty:
        return "No published run was computed again.\n"
    caption = (
        f"The witness: {len(compared)} published runs computed again by this build; the table "
        f"shows the worst run of each row. A run may differ by what its published seeds differ by "
        "(with only one or two published seeds by twice that of its classifier), as rounding on "
        "another processor grows during training; one without randomness must agree closely."
    )
    table = agreement.summary(compared)
    return markdown_table(table, name="tbl-witness", caption=caption)


def _chapters_table(notebooks: dict[str, dict[str, Any]]) -> str:
    rows = [
        {
            "Chapter": f"[{chapter}](chapters/{chapter}.ipynb)",
            "Profile": metadata["parameters"].get("profile", "quick"),
            "Seconds": metadata["seconds"],
            "Threads": metadata["provenance"]["threads"],
            "Commit": f"`{metadata['provenance']['commit']}`",
        }
        for chapter, metadata in notebooks.items()
    ]
    caption = "How each chapter of this build was executed."
    return markdown_table(pd.DataFrame(rows), name="tbl-runs", caption=caption, decimals=1)


def _software_table(notebooks: dict[str, dict[str, Any]]) -> str:
    """Of all chapters: those that were executed before an upgrade name other versions."""
    told = pd.DataFrame(
        {
            "Processor": f"{origin['processor']}, {origin['cores']} cores",
            "Python": origin["python"],
            "leukgnn": origin["leukgnn"],
            **origin["libraries"],
        }
        for origin in (metadata["provenance"] for metadata in notebooks.values())
    )
    versions = ["; ".join(found.drop_duplicates()) for _, found in told.items()]
    frame = pd.DataFrame({"What": list(told), "Version": versions})
    return markdown_table(frame, name="tbl-software", caption="Machine and software of this build.")


def _features_table() -> str:
    origin = json.loads(
        (files.build_folder() / "artifacts" / "features.json").read_text(encoding="utf-8")
    )
    rows = {
        "Weights": origin["weights"]["name"],
        "Weights, SHA-256": f"`{origin['weights']['sha256']}`",
        "Cells": origin["cells"],
        "Preprocessing": origin["preprocessing"],
        "Layer": origin["layer"],
        "Extracted by": f"leukgnn {origin['leukgnn']}, torch {origin['libraries']['torch']}",
    }
    frame = pd.DataFrame({"What": list(rows), "Value": [str(v) for v in rows.values()]})
    caption = "Where the features of this build come from."
    return markdown_table(frame, name="tbl-features-origin", caption=caption)


def mutants_tables(tried: pd.DataFrame) -> str:
    """How many small changes of the code the tests of its room notice, and which they do not.

    Parameters
    ----------
    tried : DataFrame
        As `tests/mutants.py` writes it, with a `reason` where a survivor changes nothing that
        could be seen.
    """
    rows = []
    for room, own in tried.groupby("room"):
        killed = int((own["killed_by"] != "").sum())
        low, high = exact(killed, len(own))
        rows.append(
            {
                "Room": room,
                "Mutants": int(own["of"].iloc[0]),
                "Drawn": len(own),
                "Killed by its own tests": f"{killed} ({killed / len(own):.0%})",
                "95 % interval": f"{low:.0%} to {high:.0%}",
            }
        )
    left = tried[tried["killed_by"] == ""]
    survivors = pd.DataFrame(
        {
            "Where": left["file"] + ":" + left["line"].astype(str),
            "Change": "`` " + left["old"] + " `` → `` " + left["new"] + " ``",
            "Why no test fails": left["reason"].where(left["reason"] != "", "a gap"),
        }
    )
    scores = (
        "Do the tests know the science? Mutants are small changes of the code, made by mutmut "
        "within the functions of a room; some of each room's are drawn with a fixed seed and tried "
        "on the room's own tests (`make mutants`). Tried at commits "
        f"{', '.join(sorted(set(tried['commit'])))}; line numbers are those there."
    )
    return "\n".join(
        [
            markdown_table(pd.DataFrame(rows), name="tbl-mutants", caption=scores),
            markdown_table(
                survivors, name="tbl-mutants-left", caption="The mutants that no test noticed."
            ),
        ]
    )


def _try_tables() -> list[str]:
    """Tables of the last `benchmarks.page`: sizes, agreement and times of the page."""
    root = files.project_root()
    measured = json.loads((root / "benchmarks" / "page.json").read_text(encoding="utf-8"))
    origin = measured["provenance"]
    where = f"{origin['processor']}, one thread, commit `{origin['commit']}`"
    words = {
        "assets/runtime.wasm.gz": "ONNX Runtime Web",
        "encoder.onnx.gz": "the encoder",
        "decision.onnx.gz": "the reference cells and both networks",
        "reference.json": "who the reference cells are",
    }
    site = json.loads((root / SITE / "model.json").read_text(encoding="utf-8"))["files"]
    sizes = {words[name]: told["bytes"] / 2**20 for name, told in site.items()}
    sizes["in all"] = sum(sizes.values())
    alike = pd.DataFrame(
        {
            "Cells": row["cells"],
            "Number": row["n"],
            "Same label as Python": f"{row['same_labels']:.2%}",
            "Same neighbours": f"{row['same_neighbours']:.2%}",
            "Largest difference of a probability": f"{row['largest_difference']:.3f}",
        }
        for row in measured["agreement"]
    )
    columns = {"step": "Step", "median": "Median, ms", "of_20_at_most": "95 % of cells within, ms"}
    times = pd.DataFrame(measured["milliseconds"])[list(columns)].rename(columns=columns)
    return [
        markdown_table(
            pd.DataFrame({"What is loaded": list(sizes), "MB": list(sizes.values())}),
            name="tbl-try-sizes", caption="What a reader who classifies loads, once.", decimals=1,
        ),
        markdown_table(
            alike, name="tbl-try-agreement",
            caption="The page's networks beside the Python predictor.",
        ),
        markdown_table(
            times, name="tbl-try-times", decimals=0,
            caption=f"One cell after the other in headless Chromium, after loading ({where}).",
        ),
    ]  # fmt: skip


def _named_first(rows: list[dict[str, Any]], name: str) -> pd.DataFrame:
    """Table whose first column names the rows: in the file their keys are sorted."""
    return pd.DataFrame(rows).set_index(name).reset_index()


def _benchmark_tables() -> list[str]:
    """Tables of the last `make bench`, which is not part of a build."""
    root = files.project_root()
    measured = json.loads((root / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    where = f"{measured['provenance']['processor']}, {measured['provenance']['threads']} threads"
    ratios = f"Speed: ratios taken side by side in one run of `make bench` ({where})."
    scaling = f"Seconds against the number of cells ({where})."
    demo = f"The demo: steps of an answer beside ResNet-18, and many clients at once ({where})."
    sizes = _named_first(measured["scaling"], "Step")
    plots.style()
    figure, axes = plt.subplots()
    plots.scaling(sizes, axes)
    with files.atomic_path(root / GENERATED / "scaling.png") as temporary:
        figure.savefig(temporary)
    plt.close(figure)
    return [
        markdown_table(
            pd.DataFrame(measured["ratios"]), name="tbl-benchmarks", caption=ratios, decimals=2
        ),
        markdown_table(sizes, name="tbl-scaling", caption=scaling),
        markdown_table(
            _named_first(measured["demo"], "What"), name="tbl-demo-speed", caption=demo, decimals=2
        ),
        "```{figure} /book/generated/scaling.png\n:name: fig-scaling\n"
        ":alt: Log-log plot of seconds against cells.\n\n"
        "The same, in logarithms: slope 1 is linear, slope 2 quadratic growth.\n```\n",
    ]
