"""Networks, training and the protocol: equivalences, repeatability, bad input."""

import numpy as np
import pandas as pd
import pytest
import torch

from leukgnn import graph, models, splits, training
from leukgnn.files import InputError

N = 120


@pytest.fixture(scope="module")
def cells():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, N)
    x = generator.random((N, 512)).astype(np.float32) + 0.4 * labels[:, None].astype(np.float32)
    edges = graph.edge_index(graph.knn(x, 5)[0])
    table = pd.DataFrame(
        {"filename": [f"{i}.bmp" for i in range(N)], "subject": labels.astype(str), "label": labels}
    )
    return table, torch.from_numpy(x), graph.adjacency(edges, N)


def identity():
    return torch.eye(N).to_sparse_csr()


def test_parameters_are_as_many_as_the_paper_implies():
    count = 512 * 128 + 128 + 128 * 2 + 2
    assert models.parameter_count(models.GCN()) == models.parameter_count(models.MLP()) == count


def test_gcn_with_identity_adjacency_is_the_mlp(cells):
    _, x, adjacency = cells
    gcn, mlp = (models.seeded(kind, 3).eval() for kind in (models.GCN, models.MLP))
    torch.testing.assert_close(gcn(x, identity()), mlp(x, adjacency))


def test_trained_gcn_with_identity_adjacency_is_the_trained_mlp(cells):
    table, x, _ = cells
    train, test = splits.stratified_split(table["label"].to_numpy(), 0.2, 0)
    labels = torch.tensor(table["label"].to_numpy())
    told = []
    for kind in (models.GCN, models.MLP):
        network = models.seeded(kind, 0)
        settings = {"held_out": test, "seed": 0, "epochs": 20, "progress": False}
        training.fit(network, x, identity(), labels, train, **settings)
        told.append(training.predict(network, x, identity()))
    np.testing.assert_allclose(*told, atol=1e-5)


def test_edge_list_and_csr_are_one(cells):
    _, x, adjacency = cells
    target, source = adjacency.to_sparse_coo().coalesce().indices()
    network = models.seeded(models.GCN, 0).eval()
    by_list = network(x, torch.stack([source, target]), adjacency.values())
    torch.testing.assert_close(by_list, network(x, adjacency), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("edges", graph.EDGES)
def test_gradients_are_those_of_the_edge_list(cells, edges):
    _, x, _ = cells
    adjacency = graph.adjacency(graph.edge_index(graph.knn(x.numpy(), 4)[0], edges), N)
    target, source = adjacency.to_sparse_coo().coalesce().indices()
    told = []
    for given in ((adjacency,), (torch.stack([source, target]), adjacency.values())):
        network = models.seeded(models.GCN, 0).eval()
        network(x, *given)[:, 1].square().sum().backward()
        told.append([value.grad for value in network.parameters()])
    for one, other in zip(*told, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


def test_seeds_of_a_neighbourhood_get_the_logits_of_the_whole_graph(cells):
    _, x, adjacency = cells
    network = models.seeded(models.GCN, 0).eval()
    seeds = torch.tensor([5, 17, 80])
    nodes, edges, weights, positions = training.neighbourhood(adjacency, seeds)
    part = network(x[nodes], edges, weights)[positions]
    torch.testing.assert_close(part, network(x, adjacency)[seeds], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("batch_size", [None, 32])
def test_training_is_bitwise_repeatable(cells, batch_size):
    table, x, adjacency = cells
    told = []
    for _ in range(2):
        network = models.seeded(models.GCN, 7)
        train, test = splits.stratified_split(table["label"].to_numpy(), 0.2, 7)
        history = training.fit(
            network, x, adjacency, torch.tensor(table["label"].to_numpy()), train,
            held_out=test, seed=7, epochs=5, batch_size=batch_size, progress=False,
        )  # fmt: skip
        told.append((training.predict(network, x, adjacency).tobytes(), history))
        torch.rand(3)  # the caller's random numbers must not matter
    assert told[0][0] == told[1][0]
    pd.testing.assert_frame_equal(told[0][1], told[1][1])


def test_labels_of_test_cells_do_not_reach_training(cells):
    table, x, adjacency = cells
    train, test = splits.stratified_split(table["label"].to_numpy(), 0.2, 0)
    labels = torch.tensor(table["label"].to_numpy())
    told = []
    for shown in (labels, torch.where(torch.from_numpy(test), 1 - labels, labels)):
        network = models.seeded(models.GCN, 0)
        settings = {"held_out": test, "seed": 0, "epochs": 5, "progress": False}
        training.fit(network, x, adjacency, shown, train, **settings)
        told.append(training.predict(network, x, adjacency).tobytes())
    assert told[0] == told[1]


def test_dropout_keeps_the_share_and_the_mean_and_rests_in_evaluation():
    dropout, ones = models.Dropout(0.3), torch.ones(400, 500)
    torch.manual_seed(0)
    left = dropout(ones)
    assert float((left == 0).float().mean()) == pytest.approx(0.3, abs=0.01)
    assert float(left.max()) == pytest.approx(1 / 0.7)
    assert torch.equal(dropout.eval()(ones), ones)


def test_a_network_smooths_anew_for_other_features_or_another_graph(cells):
    _, x, adjacency = cells
    network = models.seeded(models.GCN, 0).eval()
    first = network(x, adjacency)
    alone = torch.eye(N).to_sparse_csr()
    mlp = models.seeded(models.MLP, 0).eval()
    assert torch.allclose(network(x, alone), mlp(x, alone), atol=1e-5)
    assert not torch.allclose(network(2 * x, adjacency), first)
    assert torch.equal(network(x, adjacency), first)


def test_class_weights_are_inverse_to_frequency():
    weights = training.class_weights(torch.tensor([0] * 3389 + [1] * 7272))
    assert weights.tolist() == pytest.approx([10661 / (2 * 3389), 10661 / (2 * 7272)])
    with pytest.raises(InputError, match="both present"):
        training.class_weights(torch.tensor([1, 1]))


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"learning_rate": 0.0}, "learning_rate=0"),
        ({"epochs": 0}, "epochs=0"),
        ({"batch_size": 0}, "batch_size=0"),
    ],
)
def test_bad_settings_are_named(cells, settings, word):
    table, x, adjacency = cells
    train = np.ones(N, dtype=bool)
    labels = torch.tensor(table["label"].to_numpy())
    with pytest.raises(InputError, match=word):
        training.fit(models.GCN(), x, adjacency, labels, train, held_out=train, seed=0, **settings)


def test_shapes_that_do_not_fit_are_named(cells):
    table, x, adjacency = cells
    train = np.ones(N, dtype=bool)
    with pytest.raises(InputError, match="do not fit"):
        training.fit(
            models.GCN(), x[:-1], adjacency, torch.tensor(table["label"].to_numpy()), train,
            held_out=train, seed=0,
        )  # fmt: skip
    labels = torch.tensor(table["label"].to_numpy())
    with pytest.raises(InputError, match=f"marks of {N}, {N - 1} cells do not fit"):
        training.fit(models.GCN(), x, adjacency, labels, train, held_out=train[1:], seed=0)


def test_dropout_of_everything_leaves_nothing():
    layer = models.Dropout(1.0)
    assert layer(torch.ones(3)).tolist() == [0, 0, 0]


def test_split_is_stratified_and_disjoint():
    labels = np.repeat([0, 1], [300, 700])
    train, test = splits.stratified_split(labels, 0.2, 0)
    assert not (train & test).any() and (train | test).all()
    assert np.bincount(labels[test]).tolist() == [60, 140]
    fitting, validation = splits.stratified_split(labels, 0.2, 0, within=train)
    assert ((fitting | validation) == train).all()
    with pytest.raises(InputError, match="3 cells cannot be split by class"):
        splits.stratified_split(np.array([0, 1, 1]), 0.2, 0)
    with pytest.raises(InputError, match="test_share"):
        splits.stratified_split(labels, 1.0, 0)
