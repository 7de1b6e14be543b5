"""Reasons in a picture: which parts of a cell an image network's answer rests on."""

import numpy as np
import pytest
import torch
from torch import nn

from leukgnn import explain
from leukgnn.cells.transforms import normalise
from leukgnn.experiments import cnn
from leukgnn.explain.pixels import GRID, LEAST, PATCH, PATCHES, RIM, of_cell
from leukgnn.features.resnet import find_weights
from leukgnn.files import InputError

SEEN = 2 * GRID + 2  # the first patch of the drawn cells, in their upper left corner


@pytest.fixture
def pixels():
    """Two square cells of 4 x 4 patches; the patch that is seen is brighter than the others."""
    noise = np.random.default_rng(0).integers(60, 100, (2, 3, 128, 128)).astype(np.uint8)
    square = np.zeros((128, 128), dtype=bool)
    square[32:96, 32:96] = True
    noise[:, :, 32:48, 32:48] += 100
    return torch.from_numpy(noise * square)


class Curved(nn.Module):
    """Log odds that are no straight line in the brightness of one patch."""

    def __init__(self):
        super().__init__()
        self.straight = OnePatch()

    def forward(self, x):
        return self.straight(x) ** 3


class OnePatch(nn.Module):
    """Two logits of the mean brightness of one patch, by way of an 8 x 8 map."""

    def __init__(self, place=SEEN):
        super().__init__()
        self.layer = nn.Conv2d(3, 1, PATCH, stride=PATCH, bias=False)
        nn.init.constant_(self.layer.weight, 1 / (3 * PATCH**2))
        self.place = place

    def forward(self, x):
        seen = self.layer(x).flatten(1)[:, self.place]
        return torch.stack([torch.zeros_like(seen), 2 * seen], dim=1)


METHODS = {
    "occlusion": explain.occlusion,
    "grad_cam": lambda network, *given: explain.grad_cam(network, network.layer, *given),
    "pixel_gradients": explain.pixel_gradients,
}


@pytest.mark.parametrize("method", METHODS)
def test_the_only_patch_that_a_network_sees_is_named(method, pixels):
    found = METHODS[method](OnePatch(), pixels, np.ones(2))
    scores = explain.by_patch(found)
    assert found.shape == (2, 128, 128) and scores.shape == (2, PATCHES)
    assert found.dtype == np.float64
    possible = explain.can_be_named(pixels)
    assert (np.where(possible, scores, -np.inf).argmax(axis=1) == SEEN).all()
    assert explain.named(scores, possible)[:, SEEN].all()
    if method != "grad_cam":  # which spreads a channel's weight over its map
        others = np.delete(scores, SEEN, axis=1)
        assert others == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_for_the_other_answer_it_speaks_against(method, pixels):
    scores = [explain.by_patch(METHODS[method](OnePatch(), pixels, s)) for s in np.ones((2, 2))]
    against = explain.by_patch(METHODS[method](OnePatch(), pixels, -np.ones(2)))
    assert against == pytest.approx(-scores[0], abs=1e-6) and (scores[0] == scores[1]).all()


def test_occlusion_is_the_networks_own_answer_without_the_patch(pixels):
    network, side = OnePatch(), np.array([1.0, -1.0])
    scores = explain.by_patch(explain.occlusion(network, pixels, side))
    gone = np.zeros((2, PATCHES), dtype=bool)
    gone[:, SEEN] = True
    left = explain.answered(network, explain.without_patches(pixels, gone), side)
    assert scores[:, SEEN] == pytest.approx(explain.answered(network, pixels, side) - left)
    assert scores[0, SEEN] > 0.1 > -0.1 > scores[1, SEEN]


def test_integrated_gradients_add_up_to_what_the_cells_structure_does(pixels):
    network, everything = Curved(), np.ones((2, PATCHES), dtype=bool)
    blank = explain.without_patches(pixels, everything)
    odds = [network(normalise(shown))[:, 1].detach().numpy() for shown in (pixels, blank)]
    found = explain.pixel_gradients(network, pixels, np.ones(2))
    assert found.sum(axis=(1, 2)) == pytest.approx(odds[0] - odds[1], rel=1e-3)
    assert (found[~of_cell(pixels)] == 0).all()


def test_grad_cam_is_the_weighed_map_of_the_layer(pixels):
    network = OnePatch()
    found = explain.grad_cam(network, network.layer, pixels, np.ones(2))
    maps = network.layer(normalise(pixels)).detach().numpy()[:, 0]
    assert found[:, ::PATCH, ::PATCH] == pytest.approx(maps * 2 / PATCHES, rel=1e-4)
    assert (found[:, 32:48, 32:48] == found[:, 32:33, 32:33]).all()


def test_the_layer_that_is_mapped_has_a_number_for_each_patch():
    network = cnn.CNN(find_weights("random:0"), 0).eval()
    layer = network.get_submodule("body.layer3")
    maps = []
    layer.register_forward_hook(lambda module, given, found: maps.append(found))
    network(torch.zeros(1, 3, 128, 128))
    assert maps[0].shape == (1, 256, GRID, GRID)


def test_an_answer_has_two_sides_that_add_up(pixels):
    network = OnePatch()
    leukemic = explain.answered(network, pixels, np.ones(2))
    expected = network(normalise(pixels)).softmax(dim=1)[:, 1].detach().numpy()
    assert leukemic == pytest.approx(expected, abs=1e-6) and leukemic.dtype == np.float64
    assert explain.answered(network, pixels, -np.ones(2)) == pytest.approx(1 - leukemic)


def test_black_stays_black_and_a_patch_takes_the_cells_mean_colour(pixels):
    pixels[:, :, 30, 40] = 10  # nearly black, beside the cell
    gone = np.zeros((2, PATCHES), dtype=bool)
    gone[0, [SEEN, SEEN + 3, 0]] = True
    left = explain.without_patches(pixels, gone)
    assert left.dtype == torch.uint8 and torch.equal(left[1], pixels[1])
    assert torch.equal(left[0].amax(dim=0) > 0, pixels[0].amax(dim=0) > 0)
    changed = (left[0] != pixels[0]).any(dim=0)
    assert changed.any() and not changed[:, 48:80].any() and not changed[48:].any()
    mean = pixels[0][:, of_cell(pixels)[0]].double().mean(dim=1).round()
    for patch in (left[0][:, 32:48, 32:48], left[0][:, 32:48, 80:96]):
        assert (patch == mean[:, None, None]).all()
    assert (left[0][:, 30, 40] == 10).all()


def test_a_patch_can_be_named_from_a_quarter_of_cell_on():
    pixels = torch.zeros(1, 3, 128, 128, dtype=torch.uint8)
    quarter = int(LEAST * PATCH**2)
    for place, held in ((0, quarter), (1, quarter - 1)):
        rows, columns = np.divmod(np.arange(held), PATCH)
        pixels[0, :, rows, place * PATCH + columns] = 90
    assert explain.can_be_named(pixels)[0].nonzero()[0].tolist() == [0]
    assert explain.by_patch(of_cell(pixels))[0, :2].tolist() == [quarter, quarter - 1]


def test_a_fifth_is_named_and_only_of_what_can_be():
    scores = np.tile(np.arange(PATCHES, dtype=float), (4, 1))
    scores[3] = 1.0
    possible = np.zeros((4, PATCHES), dtype=bool)
    possible[0, :10], possible[1, 3], possible[3, 5:16] = True, True, True
    chosen = explain.named(scores, possible)
    assert [row.nonzero()[0].tolist() for row in chosen] == [[8, 9], [3], [], [5, 6, 7]]


def test_scores_are_spread_over_the_cell_and_gathered_again(pixels):
    scores = np.random.default_rng(0).normal(size=(2, PATCHES))
    found = explain.spread(scores, pixels)
    possible = explain.can_be_named(pixels)
    assert explain.by_patch(found)[possible] == pytest.approx(scores[possible])
    assert (found[~of_cell(pixels)] == 0).all()


def test_regions_by_hand(pixels):
    maps = np.ones((2, 128, 128))
    maps[1] = -1
    maps[1, 32, 32], maps[1, 60, 60], maps[1, 0, 0] = 1, 2, 5
    shares = explain.regions(maps, pixels)
    inner, all_of_it = (64 - 2 * RIM) ** 2 / 128**2, 64**2 / 128**2
    assert shares[0] == pytest.approx([inner, all_of_it - inner, 1 - all_of_it])
    assert shares[1] == pytest.approx([2 / 8, 1 / 8, 5 / 8])
    assert np.isnan(explain.regions(-np.ones((2, 128, 128)), pixels)).all()


@pytest.mark.parametrize(
    "wrong", [torch.zeros(2, 3, 64, 64, dtype=torch.uint8), torch.zeros(2, 3, 128, 128)]
)
def test_other_pixels_are_refused(wrong):
    with pytest.raises(InputError, match=r"expected uint8 of shape \(m, 3, 128, 128\)"):
        explain.can_be_named(wrong)
