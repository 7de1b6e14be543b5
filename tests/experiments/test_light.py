"""Cells under other light: what changes, what must not, and how the effects are counted."""

import numpy as np
import pandas as pd
import pytest
import torch

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
