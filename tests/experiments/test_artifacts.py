"""The features, the graph and the hidden features that a build starts from."""

import json

import numpy as np
import pytest
import torch

from leukgnn import networks
from leukgnn.cells import training_cells
from leukgnn.experiments import Plan, artifacts
from leukgnn.experiments.witness import witnessing
from leukgnn.features import Features, features_hash, read_features_file
from leukgnn.graphs import knn, knn_edges, read_graph
from leukgnn.networks import Settings
from leukgnn.paper import GRAPH


@pytest.fixture
def small(monkeypatch):
    """60 real cells with features of no meaning, as what the package ships."""
    table = training_cells().groupby(["fold", "label"]).head(10).reset_index(drop=True)
    x = np.random.default_rng(0).uniform(size=(len(table), 512)).astype(np.float16)
    weights = {"name": "of the test", "sha256": "0" * 64}
    known = Features(x.astype(np.float32), table, {"weights": weights, "cells": 60}, "60 cells")
    monkeypatch.setattr(artifacts, "shipped_features", lambda: known)
    return known


def test_without_images_the_shipped_features_and_their_graph_are_written(small, tmp_path):
    assert artifacts.prepare("", "", tmp_path) is small
    written = read_features_file(tmp_path / "features.npz")
    assert (written.x == small.x).all()
    assert written.table["filename"].tolist() == small.table["filename"].tolist()
    assert written.provenance["witness"] == {"compared": False}
    assert written.provenance["weights"] == small.provenance["weights"]
    assert written.provenance["cells"] == 60
    edges = knn_edges(knn(small.x, GRAPH.k)[0], GRAPH.edges)
    with np.load(tmp_path / "graph.npz", allow_pickle=False) as stored:
        assert (stored["edge_index"] == edges).all()
    settings = json.loads((tmp_path / "graph.json").read_text())
    assert settings["k"] == GRAPH.k and settings["edges"] == GRAPH.edges
    assert settings["features"] == features_hash(small.x)
    assert settings["edge_count"] == edges.shape[1]
    read = read_graph(str(tmp_path), features=small.x, k=GRAPH.k, edges=GRAPH.edges)
    assert (read == edges).all()


def test_images_without_weights_go_on_with_what_ships(small, phantoms, tmp_path, monkeypatch):
    """Weights of another network, such as the encoder's, are nothing to fall back on."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "empty"))
    assert artifacts.prepare(str(phantoms), "", tmp_path) is small
    assert not (tmp_path / "extracted.npz").exists()


def test_images_and_weights_give_features_of_their_own(small, phantoms, tmp_path):
    own = artifacts.prepare(str(phantoms), "random:0", tmp_path)
    written = read_features_file(tmp_path / "features.npz")
    assert len(own.table) == 24 and (written.x == own.x).all()
    assert (read_features_file(tmp_path / "extracted.npz").x == own.x).all()
    assert written.provenance["witness"]["reason"] == "other weights"
    assert "untrained" in written.provenance["weights"]["name"]


def test_hidden_features_are_those_of_the_first_runs_networks(small, tmp_path, monkeypatch):
    monkeypatch.setenv("LEUKGNN_RUNS", str(tmp_path / "runs"))
    settings = Settings(epochs=3)
    artifacts.write_hidden(small, tmp_path, settings)
    asked = Plan.of(small, "quick", seeds=1, settings=settings).as_written(["gcn", "mlp"])
    with np.load(tmp_path / "hidden.npz", allow_pickle=False) as stored:
        assert set(stored) == {"hidden", "hidden_mlp", "test"}
        for name, one in zip(("hidden", "hidden_mlp"), asked, strict=True):
            task = one.run.task(small)
            network, _ = task.trained_gcn if name == "hidden" else task.trained_mlp
            expected = networks.hidden(network, small.x, task.edge_index)
            assert stored[name].shape == (60, 128) and stored[name].dtype == np.float16
            np.testing.assert_allclose(stored[name], expected, atol=2e-3)
            assert (stored["test"] == task.split.test).all()
            assert one.run in witnessing()
        assert np.abs(stored["hidden"].astype(float) - stored["hidden_mlp"]).max() > 0.01
