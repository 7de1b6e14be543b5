"""Drawn cells in the C-NMC layout, for tests and for demonstrations on a machine without images.

A phantom has a wobbly outline, a cytoplasm, a darker nucleus, a texture, and the width and height
of a real cell of its class. It shows how the code works and says nothing about leukemia: whatever
shows one must call it a phantom.
"""

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from leukgnn.cells.table import CLASSES, training_cells
from leukgnn.files import InputError, atomic_path

SIDE = 450  # pixels, as the real ones
FOLDS = 3
SUBJECTS_PER_FOLD = 2  # of each class
FIRST_SUBJECT = 901  # far above the numbers of the real ones
CELLS_PER_IMAGE = 5
CYTOPLASM = (112, 62, 128)  # RGB; purple, as the real cells are stained
NUCLEUS = (66, 24, 92)


@cache
def _boxes(label: int) -> NDArray[np.int64]:
    """Width and height of every real cell of a class, shape (cells, 2), in pixels."""
    table = training_cells()
    return table.loc[table["label"] == label, ["bbox_w", "bbox_h"]].to_numpy()


def draw_cell(label: int, rng: np.random.Generator) -> Image.Image:
    """Draw one phantom.

    Parameters
    ----------
    label : int
        0 for hem, 1 for all; decides from which real cells the width and height are drawn.
    rng : numpy.random.Generator
        Decides everything else.

    Returns
    -------
    PIL.Image.Image
        450x450, RGB, black background.
    """
    width, height = rng.choice(_boxes(label))
    outline = _outline(rng)
    share = rng.uniform(0.72, 0.9)  # of the cell's width and height that the nucleus takes
    pixels = np.zeros((SIDE, SIDE, 3))
    for shape, colour in (
        (outline * (width, height), CYTOPLASM),
        (outline * (width, height) * share + rng.uniform(-6, 6, size=2), NUCLEUS),
    ):
        pixels[_inside(shape) & _inside(outline * (width, height))] = colour
    grain = _noise(rng, 2) + _noise(rng, 8)
    shaded = pixels * (1 + 0.08 * grain[..., None]) * rng.uniform(0.8, 1.3)
    return Image.fromarray(np.clip(shaded, 0, 255).astype(np.uint8), "RGB")


def _outline(rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw a closed curve around the origin, shape (180, 2), width and height 1, as x and y."""
    angle = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    radius = np.ones_like(angle)
    for wave in (2, 3, 4, 5):
        radius += rng.normal(0, 0.06 / wave) * np.cos(wave * angle + rng.uniform(0, 2 * np.pi))
    curve = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    lowest, highest = curve.min(axis=0), curve.max(axis=0)
    scaled: NDArray[np.float64] = (curve - (lowest + highest) / 2) / (highest - lowest)
    return scaled


def _inside(curve: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Pixels inside a curve around the image's middle, shape (SIDE, SIDE)."""
    mask = Image.new("1", (SIDE, SIDE))
    corners = [(float(x), float(y)) for x, y in curve + (SIDE - 1) / 2]
    ImageDraw.Draw(mask).polygon(corners, fill=1)
    return np.asarray(mask, dtype=np.bool_)


def _noise(rng: np.random.Generator, blur: float) -> NDArray[np.float64]:
    """Smooth noise of mean 0 and standard deviation 1, shape (SIDE, SIDE)."""
    noise = gaussian_filter(rng.standard_normal((SIDE, SIDE)), blur)
    standard: NDArray[np.float64] = (noise - noise.mean()) / noise.std()
    return standard


def write_phantoms(folder: Path, *, cells_per_class: int, seed: int) -> Path:
    """Write phantoms as BMP files in the official layout.

    Parameters
    ----------
    folder : Path
        Where `C-NMC_training_data/fold_*/{all,hem}` is made.
    cells_per_class : int
        Phantoms of each class, spread over three folds; at least one a fold.
    seed : int
        The same seed gives the same bytes. The first phantoms of a longer series are those of a
        shorter one.

    Returns
    -------
    Path
        `folder`.

    Raises
    ------
    InputError
        When `cells_per_class` is too small.
    """
    if cells_per_class < FOLDS:
        raise InputError(
            f"cells_per_class is {cells_per_class}, expected at least {FOLDS}: one for each fold."
        )
    for label, name in CLASSES.items():
        for number in range(cells_per_class):
            image = draw_cell(label, np.random.default_rng([seed, label, number]))
            target = folder / "C-NMC_training_data" / _place(number, name)
            with atomic_path(target) as temporary:
                image.save(temporary)
    return folder


def _place(number: int, name: str) -> Path:
    """Fold, class and file name of a class's phantom: folds take turns, in them subjects do."""
    within_fold, fold = divmod(number, FOLDS)
    within_subject, subject = divmod(within_fold, SUBJECTS_PER_FOLD)
    image, cell = divmod(within_subject, CELLS_PER_IMAGE)
    who = f"{'H' * (name == 'hem')}{FIRST_SUBJECT + fold * SUBJECTS_PER_FOLD + subject}"
    return Path(f"fold_{fold}", name, f"UID_{who}_{image + 1}_{cell + 1}_{name}.bmp")
