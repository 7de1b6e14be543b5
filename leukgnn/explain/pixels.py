"""Score the parts of a cell's picture by what they carry of an image network's answer.

Every method gives an attribution map, one number a pixel, shape (m, 128, 128), for m cells: higher
carries more of the answer that is explained, whichever it is. The answer's side, from
`from_answer`, says which. Parts are `PATCHES`, squares in a grid, and what is taken away is a part
of the cell: in place of its pixels comes the cell's mean colour. What is black stays so, and with
it outline and size.
"""

from typing import Any, cast

import numpy as np
import torch
from captum.attr import IntegratedGradients, LayerGradCam
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion
from torch import Tensor, nn
from torch.nn.functional import interpolate

from leukgnn.cells.transforms import DARK, normalise
from leukgnn.files import InputError
from leukgnn.paper import IMAGES

PATCH = 16  # pixels of a patch's side: a cell is some four of them wide and high
GRID = IMAGES.size // PATCH  # patches of a picture's side
PATCHES = GRID**2
LEAST = 1 / 4  # of a patch's pixels belong to the cell where it can be named
SHARE = 1 / 5  # of a cell's patches that can be named are
RIM = 4  # pixels from the black that count as the cell's rim
REGIONS = ("inner", "rim", "background")
STEPS = 10  # of the integral of integrated gradients
ROWS = 64  # pictures at a time
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def of_cell(pixels: Tensor) -> Mask:
    """Which pixels are brighter than `DARK`, shape (m, 128, 128).

    Parameters
    ----------
    pixels : Tensor, shape (m, 3, 128, 128), uint8

    Raises
    ------
    InputError
        When the pixels are of another kind or size.
    """
    if pixels.dtype != torch.uint8 or pixels.shape[1:] != (3, IMAGES.size, IMAGES.size):
        raise InputError(
            f"pixels: {pixels.dtype} of shape {tuple(pixels.shape)}, expected uint8 of shape "
            f"(m, 3, {IMAGES.size}, {IMAGES.size})."
        )
    cell: Mask = (pixels.float().mean(dim=1) > DARK).numpy()
    return cell


def by_patch(maps: NDArray[Any]) -> Floats:
    """Sum an attribution map over each patch.

    Parameters
    ----------
    maps : ndarray, shape (m, 128, 128)

    Returns
    -------
    ndarray, shape (m, `PATCHES`)
        Row by row of the grid.
    """
    tiles = maps.reshape(len(maps), GRID, PATCH, GRID, PATCH)
    sums: Floats = tiles.sum(axis=(2, 4), dtype=np.float64).reshape(len(maps), PATCHES)
    return sums


def can_be_named(pixels: Tensor) -> Mask:
    """Which patches hold enough of the cell.

    Parameters
    ----------
    pixels : Tensor, shape (m, 3, 128, 128), uint8

    Returns
    -------
    ndarray, shape (m, `PATCHES`), bool
    """
    return by_patch(of_cell(pixels)) >= LEAST * PATCH**2


def named(scores: Floats, possible: Mask) -> Mask:
    """The fifth of each cell's possible patches that scores highest, one at least.

    Parameters
    ----------
    scores : ndarray, shape (m, `PATCHES`)
    possible : ndarray, shape (m, `PATCHES`), bool
        From `can_be_named`.

    Returns
    -------
    ndarray, shape (m, `PATCHES`), bool
        Of equal scores the first patches count as higher.
    """
    ordered = np.argsort(np.where(possible, -scores, np.inf), axis=1, kind="stable")
    number = np.ceil(SHARE * possible.sum(axis=1)).astype(int)
    chosen = np.zeros_like(possible)
    np.put_along_axis(chosen, ordered, np.arange(PATCHES) < number[:, None], axis=1)
    return chosen


def without_patches(pixels: Tensor, gone: Mask) -> Tensor:
    """Delete patches: the mean colour of the cell takes the place of its pixels there.

    Parameters
    ----------
    pixels : Tensor, shape (m, 3, 128, 128), uint8
    gone : ndarray, shape (m, `PATCHES`), bool

    Returns
    -------
    Tensor, shape (m, 3, 128, 128), uint8
    """
    cell = torch.from_numpy(of_cell(pixels))
    counts = cell.sum(dim=(1, 2)).clamp(min=1)[:, None]
    means = ((pixels * cell[:, None]).sum(dim=(2, 3)) / counts).round().to(torch.uint8)
    wide = torch.from_numpy(gone.reshape(-1, GRID, GRID))
    wide = wide.repeat_interleave(PATCH, dim=1).repeat_interleave(PATCH, dim=2)
    return torch.where((wide & cell)[:, None], means[:, :, None, None], pixels)


@torch.inference_mode()
def answered(network: nn.Module, pixels: Tensor, side: Floats) -> Floats:
    """Probability of each cell's given side, shape (m,), in float64: sure answers differ too.

    Parameters
    ----------
    network : Module
        In eval mode, from normalised pixels to two logits.
    pixels : Tensor, shape (m, 3, 128, 128), uint8
    side : ndarray, shape (m,)
        1 for leukemic, -1 for healthy.
    """
    parts = [network(normalise(part)).double() for part in torch.split(pixels, ROWS)]
    logits = torch.cat([torch.empty(0, 2, dtype=torch.double), *parts])
    found: Floats = torch.sigmoid(_odds(logits, torch.from_numpy(side))).numpy()
    return found


def _odds(logits: Tensor, side: Tensor) -> Tensor:
    """Log odds of the answer: gradients of the probability itself vanish where it is sure."""
    return side.to(logits.dtype) * (logits[:, 1] - logits[:, 0])


def occlusion(network: nn.Module, pixels: Tensor, side: Floats) -> Floats:
    """Occlusion map: how far the answer's probability falls without each patch (Zeiler 2014).

    Parameters
    ----------
    network, pixels, side
        As of `answered`.

    Returns
    -------
    ndarray, shape (m, 128, 128)
        Each fall is `spread` over what was taken away.
    """
    held, whole = by_patch(of_cell(pixels)), answered(network, pixels, side)
    falls = np.zeros((len(pixels), PATCHES))
    for place in range(PATCHES):
        some = held[:, place] > 0
        gone = np.zeros((int(some.sum()), PATCHES), dtype=bool)
        gone[:, place] = True
        left = answered(network, without_patches(pixels[torch.from_numpy(some)], gone), side[some])
        falls[some, place] = whole[some] - left
    return spread(falls, pixels)


def spread(scores: Floats, pixels: Tensor) -> Floats:
    """Map of scores, each dealt out evenly to the cell's pixels in its patch.

    Parameters
    ----------
    scores : ndarray, shape (m, `PATCHES`)
    pixels : Tensor, shape (m, 3, 128, 128), uint8

    Returns
    -------
    ndarray, shape (m, 128, 128)
    """
    cell = of_cell(pixels)
    each = (scores / np.maximum(by_patch(cell), 1)).reshape(-1, GRID, GRID)
    dealt: Floats = each.repeat(PATCH, axis=1).repeat(PATCH, axis=2) * cell
    return dealt


def grad_cam(network: nn.Module, layer: nn.Module, pixels: Tensor, side: Floats) -> Floats:
    """Map of a layer, weighed by what its channels add to the answer (Selvaraju et al. 2017).

    A layer's map is brought to the picture's size as it is, each number standing for its square,
    and keeps its sign; `regions` counts what is positive, as the authors do.

    Parameters
    ----------
    network, pixels, side
        As of `answered`.
    layer : Module
        Of the network. The authors take the last convolutions; those of a ResNet-18 see a picture
        of 128 pixels as 4 x 4, a cell as two by two. The layer before, 8 x 8, has a number for
        each patch.

    Returns
    -------
    ndarray, shape (m, 128, 128)
    """
    method = LayerGradCam(lambda x, s: _odds(network(x), s), layer)
    parts = []
    for part, own in _batches(pixels, side):
        found = method.attribute(normalise(part), additional_forward_args=(own,))
        parts.append(interpolate(found.detach(), size=IMAGES.size, mode="nearest")[:, 0])
    return _numbers(parts)


def pixel_gradients(network: nn.Module, pixels: Tensor, side: Floats) -> Floats:
    """Integrated gradients, from the cell in its mean colour to the cell (Sundararajan 2017).

    They nearly add up to the difference of the answer's log odds between the two; what is black is
    the same in both and gets nothing.

    Parameters
    ----------
    network, pixels, side
        As of `answered`.

    Returns
    -------
    ndarray, shape (m, 128, 128)
    """
    method = IntegratedGradients(lambda x, s: _odds(network(x), s))
    parts = []
    for part, own in _batches(pixels, side):
        blank = without_patches(part, np.ones((len(part), PATCHES), dtype=bool))
        found = method.attribute(
            normalise(part), normalise(blank), additional_forward_args=(own,),
            n_steps=STEPS, internal_batch_size=ROWS,
        )  # fmt: skip
        parts.append(found.detach().sum(dim=1))
    return _numbers(parts)


def _batches(pixels: Tensor, side: Floats) -> list[tuple[Tensor, Tensor]]:
    """Cells and the sides of their answers, some at a time."""
    sides = torch.split(torch.from_numpy(side), ROWS)
    return list(zip(torch.split(pixels, ROWS), sides, strict=True))


def _numbers(parts: list[Tensor]) -> Floats:
    return cast(Floats, torch.cat(parts).numpy().astype(np.float64))


def regions(maps: Floats, pixels: Tensor) -> Floats:
    """Shares of a map's positive numbers in the cell, in its rim and around it.

    Parameters
    ----------
    maps : ndarray, shape (m, 128, 128)
    pixels : Tensor, shape (m, 3, 128, 128), uint8

    Returns
    -------
    ndarray, shape (m, 3)
        In the order of `REGIONS`; they add up to 1. Missing where nothing is positive.
    """
    cell, positive = of_cell(pixels), np.maximum(maps, 0)
    inner = np.stack([binary_erosion(own, iterations=RIM) for own in cell])
    sums = np.stack(
        [(positive * where).sum(axis=(1, 2)) for where in (inner, cell & ~inner, ~cell)], axis=1
    )
    total = sums.sum(axis=1, keepdims=True)
    return np.where(total > 0, sums / np.where(total > 0, total, 1), np.nan)
