"""Random views: black stays black, cells keep their place, the paper's views are chapter 02's."""

import pytest
import torch

from leukgnn.cells.views import CROP, PAPERS, Views, centre

STILL = {
    "angle": 0.0, "upside_down": False, "scale": 0.0, "shift": 0.0, "brightness": 0.0,
    "contrast": 0.0, "saturation": 0.0, "gain": 0.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def disc():
    """Eight times a cell: a disc with a darker left half, right of the centre, on black."""
    y, x = torch.meshgrid(torch.arange(128.0), torch.arange(128.0), indexing="ij")
    inside = ((x - 69) ** 2 + (y - 64) ** 2) < 30**2
    colours = torch.tensor([160.0, 90.0, 200.0])[:, None, None] * torch.where(x < 69, 0.6, 1.0)
    return (colours * inside).to(torch.uint8).expand(8, 3, 128, 128)


def drawn(views, pixels, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return views(pixels)


def test_a_view_that_may_not_change_anything_is_the_centre(disc):
    seen = {seed: drawn(Views(**STILL), disc, seed) for seed in range(3)}
    plain = centre(disc)
    mirrored = plain.flip(-1)
    for views in seen.values():
        assert views.shape == (8, 3, CROP, CROP)
        for view in views:
            assert min((view - plain[0]).abs().max(), (view - mirrored[0]).abs().max()) < 1e-5
    assert any((v - plain[0]).abs().max() > 0.1 for v in seen[0]), "left to right, at times"


def test_what_is_black_stays_black_and_numbers_stay_in_range(disc):
    views = drawn(Views(angle=0, upside_down=False, scale=0, shift=0), disc)
    outside = (centre(disc).amax(dim=1) == 0) & (centre(disc).flip(-1).amax(dim=1) == 0)
    assert views.amax(dim=1)[outside].max() < 1e-4
    wild = drawn(Views(brightness=0.9, contrast=0.9, gain=0.9, saturation=0.9), disc)
    assert wild.min() >= 0 and wild.max() <= 1
    dark = drawn(Views(), torch.zeros(2, 3, 128, 128, dtype=torch.uint8))
    assert dark.abs().max() == 0


@pytest.mark.parametrize("angle", [0.0, 90.0, 180.0])
def test_a_turned_cell_keeps_its_area(disc, angle):
    turned = drawn(Views(**{**STILL, "angle": angle}), disc)
    area = (turned.amax(dim=1) > 0.1).float().sum(dim=(1, 2))
    plain = (centre(disc).amax(dim=1) > 0.1).float().sum(dim=(1, 2))
    assert (area / plain - 1).abs().max() < 0.05


def test_scale_reaches_as_far_as_it_says(disc):
    scaled = drawn(Views(**{**STILL, "scale": 0.15}), disc)
    area = (scaled.amax(dim=1) > 0.1).float().sum(dim=(1, 2))
    logs = torch.log(area / (centre(disc)[:1].amax(dim=1) > 0.1).sum()) / 2
    assert logs.abs().max() < 0.16 and logs.max() - logs.min() > 0.1


@pytest.mark.parametrize(
    ("name", "reach"), [("brightness", 0.2), ("contrast", 0.2), ("saturation", 0.2), ("gain", 0.1)]
)
def test_each_colour_change_changes_the_cell_and_nothing_else(disc, name, reach):
    changed = drawn(Views(**{**STILL, name: reach}), disc)
    still = drawn(Views(**STILL), disc)  # other flips: compare what flips leave alone
    assert not torch.equal(changed.mean(dim=(2, 3)), still.mean(dim=(2, 3)))
    if name == "saturation":
        torch.testing.assert_close(changed.mean(dim=1).mean(), still.mean(dim=1).mean())


def test_the_same_seed_draws_the_same_views(disc):
    assert torch.equal(drawn(Views(), disc, 1), drawn(Views(), disc, 1))
    assert not torch.equal(drawn(Views(), disc, 1), drawn(Views(), disc, 2))


def test_the_papers_views_turn_a_little_and_keep_size_and_hue(disc):
    assert (PAPERS.angle, PAPERS.scale, PAPERS.shift) == (10.0, 0.0, 0.0)
    assert not PAPERS.upside_down and PAPERS.gain == PAPERS.saturation == 0
