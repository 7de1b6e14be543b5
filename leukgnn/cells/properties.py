"""What can be measured in a cell without any network: its size, form, colour and nucleus."""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from skimage.filters import threshold_otsu
from skimage.measure import perimeter_crofton

from leukgnn import files
from leukgnn.cells.folder import scan
from leukgnn.cells.images import read_image
from leukgnn.cells.transforms import DARK, evaluation_pixels
from leukgnn.files import InputError
from leukgnn.paper import IMAGES

PROPERTIES = ("area", "roundness", "red", "green", "blue", "nucleus")
GREEN = 1  # of red, green and blue


def measured(pixels: NDArray[np.uint8], filenames: Sequence[str]) -> pd.DataFrame:
    """Measure each cell within its outline, which holds what is brighter than `DARK`.

    The nucleus is what Otsu's threshold (1979) parts off as dark in the green channel of the cell:
    the dyes that bind to DNA absorb green most, so that in stained smears nuclei stand out by how
    little green they have (such as doi:10.1155/2019/3072498, which takes green from blue). These
    cells hold little but a nucleus, so its share is a rough measure. The perimeter is that of
    Crofton's formula, by which a drawn disc of this size has a roundness of 1.

    Parameters
    ----------
    pixels : ndarray, shape (n, 3, 128, 128), uint8
    filenames : sequence of str
        Of the n cells.

    Returns
    -------
    DataFrame
        One row a cell, float32: `filename`, `area` (pixels of 128 x 128), `roundness` (4 pi area /
        perimeter squared: 1 for a disc, less for all else), `red`, `green`, `blue` (means, 0 to
        255), `nucleus` (share of the cell's pixels).

    Raises
    ------
    InputError
        When the pixels are not such an array, or an image shows no cell.
    """
    shape = (len(filenames), 3, IMAGES.size, IMAGES.size)
    if pixels.dtype != np.uint8 or pixels.shape != shape:
        raise InputError(
            f"pixels: {pixels.dtype} of shape {pixels.shape}, expected uint8, {shape}."
        )
    rows = [_measures(*cell) for cell in zip(pixels, filenames, strict=True)]
    table = pd.DataFrame(rows, columns=list(PROPERTIES), dtype=np.float32)
    table.insert(0, "filename", list(filenames))
    return table


def _measures(pixels: NDArray[np.uint8], filename: str) -> tuple[float, ...]:
    """`PROPERTIES` of one cell."""
    cell = pixels.mean(axis=0) > DARK
    around = float(perimeter_crofton(cell))  # type: ignore[no-untyped-call]
    if around == 0:
        raise InputError(f"{filename}: shows no cell, as nothing in it is bright; take it out.")
    area, green = int(cell.sum()), pixels[GREEN][cell]
    roundness = 4 * np.pi * area / around**2
    threshold = threshold_otsu(green)  # type: ignore[no-untyped-call]
    return (area, roundness, *pixels[:, cell].mean(axis=1), float((green <= threshold).mean()))


def measure_folder(folder: Path, target: Path) -> pd.DataFrame:
    """Measure all cells below a folder.

    Parameters
    ----------
    folder : Path
        Images in the C-NMC layout.
    target : Path
        A `.parquet` file: what `measured` gives. Beside it a `.json` with provenance.

    Returns
    -------
    DataFrame
        What the file holds.

    Raises
    ------
    InputError
        When the target is of another kind, or an image is unfit.
    """
    files.check_target(target, ".parquet")
    parts = []
    for path, filename in scan(folder)[["path", "filename"]].itertuples(index=False):
        pixels = evaluation_pixels(read_image(path)).numpy()
        parts.append(measured(pixels[None], [filename]))
    table = pd.concat(parts, ignore_index=True)
    how = {"cells": len(table), "dark": DARK, "scikit-image": version("scikit-image")}
    files.write_table(target, table, {**how, **files.provenance()})
    return table
