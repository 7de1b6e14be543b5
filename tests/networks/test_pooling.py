"""Networks over a person's cells: what each pooling computes, and that they learn."""

from functools import partial

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from leukgnn import names, networks
from leukgnn.files import InputError
from leukgnn.networks import POOLINGS, PersonNetwork, Settings, people
from leukgnn.networks.people import bags


@pytest.fixture(scope="module")
def cells():
    """Features of 90 cells."""
    return torch.from_numpy(np.random.default_rng(0).random((90, 512)).astype(np.float32))


def of(key):
    network = networks.seeded(partial(PersonNetwork, key), 0)
    return network.eval()


def test_every_pooling_has_a_name_and_a_twin():
    assert list(POOLINGS) == list(names.POOLINGS)
    assert {f"{key}_alone" for key in POOLINGS} <= set(names.MODELS)


def test_bags_by_hand():
    x = torch.tensor([[1.0, 0.0], [1.0, 0.1], [1.0, 0.3], [0.0, 1.0]])
    batch, adjacency, there = bags(x, [torch.tensor([3, 0, 1, 2]), torch.tensor([2])], 1)
    assert there.tolist() == [[True] * 4, [True, False, False, False]]
    torch.testing.assert_close(batch[0], x[[3, 0, 1, 2]])
    assert batch[1, 1:].abs().sum() == 0
    # 3 is nearest to 2, 0 to 1, 1 to 0 and 2 to 1: each hears and is heard.
    assert adjacency[0].int().tolist() == [[0, 0, 0, 1], [0, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0]]
    assert adjacency[1].sum() == 0
    assert bags(x, [torch.arange(4)], 0)[1].sum() == 0
    assert bags(x, [torch.arange(4)], 9)[1].sum() == 4 * 3


@pytest.mark.parametrize("key", POOLINGS)
class TestPooling:
    def test_order_and_company_change_nothing(self, key, cells):
        """The same cells in another order, beside a larger bag: the same answer."""
        network, own = of(key), torch.arange(20)
        alone, _ = network(*bags(cells, [own], 5))
        beside, _ = network(*bags(cells, [torch.arange(20, 84), own.flip(0)], 5))
        torch.testing.assert_close(beside[1:], alone, atol=1e-5, rtol=1e-4)

    def test_edges_count_and_without_them_the_layer_is_a_line(self, key, cells):
        network, own = of(key), [torch.arange(20)]
        batch, none, there = bags(cells, own, 0)
        layer = network.conv
        hidden = (batch @ layer.lin.weight.T + layer.bias).relu()
        torch.testing.assert_close(network.hidden(batch, none, there), hidden)
        with_edges = network(*bags(cells, own, 5))[0]
        assert (with_edges - network(batch, none, there)[0]).abs().max() > 1e-5

    def test_a_person_of_one_cell_is_answered(self, key, cells):
        logits, _ = of(key)(*bags(cells, [torch.tensor([7])], 10))
        assert logits.shape == (1, 2) and logits.isfinite().all()

    def test_it_learns_what_some_cells_of_a_person_carry(self, key):
        """A third of the cells of leukemic people are marked; the others tell nothing."""
        rng = np.random.default_rng(0)
        of_people = np.split(np.arange(80 * 30), 80)
        labels = np.arange(80) % 2
        x = 0.1 * rng.normal(size=(len(of_people) * 30, 512)).astype(np.float32)
        for own, label in zip(of_people, labels, strict=True):
            x[own[: 10 * label], :8] += 2.0
        network = networks.seeded(
            lambda **given: PersonNetwork(key, **given), 0, Settings(hidden=32)
        )
        settings = Settings(epochs=80, learning_rate=0.01)
        losses = networks.fit_people(
            network, x, of_people[:50], labels[:50], k=5, settings=settings, seed=0
        )
        assert len(losses) == 80 and losses[-1] < losses[0]
        answer = networks.predict_people(network, x, of_people[50:], k=5)
        assert roc_auc_score(labels[50:], answer) > 0.9


def test_mean_maximum_and_top_k_by_hand(cells):
    batch, adjacency, there = bags(cells, [torch.arange(8), torch.arange(8, 11)], 3)
    for key in ("pool_mean", "pool_max", "pool_top_k"):
        network = of(key)
        hidden = network.hidden(batch, adjacency, there)
        expected = []
        for row, number in enumerate((8, 3)):
            own = hidden[row, :number]
            if key == "pool_top_k":  # the better half, rounded up, weighed by its score
                weight = network.pool.choice.select.weight.flatten()
                score = torch.tanh(own @ weight / weight.norm())
                best = score.topk(-(-number // 2)).indices
                own = own[best] * score[best, None]
            expected.append(own.amax(dim=0) if key == "pool_max" else own.mean(dim=0))
        pooled, added = network.pool(hidden, adjacency, there)
        torch.testing.assert_close(pooled, torch.stack(expected))
        assert added == 0


def test_attention_is_a_weighted_mean_and_its_weights_can_be_asked(cells):
    network = of("pool_attention")
    drawn = [torch.arange(8), torch.arange(8, 11)]
    batch, adjacency, there = bags(cells, drawn, 3)
    hidden = network.hidden(batch, adjacency, there)
    weights = network.pool.weights(hidden, there)
    first, second = weights.split([8, 3])
    assert first.sum().item() == pytest.approx(1) and second.sum().item() == pytest.approx(1)
    expected = torch.stack([first @ hidden[0], second @ hidden[1, :3]])
    torch.testing.assert_close(network.pool(hidden, adjacency, there)[0], expected)
    relative = networks.attention_to_cells(
        network, cells.numpy(), [own.numpy() for own in drawn], k=3
    )
    assert relative[0] == pytest.approx(8 * first.detach().numpy())
    (of_two_bags,) = networks.attention_to_cells(network, cells.numpy(), [np.arange(90)], k=3)
    assert of_two_bags[:45].mean() == pytest.approx(1) == of_two_bags[45:].mean()


def test_diffpool_means_over_clusters_by_hand(cells):
    network = of("pool_diff")
    batch, adjacency, there = bags(cells, [torch.arange(8)], 3)
    hidden = network.hidden(batch, adjacency, there)
    shares = network.pool.assign(hidden, adjacency, there)[0].softmax(dim=1)
    means = (shares.T @ hidden[0]) / shares.sum(dim=0)[:, None]
    between = shares.T @ adjacency[0] @ shares
    expected = network.pool.conv(means, between).relu().mean(dim=1)
    pooled, added = network.pool(hidden, adjacency, there)
    torch.testing.assert_close(pooled, expected)
    link = torch.norm(adjacency[0] - shares @ shares.T) / adjacency.numel()
    entropy = -(shares * shares.log()).sum(dim=1).mean()
    torch.testing.assert_close(added, link + entropy)


def test_what_a_pooling_adds_is_learnt_too(cells):
    """The loss of the first step, whose bags hold all cells of everybody."""
    people, labels = [np.arange(8), np.arange(8, 16)], np.array([0, 1])
    settings = Settings(epochs=1, dropout=0.0)
    network = networks.seeded(partial(PersonNetwork, "pool_diff"), 0, settings)
    logits, added = network(*bags(cells, [torch.from_numpy(own) for own in people], 3))
    expected = torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels)) + added
    losses = networks.fit_people(
        network, cells.numpy(), people, labels, k=3, settings=settings, seed=0
    )
    assert losses == pytest.approx([expected.item()], abs=1e-5)


def test_bags_are_drawn_anew_and_the_loss_weighs_people(cells, monkeypatch):
    drawn, weighed = [], []

    def recorded(x, own, k):
        drawn.append([sorted(part.tolist()) for part in own])
        return bags(x, own, k)

    def entropy(logits, target, weight):
        weighed.append(weight)
        return torch.nn.functional.cross_entropy(logits, target, weight=weight)

    monkeypatch.setattr(people, "bags", recorded)
    monkeypatch.setattr(people, "cross_entropy", entropy)
    of_people = [np.arange(80), np.arange(80, 85), np.arange(85, 90)]
    networks.fit_people(
        of("pool_mean"), cells.numpy(), of_people, np.array([1, 0, 1]),
        k=3, settings=Settings(epochs=2), seed=0,
    )  # fmt: skip
    assert [[len(own) for own in epoch] for epoch in drawn] == [[64, 5, 5]] * 2
    assert drawn[0][0] != drawn[1][0] and len(set(drawn[0][0])) == 64
    assert weighed[0].tolist() == [1.5, 0.75]


def test_a_person_is_asked_in_equal_bags_with_every_cell_once(cells, monkeypatch):
    asked = []

    def recorded(x, own, k):
        asked.append([part.tolist() for part in own])
        return bags(x, own, k)

    monkeypatch.setattr(people, "bags", recorded)
    network = of("pool_mean")
    answer = networks.predict_people(network, cells.numpy(), [np.arange(90), np.arange(3)], k=3)
    assert asked == [[list(range(45)), list(range(45, 90))], [[0, 1, 2]]]
    halves = [
        network(*bags(cells, [torch.arange(*ends)], 3))[0].softmax(dim=1)[0, 1].item()
        for ends in ((0, 45), (45, 90))
    ]
    assert answer[0] == pytest.approx(np.mean(halves), abs=1e-6)


def test_nobody_without_cells_and_one_label_each(cells):
    nobody = np.zeros(0, dtype=np.int64)
    with pytest.raises(InputError, match="person 1 of 2 has no cell: expected at least 1"):
        networks.predict_people(of("pool_mean"), cells.numpy(), [np.arange(3), nobody], k=3)
    with pytest.raises(InputError, match="1 labels of 2 people: expected one for each"):
        networks.fit_people(
            of("pool_mean"), cells.numpy(), [np.arange(3), np.arange(3, 6)], np.array([1]),
            k=3, settings=Settings(epochs=1), seed=0,
        )  # fmt: skip
