"""Changes of a cell's light, stain, focus and position, pixel by pixel."""

from collections.abc import Callable, Mapping
from typing import cast

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional

from leukgnn.cells.transforms import augmentation_steps

UNCHANGED = "unchanged"


def _augmented(pixels: Tensor, seed: float) -> Tensor:
    """One random view of each cell by the paper's own steps (section III.C)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(seed))
        views = []
        for cell in pixels:
            for step in augmentation_steps().values():
                cell = step(cell)
            views.append(cell)
    return torch.stack(views)


def _blurred(pixels: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of so many pixels of 128."""
    return cast(Tensor, functional.gaussian_blur(pixels, kernel_size=[7, 7], sigma=[sigma, sigma]))


def _flipped(pixels: Tensor, _: float) -> Tensor:
    return cast(Tensor, functional.horizontal_flip(pixels))


# By name: what it does to pixels (b, 3, 128, 128) with a strength, and the strengths tried: factors
# of brightness, contrast and saturation, turns of the colour circle, pixels, degrees, seeds.
CHANGES: Mapping[str, tuple[Callable[[Tensor, float], Tensor], tuple[float, ...]]] = {
    "brightness": (functional.adjust_brightness, (0.7, 0.85, 1.15, 1.3)),
    "contrast": (functional.adjust_contrast, (0.7, 0.85, 1.15, 1.3)),
    "saturation": (functional.adjust_saturation, (0.5, 0.75, 1.25, 1.5)),
    "hue": (functional.adjust_hue, (-0.05, -0.025, 0.025, 0.05)),
    "blur": (_blurred, (0.5, 1.0)),
    "turn": (functional.rotate, (90.0, 180.0, 270.0)),
    "flip": (_flipped, (1.0,)),
    "random view": (_augmented, (1.0, 2.0)),
}
OF_COLOUR = ("brightness", "contrast", "saturation", "hue")


def changed(pixels: Tensor, change: str, strength: float) -> Tensor:
    """Change cells; what is black around them stays black when colours change.

    Parameters
    ----------
    pixels : Tensor, shape (b, 3, 128, 128), uint8
    change : str
        Of `CHANGES`, or "unchanged".
    strength : float
    """
    if change == UNCHANGED:
        return pixels
    found = CHANGES[change][0](pixels, strength)
    if change not in OF_COLOUR:
        return found
    background = pixels.amax(dim=1, keepdim=True) == 0
    return torch.where(background, pixels, found)
