"""A learned metric: brings people of one class together, and not one person's cells."""

import numpy as np
import pytest
from sklearn.preprocessing import normalize

from leukgnn import networks
from leukgnn.files import InputError
from leukgnn.networks import metric


def cells(seed=0, people=24, each=30):
    """Cells whose person is loud in many features, and whose class is quiet in two."""
    generator = np.random.default_rng(seed)
    person = np.repeat(np.arange(people), each)
    label = person % 2
    own = generator.normal(size=(people, 20))
    x = generator.normal(size=(len(person), 32)).astype(np.float32)
    x[:, :20] += 3 * own[person]
    x[:, 20:22] += 1.5 * (2 * label - 1)[:, None]
    return x, label, person


def agreement(z, label, person):
    """Share of each cell's 10 most similar cells, of other people, that have its class."""
    unit = normalize(z)
    similarity = unit @ unit.T
    similarity[person[:, None] == person] = -np.inf
    near = np.argsort(-similarity, axis=1)[:, :10]
    return float((label[near] == label[:, None]).mean())


@pytest.fixture(scope="module")
def learned():
    return networks.learned_projection(*cells(), seed=0)


def test_neighbours_of_new_people_have_their_class_by_the_metric_and_not_without_it(learned):
    x, label, person = cells(seed=1)
    assert agreement(x, label, person) < 0.75
    assert agreement(learned(x), label, person) > 0.85


def test_it_gives_each_cell_its_dimensions_alone(learned):
    x, _, _ = cells(seed=1)
    z = learned(x)
    assert z.shape == (len(x), metric.DIMENSIONS) and z.dtype == np.float32
    assert learned(x[:3]) == pytest.approx(z[:3], abs=1e-5)


def test_the_seed_decides_and_the_global_generator_does_not(learned):
    import torch

    x, label, person = cells()
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    assert (networks.learned_projection(x, label, person, seed=0)(x) == learned(x)).all()
    assert (torch.random.get_rng_state() == state).all()
    assert (networks.learned_projection(x, label, person, seed=1)(x) != learned(x)).any()


def test_pairs_of_one_person_count_neither_as_like_nor_as_unlike():
    import torch

    z = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8], [0.8, -0.6], [1.0, 0.0]])
    label, person = torch.tensor([0, 0, 0, 1, 1]), torch.tensor([0, 0, 1, 2, 2])
    losses, used = metric._contrast(z, label, person)
    # Only cells 0, 1 and 2 have a like cell of another person; cell 0's is cell 2 alone.
    assert used.tolist() == [True, True, True, False, False]
    scores = np.exp(np.array([0.6, 0.8, 1.0]) / metric.TEMPERATURE)  # to cells 2, 3 and 4
    assert losses[0].item() == pytest.approx(-np.log(scores[0] / scores.sum()), rel=1e-5)
    far = np.exp(np.array([0.6, 0.96, 0.0, 0.6]) / metric.TEMPERATURE)  # from cell 2
    mean = -np.log(far[:2] / far.sum()).mean()
    assert losses[2].item() == pytest.approx(mean, rel=1e-5)


def test_the_classes_weigh_alike(monkeypatch):
    seen = []
    right = metric.class_weights
    monkeypatch.setattr(metric, "class_weights", lambda y: seen.append(y) or right(y))
    monkeypatch.setattr(metric, "STEPS", 1)
    x, label, person = cells()
    networks.learned_projection(x, label, person, seed=0)
    assert [y.tolist() for y in seen] == [label.tolist()]


def test_a_class_of_one_person_is_refused():
    x, label, person = cells()
    few = (label == 1) | (person == 0)
    with pytest.raises(InputError, match="class 0 has cells of one person only"):
        networks.learned_projection(x[few], label[few], person[few], seed=0)
