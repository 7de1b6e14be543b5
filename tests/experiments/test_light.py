"""Cells under other light: what changes, what must not, and how the effects are counted."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score

from leukgnn.experiments import light
from leukgnn.features.resnet import find_weights
from leukgnn.files import InputError


@pytest.fixture(scope="module")
def pixels():
    """Four discs of two colours on black."""
    y, x = np.mgrid[:128, :128]
    inside = (y - 64) ** 2 + (x - 60) ** 2 < 30**2
    colours = np.array([[150, 60, 160], [90, 120, 40], [200, 180, 220], [60, 40, 90]])
    cells = colours[:, :, None, None] * inside * (0.6 + 0.4 * (x > 64))
    return torch.from_numpy(cells.astype(np.uint8))


@pytest.mark.parametrize(
    ("change", "strength"),
    [(name, s) for name, (_, tried) in light.CHANGES.items() for s in tried],
)
def test_a_change_changes_the_cell_and_keeps_what_is_black(pixels, change, strength):
    found = light.changed(pixels, change, strength)
    assert found.shape == pixels.shape and found.dtype == torch.uint8
    assert all((a != b).any() for a, b in zip(found, pixels, strict=True))
    if change in light.OF_COLOUR:
        black = (pixels == 0).all(dim=1, keepdim=True).expand_as(pixels)
        assert (found[black] == 0).all()


def test_changes_do_what_their_names_say(pixels):
    def bright(cells):
        return cells.float().mean().item()

    assert bright(light.changed(pixels, "brightness", 0.7)) < bright(pixels)
    assert bright(light.changed(pixels, "brightness", 1.3)) > bright(pixels)
    grey = light.changed(pixels, "saturation", 0.5).float().std(dim=1).mean()
    assert grey < pixels.float().std(dim=1).mean()
    assert (light.changed(pixels, "flip", 1) == pixels.flip(3)).all()
    assert (light.changed(pixels, "turn", 180) == pixels.flip(2, 3)).all()
    assert light.changed(pixels, light.UNCHANGED, 0) is pixels


def test_a_random_view_is_that_of_its_seed_and_moves_no_other_random_number(pixels):
    torch.manual_seed(3)
    first, second, again = (light.changed(pixels, "random view", s) for s in (1, 2, 1))
    after = torch.rand(1)
    torch.manual_seed(3)
    assert torch.rand(1) == after
    assert (first == again).all() and (first != second).any()


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
    before = {"change": light.UNCHANGED, "strength": 0.0}
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
    found = light.effects(table).set_index("model")
    assert found.index.tolist() == ["gcn", "mlp"]
    assert found["turned"].tolist() == pytest.approx([0.1, 0])
    assert found["moved"].tolist() == [0.25, 0.25]
    low, high = found.loc["gcn", ["turned_low", "turned_high"]]
    assert 0 <= low < 0.1 < high < 0.5
    after = table[(table["model"] == "gcn") & (table["change"] == "hue")]
    lost = roc_auc_score(after["label"], after["probability"]) - 1
    assert found["value"].tolist() == pytest.approx([lost, 0])
    assert found.loc["mlp", "outcome"] == "equivalent"


def test_other_weights_are_refused(tmp_path):
    with pytest.raises(InputError, match="the shipped features are of"):
        light.ask(tmp_path, find_weights("random:0"), tmp_path / "light.parquet")
    assert not list(tmp_path.iterdir())


def test_the_shipped_answers_are_whole():
    from leukgnn.files import shipped_path

    table = pd.read_parquet(shipped_path("light.parquet"))
    views = table.groupby(["change", "strength", "model"])["filename"].nunique()
    assert set(views) == {light.CELLS} and len(table) == views.sum()
    assert len(views) == 2 * (1 + sum(len(tried) for _, tried in light.CHANGES.values()))
    assert table["probability"].between(0, 1).all()
