"""Reading a cell image, and the paper's transforms (section III.C).

Every transform goes from an RGB image to normalised float32 of shape (3, size, size). Training and
evaluation are apart: only the training version draws random numbers, from torch's global generator.
"""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from leukgnn.files import InputError
from leukgnn.paper import IMAGES, Images

LARGEST_SIDE = 600  # pixels; the final test set of C-NMC 2019, all other parts are 450x450
DARK = 16  # grey of 255; brighter is cell: no default jitter lifts the background this high
FORMATS = ("BMP", "PNG", "WEBP", "JPEG")  # the data set's own, and lossless or common copies
UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)  # what Pillow raises


def read_image(path: Path) -> Image.Image:
    """Read one cell image.

    Parameters
    ----------
    path : Path
        A .bmp, .png, .webp or .jpg file: RGB with 8 bits a channel, square, and from the size of
        the paper's input (128) to that of the final test set (600).

    Returns
    -------
    PIL.Image.Image
        The decoded image, mode "RGB"; the file is closed.

    Raises
    ------
    InputError
        When the file is missing, empty, truncated or not such an image.
    """
    return decode_image(read_content(path), str(path))


def read_content(path: Path) -> bytes:
    """Content of an image file; raise InputError when there is none."""
    if not path.is_file():
        raise InputError(f"{path}: no such image file; check the path.")
    return path.read_bytes()


def decode_image(content: bytes, name: str) -> Image.Image:
    """Decode one cell image from a file's content; `name` is for the error's sentence.

    Size and mode are looked at before any pixel is decoded, so a file that would unpack to
    gigabytes costs nothing. What a file says of its orientation (EXIF) is not followed.

    Raises
    ------
    InputError
        As of `read_image`.
    """
    if not content:
        raise InputError(f"{name}: the file is empty (0 bytes); copy it again from the data set.")
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            check_size_and_mode(name, image)
            image.load()
            return image
    except InputError:
        raise
    except UnidentifiedImageError as error:
        raise InputError(
            f"{name}: cannot be read as an image; expected {', '.join(FORMATS)} as distributed."
        ) from error
    except UNREADABLE as error:
        raise InputError(
            f"{name}: cannot be read as an image ({_first_sentence(error)}); "
            "copy it again from the data set."
        ) from error


def check_size_and_mode(name: str, image: Image.Image) -> None:
    """Raise InputError unless an opened image is RGB, square and of a size that C-NMC has."""
    if image.mode != "RGB":
        raise InputError(
            f"{name}: the mode is {image.mode}, expected RGB with 8 bits a channel; "
            "use the image as distributed."
        )
    width, height = image.size
    if width != height or not IMAGES.size <= width <= LARGEST_SIDE:
        raise InputError(
            f"{name}: the size is {width}x{height}, expected a square of "
            f"{IMAGES.size} to {LARGEST_SIDE} pixels; use the image as distributed."
        )


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


def normalise(pixels: Tensor, settings: Images = IMAGES) -> Tensor:
    """Bring pixels to the scale that ImageNet weights expect.

    Parameters
    ----------
    pixels : Tensor
        Shape (..., 3, H, W), uint8.
    settings : Images
        Gives the mean and standard deviation of each channel.

    Returns
    -------
    Tensor
        Shape (..., 3, H, W), float32.
    """
    return cast(Tensor, _normalise(settings)(pixels))


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


def _first_sentence(error: BaseException) -> str:
    """Message of an error without the path that Pillow repeats in it."""
    return str(error).partition(" '")[0].partition("\n")[0]
