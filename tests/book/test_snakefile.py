"""What runs again when something changes, asked of Snakemake's dry run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from leukgnn.names import TABLES, WITNESS

ROOT = Path(__file__).parents[2]
CHAPTERS = [path.stem for path in sorted((ROOT / "notebooks").glob("*.md"))]
COMPUTED = ["features.npz", "features.json", "graph.npz", "graph.json", "hidden.npz"]
TELLING = {*CHAPTERS, "results", "claims", "book"}
TRAINING = {"artifacts", "hidden", "runs", "witness"}
WITH_RUNS = {name for name in CHAPTERS if name[:2] >= "05"}
EXPLORED = ("explorer.json", "explorer.bin", "cells.json", "cells.bin")


@pytest.fixture
def checkout(tmp_path):
    """A copy in which everything looks built, in the order in which it would be."""
    for name in ("notebooks", "leukgnn", "book", "benchmarks"):
        ignored = shutil.ignore_patterns("chapters", "generated", "mathjax", "__pycache__")
        if name == "leukgnn":  # its book room has a module chapters.py
            ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for name in ("Snakefile", "_config.yml", "_toc.yml"):
        shutil.copy(ROOT / name, tmp_path)
    now = 1_000_000_000
    for path in tmp_path.rglob("*"):
        os.utime(path, (now, now))
    built = [
        [f"build/artifacts/{name}" for name in COMPUTED],
        ["build/runs/shards/1_of_1"],
        [f"build/results/{name}" for name in (WITNESS, *TABLES)],
        [f"book/chapters/{chapter}.ipynb" for chapter in CHAPTERS],
        ["build/results/claims.csv", "build/site/try/model.json"],
        [f"build/site/explore/{name}" for name in EXPLORED],
        ["_build/html/index.html"],
    ]
    for minute, paths in enumerate(built, 1):
        for name in paths:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            os.utime(path, (now + 60 * minute,) * 2)
    return tmp_path


def planned(checkout, *config, triggers=("mtime",)):
    """Names of the steps that would run."""
    snakemake = Path(sys.executable).with_name("snakemake")
    command = [snakemake, "--dry-run", "--cores", "2", "--rerun-triggers", *triggers]
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


@pytest.mark.parametrize("name", ["05_gcn", "01_dataset"])
def test_a_changed_caption_runs_its_chapter_alone(checkout, name):
    (checkout / "notebooks" / f"{name}.md").touch()
    assert planned(checkout) == {name, "claims", "book"}


def test_a_changed_plot_trains_nothing(checkout):
    (checkout / "leukgnn" / "book" / "plots.py").touch()
    assert planned(checkout) == {*CHAPTERS, "explorer", "claims", "book"}


@pytest.mark.parametrize("name", ["_static/custom.css", "_extra/scripts/claims.js"])
def test_what_the_pages_load_is_copied_again_when_it_changes(checkout, name):
    (checkout / "book" / name).touch()
    assert planned(checkout) == {"book"}


@pytest.mark.parametrize("name", ["claims/rules.py", "claims/facts.py", "data/claims.yml"])
def test_a_changed_claim_runs_no_chapter_that_does_not_use_it(checkout, name):
    (checkout / "leukgnn" / name).touch()
    # Chapter 06 shows the arithmetic on the printed figures, which the claims' room holds.
    own = {"06_results"} if name.endswith(".py") else set()
    assert planned(checkout) == {"claims", "book"} | own


def test_the_page_without_a_server_is_exported_again_when_its_networks_change(checkout):
    (checkout / "leukgnn" / "data" / "encoder.safetensors").touch()
    steps = planned(checkout)
    assert {"page", "14_page", "book"} <= steps and "05_gcn" not in steps


def test_a_changed_page_runs_no_chapter(checkout):
    (checkout / "book" / "intro.md").touch()
    assert planned(checkout) == {"book"}


def test_changed_published_tables_rebuild_the_book_alone(checkout):
    (checkout / "leukgnn" / "data" / "published" / "results.csv").touch()
    assert planned(checkout) == {"book"}


def test_changed_training_is_witnessed_and_told_again(checkout):
    (checkout / "leukgnn" / "networks" / "training.py").touch()
    steps = planned(checkout)
    assert TRAINING | WITH_RUNS | {"results", "claims", "book"} <= steps
    assert "02_augmentation" not in steps  # which reads no features


def test_changed_features_are_computed_with_again(checkout):
    (checkout / "leukgnn" / "data" / "features.npz").touch()
    steps = planned(checkout)
    assert TRAINING | WITH_RUNS | {"01_dataset", "03_features", "04_graph", "results"} <= steps
    assert "02_augmentation" not in steps


def test_a_mended_manifest_is_met_wherever_cells_are(checkout):
    (checkout / "leukgnn" / "data" / "manifest.csv.xz").touch()
    assert {*CHAPTERS, "artifacts", "runs", "results", "explorer", "page"} <= planned(checkout)


def test_changed_published_runs_are_witnessed(checkout):
    path = next((checkout / "leukgnn" / "data" / "runs").glob("*.parquet"))
    path.touch()
    assert {"runs", "witness", "results", "book"} <= planned(checkout)
    assert "artifacts" not in planned(checkout)


def test_changed_profiles_ask_for_all_runs_again(checkout):
    (checkout / "leukgnn" / "data" / "profiles.yml").touch()
    steps = planned(checkout)
    assert {"runs", "results"} | WITH_RUNS <= steps and "artifacts" not in steps


def test_shards_are_steps_of_their_own(checkout):
    snakemake = Path(sys.executable).with_name("snakemake")
    shards = [f"build/runs/shards/{i}_of_3" for i in (1, 2, 3)]
    done = subprocess.run(
        [snakemake, "--dry-run", "--cores", "2", "--config", "shards=3", "--", *shards],
        cwd=checkout, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(checkout)},
    )  # fmt: skip
    text = done.stdout + done.stderr
    assert all(f"output: {shard}" in text for shard in shards)


def test_an_unknown_profile_is_named(checkout):
    snakemake = Path(sys.executable).with_name("snakemake")
    done = subprocess.run(
        [snakemake, "-n", "--cores", "1", "--config", "profile=fast"],
        cwd=checkout, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "profile 'fast' is unknown: expected one of quick, full" in done.stdout + done.stderr


def test_images_that_came_or_went_are_extracted_again(checkout):
    image = checkout / "cells" / "fold_0" / "all" / "UID_1_1_1_all.bmp"
    image.parent.mkdir(parents=True)
    image.touch()
    snakemake = Path(sys.executable).with_name("snakemake")
    subprocess.run(
        [snakemake, "--touch", "--forceall", "--cores", "2", "--config", "images=cells"],
        cwd=checkout, capture_output=True, check=True,
        env={**os.environ, "PYTHONPATH": str(checkout)},
    )  # fmt: skip
    triggers = ("mtime", "params")
    assert planned(checkout, "images=cells", triggers=triggers) == set()
    image.with_name("UID_1_1_2_all.bmp").touch()
    with_images = {"artifacts", "01_dataset", "02_augmentation", "03_features"}
    assert with_images <= planned(checkout, "images=cells", triggers=triggers)
