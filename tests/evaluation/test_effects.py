"""Effects of changed cells, by hand and against scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from leukgnn.cells.changes import UNCHANGED
from leukgnn.evaluation import changes


def answers(turned, moved):
    """40 cells of 20 people under one change; the GCN turns some answers, the MLP none."""
    label = np.repeat(np.arange(20) % 2, 2)
    cells = pd.DataFrame(
        {
            "filename": [f"{i}.bmp" for i in range(40)],
            "subject": np.repeat([f"s{i}" for i in range(20)], 2),
            "label": label,
            "fold": "fold_0",
            "nearest": "a.bmp",
        }
    )
    right = np.where(label == 1, 0.8, 0.2) + np.linspace(-0.01, 0.01, 40)
    wrong = np.where(np.arange(40) < turned, 1 - right, right)
    other = np.where(np.arange(40) < moved, "b.bmp", "a.bmp")
    before = {"change": UNCHANGED, "strength": 0.0}
    after = {"change": "hue", "strength": 0.05, "nearest": other}
    return pd.concat(
        [
            cells.assign(**before, model="gcn", probability=right),
            cells.assign(**before, model="mlp", probability=right),
            cells.assign(**after, model="gcn", probability=wrong),
            cells.assign(**after, model="mlp", probability=right),
        ],
        ignore_index=True,
    )


def test_effects_by_hand():
    table = answers(turned=4, moved=10)
    found = changes.effects(table).set_index("model")
    assert found.index.tolist() == ["gcn", "mlp"]
    assert found["turned"].tolist() == pytest.approx([0.1, 0])
    assert found["moved"].tolist() == [0.25, 0.25]
    low, high = found.loc["gcn", ["turned_low", "turned_high"]]
    assert 0 <= low < 0.1 < high < 0.5
    after = table[(table["model"] == "gcn") & (table["change"] == "hue")]
    lost = roc_auc_score(after["label"], after["probability"]) - 1
    assert found["value"].tolist() == pytest.approx([lost, 0])
    assert found.loc["mlp", "outcome"] == "equivalent"
