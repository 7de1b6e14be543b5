"""Graphs: neighbours, ties, edge sets, builders, homophily, bad input."""

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from leukgnn import graphs
from leukgnn.features import features_hash
from leukgnn.files import InputError
from leukgnn.graphs import Attached, Cliques, Joined, NoGraph, search


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).random((300, 16)).astype(np.float32)


def test_neighbours_are_those_of_scikit_learn(x):
    ours, similarity = graphs.knn(x, 7)
    distance, theirs = (
        NearestNeighbors(n_neighbors=8, metric="cosine").fit(x.astype(np.float64)).kneighbors()
    )
    np.testing.assert_array_equal(ours, theirs[:, :7])
    np.testing.assert_allclose(similarity, 1 - distance[:, :7], atol=1e-6)


def test_no_cell_is_its_own_neighbour_even_among_duplicates(x):
    doubled = np.concatenate([x, x[:50], x[:50]])
    neighbours, _ = graphs.knn(doubled, 5)
    assert not (neighbours == np.arange(len(doubled))[:, None]).any()
    # of three equal cells each names the other two first, in the order of their index
    assert neighbours[0, :2].tolist() == [300, 350]
    assert neighbours[300, :2].tolist() == [0, 350]


def test_ties_beyond_the_margin_go_by_index():
    x = np.tile(np.array([[1.0, 2.0, 3.0]]), (60, 1))
    neighbours, _ = graphs.knn(x, 4)
    assert neighbours[0].tolist() == [1, 2, 3, 4]
    assert neighbours[30].tolist() == [0, 1, 2, 3]


def test_ties_beyond_the_margin_go_by_index_behind_nearer_cells():
    """A search for some candidates returns any of the tied: all cells have to be looked at."""
    rng = np.random.default_rng(0)
    near = np.array([[1.0, 0.0, 0.0]]) + 0.01 * rng.random((5, 3))
    cells = np.concatenate([np.tile([[1.0, 2.0, 3.0]], (300, 1)), near])
    order = rng.permutation(len(cells))
    own, *others = np.flatnonzero(order >= 300)
    neighbours, _ = graphs.knn(cells[order], 8)
    tied = np.flatnonzero(order < 300)[:4]
    assert sorted(neighbours[own]) == sorted([*others, *tied])


def test_the_share_of_equal_neighbours_by_hand():
    a = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])
    b = a.copy()
    b[3] = [-1.0, 0.05]
    # By b the third cell's nearest is the second, and the last one's is the third, as by a.
    assert graphs.knn(b, 1)[0].ravel().tolist() == [1, 0, 1, 2]
    assert graphs.knn(a, 1)[0].ravel().tolist() == [1, 0, 3, 2]
    assert graphs.same_neighbours(a, a, 1) == graphs.same_neighbours(a, a, 2) == 1
    assert graphs.same_neighbours(a, b, 1) == 0.75
    assert graphs.same_neighbours(a, b, 3) == 1  # all the others, in whatever order


def test_neighbours_do_not_depend_on_the_number_of_threads():
    x = np.random.default_rng(0).random((1500, 16))
    doubled = np.concatenate([x, x[:50]])
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found.append(graphs.knn(doubled, 9))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_attached_cells_do_not_depend_on_each_other(x):
    """Few cells are attached by one product, many in scikit-learn's blocks: the same."""
    many = 2 * search.FEW
    together, similarity = graphs.attach(x[:many], x[many:], 5)
    for few in (slice(3, 4), slice(0, search.FEW)):
        alone, alike = graphs.attach(x[few], x[many:], 5)
        np.testing.assert_array_equal(together[few], alone)
        np.testing.assert_allclose(similarity[few], alike, atol=1e-7)


def test_few_cells_break_ties_by_index_too(x):
    doubled = np.tile(x[:40], (3, 1))
    alone, similarity = graphs.attach(x[7:9], doubled, 3)
    assert alone.tolist() == [[7, 47, 87], [8, 48, 88]] and (similarity == 1).all()


@pytest.mark.parametrize(
    ("change", "k", "word"),
    [
        (lambda x: x, 0, "k=0: expected 1 to n - 1, here 299"),
        (lambda x: x, 300, "k=300: expected 1 to n - 1, here 299"),
        (lambda x: x[0], 1, "shape"),
        (lambda x: np.where(np.arange(16) == 3, np.nan, x), 5, "NaN"),
        (lambda x: x * (np.arange(300) != 7)[:, None], 5, "cell 7"),
    ],
)
def test_bad_input_is_named(x, change, k, word):
    with pytest.raises(InputError, match=word):
        graphs.knn(change(x), k)


def test_one_neighbour_is_the_first_of_several(x):
    np.testing.assert_array_equal(graphs.knn(x, 1)[0], graphs.knn(x, 3)[0][:, :1])
    assert graphs.attach(x[:4], x[9:10], 1)[0].tolist() == [[0]] * 4
    for k in (0, 21):
        with pytest.raises(InputError, match=f"k={k}: expected 1 to n, here 20"):
            graphs.attach(x[20:], x[:20], k)


def test_no_new_cell_has_no_neighbours(x):
    neighbours, similarity = graphs.attach(x[:0], x, 3)
    assert neighbours.shape == similarity.shape == (0, 3)
    assert neighbours.dtype == np.int64 and similarity.dtype == np.float32


def test_attach_needs_features_of_one_network(x):
    with pytest.raises(InputError, match="same network"):
        graphs.attach(x[:, :8], x, 3)


def test_edge_sets(x):
    neighbours, _ = graphs.knn(x, 3)
    sets = {
        name: set(map(tuple, graphs.knn_edges(neighbours, name).T.tolist()))
        for name in graphs.EDGES
    }
    named = {(int(j), i) for i in range(len(x)) for j in neighbours[i]}
    back = {(b, a) for a, b in named}
    assert sets["directed"] == named
    assert sets["union"] == named | back
    assert sets["mutual"] == named & back
    with pytest.raises(InputError, match="directed, union, mutual"):
        graphs.knn_edges(neighbours, "both")


@pytest.fixture(scope="module")
def parts():
    """200 training cells, 60 test cells and 40 cells that are neither."""
    place = np.random.default_rng(1).permutation(300)
    return place < 200, (place >= 200) & (place < 260)


def test_attached_test_cells_receive_from_k_training_cells_and_send_nothing(x, parts):
    train, test = parts
    source, target = Attached(k=5, edges="union")(x, train, test)
    assert train[source].all()
    assert (np.bincount(target, minlength=len(x))[test] == 5).all()
    assert (train | test)[target].all()
    arriving = test[target]
    near, _ = graphs.attach(x[test], x[train], 5)
    np.testing.assert_array_equal(source[arriving], np.flatnonzero(train)[near].ravel())


@pytest.mark.parametrize("edges", graphs.EDGES)
def test_attached_training_cells_have_the_graph_that_they_have_alone(x, parts, edges):
    train, test = parts
    attached = Attached(k=5, edges=edges)(x, train, test)
    alone = graphs.knn_edges(graphs.knn(x[train], 5)[0], edges)
    np.testing.assert_array_equal(graphs.within(attached, train), alone)


def test_joined_test_cells_inform_each_other_and_the_training_cells(x, parts):
    train, test = parts
    source, target = Joined(k=5, edges="union")(x, train, test)
    assert (test[source] & test[target]).any() and (test[source] & train[target]).any()
    assert (train | test)[source].all() and (train | test)[target].all()
    everyone = np.ones(len(x), dtype=bool)
    whole = Joined(k=5, edges="mutual")(x, everyone, everyone)
    np.testing.assert_array_equal(whole, graphs.knn_edges(graphs.knn(x, 5)[0], "mutual"))


def test_cliques_run_forth_and_with_reverse_both_ways(x, parts):
    forth = Cliques(clusters=7, seed=0)(x, *parts)
    both = Cliques(clusters=7, seed=0, reverse=True)(x, *parts)
    assert (forth[0] < forth[1]).all()
    pairs, all_pairs = (set(map(tuple, e.T.tolist())) for e in (forth, both))
    assert all_pairs == pairs | {(b, a) for a, b in pairs}
    assert both.shape[1] == 2 * forth.shape[1]
    other = Cliques(clusters=7, seed=1)(x, *parts)
    np.testing.assert_array_equal(other, graphs.cluster_cliques(x, 7, 1))
    assert graphs.edge_hash(other) != graphs.edge_hash(forth)


def test_builders_say_whether_test_cells_are_there_while_training(x, parts):
    builders = (
        Joined(k=1, edges="union"), Cliques(clusters=1, seed=0), Attached(k=1, edges="union"),
        NoGraph(),
    )  # fmt: skip
    assert [builder.transductive for builder in builders] == [True, True, False, False]
    assert NoGraph()(x, *parts).shape == (2, 0)


def test_a_builder_names_a_k_that_there_are_no_cells_for(x, parts):
    with pytest.raises(InputError, match="k=200"):
        Attached(k=200, edges="union")(x, *parts)
    with pytest.raises(InputError, match="k=260"):
        Joined(k=260, edges="union")(x, *parts)


def test_each_seed_clusters_anew(x):
    first, again, second = (graphs.cluster_cliques(x, 7, seed) for seed in (0, 0, 1))
    assert graphs.edge_hash(first) == graphs.edge_hash(again) != graphs.edge_hash(second)


def test_cliques_by_hand():
    x = np.array([[0.0, 1.0], [0.0, 1.1], [5.0, 0.0], [5.1, 0.0], [0.1, 1.0]])
    assert graphs.cluster_cliques(x, 2, 0).T.tolist() in (
        [[0, 1], [0, 4], [1, 4], [2, 3]],
        [[2, 3], [0, 1], [0, 4], [1, 4]],
    )
    with pytest.raises(InputError, match="clusters=6"):
        graphs.cluster_cliques(x, 6, 0)


def test_both_ways_and_within():
    edge_index = np.array([[0, 1, 2], [1, 0, 0]])
    assert graphs.both_ways(edge_index).T.tolist() == [[0, 1], [0, 2], [1, 0], [2, 0]]
    seen = np.array([True, False, True])
    assert graphs.within(edge_index, seen).T.tolist() == [[1, 0]]


def test_without_same_subject_by_hand():
    subjects = pd.Series(["a", "a", "b", "b"])
    edge_index = np.array([[0, 1, 2, 1], [1, 0, 3, 2]])
    everyone = np.ones(4, dtype=bool)
    assert graphs.without_same_subject(edge_index, subjects, everyone).T.tolist() == [[1, 2]]
    some = np.array([False, True, True, True])
    kept = graphs.without_same_subject(edge_index, subjects, some)
    assert kept.T.tolist() == [[0, 1], [1, 0], [1, 2]]


def test_homophily_by_hand():
    labels = np.array([0, 0, 1, 1])
    e = np.array([[0, 1, 2, 3, 1, 2], [1, 0, 3, 2, 2, 1]])
    assert graphs.homophily(e, labels) == pytest.approx(4 / 6)
    assert graphs.adjusted_homophily(e, labels) == pytest.approx((4 / 6 - 1 / 2) / (1 / 2))
    # A path whose last cell alone is of class 1: five ends in six are of class 0.
    labels = np.array([0, 0, 0, 1])
    e = np.array([[0, 1, 1, 2, 2, 3], [1, 0, 2, 1, 3, 2]])
    by_chance = (5 / 6) ** 2 + (1 / 6) ** 2
    expected = (4 / 6 - by_chance) / (1 - by_chance)
    assert graphs.adjusted_homophily(e, labels) == pytest.approx(expected)


def test_a_sweep_counts_every_edge_of_every_k_once(x):
    generator = np.random.default_rng(2)
    table = pd.DataFrame({"label": generator.integers(0, 2, 300)})
    table["source_image"] = generator.integers(0, 30, 300)
    table["subject"] = table["source_image"] // 5
    swept = graphs.sweep(graphs.knn(x, 6)[0], table, [2, 6], "union")
    for k, rows in swept.groupby("k"):
        whole = rows[rows["kind"] == "all edges"].iloc[0]
        parts = rows[rows["kind"] != "all edges"]
        expected = graphs.knn_edges(graphs.knn(x, int(k))[0], "union")
        assert whole["edges"] == expected.shape[1] == parts["edges"].sum()
        assert parts["share"].sum() == pytest.approx(1)
        assert (parts["share"] * parts["homophily"]).sum() == pytest.approx(whole["homophily"])


def test_edge_kinds():
    table = pd.DataFrame({"subject": ["1", "1", "2"], "source_image": ["1_1", "1_2", "2_1"]})
    table = pd.concat([table, table.iloc[:1]], ignore_index=True)
    e = np.array([[0, 1, 0], [3, 0, 2]])
    kinds = graphs.edge_kinds(e, table).tolist()
    assert kinds == ["same source image", "same subject", "cross-subject"]


def test_a_written_graph_is_read_only_for_its_own_settings(x, tmp_path):
    e = graphs.knn_edges(graphs.knn(x, 3)[0])
    settings = {"k": 3, "edges": "union", "features": features_hash(x)}
    marked = e[:, :-1]  # so that it differs from a graph built anew
    graphs.write_graph(tmp_path, marked, settings)
    same = graphs.read_graph(str(tmp_path), features=x, k=3, edges="union")
    np.testing.assert_array_equal(same, marked)
    other = graphs.read_graph(str(tmp_path), features=x + 1, k=3, edges="union")
    assert graphs.edge_hash(other) != graphs.edge_hash(marked)
    np.testing.assert_array_equal(
        graphs.read_graph(str(tmp_path), features=x, k=4, edges="directed"),
        graphs.knn_edges(graphs.knn(x, 4)[0], "directed"),
    )


@pytest.mark.parametrize("damage", ["pickled", "another's", "cut", "no settings"])
def test_a_written_graph_that_cannot_be_is_built_anew(x, tmp_path, damage):
    """A build may be killed between a graph and its settings; and nothing is ever unpickled."""
    e = graphs.knn_edges(graphs.knn(x, 3)[0])
    settings = {"k": 3, "edges": "union", "features": features_hash(x)}
    graphs.write_graph(tmp_path, e, settings)
    path = tmp_path / "graph.npz"
    if damage == "pickled":
        np.savez(path, edge_index=np.array([[1], [None]], dtype=object))
    elif damage == "another's":
        np.savez(path, edge_index=e[:, :-1])
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-9])
    else:
        path.with_suffix(".json").write_text("{")
    read = graphs.read_graph(str(tmp_path), features=x, k=3, edges="union")
    np.testing.assert_array_equal(read, e)


def test_like_the_reference_is_within_what_99_of_100_cells_are():
    """Cells turned away from the one reference cell by known angles, in two sets."""
    angles = np.radians(np.arange(1, 101))
    new = np.c_[np.cos(angles), np.sin(angles)]
    reference = np.array([[2.0, 0.0]])
    limit = graphs.like_within([(new[::2], reference), (new[1::2], reference)])
    assert limit == pytest.approx(np.percentile(1 - np.cos(angles), 99), abs=1e-6)
