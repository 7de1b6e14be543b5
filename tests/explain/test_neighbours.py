"""Reasons for a graph's answer: what each neighbour of an attached cell carries of it."""

import numpy as np
import pytest
import torch

from leukgnn import explain, graphs, networks
from leukgnn.explain.neighbours import _Local, _OnEdges
from leukgnn.files import InputError
from leukgnn.graphs import Attached
from leukgnn.networks import GCN, Settings

N, ASKED, K = 90, 20, 4


@pytest.fixture(scope="module")
def asked():
    return np.arange(N) >= N - ASKED


@pytest.fixture(scope="module")
def x():
    """Cells of two classes that four features tell apart."""
    noise = np.random.default_rng(0).normal(size=(N, 512)).astype(np.float32)
    noise[:, :4] += 2.0 * (np.arange(N) % 2)[:, None]
    return noise


@pytest.fixture(scope="module")
def edge_index(x, asked):
    return Attached(k=K, edges="union")(x, ~asked, asked)


@pytest.fixture(scope="module")
def network(x, edge_index, asked):
    network = networks.seeded(GCN, 0)
    labels = np.arange(N) % 2
    settings = Settings(epochs=30, learning_rate=0.01)
    networks.fit(network, x, edge_index, labels, ~asked, settings=settings, seed=0)
    return network


def test_neighbours_are_those_that_a_cell_was_attached_to(x, edge_index, asked):
    near = explain.neighbours(edge_index, asked)
    attached, _ = graphs.attach(x[asked], x[~asked], K)
    assert [set(row) for row in near] == [set(row) for row in np.flatnonzero(~asked)[attached]]
    mixed = np.random.default_rng(0).permutation(edge_index.shape[1])
    again = explain.neighbours(edge_index[:, mixed], asked)
    assert [set(row) for row in again] == [set(row) for row in near]


def test_without_takes_those_edges_and_no_other(edge_index, asked):
    near = explain.neighbours(edge_index, asked)
    gone = np.tile([1, 3], (ASKED, 1))
    left = explain.without(edge_index, asked, near, gone)
    before, after = ({tuple(edge) for edge in edges.T} for edges in (edge_index, left))
    rows = np.flatnonzero(asked)
    assert before - after == {(near[i, j], row) for i, row in enumerate(rows) for j in (1, 3)}
    assert after < before and left.shape[1] == len(after)


def test_leave_one_out_is_the_networks_own_answer_without_the_edge(network, x, edge_index, asked):
    found = explain.leave_one_out(network, x, edge_index, asked)
    near, row = explain.neighbours(edge_index, asked), np.flatnonzero(asked)[7]
    whole = networks.predict(network, x, edge_index)[row]
    for place, source in enumerate(near[7]):
        kept = ~((edge_index[0] == source) & (edge_index[1] == row))
        left = networks.predict(network, x, edge_index[:, kept])[row]
        assert found[7, place] == pytest.approx(whole - left, abs=1e-6)
    assert np.abs(found).max() > 0.01


def test_both_views_of_the_network_give_its_answers(network, x, edge_index, asked):
    expected = networks.predict(network, x, edge_index)
    local = _Local(network, x, edge_index, asked)
    rows = torch.arange(ASKED)
    assert local(torch.ones(ASKED, K), rows).detach().numpy() == pytest.approx(
        expected[asked], abs=1e-5
    )
    adjacency = networks.normalised(edge_index, N).to_sparse_coo()
    edges = adjacency.indices().flip(0)
    logits = _OnEdges(network)(torch.from_numpy(x), edges, adjacency.values())
    assert logits.softmax(dim=1)[:, 1].detach().numpy() == pytest.approx(expected, abs=1e-5)


def test_integrated_gradients_add_up_to_what_the_edges_do(network, x, edge_index, asked):
    shares = explain.integrated_gradients(network, x, edge_index, asked)
    local = _Local(network, x, edge_index, asked)
    rows = torch.arange(ASKED)
    ends = [local(torch.full((ASKED, K), at), rows).detach().numpy() for at in (0.0, 1.0)]
    assert shares.shape == (ASKED, K)
    assert shares.sum(axis=1) == pytest.approx(ends[1] - ends[0], abs=0.02)


@pytest.mark.parametrize("method", ["exact", "gradients", "masked"])
def test_a_planted_neighbour_is_named(method):
    """Of four neighbours one is leukemic to the network, the others and the cell are nothing."""
    n = 40
    x = np.zeros((n, 512), dtype=np.float32)
    x[:4, 0] = 5.0
    near = np.array([[10 + i, 20 + i, i % 4, 30 + i % 5] for i in range(5)])
    asked = np.arange(n) >= 35
    edges = np.stack([near.ravel(), np.repeat(np.arange(35, 40), 4)])
    network = networks.seeded(GCN, 0).eval()
    with torch.no_grad():
        network.conv1.lin.weight.zero_()[0, 0] = 1.0
        network.conv2.lin.weight.zero_()[1, 0] = 3.0
    scores = {
        "exact": lambda: explain.leave_one_out(network, x, edges, asked),
        "gradients": lambda: explain.integrated_gradients(network, x, edges, asked),
        "masked": lambda: explain.gnn_explainer(network, x, edges, asked, seed=0),
    }[method]()
    assert (explain.neighbours(edges, asked) == near).all()
    assert (scores.argmax(axis=1) == 2).all()


def test_similarity_is_the_cosine(x, edge_index, asked):
    found, near = explain.similarity(x, edge_index, asked), explain.neighbours(edge_index, asked)
    row, other = x[np.flatnonzero(asked)[3]], x[near[3, 2]]
    cosine = row @ other / np.linalg.norm(row) / np.linalg.norm(other)
    assert found[3, 2] == pytest.approx(cosine, abs=1e-6)


def test_answers_have_a_side():
    assert explain.from_answer(np.array([0.2, 0.5, 0.9])).tolist() == [-1, 1, 1]


def test_what_cannot_be_explained_is_refused(edge_index, asked):
    few = edge_index[:, :-1]
    with pytest.raises(InputError, match="not equally many neighbours: expected a k for all"):
        explain.neighbours(few, asked)
    with pytest.raises(InputError, match="not equally many neighbours"):
        explain.neighbours(graphs.no_edges(), asked)
    everyone = np.ones(3, dtype=bool)
    with pytest.raises(InputError, match="hear each other: expected cells attached one-way"):
        explain.neighbours(np.array([[1, 2, 0], [0, 1, 2]]), everyone)
