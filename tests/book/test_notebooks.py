"""The chapters: their defaults are the paper's, and all of them run, one after the other."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import jupytext
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from torch.nn.functional import cross_entropy

from leukgnn import cells, claims, evaluation, experiments, features, graphs, names, networks, paper
from leukgnn.book import chapters, pictures
from leukgnn.evaluation import tables
from leukgnn.experiments import artifacts as prepared
from leukgnn.experiments import finetune
from leukgnn.features import extraction, resnet
from leukgnn.networks import Settings

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "notebooks").glob("*.md"))
SETTINGS = {
    name: value
    for group in (paper.IMAGES, paper.GRAPH, paper.TRAINING)
    for name, value in dataclasses.asdict(group).items()
}
# What is ours to choose in a notebook, such as how many cells a figure shows.
OURS = {
    "profile", "images", "weights", "inputs", "examples", "sample", "seeds",
    "minibatch_epochs", "neighbours", "partitions", "partition_seeds", "repeats", "ks",
    "similarity", "folds", "readings", "reading_seeds", "cells_each", "network_seeds", "families",
    "graph_seeds", "own_seeds", "person_epochs", "poolings", "reason_seeds",
}  # fmt: skip
FEW = {
    "k": 5, "epochs": 2, "seeds": 1, "partitions": 2, "partition_seeds": 1, "repeats": 1,
    "folds": 2, "ks": [3], "minibatch_epochs": 1, "sample": 100,
    "reading_seeds": 1, "readings": ["book", "residual"],
    "network_seeds": 1, "families": ["sage", "gat"], "graph_seeds": 1,
    "own_seeds": 1, "person_epochs": 2, "poolings": ["pool_attention", "pool_top_k"],
    "reason_seeds": 1,
    "cells_each": [1, 3],
}  # fmt: skip

ASKS_OFTEN = {"18_reasons"}  # each cell again without each of its neighbours
OF_IMAGES = {"fig-dataset-examples", "fig-augmentation-steps", "fig-encoder-views"}  # no data


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_defaults_are_those_of_the_paper_module(source):
    declared = chapters.declared_parameters(source)
    for parameter in declared.values():
        if parameter.name in OURS:
            continue
        expected = SETTINGS[parameter.name]
        assert parameter.default == (list(expected) if isinstance(expected, tuple) else expected)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_defaults_are_those_of_the_plan(source):
    """So a chapter with its defaults asks for the published runs, and no other."""
    plan = experiments.Plan.__dataclass_fields__
    for parameter in chapters.declared_parameters(source).values():
        if parameter.name in plan and parameter.name in OURS:
            expected = plan[parameter.name].default
            default = parameter.default
            assert (tuple(default) if isinstance(default, list) else default) == expected


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_chapter_imports_what_it_uses_and_nothing_else(source):
    notebook = jupytext.read(source)
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    given = [
        sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F", "--ignore", "E402",
        "--config", 'builtins = ["display"]', "--output-format", "concise", "-",
    ]  # fmt: skip
    told = subprocess.run(given, input=code, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout


def test_settings_say_where_they_come_from():
    sources = paper.sources()
    assert set(SETTINGS) <= set(sources)
    assert sources["hidden"] == "IV.C" and sources["k"].startswith("silent: our choice")


@pytest.fixture(scope="session")
def small():
    """700 of the real cells' features."""
    shipped = features.shipped_features()
    rows = shipped.table.groupby("label").sample(350, random_state=0).index.to_numpy()
    return shipped.take(rows)


def test_the_loop_of_chapter_05_is_fit(small):
    """The training that stands in the notebook gives the run of `fit`, bit for bit."""
    (loop,) = [
        cell.source
        for cell in jupytext.read(ROOT / "notebooks" / "05_gcn.md").cells
        if "adam.step()" in cell.source
    ]
    settings = Settings(epochs=5)
    plan = experiments.Plan(sources=experiments.Sources(small), k=5, settings=settings, seed=3)
    asked = plan.as_written(["gcn"])[0]
    task = asked.run.task(small)
    scope = {
        "plan": plan, "real": small, "edge_index": task.edge_index, "networks": networks,
        "network": networks.seeded(networks.GCN, 3, settings), "seed": 3, "np": np, "torch": torch,
        "learning_rate": settings.learning_rate, "weight_decay": settings.weight_decay,
        "epochs": settings.epochs, "cross_entropy": cross_entropy,
    }  # fmt: skip
    exec(loop, scope)
    of_run = experiments.compute(asked.run, task).probability
    assert (scope["probability"][task.split.test] == of_run).all()
    assert len(loop.splitlines()) <= 16


@pytest.fixture(scope="session")
def executed(tmp_path_factory, small):
    """Every chapter run with small settings on those, and one store for all of them."""
    folder = tmp_path_factory.mktemp("chapters")
    few = small.take(np.arange(0, 700, 6))  # of one class and of the other
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEUKGNN_RUNS", str(folder / "runs"))
        for name, given in (("artifacts", small), ("few", few)):
            (folder / name).mkdir()
            target = folder / name / "features.npz"
            features.write_features(target, given.x, given.table, given.provenance)
        prepared.write_hidden(small, folder / "artifacts", Settings(epochs=2))
        for source in SOURCES:
            declared = chapters.declared_parameters(source)
            inputs = folder / ("few" if source.stem in ASKS_OFTEN else "artifacts")
            given = {"inputs": str(inputs), **FEW}
            chosen = {name: value for name, value in given.items() if name in declared}
            chapters.run(source, folder / f"{source.stem}.ipynb", chosen)
    return folder


@pytest.mark.notebook
def test_every_chapter_runs(executed):
    assert [p.stem for p in sorted(executed.glob("*.ipynb"))] == [p.stem for p in SOURCES]
    for path in executed.glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        assert notebook.metadata["leukgnn"]["chapter"] == path.stem
        for cell in notebook.cells:
            for output in cell.get("outputs", []):
                assert output.output_type != "error"
                assert output.get("name") != "stderr"
            if figure := cell.metadata.get("mystnb", {}).get("figure"):
                assert f"Code cell {cell.execution_count} of this chapter" in figure.caption
                assert ("data" in cell.metadata) == (figure.name not in OF_IMAGES)


@pytest.fixture(scope="session")
def result_tables(executed, small):
    """The result tables and the verdicts of those chapters, from the same store."""
    target = executed / "results"
    plan = experiments.Plan(
        sources=experiments.Sources(small), k=5, settings=Settings(epochs=2), seeds=1,
        partitions=2, partition_seeds=1,
    )  # fmt: skip
    store = experiments.Store(executed / "runs", published=False)
    answers = experiments.predictions(plan.results(), store, progress=False)
    reference, _ = experiments.reference("cnn", small.table)
    tables.write(pd.concat([answers, reference], ignore_index=True), target, draws=10)
    claims.write(sorted(executed.glob("*.ipynb")), target)
    return target


@pytest.mark.notebook
def test_contracts_of_the_results(result_tables, small):
    table = pd.read_csv(result_tables / "results.csv")
    contract = ["protocol", "model", "seed", "fold", "n_train", "n_test", *evaluation.METRICS]
    assert table.columns.tolist() == contract
    assert set(table["protocol"]) <= set(names.PROTOCOLS)
    assert set(table["model"]) <= set(names.MODELS)
    models = table.groupby("protocol")["model"].agg(set)
    plan = experiments.Plan(sources=experiments.Sources(small))
    asked = [*plan.people(), *plan.own_cells(), *plan.reasons()]
    apart_only = {a.run.classifier for a in asked} - {"gcn", "mlp"}
    everywhere = set(experiments.CLASSIFIERS) - {
        "gcn_tuned", "mlp_tuned", "gcn_dummy", "gcn_asked_masked",
        "mlp_smoothed_1", "mlp_smoothed_2", "mlp_smoothed_4", "vote", "gat_vote",
        *names.NETWORKS, *(f"{key}_alone" for key in names.NETWORKS),
        *names.GRAPHS, *apart_only,
    }  # fmt: skip
    everywhere |= {"gcn_random_weights", "mlp_random_weights", "size_all"}
    assert everywhere <= models["as_written"]
    apart = {"gcn_transductive", "gcn_dummy", "gcn_tuned", "mlp_tuned", *finetune.MODELS}
    assert everywhere | apart <= models["subject_disjoint"]
    assert models["as_released"] == {"gcn", "gcn_reverse", "mlp"}
    predictions = pd.read_parquet(result_tables / "predictions.parquet")
    assert predictions.columns.tolist() == [*evaluation.CONTRACT, "partition"]
    assert not predictions.duplicated(["protocol", "model", "seed", "fold", "filename"]).any()
    known = features.all_sizes().table["filename"]
    assert predictions["filename"].isin(known).all()
    pooled = table[table["fold"] == "all"]
    assert len(predictions) == pooled["n_test"].sum()


@pytest.mark.notebook
def test_a_prediction_says_which_fold_answered(result_tables, small):
    predictions = pd.read_parquet(result_tables / "predictions.parquet")
    apart = predictions[predictions["protocol"].eq("subject_disjoint")]
    folds = features.all_sizes().table.set_index("filename")["fold"]
    assert (apart["fold"] == apart["filename"].map(folds)).all()


@pytest.mark.notebook
def test_every_fact_that_a_claim_names_is_computed(result_tables):
    table = pd.read_csv(result_tables / "claims.csv")
    assert table.columns.tolist() == claims.COLUMNS
    absent = table.loc[table["our_value"].str.contains(claims.ABSENT), "id"].tolist()
    # Two readings are shown here; the published verdicts rest on all of them.
    rules = {entry["id"]: str(entry["rule"]) for entry in claims.ledger()}
    assert absent == [name for name, rule in rules.items() if "readings_" in rule]


def test_chapter_03_takes_a_small_folder(small, phantoms):
    """Fewer cells than its samples want: the two cells that draw them, run by themselves."""
    code = [cell.source for cell in jupytext.read(ROOT / "notebooks" / "03_features.md").cells]
    (formats,) = [source for source in code if "bfloat16" in source and "show_table" in source]
    (maps,) = [source for source in code if "TSNE(" in source and "plt.show" in source]
    shown, glued = [], {}
    scope = {
        "cells": cells, "Path": Path, "images": str(phantoms), "from_pixels": True, "seed": 0,
        "found": resnet.find_weights("random:0"), "extraction": extraction, "resnet": resnet,
        "np": np, "pd": pd, "graphs": graphs, "k": 50, "sample": 1000, "pictures": pictures,
        "real": small.take(np.arange(0, 700, 30)), "plt": plt, "PCA": PCA, "TSNE": TSNE,
        "show_table": lambda table, **_: shown.append(table), "torch": torch,
        "glue": lambda name, value, **_: glued.update({name: value}),
    }  # fmt: skip
    exec(formats, scope)
    (table,) = shown
    assert table["Cells"].tolist() == [24, 24, 24] and table["Format"].nunique() == 3
    assert 0 < glued["features_same_lists"] <= 100
    exec(maps, scope)
    assert scope["tsne"].shape == (24, 2)
    plt.close("all")
