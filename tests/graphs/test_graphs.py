"""The graph: neighbours, ties, edge sets, normalisation, homophily, bad input."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from torch_geometric.nn import GCNConv

from leukgnn import graph, homophily
from leukgnn.files import InputError


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).random((300, 16)).astype(np.float32)


def test_neighbours_are_those_of_scikit_learn(x):
    ours, similarity = graph.knn(x, 7)
    distance, theirs = (
        NearestNeighbors(n_neighbors=8, metric="cosine").fit(x.astype(np.float64)).kneighbors()
    )
    np.testing.assert_array_equal(ours, theirs[:, :7])
    np.testing.assert_allclose(similarity, 1 - distance[:, :7], atol=1e-6)


def test_no_cell_is_its_own_neighbour_even_among_duplicates(x):
    doubled = np.concatenate([x, x[:50], x[:50]])
    neighbours, _ = graph.knn(doubled, 5)
    assert not (neighbours == np.arange(len(doubled))[:, None]).any()
    # of three equal cells each names the other two first, in the order of their index
    assert neighbours[0, :2].tolist() == [300, 350]
    assert neighbours[300, :2].tolist() == [0, 350]


def test_ties_beyond_the_margin_go_by_index():
    x = np.tile(np.array([[1.0, 2.0, 3.0]]), (60, 1))
    neighbours, _ = graph.knn(x, 4)
    assert neighbours[0].tolist() == [1, 2, 3, 4]
    assert neighbours[30].tolist() == [0, 1, 2, 3]


def test_neighbours_do_not_depend_on_the_block(x, monkeypatch):
    doubled = np.concatenate([x, x[:50]])
    whole = graph.knn(doubled, 9)[0]
    monkeypatch.setattr(graph, "BLOCK", 37)
    np.testing.assert_array_equal(whole, graph.knn(doubled, 9)[0])


def test_attached_cells_do_not_depend_on_each_other(x):
    together, _ = graph.attach(x[:20], x[20:], 5)
    alone, _ = graph.attach(x[3:4], x[20:], 5)
    np.testing.assert_array_equal(together[3:4], alone)


@pytest.mark.parametrize(
    ("change", "k", "word"),
    [
        (lambda x: x, 0, "k=0"),
        (lambda x: x, 300, "k=300"),
        (lambda x: x[0], 1, "shape"),
        (lambda x: np.where(np.arange(16) == 3, np.nan, x), 5, "NaN"),
        (lambda x: x * (np.arange(300) != 7)[:, None], 5, "cell 7"),
    ],
)
def test_bad_input_is_named(x, change, k, word):
    with pytest.raises(InputError, match=word):
        graph.knn(change(x), k)


def test_attach_needs_features_of_one_network(x):
    with pytest.raises(InputError, match="same network"):
        graph.attach(x[:, :8], x, 3)


def test_edge_sets(x):
    neighbours, _ = graph.knn(x, 3)
    sets = {
        name: set(map(tuple, graph.edge_index(neighbours, name).T.tolist())) for name in graph.EDGES
    }
    named = {(int(j), i) for i in range(len(x)) for j in neighbours[i]}
    back = {(b, a) for a, b in named}
    assert sets["directed"] == named
    assert sets["union"] == named | back
    assert sets["mutual"] == named & back
    with pytest.raises(InputError, match="directed, union, mutual"):
        graph.edge_index(neighbours, "both")


@pytest.mark.parametrize("edges", graph.EDGES)
def test_adjacency_is_that_of_gcnconv(x, edges):
    e = graph.edge_index(graph.knn(x, 4)[0], edges)
    torch.manual_seed(0)
    layer = GCNConv(16, 5)
    ours = GCNConv(16, 5, normalize=False)
    ours.load_state_dict(layer.state_dict())
    features = torch.from_numpy(x)
    torch.testing.assert_close(
        layer(features, torch.from_numpy(e)), ours(features, graph.adjacency(e, len(x)))
    )


def test_adjacency_refuses_self_loops():
    with pytest.raises(InputError, match="self loops"):
        graph.adjacency(np.array([[0, 1], [1, 1]]), 2)


def test_homophily_by_hand():
    labels = np.array([0, 0, 1, 1])
    e = np.array([[0, 1, 2, 3, 1, 2], [1, 0, 3, 2, 2, 1]])
    assert homophily.homophily(e, labels) == pytest.approx(4 / 6)
    assert homophily.adjusted_homophily(e, labels) == pytest.approx((4 / 6 - 1 / 2) / (1 / 2))


def test_edge_kinds():
    table = pd.DataFrame({"subject": ["1", "1", "2"], "source_image": ["1_1", "1_2", "2_1"]})
    table = pd.concat([table, table.iloc[:1]], ignore_index=True)
    e = np.array([[0, 1, 0], [3, 0, 2]])
    kinds = homophily.edge_kinds(e, table).tolist()
    assert kinds == ["same source image", "same subject", "cross-subject"]


def test_a_written_graph_is_read_only_for_its_own_settings(x, tmp_path):
    e = graph.edge_index(graph.knn(x, 3)[0])
    settings = {"k": 3, "edges": "union", "features": graph.features_hash(x)}
    marked = e[:, :-1]  # told apart from one built anew
    graph.write_graph(tmp_path, marked, settings)
    same = graph.read_graph(str(tmp_path), features=x, k=3, edges="union")
    np.testing.assert_array_equal(same, marked)
    other = graph.read_graph(str(tmp_path), features=x + 1, k=3, edges="union")
    assert graph.edge_hash(other) != graph.edge_hash(marked)
    np.testing.assert_array_equal(
        graph.read_graph(str(tmp_path), features=x, k=4, edges="directed"),
        graph.edge_index(graph.knn(x, 4)[0], "directed"),
    )
