"""The paper's transforms of a cell image (section III.C).

Every transform goes from an RGB image to normalised float32 of shape (3, size, size). Training and
evaluation are apart: only the training version draws random numbers, from torch's global generator.
"""

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from leukgnn.paper import IMAGES, Images

DARK = 16  # grey of 255; brighter is cell: no default jitter lifts the background this high


def evaluation_pixels(image: Image.Image) -> Tensor:
    """Resize an image as the evaluation version does, without normalising.

    An image that has the size already passes unchanged.

    Returns
    -------
    Tensor
        Pixels, shape (3, 128, 128), uint8.
    """
    pixels: Tensor = functional.pil_to_tensor(_resize(IMAGES)(image))
    return pixels


def normalise(pixels: Tensor) -> Tensor:
    """Bring pixels to the scale that ImageNet weights expect.

    Parameters
    ----------
    pixels : Tensor
        Shape (..., 3, H, W), uint8.

    Returns
    -------
    Tensor
        Shape (..., 3, H, W), float32.
    """
    return cast(Tensor, _normalise(IMAGES)(pixels))


def augmentation_steps(settings: Images = IMAGES) -> dict[str, v2.Transform]:
    """Give the random steps of the training version by name, in the paper's order.

    Each maps an image to an image of the same size. What a rotation brings in at the corners is
    black, like the background of the cells; how it interpolates is torchvision's default (nearest),
    as the paper names nothing else.
    """
    return {
        "flip": v2.RandomHorizontalFlip(settings.flip),
        "rotation": v2.RandomRotation(settings.rotation, fill=0),
        "jitter": v2.ColorJitter(brightness=settings.brightness, contrast=settings.contrast),
    }


def training_transform(settings: Images = IMAGES) -> v2.Compose:
    """Compose resize, flip, rotation, jitter and normalisation: image to (3, size, size) float32.

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> training_transform()(Image.new("RGB", (450, 450))).shape
    torch.Size([3, 128, 128])
    """
    steps = augmentation_steps(settings).values()
    return v2.Compose([_resize(settings), *steps, v2.PILToTensor(), _normalise(settings)])


def evaluation_transform(settings: Images = IMAGES) -> v2.Compose:
    """Compose resize and normalisation: image to (3, size, size) float32, nothing random."""
    return v2.Compose([_resize(settings), v2.PILToTensor(), _normalise(settings)])


def draw_view(transform: v2.Transform, image: Image.Image, *, seed: int) -> Image.Image:
    """Apply a random transform with its own seed; torch's global generator stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return cast(Image.Image, transform(image))


def measure_views(
    originals: Sequence[Image.Image], transforms: Mapping[str, v2.Transform], *, seed: int
) -> pd.DataFrame:
    """Measure what random transforms change in cells.

    A cell's area is the number of pixels brighter than `DARK`, its brightness their mean grey.

    Parameters
    ----------
    originals : sequence of PIL.Image.Image
        The cells.
    transforms : mapping
        Random transforms by name, from image to image.
    seed : int
        Each view has a seed of its own, counted from this one.

    Returns
    -------
    DataFrame
        One row for each transform and cell: step, brightness and area (both as a change, a share
        of the original's) and background (the darkest grey of the view).
    """
    rows = []
    for name, transform in transforms.items():
        for number, original in enumerate(originals):
            area, brightness, _ = _measure(original)
            view = draw_view(transform, original, seed=seed + number)
            new_area, new_brightness, background = _measure(view)
            rows.append((name, new_brightness / brightness - 1, new_area / area - 1, background))
    return pd.DataFrame(rows, columns=["step", "brightness", "area", "background"])


def _measure(image: Image.Image) -> tuple[int, float, int]:
    """Area, brightness and darkest grey of a cell."""
    grey = np.asarray(image.convert("L"))
    cell = grey > DARK
    return int(cell.sum()), float(grey[cell].mean()), int(grey.min())


def _resize(settings: Images) -> v2.Resize:
    """Bilinear resize; on a PIL image it is Pillow's, which averages over all source pixels."""
    size = [settings.size, settings.size]
    return v2.Resize(size, interpolation=v2.InterpolationMode.BILINEAR)


def _normalise(settings: Images) -> v2.Compose:
    """Scale 0..255 to 0..1, then subtract the mean and divide by the standard deviation."""
    return v2.Compose(
        [
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(mean=list(settings.mean), std=list(settings.std)),
        ]
    )
