"""What tables and figures read of runs besides their answers."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from leukgnn.experiments import CLASSIFIERS, Plan, Sources, Store, Value, choices, curves, runs
from leukgnn.networks import CURVES, Settings


@pytest.fixture
def store(tmp_path, monkeypatch):
    """An empty store, filled in this process."""
    monkeypatch.setattr(runs, "cpu_count", lambda: 1)
    return Store(tmp_path, published=False)


@pytest.fixture(scope="module")
def asked(real):
    """Of the second fold, under a seed of its own."""
    plan = Plan(sources=Sources(real), k=5, seed=3, seeds=1, settings=Settings(epochs=2))
    models = ["gcn", "mlp", "knn", "mlp_tuned", "size"]
    return {a.model: a for a in plan.subject_disjoint(models) if a.run.fold == "fold_1"}


def test_curves_stand_under_the_names_of_their_runs(asked, store):
    both = [asked["gcn"], dataclasses.replace(asked["mlp"], protocol="other")]
    found = curves(both, store)
    assert list(found) == [*CURVES, "protocol", "model", "seed", "fold"]
    assert found.index.equals(pd.RangeIndex(len(found)))
    for a, (_, rows) in zip(both, found.groupby("model"), strict=True):
        assert len(rows)
        np.testing.assert_array_equal(rows[CURVES].to_numpy(), store.get(a.run).curves)
        for name, value in (
            ("protocol", a.protocol), ("model", a.model), ("seed", 3), ("fold", "fold_1")
        ):  # fmt: skip
            assert set(rows[name]) == {value}


def test_choices_show_what_each_strength_reached_in_the_order_tried(asked, store):
    found = choices([asked["knn"], asked["size"], asked["mlp_tuned"]], store)
    assert list(found) == ["model", "seed", "fold", "strength", "auc"]
    expected = [
        (name, 3, "fold_1", strength, area)
        for name in ("knn", "mlp_tuned")
        for strength, area in zip(
            CLASSIFIERS[name].strengths, store.get(asked[name].run).choice, strict=True
        )
    ]
    assert list(found.itertuples(index=False, name=None)) == expected
    assert len(expected) == 6 + 4


def test_a_run_that_chose_among_other_strengths_is_not_read_as_one_of_these(asked, store):
    knn = asked["knn"]
    cells = int(knn.run.asked(knn.features).sum())
    store.write(knn.run, Value(np.ones(cells, np.float32), np.zeros((0, 0)), np.ones(5)))
    with pytest.raises(ValueError, match="shorter"):
        choices([knn], store)
