"""Whether an image looks like what the networks have seen: one segmented cell on black, 450x450."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from leukgnn.cells.phantoms import SIDE
from leukgnn.cells.table import training_cells
from leukgnn.cells.transforms import DARK
from leukgnn.paper import IMAGES

# What may be odd about an image, and how it is said of several.
ODD = {
    "unsegmented": "do not look like one segmented cell on black",
    "scale": f"are not {SIDE}x{SIDE} pixels large, so their cells may appear at another scale",
}


def oddities(side: int, pixels: NDArray[np.uint8]) -> dict[str, str]:
    """What makes a network's answer for an image mean little.

    Parameters
    ----------
    side : int
        Of the image as it was given, in pixels.
    pixels : ndarray, shape (3, 128, 128)
        The image as the network sees it.

    Returns
    -------
    dict of str to str
        For the keys of `ODD` that are true of it a sentence each.
    """
    found = {}
    if problem := not_segmented(pixels, box_range()):
        found["unsegmented"] = (
            f"This does not look like one segmented cell on black: {problem}. The model has only "
            "seen such images."
        )
    if side not in (SIDE, IMAGES.size):  # as distributed, or as the network wants it
        found["scale"] = (
            f"The image is {side}x{side} pixels large, those that the model has seen were "
            f"{SIDE}x{SIDE}: unless it was resized from that, its cell appears at {SIDE / side:.0%}"
            f" of its size. Cut or pad it to {SIDE}x{SIDE}."
        )
    return found


@cache
def box_range() -> tuple[float, float]:
    """Smallest and largest side of a real cell's box, as a share of the image's side."""
    sides = training_cells()[["bbox_w", "bbox_h"]].to_numpy()
    return float(sides.min() / SIDE), float(sides.max() / SIDE)


def not_segmented(pixels: NDArray[np.uint8], sizes: tuple[float, float]) -> str:
    """Say what keeps an image from looking like one cell cut out on black; empty when it does.

    Parameters
    ----------
    pixels : ndarray, shape (3, 128, 128)
    sizes : (float, float)
        Least and greatest side of a cell's box, as shares of the image's side.
    """
    bright = pixels.mean(axis=0) > DARK
    if not bright.any():
        return "nothing in it is brighter than black"
    if bright[[0, -1]].any() or bright[:, [0, -1]].any():
        return "it is not black at the border"
    slack = 1 / IMAGES.size  # one pixel: resizing blurs the outline
    for axis, word in ((0, "wide"), (1, "high")):
        places = np.flatnonzero(bright.any(axis=axis))
        share = float(places[-1] - places[0] + 1) / IMAGES.size
        if not sizes[0] - slack <= share <= sizes[1] + slack:
            return (
                f"the cell is {share:.0%} of the image {word}, real ones are {sizes[0]:.0%} to "
                f"{sizes[1]:.0%}"
            )
    return ""
