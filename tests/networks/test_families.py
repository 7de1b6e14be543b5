"""The other graph networks: their layers are the textbook's, their edges matter, they learn."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch_geometric import nn as pyg

from leukgnn import graphs, names, networks
from leukgnn.networks import FAMILIES, Settings
from leukgnn.networks.operators import edges_of, means, sums, symmetric

N = 90


@pytest.fixture(scope="module")
def cells():
    """Features and symmetric edges of 90 cells."""
    x = np.random.default_rng(0).random((N, 512)).astype(np.float32)
    return torch.from_numpy(x), graphs.knn_edges(graphs.knn(x, 4)[0], "union")


@pytest.fixture(scope="module")
def directed():
    """Cell 3 is attached to cells 0 and 1, which know each other; cell 2 is alone."""
    return networks.normalised(np.array([[0, 1, 0, 1], [1, 0, 3, 3]]), 4)


def of(kind, seed=0):
    return networks.seeded(kind, seed).eval()


def test_every_family_has_a_name_and_a_twin_without_edges():
    assert list(FAMILIES) == list(names.NETWORKS)
    for key in FAMILIES:
        assert {key, f"{key}_alone"} <= set(names.MODELS)


def test_operators_by_hand(directed):
    edges = edges_of(directed)
    assert edges.tolist() == [[1, 0, 0, 1], [0, 1, 3, 3]]
    x = torch.tensor([[1.0], [2.0], [4.0], [8.0]])
    assert (sums(directed) @ x).flatten().tolist() == [2, 1, 0, 3]
    assert (means(directed) @ x).flatten().tolist() == [2, 1, 0, 1.5]
    root = 2**-0.5  # of the one edge that arrives at 0 and 1, and the two at 3
    torch.testing.assert_close(
        symmetric(directed) @ x, torch.tensor([[2.0], [1.0], [0.0], [3 * root]])
    )


def test_an_operator_has_the_gradient_of_its_dense_matrix(directed):
    x = torch.rand(4, 2, requires_grad=True)
    given = torch.rand(4, 2)
    (means(directed) @ x).backward(given)
    dense = means(directed).matrix.to_dense()
    torch.testing.assert_close(x.grad, dense.T @ given)


def test_sage_is_two_sageconvs(cells):
    x, edge_index = cells
    ours = of(FAMILIES["sage"])
    layers = pyg.SAGEConv(512, 128), pyg.SAGEConv(128, 2)
    ours_by_layer = zip(layers, (ours.own1, ours.own2), (ours.near1, ours.near2), strict=True)
    for layer, own, near in ours_by_layer:
        layer.lin_r.weight, layer.lin_l.weight, layer.lin_l.bias = own.weight, near.weight, own.bias
    edges = torch.from_numpy(edge_index)
    expected = layers[1](layers[0](x, edges).relu(), edges)
    torch.testing.assert_close(ours(x, networks.normalised(edge_index, N)), expected)


def test_chebnet_is_two_chebconvs_where_edges_go_both_ways(cells):
    x, edge_index = cells
    ours = of(FAMILIES["cheb"])
    layers = pyg.ChebConv(512, 128, 3), pyg.ChebConv(128, 2, 3)
    for term, part in enumerate(ours.lin1.weight.split(512, dim=1)):
        layers[0].lins[term].weight = torch.nn.Parameter(part)
        layers[1].lins[term].weight = ours.lins2[term].weight
    layers[0].bias, layers[1].bias = ours.lin1.bias, ours.lins2[0].bias
    edges = torch.from_numpy(edge_index)
    expected = layers[1](layers[0](x, edges).relu(), edges)
    torch.testing.assert_close(ours(x, networks.normalised(edge_index, N)), expected)


def test_gin_is_two_ginconvs(cells):
    x, edge_index = cells
    ours = of(FAMILIES["gin"])
    layers = pyg.GINConv(ours.layer1), pyg.GINConv(ours.layer2)
    edges = torch.from_numpy(edge_index)
    expected = layers[1](layers[0](x, edges).relu(), edges)
    torch.testing.assert_close(ours(x, networks.normalised(edge_index, N)), expected)


def test_appnp_is_the_mlp_and_ten_steps_of_pagerank(cells):
    x, edge_index = cells
    ours = of(FAMILIES["appnp"])
    alone = ours.lin2(ours.lin1(x).relu())
    expected = pyg.APPNP(K=10, alpha=0.1)(alone, torch.from_numpy(edge_index))
    torch.testing.assert_close(ours(x, networks.normalised(edge_index, N)), expected)
    none = networks.normalised(graphs.no_edges(), N)
    torch.testing.assert_close(ours(x, none), alone)


@pytest.mark.parametrize(("key", "hops"), [("sign_2", 2), ("sign_4", 4)])
def test_sign_sees_what_passed_the_adjacency_as_often_as_it_has_hops(cells, key, hops):
    x, edge_index = cells
    ours = of(FAMILIES[key])
    dense = networks.normalised(edge_index, N).to_dense()
    passed = [torch.linalg.matrix_power(dense, hop) @ x for hop in range(hops + 1)]
    hidden = torch.cat([lin(part) for lin, part in zip(ours.lins1, passed, strict=True)], dim=1)
    expected = ours.lin2(hidden.relu())
    torch.testing.assert_close(ours(x, networks.normalised(edge_index, N)), expected)


def test_the_strong_recipe_by_dense_products(cells):
    x, edge_index = cells
    adjacency = networks.normalised(edge_index, N)
    for kind, matrix in (
        (FAMILIES["strong_gcn"], adjacency.to_dense()),
        (FAMILIES["strong_sage"], means(adjacency).matrix.to_dense()),
    ):
        ours, hidden, jumps = of(kind), x, []
        for own, near, norm in zip(ours.own, ours.near, ours.norms, strict=True):
            hidden = norm(matrix @ near(hidden) + own(hidden)).relu()
            jumps.append(hidden)
        torch.testing.assert_close(ours(x, adjacency), ours.out(torch.cat(jumps, dim=1)))


def test_the_strong_recipe_for_attention_is_gatv2conv(cells):
    x, edge_index = cells
    ours, hidden, jumps = of(FAMILIES["strong_gat"]), x, []
    edges = torch.from_numpy(edge_index)
    for own, near, norm in zip(ours.own, ours.near, ours.norms, strict=True):
        layer = pyg.GATv2Conv(hidden.shape[1], 8, heads=8, bias=False)
        layer.lin_l, layer.lin_r, layer.att = near.lin_l, near.lin_l, near.att
        hidden = norm(layer(hidden, edges) + own(hidden)).relu()
        jumps.append(hidden)
    expected = ours.out(torch.cat(jumps, dim=1))
    torch.testing.assert_close(ours(x, networks.normalised(edge_index, N)), expected)


def test_the_graph_transformer_is_dense_attention_over_neighbours(cells):
    x, edge_index = cells
    ours = of(FAMILIES["transformer"])
    reached = torch.full((N, N), -torch.inf)
    reached[edge_index[1], edge_index[0]] = 0
    hidden = ours.first(x)
    heads = lambda lin: lin(hidden).reshape(N, 8, 8).transpose(0, 1)  # noqa: E731
    for block, (layer, own) in enumerate(zip(ours.attention, ours.own, strict=True)):
        query, key, value = map(heads, (layer.lin_query, layer.lin_key, layer.lin_value))
        weights = (query @ key.transpose(1, 2) / 8**0.5 + reached).softmax(dim=2)
        heard = (weights @ value).transpose(0, 1).reshape(N, 64)
        hidden = ours.norms[2 * block](hidden + heard)
        hidden = ours.norms[2 * block + 1](hidden + own(hidden))
    expected = ours.out(hidden)
    torch.testing.assert_close(ours(x, networks.normalised(edge_index, N)), expected)


def test_attention_of_every_cell_sums_to_one_and_no_edge_is_lost(cells):
    x, edge_index = cells
    edges, weights = of(FAMILIES["gat"]).attention(x, networks.normalised(edge_index, N))
    assert edges.shape[1] == edge_index.shape[1] + N
    arrived = torch.zeros(N).index_add(0, edges[1], weights)
    torch.testing.assert_close(arrived, torch.ones(N))


@pytest.mark.parametrize("key", networks.HOPS)
def test_a_network_hears_as_far_as_is_said(key):
    """On a path: what the last cell within hearing is changes the first one's answer."""
    n = 14
    there = np.stack([np.arange(n - 1), np.arange(1, n)])
    adjacency = networks.normalised(np.concatenate([there, there[::-1]], axis=1), n)
    x = torch.rand(n, 512, dtype=torch.float32, generator=torch.Generator().manual_seed(0))
    network = of({"gcn": networks.GCN, **FAMILIES}[key])
    heard = []
    for cell in range(n):
        other = x.clone()
        other[cell] += 5
        heard.append(not torch.equal(network(other, adjacency)[0], network(x, adjacency)[0]))
    assert heard == [cell <= networks.HOPS[key] for cell in range(n)]


@pytest.mark.parametrize("key", FAMILIES)
class TestFamily:
    def test_without_edges_a_cell_is_answered_alone(self, key, cells):
        x, _ = cells
        network = of(FAMILIES[key])
        none = networks.normalised(graphs.no_edges(), N)
        one = network(x[:1], networks.normalised(graphs.no_edges(), 1))
        torch.testing.assert_close(network(x, none)[:1], one, atol=1e-5, rtol=1e-4)

    def test_all_its_numbers_are_trained(self, key, cells):
        x, edge_index = cells
        network = of(FAMILIES[key])
        network(x, networks.normalised(edge_index, N)).sum().backward()
        assert all(weight.grad is not None for weight in network.parameters())

    def test_an_edge_counts_in_its_direction(self, key, cells, directed):
        """What cell 0 is changes the answers of 1 and 3, which hear it, and not that of 2."""
        x = cells[0][:4].clone()
        network = of(FAMILIES[key])
        before = network(x, directed)
        x[0] += 5
        changed = (network(x.clone(), directed) - before).abs().amax(dim=1) > 1e-6
        assert changed.tolist() == [True, True, False, True]

    def test_a_cell_attached_one_way_changes_nothing_among_the_others(self, key, cells):
        x, edge_index = cells
        network = of(FAMILIES[key])
        more = torch.cat([x, x[:1] + 1])
        arriving = np.concatenate([edge_index, [[0, 5, 9], [N, N, N]]], axis=1)
        torch.testing.assert_close(
            network(more, networks.normalised(arriving, N + 1))[:N],
            network(x, networks.normalised(edge_index, N)),
            atol=1e-5, rtol=1e-4,
        )  # fmt: skip

    def test_it_learns_from_neighbours_what_its_twin_cannot(self, key):
        """Cells of a group share a label, tell of it faintly, and know each other."""
        rng = np.random.default_rng(0)
        groups = np.arange(300) // 6
        group_labels = np.arange(50) % 2
        labels, train = group_labels[groups], groups < 36
        x = rng.normal(size=(300, 512)).astype(np.float32)
        x[:, 1:] *= 0.02
        x[:, 0] += 1.2 * labels
        together = groups[:, None] == groups
        edges = np.stack(np.nonzero(together & ~np.eye(300, dtype=bool)))
        areas = {}
        for name, given in (("graph", edges), ("alone", graphs.no_edges())):
            network = networks.seeded(FAMILIES[key], 0)
            settings = Settings(epochs=40, learning_rate=0.01, hidden=32)
            networks.fit(network, x, given, labels, train, settings=settings, seed=0)
            answer = networks.predict(network, x, given)
            areas[name] = roc_auc_score(labels[~train], answer[~train])
        assert areas["graph"] > 0.93 and areas["alone"] < 0.85, areas

    def test_the_same_seed_gives_the_same_answers(self, key, cells):
        x, edge_index = cells
        labels = np.arange(N) % 2
        answers = []
        for seed in (0, 0, 1):
            network = networks.seeded(FAMILIES[key], seed)
            networks.fit(
                network, x.numpy(), edge_index, labels, labels >= 0,
                settings=Settings(epochs=3, hidden=16), seed=seed,
            )  # fmt: skip
            answers.append(networks.predict(network, x.numpy(), edge_index))
        assert np.array_equal(answers[0], answers[1])
        assert not np.array_equal(answers[0], answers[2])
