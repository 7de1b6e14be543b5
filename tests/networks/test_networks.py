"""Networks and their training: equivalences, repeatability, bad input."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn.functional import cross_entropy, log_softmax, nll_loss
from torch_geometric.nn import GCNConv

from leukgnn import graphs, networks
from leukgnn.files import InputError
from leukgnn.networks import GCN, MLP, Settings
from leukgnn.networks.fast import Dropout
from leukgnn.networks.settings import NORMALISATIONS

N = 120
ALONE = graphs.no_edges()


@pytest.fixture(scope="module")
def cells():
    """Features, edges and labels of 120 cells, the classes apart."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, N)
    x = generator.random((N, 512)).astype(np.float32) + 0.4 * labels[:, None].astype(np.float32)
    return x, graphs.knn_edges(graphs.knn(x, 5)[0]), labels


@pytest.fixture(scope="module")
def parts():
    """Four fifths of the cells to train on, the rest to measure."""
    test = np.random.default_rng(1).permutation(N) < N // 5
    return ~test, test


def tensors(x, edge_index):
    return torch.from_numpy(x), networks.normalised(edge_index, len(x))


@pytest.mark.parametrize("edges", graphs.EDGES)
def test_adjacency_is_that_of_gcnconv(cells, edges):
    x = cells[0]
    edge_index = graphs.knn_edges(graphs.knn(x, 4)[0], edges)
    torch.manual_seed(0)
    layer = GCNConv(512, 5)
    ours = GCNConv(512, 5, normalize=False)
    ours.load_state_dict(layer.state_dict())
    features, adjacency = tensors(x, edge_index)
    torch.testing.assert_close(
        layer(features, torch.from_numpy(edge_index)), ours(features, adjacency)
    )


def test_adjacency_refuses_self_loops():
    with pytest.raises(InputError, match="self loops"):
        networks.normalised(np.array([[0, 1], [1, 1]]), 2)


def test_adjacency_by_hand():
    dense = networks.normalised(np.array([[0], [1]]), 3).to_dense()
    expected = torch.tensor([[1, 0, 0], [0.5**0.5, 0.5, 0], [0, 0, 1]])
    torch.testing.assert_close(dense, expected)


def test_parameters_are_as_many_as_the_paper_implies():
    count = 512 * 128 + 128 + 128 * 2 + 2
    assert networks.parameter_count(GCN()) == networks.parameter_count(MLP()) == count


def test_the_mlp_starts_with_the_values_of_the_gcn_and_is_no_gcn():
    gcn, mlp = (networks.seeded(kind, 3) for kind in (GCN, MLP))
    pairs = [
        (gcn.conv1.lin.weight, mlp.lin1.weight), (gcn.conv1.bias, mlp.lin1.bias),
        (gcn.conv2.lin.weight, mlp.lin2.weight), (gcn.conv2.bias, mlp.lin2.bias),
    ]  # fmt: skip
    assert all(torch.equal(a, b) for a, b in pairs)
    assert len(pairs) == len(list(gcn.parameters())) == len(list(mlp.parameters()))
    assert not isinstance(mlp, GCN)
    assert not any(isinstance(module, GCNConv) for module in mlp.modules())
    other = networks.seeded(GCN, 4)
    assert not torch.equal(gcn.conv1.lin.weight, other.conv1.lin.weight)


def test_gcn_without_edges_is_the_mlp(cells):
    x, edge_index, _ = cells
    gcn, mlp = (networks.seeded(kind, 3).eval() for kind in (GCN, MLP))
    torch.testing.assert_close(gcn(*tensors(x, ALONE)), mlp(*tensors(x, edge_index)))


def test_trained_gcn_without_edges_is_the_trained_mlp(cells, parts):
    x, _, labels = cells
    settings, answers = Settings(epochs=20), []
    for kind in (GCN, MLP):
        network = networks.seeded(kind, 0)
        networks.fit(network, x, ALONE, labels, parts[0], settings=settings, seed=0)
        answers.append(networks.predict(network, x, ALONE))
    np.testing.assert_allclose(*answers, atol=1e-5)


class ByEdgeList(torch.nn.Module):
    """The GCN as PyTorch Geometric's own example writes it, dropout at rest."""

    def __init__(self, network):
        super().__init__()
        self.conv1, self.conv2 = GCNConv(512, 128), GCNConv(128, 2)
        self.load_state_dict(network.state_dict())

    def forward(self, x, edge_index):
        return self.conv2(self.conv1(x, edge_index).relu(), edge_index)


@pytest.mark.parametrize("edges", graphs.EDGES)
def test_logits_and_gradients_are_those_of_the_edge_list(cells, edges):
    edge_index = graphs.knn_edges(graphs.knn(cells[0], 4)[0], edges)
    x, adjacency = tensors(cells[0], edge_index)
    network = networks.seeded(GCN, 0).eval()
    reference = ByEdgeList(network)
    logits = network(x, adjacency), reference(x, torch.from_numpy(edge_index))
    torch.testing.assert_close(*logits, atol=1e-5, rtol=1e-5)
    for answer in logits:
        answer[:, 1].square().sum().backward()
    for a, b in zip(network.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, atol=1e-4, rtol=1e-4)


def with_gradients(network, x, adjacency, labels):
    """Logits and the gradients of the loss, random numbers drawn from seed 5."""
    torch.manual_seed(5)
    logits = network(x, adjacency)
    cross_entropy(logits, torch.from_numpy(labels)).backward()
    return logits.detach(), [value.grad for value in network.parameters()]


@pytest.mark.parametrize("dropout", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("edges", graphs.EDGES)
@pytest.mark.parametrize("kind", [GCN, MLP])
def test_fast_forms_give_the_textbook_networks_logits_and_gradients(cells, kind, edges, dropout):
    """With the same random numbers; the textbook network borrows the fast dropout for that."""
    x, adjacency = tensors(cells[0], graphs.knn_edges(graphs.knn(cells[0], 4)[0], edges))
    textbook = networks.seeded(kind, 1, Settings(dropout=dropout))
    fast = networks.accelerated(copy.deepcopy(textbook))
    assert fast is not textbook
    with torch.no_grad():
        rest = [network.eval()(x, adjacency) for network in (textbook, fast)]
    torch.testing.assert_close(*rest, atol=1e-5, rtol=1e-5)
    textbook.dropout = Dropout(dropout)
    ours, theirs = (with_gradients(n.train(), x, adjacency, cells[2]) for n in (fast, textbook))
    torch.testing.assert_close(ours[0], theirs[0], atol=1e-5, rtol=1e-5)
    for a, b in zip(ours[1], theirs[1], strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)


def test_fast_forms_share_the_networks_parameters():
    for kind in (GCN, MLP):
        network = networks.seeded(kind, 0)
        fast = networks.accelerated(network)
        assert [id(p) for p in fast.parameters()] == [id(p) for p in network.parameters()]
    plain = torch.nn.Linear(2, 2)
    assert networks.accelerated(plain) is plain


def test_a_fast_gcn_smooths_anew_for_other_features_or_another_graph(cells):
    x, adjacency = tensors(*cells[:2])
    _, alone = tensors(cells[0], ALONE)
    fast = networks.accelerated(networks.seeded(GCN, 0)).eval()
    mlp = networks.seeded(MLP, 0).eval()
    first = fast(x, adjacency)
    torch.testing.assert_close(fast(x, alone), mlp(x, alone), atol=1e-5, rtol=1e-5)
    assert not torch.allclose(fast(2 * x, adjacency), first)
    assert torch.equal(fast(x, adjacency), first)


def test_dropout_keeps_the_share_and_the_mean_and_rests_in_evaluation():
    dropout, units = Dropout(0.3), torch.ones(400, 500)
    torch.manual_seed(0)
    left = dropout(units)
    assert float((left == 0).float().mean()) == pytest.approx(0.3, abs=0.01)
    assert float(left.max()) == pytest.approx(1 / 0.7)
    assert torch.equal(dropout.eval()(units), units)


def test_dropout_of_everything_leaves_nothing():
    assert Dropout(1.0)(torch.ones(3)).tolist() == [0, 0, 0]


def test_cells_of_a_neighbourhood_get_the_logits_of_the_whole_graph(cells):
    x, adjacency = tensors(*cells[:2])
    network = networks.seeded(GCN, 0).eval()
    chosen = torch.tensor([80, 5, 17])
    nodes, part, positions = networks.neighbourhood(adjacency, chosen)
    assert torch.equal(nodes[positions], chosen)
    assert len(nodes) < N
    torch.testing.assert_close(
        network(x[nodes], part)[positions], network(x, adjacency)[chosen], atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize("batch_size", [None, 32])
def test_training_is_bitwise_repeatable(cells, parts, batch_size):
    x, edge_index, labels = cells
    settings, answers, curves = Settings(epochs=5, batch_size=batch_size), [], []
    for _ in range(2):
        network = networks.seeded(GCN, 7)
        curves.append(
            networks.fit(
                network, x, edge_index, labels, parts[0],
                settings=settings, seed=7, held_out=parts[1],
            )
        )  # fmt: skip
        answers.append(networks.predict(network, x, edge_index).tobytes())
        torch.rand(3)  # the caller's random numbers must not matter
    assert answers[0] == answers[1]
    pd.testing.assert_frame_equal(*curves)
    assert curves[0].columns.tolist() == networks.CURVES
    steps = 5 if batch_size is None else 5 * 3
    assert curves[0]["steps"].iloc[-1] == steps and curves[0]["epoch"].tolist() == [1, 5]


@pytest.mark.parametrize("kind", [GCN, MLP])
def test_a_plain_loop_gives_the_bits_of_fit(cells, parts, kind):
    """What a notebook writes on one screen is what the runs are made by."""
    x, edge_index, labels = cells
    settings = Settings(epochs=12)
    fitted = networks.seeded(kind, 3, settings)
    networks.fit(
        fitted, x, edge_index, labels, parts[0], settings=settings, seed=3, held_out=parts[1]
    )

    network = networks.seeded(kind, 3, settings)
    fast = networks.accelerated(network).train()
    features, adjacency = tensors(x, edge_index)
    target, train = torch.from_numpy(labels), torch.from_numpy(parts[0])
    weight = networks.class_weights(target[train])
    optimiser = torch.optim.Adam(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        for _ in range(settings.epochs):
            optimiser.zero_grad()
            logits = fast(features, adjacency)[train]
            cross_entropy(logits, target[train], weight=weight).backward()
            optimiser.step()

    for a, b in zip(fitted.parameters(), network.parameters(), strict=True):
        assert torch.equal(a, b)
    answers = [networks.predict(n, x, edge_index).tobytes() for n in (fitted, network)]
    assert answers[0] == answers[1]


def test_training_learns_and_moves_no_random_number_of_the_caller(cells, parts):
    x, edge_index, labels = cells
    train, test = parts
    network = networks.seeded(MLP, 0)
    state = torch.random.get_rng_state()
    curves = networks.fit(
        network,
        x,
        edge_index,
        labels,
        train,
        settings=Settings(epochs=40),
        seed=0,
        held_out=test,
    )
    assert torch.equal(torch.random.get_rng_state(), state)
    assert curves["loss"].iloc[-1] < curves["loss"].iloc[0]
    assert curves["train_accuracy"].iloc[-1] > 0.9
    assert curves["held_out_accuracy"].notna().all()
    assert not network.training


def test_without_held_out_cells_the_curves_have_no_accuracy(cells, parts):
    x, edge_index, labels = cells
    network, settings = networks.seeded(GCN, 0), Settings(epochs=2)
    curves = networks.fit(network, x, edge_index, labels, parts[0], settings=settings, seed=0)
    assert curves[["train_accuracy", "held_out_accuracy"]].isna().all(axis=None)
    assert curves["loss"].notna().all()


def test_labels_of_test_cells_do_not_reach_training(cells, parts):
    x, edge_index, labels = cells
    train, test = parts
    answers = []
    for shown in (labels, np.where(test, 1 - labels, labels)):
        network = networks.seeded(GCN, 0)
        networks.fit(
            network, x, edge_index, shown, train,
            settings=Settings(epochs=5), seed=0, held_out=test,
        )  # fmt: skip
        answers.append(networks.predict(network, x, edge_index).tobytes())
    assert answers[0] == answers[1]


def weights_after(cells, parts, settings, seed=0, initial=0):
    """All parameters of a GCN after training, as one vector."""
    network = networks.seeded(GCN, initial, settings)
    networks.fit(network, *cells, parts[0], settings=settings, seed=seed)
    return torch.cat([value.detach().ravel() for value in network.parameters()])


def test_weight_decay_shrinks_the_weights(cells, parts):
    norms = [
        weights_after(cells, parts, Settings(epochs=30, learning_rate=0.01, weight_decay=d)).norm()
        for d in (0.0, 0.01, 0.1)
    ]
    assert norms[0] > 1.1 * norms[1] > 1.1 * norms[2]


def test_a_higher_rate_moves_the_weights_farther(cells, parts):
    start = weights_after(cells, parts, Settings(epochs=1, learning_rate=1e-12))
    moved = [
        (weights_after(cells, parts, Settings(epochs=5, learning_rate=rate)) - start).norm()
        for rate in (1e-4, 1e-3, 1e-2)
    ]
    assert moved[0] < moved[1] / 5 < moved[2] / 25


def test_initial_weights_and_dropout_each_have_their_seed(cells, parts):
    settings = Settings(epochs=2)
    first = weights_after(cells, parts, settings)
    assert not torch.equal(weights_after(cells, parts, settings, seed=1), first)
    assert not torch.equal(weights_after(cells, parts, settings, initial=1), first)


def test_batches_come_in_an_order_of_the_seed(cells, parts):
    """Without dropout a seed has no other business."""
    whole, batches = (Settings(epochs=1, dropout=0.0, batch_size=size) for size in (None, 32))
    a, b = (weights_after(cells, parts, whole, seed=seed) for seed in (1, 2))
    assert torch.equal(a, b)
    a, b = (weights_after(cells, parts, batches, seed=seed) for seed in (1, 2))
    assert not torch.equal(a, b)


@pytest.fixture(scope="module")
def rare():
    """200 overlapping cells, five leukemic ones to a healthy one."""
    generator = np.random.default_rng(2)
    labels = (np.arange(200) % 6 > 0).astype(int)
    x = np.zeros((200, 512), dtype=np.float32)
    x[:, :2] = generator.normal(size=(200, 2)) + 0.7 * labels[:, None]
    return x, ALONE, labels


def test_class_weights_move_the_recall_of_the_rare_class(rare):
    """Weighted, half of the healthy cells and more are found; unweighted, next to none."""
    everyone, found = np.ones(200, dtype=bool), []
    for weighted in (True, False):
        settings = Settings(epochs=40, learning_rate=0.01, weighted=weighted)
        network = networks.seeded(MLP, 0, settings)
        networks.fit(network, *rare, everyone, settings=settings, seed=0)
        found.append((networks.predict(network, *rare[:2])[rare[2] == 0] < 0.5).mean())
    assert found[1] < 0.25 < 0.5 < found[0]


def test_what_only_neighbours_show_is_found_by_the_gcn_and_missed_by_the_mlp():
    """Asked cells are noise; each is joined to five cells of its own class that show it."""
    generator = np.random.default_rng(4)
    labels = np.arange(200) % 2
    showing = np.arange(200) < 120
    x = np.zeros((200, 512), dtype=np.float32)
    x[:, :8] = generator.normal(size=(200, 8)) + 2 * np.where(showing, labels, 0.5)[:, None]
    of_class = [np.flatnonzero(showing & (labels == c)) for c in (0, 1)]
    edges = np.array(
        [
            (source, target)
            for target in range(200)
            for source in generator.choice(of_class[labels[target]], 5, replace=False)
            if source != target
        ]
    ).T
    settings, right = Settings(epochs=40, learning_rate=0.01), []
    for kind in (GCN, MLP):
        network = networks.seeded(kind, 0, settings)
        networks.fit(network, x, edges, labels, showing, settings=settings, seed=0)
        answers = networks.predict(network, x, edges) >= 0.5
        right.append((answers == labels)[~showing].mean())
    assert right[0] > 0.9 and right[1] < 0.65


def test_curves_are_the_accuracies_of_the_cells_that_they_name(cells, parts):
    x, edge_index, labels = cells
    shown = np.where(parts[1] & (np.arange(N) % 3 > 0), 1 - labels, labels)
    network, settings = networks.seeded(GCN, 0), Settings(epochs=20)
    curves = networks.fit(
        network, x, edge_index, shown, parts[0], settings=settings, seed=0, held_out=parts[1]
    )
    right = (networks.predict(network, x, edge_index) >= 0.5) == shown
    last = curves[["train_accuracy", "held_out_accuracy"]].iloc[-1]
    assert last.tolist() == [right[mask].mean() for mask in parts]
    assert last.iloc[0] != last.iloc[1]


PATH = np.array([[0, 1, 1, 2, 2, 3], [1, 0, 2, 1, 3, 2]])  # 0 - 1 - 2 - 3, both ways


def test_smoothing_by_hand():
    """On one edge both ways both cells end with the mean; an isolated cell keeps its own."""
    x = np.array([[1.0], [3.0], [5.0]], dtype=np.float32)
    pair = PATH[:, :2]
    assert networks.smoothed(x, pair, 1).ravel().tolist() == pytest.approx([2, 2, 5])
    assert networks.smoothed(x, pair, 0).ravel().tolist() == [1, 3, 5]
    dense = networks.normalised(PATH, 4).to_dense().numpy()
    x = np.arange(8, dtype=np.float32).reshape(4, 2)
    for hops in (1, 2, 3):
        expected = np.linalg.matrix_power(dense, hops) @ x
        np.testing.assert_allclose(networks.smoothed(x, PATH, hops), expected, rtol=1e-5)


@pytest.mark.parametrize(("alpha", "share"), [(0.5, 2 / 3), (0.8, 1 / 3)])
@pytest.mark.parametrize("hidden", [0, 1])
def test_label_propagation_by_hand(alpha, share, hidden):
    """Cell 1 gets (1 - alpha) / sqrt(2) of its leukemic and alpha / sqrt(8) of the healthy end."""
    labels, train = np.array([1, hidden, hidden, 0, 0]), np.array([1, 0, 0, 1, 0], dtype=bool)
    spread = networks.label_propagation(labels, PATH, train, alpha=alpha, layers=2)
    assert spread[1:3].tolist() == pytest.approx([share, 1 - share])
    assert spread[4] == 0.5, "no label arrives at a cell without edges"


@pytest.mark.parametrize(("alpha", "expected"), [(0.5, 0.75), (0.2, 0.6)])
@pytest.mark.parametrize("hidden", [0, 1])
def test_correct_and_smooth_by_hand(alpha, expected, hidden):
    """The trained cell lacks 0.3: its neighbour's 0.2 becomes 0.5, and then alpha of its 1."""
    given = np.array([0.7, 0.2], dtype=np.float32)
    labels, train = np.array([1, hidden]), np.array([True, False])
    answers = networks.correct_and_smooth(given, labels, PATH[:, :2], train, alpha=alpha, layers=1)
    assert answers[1] == pytest.approx(expected)


def test_a_cell_without_edges_keeps_its_answer():
    given = np.array([0.7, 0.2, 0.35], dtype=np.float32)
    labels, train = np.array([1, 0, 0]), np.array([True, False, False])
    edges = PATH[:, :2]
    for alpha in (0.2, 0.8):
        answers = networks.correct_and_smooth(given, labels, edges, train, alpha=alpha, layers=2)
        assert answers[2] == pytest.approx(0.35)


def test_class_weights_are_inverse_to_frequency():
    weights = networks.class_weights(torch.tensor([0] * 3389 + [1] * 7272))
    assert weights.tolist() == pytest.approx([10661 / (2 * 3389), 10661 / (2 * 7272)])
    for labels in ([1, 1], [0, 1, 2]):
        with pytest.raises(InputError, match="both present"):
            networks.class_weights(torch.tensor(labels))


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("hidden", 0, "hidden=0: expected at least 1"),
        ("epochs", 0, "epochs=0: expected at least 1"),
        ("batch_size", 0, "batch_size=0: expected at least 1, or none"),
        ("learning_rate", 0.0, "learning_rate=0"),
        ("weight_decay", -0.1, "weight_decay=-0.1"),
        ("dropout", 1.1, "dropout=1.1"),
        ("dropout", -0.1, "dropout=-0.1"),
        ("inputs", "whitened", "inputs='whitened': expected one of raw, standardised, unit"),
        ("normalisation", "left", "normalisation='left': expected one of symmetric, row, printed"),
    ],
)
def test_settings_out_of_range_are_named(name, value, word):
    with pytest.raises(InputError, match=word):
        Settings(**{name: value})


def test_cosines_of_standardised_inputs_are_refused():
    with pytest.raises(InputError, match="similarity_weights: expected raw or unit inputs"):
        Settings(similarity_weights=True, inputs="standardised")


def test_hidden_features_are_those_before_the_second_layer(cells):
    x, edge_index, _ = cells
    network = networks.seeded(GCN, 0)
    hidden = networks.hidden(network, x, edge_index)
    adjacency = networks.normalised(edge_index, N).to_dense().numpy()
    weight, bias = network.conv1.lin.weight.detach().numpy(), network.conv1.bias.detach().numpy()
    np.testing.assert_allclose(hidden, np.maximum(adjacency @ x @ weight.T + bias, 0), atol=1e-4)


def test_settings_build_the_network():
    network = networks.seeded(GCN, 0, Settings(hidden=7, dropout=0.25))
    assert network.conv1.out_channels == network.conv2.in_channels == 7
    assert network.dropout.p == 0.25


def test_shapes_that_do_not_fit_are_named(cells, parts):
    x, edge_index, labels = cells
    train = parts[0]
    given = {"settings": Settings(epochs=1), "seed": 0}
    with pytest.raises(InputError, match="do not fit"):
        networks.fit(GCN(), x[:-1], edge_index, labels, train, **given)
    with pytest.raises(InputError, match=f"marks of {N}, {N - 1} cells do not fit"):
        networks.fit(GCN(), x, edge_index, labels, train, held_out=train[1:], **given)


def test_row_and_printed_normalisation_by_hand():
    """The path's ends have degree 2 with their self loop, its inner cells 3."""
    row = networks.normalised(PATH, 4, how="row").to_dense().numpy()
    half, third = 1 / 2, 1 / 3
    expected = [
        [half, half, 0, 0], [third, third, third, 0], [0, third, third, third], [0, 0, half, half]
    ]  # fmt: skip
    np.testing.assert_allclose(row, expected, rtol=1e-6)
    looped = (row > 0).astype(float)
    printed = networks.normalised(PATH, 4, how="printed").to_dense().numpy()
    np.testing.assert_allclose(printed, row @ looped, rtol=1e-6)


@pytest.mark.parametrize("how", NORMALISATIONS)
def test_weights_of_one_are_none(how):
    ones = np.ones(PATH.shape[1], dtype=np.float32)
    both = [networks.normalised(PATH, 4, how=how, weight=w).to_dense() for w in (None, ones)]
    torch.testing.assert_close(*both)


def test_a_similar_neighbour_weighs_more():
    """Cell 0 hears cell 1, which lies as it does, and cell 2, at a right angle, which is mute."""
    x = np.array([[2, 0], [1, 0], [0, 3]], dtype=np.float32)
    edge_index = np.array([[1, 2], [0, 0]])
    assert networks.similarities(x, edge_index).tolist() == [1, 0]
    settings = Settings(similarity_weights=True, normalisation="row")
    dense = networks.adjacency_of(x, edge_index, settings).to_dense().numpy()
    np.testing.assert_allclose(dense[0], [0.5, 0.5, 0])


def test_a_varied_network_without_its_additions_is_the_gcn(cells):
    features, adjacency = tensors(*cells[:2])
    gcn, varied = networks.seeded(GCN, 3), networks.seeded(networks.VariedGCN, 3)
    varied.load_state_dict(gcn.state_dict())
    for network in (gcn, varied):
        network.eval()
    torch.testing.assert_close(varied(features, adjacency), gcn(features, adjacency))


def test_a_path_past_the_graph_by_hand(cells):
    features, adjacency = tensors(*cells[:2])
    network = networks.VariedGCN(residual=True).eval()
    w0, w1 = network.conv1.lin.weight.T, network.conv2.lin.weight.T
    v0, v1 = (layer.weight.T for layer in network.past)
    hidden = (adjacency @ features @ w0 + network.conv1.bias + features @ v0).relu()
    expected = adjacency @ (hidden @ w1) + network.conv2.bias + hidden @ v1
    torch.testing.assert_close(network(features, adjacency), expected, atol=1e-4, rtol=1e-4)


def test_batch_norm_gives_the_hidden_units_one_scale(cells):
    features, adjacency = tensors(*cells[:2])
    network = networks.VariedGCN(batch_norm=True).train()
    before = network.norm(100 * network.conv1(features, adjacency)).detach()
    assert before.mean(dim=0).abs().max() < 1e-4
    assert before.var(dim=0, unbiased=False) == pytest.approx(1, abs=0.05)


def test_the_loss_is_that_of_log_softmax_and_likelihood(cells):
    """The paper names both in one breath (IV.C, IV.D); they are one thing."""
    logits = torch.randn(N, 2, generator=torch.Generator().manual_seed(0))
    labels, weight = torch.from_numpy(cells[2]), torch.tensor([1.6, 0.7])
    likelihood = nll_loss(log_softmax(logits, dim=1), labels, weight=weight)
    torch.testing.assert_close(cross_entropy(logits, labels, weight=weight), likelihood)


def test_later_settings_are_described_where_they_matter():
    """Runs that were published before a setting came keep their description."""
    old = {
        "hidden", "dropout", "learning_rate", "weight_decay", "epochs", "weighted", "batch_size"
    }  # fmt: skip
    assert set(Settings().described(graph=True)) == old
    varied = Settings(inputs="unit", normalisation="row", batch_norm=True)
    assert set(varied.described(graph=True)) - old == {"inputs", "normalisation", "batch_norm"}
    assert set(varied.described(graph=False)) - old == {"inputs", "batch_norm"}
    varied = Settings(similarity_weights=True, residual=True)
    assert set(varied.described(graph=True)) - old == {"similarity_weights", "residual"}
    assert set(varied.described(graph=False)) - old == {"residual"}
    plain = {"inputs": "raw", "normalisation": "symmetric"}
    off = dict.fromkeys(("similarity_weights", "batch_norm", "residual"), False)
    assert Settings() == Settings(**plain, **off)
