"""Random views of cells for an encoder of our own: many at a time, on tensors.

Chapter 02's augmentation is the paper's, image by image (`transforms`). A cell has no up or down,
and its stain and light differ from slide to slide; so these views turn it by any angle, mirror it,
scale and shift it a little, and change its colours within the cell only: what is black around a
cell stays black.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

CROP = 96  # central pixels of the 128 that an encoder sees


@dataclass(frozen=True, kw_only=True)
class Views:
    """How far random views go; each number is drawn evenly between its limits.

    Attributes
    ----------
    angle : float
        Degrees either way.
    upside_down : bool
        Mirror top to bottom as well as left to right.
    scale : float
        Of the logarithm of the cell's size, either way.
    shift : float
        Pixels either way, in both directions.
    brightness, contrast, saturation, gain : float
        Of the factors, either way of 1; `gain` is one a colour channel.
    """

    angle: float = 180.0
    upside_down: bool = True
    scale: float = 0.15
    shift: float = 4.0
    brightness: float = 0.2
    contrast: float = 0.2
    saturation: float = 0.2
    gain: float = 0.1

    def __call__(self, pixels: Tensor) -> Tensor:
        """Draw one view of each cell from torch's global generator.

        Parameters
        ----------
        pixels : Tensor, shape (b, 3, h, h), uint8

        Returns
        -------
        Tensor, shape (b, 3, `CROP`, `CROP`), float32
            0 to 1, as of `centre`.
        """
        return self._moved(self._recoloured(pixels.float() / 255))

    def _recoloured(self, x: Tensor) -> Tensor:
        """Other colours within the cell."""
        cell = (x.amax(dim=1, keepdim=True) > 0).float()
        mean = (x * cell).sum(dim=(1, 2, 3), keepdim=True) / (3 * cell).sum(
            dim=(1, 2, 3), keepdim=True
        ).clamp(min=1)
        grey = x.mean(dim=1, keepdim=True)
        x = grey + self._factor(x, self.saturation) * (x - grey)
        x = mean + self._factor(x, self.contrast) * (x - mean)
        x = x * self._factor(x, self.brightness) * self._factor(x, self.gain, channels=3)
        return (x * cell).clamp(0, 1)

    @staticmethod
    def _factor(x: Tensor, reach: float, *, channels: int = 1) -> Tensor:
        return 1 + reach * _even(len(x), channels, 1, 1)

    def _moved(self, x: Tensor) -> Tensor:
        """Turned, mirrored, scaled, shifted, and cut to the centre."""
        b, side = len(x), x.shape[-1]
        turn = math.radians(self.angle) * _even(b)
        size = torch.exp(-self.scale * _even(b))
        flips = [_sign(b), _sign(b) if self.upside_down else torch.ones(b)]
        cos, sin = size * torch.cos(turn), size * torch.sin(turn)
        shift = 2 * self.shift / side * _even(b, 2)
        rows = [
            torch.stack([cos * flips[0], -sin * flips[1], shift[:, 0]], dim=1),
            torch.stack([sin * flips[0], cos * flips[1], shift[:, 1]], dim=1),
        ]
        # The grid's -1 to 1 are the edges of the picture that comes out: CROP of `side` pixels.
        matrix = torch.stack(rows, dim=1) * torch.tensor([CROP / side, CROP / side, 1.0])
        grid = affine_grid(matrix, [b, 3, CROP, CROP], align_corners=False)
        return grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


PAPERS = Views(
    angle=10.0, upside_down=False, scale=0.0, shift=0.0, saturation=0.0, gain=0.0
)  # section III.C, as chapter 02 reads it


def centre(pixels: Tensor) -> Tensor:
    """What an encoder sees of cells as they are: their central pixels.

    Parameters
    ----------
    pixels : Tensor, shape (b, 3, h, h), uint8

    Returns
    -------
    Tensor, shape (b, 3, `CROP`, `CROP`), float32
        0 to 1.
    """
    edge = (pixels.shape[-1] - CROP) // 2
    return pixels[..., edge : edge + CROP, edge : edge + CROP].float() / 255


def signed(x: Tensor) -> Tensor:
    """Pixels from 0..1 to -1..1: about 0 inside a cell, and one number for all that is black."""
    return 2 * x - 1


def _even(*shape: int) -> Tensor:
    """Drawn evenly from -1 to 1."""
    return 2 * torch.rand(*shape) - 1


def _sign(n: int) -> Tensor:
    """-1 or 1, each as often."""
    return torch.where(torch.rand(n) < 0.5, -1.0, 1.0)
