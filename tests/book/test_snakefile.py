"""What runs again when something changes, asked of Snakemake's dry run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from leukgnn.results import TABLES

ROOT = Path(__file__).parent.parent
CHAPTERS = [
    "01_dataset", "02_augmentation", "03_features", "04_graph", "05_gcn", "06_results",
    "07_protocols", "08_controls", "09_cnn", "10_leakage", "11_page",
]  # fmt: skip
AFTER_05 = {
    "05_gcn",
    "06_results",
    "07_protocols",
    "08_controls",
    "09_cnn",
    "11_page",
    "results",
    "claims",
    "book",
}
ARTIFACTS = {
    "01_dataset": ["cells.parquet"],
    "03_features": ["features.npz", "features.json"],
    "04_graph": ["graph.npz", "graph.json"],
    "05_gcn": ["predictions.parquet", "history.parquet", "hidden.npz", "training.json"],
    "07_protocols": ["protocols.parquet"],
    "08_controls": ["controls.parquet"],
    "09_cnn": ["cnn.parquet"],
}


@pytest.fixture
def checkout(tmp_path):
    """A copy in which everything looks built, in the order in which it would be."""
    for name in ("notebooks", "leukgnn", "book", "benchmarks"):
        ignored = shutil.ignore_patterns("chapters", "generated", "_extra", "*.npz")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for name in ("Snakefile", "_config.yml", "_toc.yml"):
        shutil.copy(ROOT / name, tmp_path)
    now = 1_000_000_000
    for path in tmp_path.rglob("*"):
        os.utime(path, (now, now))
    built = []
    for i, chapter in enumerate(CHAPTERS):
        own = [f"build/artifacts/{name}" for name in ARTIFACTS.get(chapter, [])]
        built += [(path, i) for path in [*own, f"book/chapters/{chapter}.ipynb"]]
    built += [(f"build/results/{name}", 11) for name in TABLES]
    built.append(("build/results/claims.csv", 12))
    built.append(("_build/html/index.html", 13))
    for name, minute in built:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (now + 60 * (minute + 1),) * 2)
    return tmp_path


def planned(checkout, *config):
    """Names of the steps that would run."""
    snakemake = Path(sys.executable).with_name("snakemake")
    command = [snakemake, "--dry-run", "--cores", "2", "--rerun-triggers", "mtime"]
    done = subprocess.run(
        [*command, *(["--config", *config] if config else [])],
        cwd=checkout,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(checkout)},
        check=False,
    )
    text = done.stdout + done.stderr
    assert done.returncode == 0, text
    return set(re.findall(r"^(?:local)?rule (\w+):", text, flags=re.MULTILINE))


def test_nothing_runs_when_nothing_changed(checkout):
    assert planned(checkout) == set()


def test_a_changed_chapter_runs_again_with_those_that_read_from_it(checkout):
    (checkout / "notebooks" / "05_gcn.md").touch()
    assert planned(checkout) == AFTER_05


def test_a_changed_module_runs_the_chapters_that_use_it(checkout):
    (checkout / "leukgnn" / "plots.py").touch()
    chapters_with_figures = set(CHAPTERS)
    assert planned(checkout) == chapters_with_figures | {"results", "claims", "book"}


def test_a_module_of_one_chapter_runs_that_chapter_alone(checkout):
    (checkout / "leukgnn" / "leakage.py").touch()
    assert planned(checkout) == {"10_leakage", "claims", "book"}


@pytest.mark.parametrize("name", ["claims.py", "facts.py", "data/claims.yml"])
def test_a_changed_claim_runs_no_chapter(checkout, name):
    (checkout / "leukgnn" / name).touch()
    assert planned(checkout) == {"claims", "book"}


def test_a_changed_page_runs_no_chapter(checkout):
    (checkout / "book" / "intro.md").touch()
    assert planned(checkout) == {"book"}


def test_an_unknown_profile_is_named(checkout):
    snakemake = Path(sys.executable).with_name("snakemake")
    done = subprocess.run(
        [snakemake, "-n", "--cores", "1", "--config", "profile=fast"],
        cwd=checkout, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "profile 'fast' is unknown: expected one of quick, full" in done.stdout + done.stderr
