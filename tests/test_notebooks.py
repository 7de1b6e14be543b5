"""The chapters: their defaults are the paper's, and all of them run, one after the other."""

import dataclasses
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from leukgnn import execute, features, metrics, paper

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "notebooks").glob("*.md"))
SETTINGS = {
    name: value
    for group in (paper.IMAGES, paper.GRAPH, paper.TRAINING)
    for name, value in dataclasses.asdict(group).items()
}
# What is ours to choose in a notebook, such as how many cells a figure shows.
OURS = {
    "profile", "images", "weights", "inputs", "outputs", "examples", "sample", "seeds", "draws",
    "minibatch_epochs", "neighbours", "repeats", "tuned", "ks", "similarity",
}  # fmt: skip
SMALL = {
    "01_dataset": {},
    "02_augmentation": {"sample": 20},
    "03_features": {"sample": 150},
    "04_graph": {"k": 5},
    "05_gcn": {"k": 5, "epochs": 2, "seeds": 1, "minibatch_epochs": 1},
    "06_results": {"draws": 10, "sample": 100},
    "07_protocols": {"k": 5, "epochs": 2, "seeds": 1, "repeats": 1, "draws": 10},
    "08_controls": {"k": 5, "epochs": 2, "ks": [3], "draws": 10},
    "09_cnn": {"draws": 10},
    "10_leakage": {"k": 5, "epochs": 2, "draws": 10},
}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_defaults_are_those_of_the_paper_module(source):
    declared = execute.declared_parameters(source)
    for parameter in declared.values():
        if parameter.name in OURS:
            continue
        expected = SETTINGS[parameter.name]
        assert parameter.default == (list(expected) if isinstance(expected, tuple) else expected)


@pytest.mark.parametrize("group", [paper.IMAGES, paper.GRAPH, paper.TRAINING])
def test_silent_settings_are_settings(group):
    assert set(group.SILENT) <= {field.name for field in dataclasses.fields(group)}


@pytest.fixture(scope="session")
def executed(tmp_path_factory):
    """Every chapter run with small settings on 700 of the real cells' features."""
    folder = tmp_path_factory.mktemp("chapters")
    artifacts = folder / "artifacts"
    shipped = features.shipped_features()
    rows = shipped.table.groupby("label").sample(350, random_state=0).index
    for source in SOURCES:
        name = source.stem
        declared = execute.declared_parameters(source)
        given = {"inputs": str(artifacts), "outputs": str(artifacts), **SMALL[name]}
        execute.run(
            source, folder / f"{name}.ipynb", {k: v for k, v in given.items() if k in declared}
        )
        if name == "03_features":  # the chapters after it go on with fewer cells
            table = shipped.table.loc[rows].reset_index(drop=True)
            target = artifacts / "features.npz"
            features.write_features(target, shipped.x[rows], table, shipped.provenance)
    return folder


@pytest.mark.notebook
def test_every_chapter_runs(executed):
    assert [p.stem for p in sorted(executed.glob("*.ipynb"))] == list(SMALL)
    for path in executed.glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        assert notebook.metadata["leukgnn"]["chapter"] == path.stem
        for cell in notebook.cells:
            for output in cell.get("outputs", []):
                assert output.output_type != "error"
                assert output.get("name") != "stderr"


@pytest.mark.notebook
def test_contracts_of_the_results(executed):
    results = pd.read_csv(executed / "artifacts" / "results.csv")
    contract = ["protocol", "model", "seed", "fold", "n_train", "n_test", *metrics.METRICS]
    assert results.columns.tolist() == contract
    assert set(results["model"]) == {"gcn", "mlp", "svm", "majority"}
    predictions = pd.read_parquet(executed / "artifacts" / "predictions.parquet")
    assert predictions.columns.tolist() == [
        "protocol", "model", "seed", "fold", "filename", "subject", "label", "probability",
    ]  # fmt: skip
    cells = pd.read_parquet(executed / "artifacts" / "cells.parquet")
    assert predictions["filename"].isin(cells["filename"]).all()
    assert len(predictions) == 4 * results["n_test"].iloc[0]


@pytest.mark.notebook
def test_chapter_03_hands_on_the_shipped_features(executed, tmp_path):
    """Without images: float16 both ways, so chapter 04 on gets the very same numbers."""
    source = ROOT / "notebooks" / "03_features.md"
    execute.run(source, tmp_path / "o.ipynb", {"outputs": str(tmp_path), "sample": 100})
    told, shipped = features.read_features(str(tmp_path)), features.shipped_features()
    assert (told.x == shipped.x).all()
    assert told.provenance == shipped.provenance
