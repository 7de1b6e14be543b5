"""Changes of a cell: what changes, and what must not."""

import numpy as np
import pytest
import torch

from leukgnn.cells import changes


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
    [(name, s) for name, (_, tried) in changes.CHANGES.items() for s in tried],
)
def test_a_change_changes_the_cell_and_keeps_what_is_black(pixels, change, strength):
    found = changes.changed(pixels, change, strength)
    assert found.shape == pixels.shape and found.dtype == torch.uint8
    assert all((a != b).any() for a, b in zip(found, pixels, strict=True))
    if change in changes.OF_COLOUR:
        black = (pixels == 0).all(dim=1, keepdim=True).expand_as(pixels)
        assert (found[black] == 0).all()


def test_changes_do_what_their_names_say(pixels):
    def bright(cells):
        return cells.float().mean().item()

    assert bright(changes.changed(pixels, "brightness", 0.7)) < bright(pixels)
    assert bright(changes.changed(pixels, "brightness", 1.3)) > bright(pixels)
    grey = changes.changed(pixels, "saturation", 0.5).float().std(dim=1).mean()
    assert grey < pixels.float().std(dim=1).mean()
    assert (changes.changed(pixels, "flip", 1) == pixels.flip(3)).all()
    assert (changes.changed(pixels, "turn", 180) == pixels.flip(2, 3)).all()
    assert changes.changed(pixels, changes.UNCHANGED, 0) is pixels


def test_a_random_view_is_that_of_its_seed_and_moves_no_other_random_number(pixels):
    torch.manual_seed(3)
    first, second, again = (changes.changed(pixels, "random view", s) for s in (1, 2, 1))
    after = torch.rand(1)
    torch.manual_seed(3)
    assert torch.rand(1) == after
    assert (first == again).all() and (first != second).any()
