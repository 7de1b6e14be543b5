"""The chapters: their defaults are the paper's, and all of them run, one after the other."""

import dataclasses
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from leukgnn import claims, controls, execute, features, finetune, metrics, paper, results

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
    "minibatch_epochs", "neighbours", "repeats", "tuned", "ks", "similarity", "folds",
}  # fmt: skip
SMALL = {
    "01_dataset": {},
    "02_augmentation": {"sample": 20},
    "03_features": {"sample": 150},
    "04_graph": {"k": 5},
    "05_gcn": {"k": 5, "epochs": 2},
    "06_results": {"draws": 10, "sample": 100},
    "07_protocols": {"k": 5, "epochs": 2, "draws": 10},
    "08_controls": {"k": 5, "epochs": 2, "ks": [3], "draws": 10},
    "09_cnn": {"draws": 10},
    "10_leakage": {"k": 5, "epochs": 2, "draws": 10},
    "11_page": {"draws": 10},
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


@pytest.fixture(scope="session")
def tables(executed):
    """The result tables and the verdicts of those chapters."""
    target = executed / "results"
    results.write(str(executed / "artifacts"), target, draws=10, seed=0)
    claims.write(executed, target)
    return target


@pytest.mark.notebook
def test_contracts_of_the_results(executed, tables):
    table = pd.read_csv(tables / "results.csv")
    contract = ["protocol", "model", "seed", "fold", "n_train", "n_test", *metrics.METRICS]
    assert table.columns.tolist() == contract
    models = table.groupby("protocol")["model"].agg(set)
    audited = set(controls.CONTROLS) - {"gcn_tuned", "mlp_tuned", "gcn_dummy"}
    audited |= {"gcn_random_weights", "mlp_random_weights", "size_all"}
    assert audited <= models["as_written"]
    assert (
        audited | {"gcn_transductive", "gcn_dummy", *finetune.MODELS} <= models["subject_disjoint"]
    )
    assert models["as_released"] == {"gcn", "gcn_reverse", "mlp"}
    predictions = pd.read_parquet(tables / "predictions.parquet")
    assert predictions.columns.tolist() == results.CONTRACT
    assert not predictions.duplicated(["protocol", "model", "seed", "filename"]).any()
    cells = pd.read_parquet(executed / "artifacts" / "cells.parquet")
    assert predictions["filename"].isin(cells["filename"]).all()
    assert len(predictions) == table["n_test"].sum()


@pytest.mark.notebook
def test_every_fact_that_a_claim_names_is_computed(tables):
    table = pd.read_csv(tables / "claims.csv")
    assert table.columns.tolist() == claims.COLUMNS
    absent = table.loc[table["our_value"].str.contains(claims.ABSENT), "id"].tolist()
    assert absent == []


@pytest.mark.notebook
def test_chapter_03_hands_on_the_shipped_features(executed, tmp_path):
    """Without images: float16 both ways, so chapter 04 on gets the very same numbers."""
    source = ROOT / "notebooks" / "03_features.md"
    execute.run(source, tmp_path / "o.ipynb", {"outputs": str(tmp_path), "sample": 100})
    told, shipped = features.read_features(str(tmp_path)), features.shipped_features()
    assert (told.x == shipped.x).all()
    assert told.provenance == shipped.provenance
