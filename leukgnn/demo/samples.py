"""Drawn cells that a reader of the demo may try, the two classes taking turns."""

import io
from functools import cache

import numpy as np

from leukgnn.cells import phantoms

SAMPLES = 10


@cache
def sample_names() -> tuple[str, ...]:
    """Names of the pictures."""
    return tuple(f"phantom_{number:02d}.png" for number in range(1, SAMPLES + 1))


@cache
def sample_picture(name: str) -> bytes:
    """A phantom as PNG."""
    number = sample_names().index(name)
    image = phantoms.draw_cell(number % 2, np.random.default_rng([0, number]))
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()
