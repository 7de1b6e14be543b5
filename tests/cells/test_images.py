import dataclasses
import errno
import io
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from leukgnn.cells import scan
from leukgnn.cells.images import decode_image, read_image
from leukgnn.cells.transforms import (
    augmentation_steps,
    draw_view,
    evaluation_pixels,
    evaluation_transform,
    measure_views,
    normalise,
    training_transform,
)
from leukgnn.files import InputError
from leukgnn.paper import IMAGES


@pytest.fixture(scope="module")
def cell(phantoms: Path) -> Image.Image:
    return read_image(scan(phantoms)["path"][0])


def test_evaluation_pixels_are_those_of_the_shared_copies(originals: Path, shared: Path) -> None:
    copies = scan(shared / "data" / "cnmc2019" / "images_128").set_index("filename")["path"]
    compared = 0
    for row in scan(originals).itertuples():
        if row.filename in copies:
            pixels = evaluation_pixels(read_image(row.path))
            assert torch.equal(pixels, evaluation_pixels(read_image(copies[row.filename])))
            compared += 1
    assert compared > 500


def test_small_images_pass_unchanged() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    resized = evaluation_pixels(Image.fromarray(pixels))
    assert resized.dtype == torch.uint8
    np.testing.assert_array_equal(resized.permute(1, 2, 0).numpy(), pixels)


def test_normalise_is_the_formula_for_any_leading_shape() -> None:
    pixels = torch.randint(0, 256, (2, 5, 3, 4, 6), dtype=torch.uint8)
    mean, std = (torch.tensor(values)[:, None, None] for values in (IMAGES.mean, IMAGES.std))
    normalised = normalise(pixels)
    assert normalised.dtype == torch.float32
    torch.testing.assert_close(normalised, (pixels / 255 - mean) / std)


def test_evaluation_is_not_random_and_training_is(cell: Image.Image) -> None:
    evaluation, training = evaluation_transform(), training_transform()
    assert torch.equal(evaluation(cell), normalise(evaluation_pixels(cell)))
    assert torch.equal(evaluation(cell), evaluation(cell))
    first, second = (training(cell) for _ in range(2))
    assert first.shape == second.shape == (3, IMAGES.size, IMAGES.size)
    assert first.dtype == torch.float32
    assert not torch.equal(first, second)


def test_training_without_strength_is_evaluation(cell: Image.Image) -> None:
    none = dataclasses.replace(IMAGES, flip=0.0, rotation=0.0, brightness=0.0, contrast=0.0)
    assert torch.equal(training_transform(none)(cell), evaluation_transform()(cell))


def test_a_seed_gives_a_view_and_leaves_the_global_generator(cell: Image.Image) -> None:
    rotation = augmentation_steps()["rotation"]
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    views = [draw_view(rotation, cell, seed=seed).tobytes() for seed in (1, 1, 2)]
    assert torch.equal(before, torch.random.get_rng_state())
    assert views[0] == views[1] != views[2]


def test_each_step_does_what_its_name_says(cell: Image.Image) -> None:
    always = augmentation_steps(dataclasses.replace(IMAGES, flip=1.0, contrast=0.0))
    assert list(always) == ["flip", "rotation", "jitter"]
    original = np.asarray(cell)
    flipped = np.asarray(draw_view(always["flip"], cell, seed=0))
    np.testing.assert_array_equal(flipped, original[:, ::-1])
    turned = np.asarray(
        draw_view(always["rotation"], Image.new("RGB", (450, 450), "white"), seed=2)
    )
    assert not turned[0, 0].any()
    jittered = np.asarray(draw_view(always["jitter"], cell, seed=0))
    assert 0.001 < abs(jittered.mean() / original.mean() - 1) <= IMAGES.brightness + 0.01


def damaged(path: Path, kind: str) -> Path:
    image = Image.effect_noise((450, 450), 50).convert("RGB")
    if kind == "truncated":
        image.save(path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("not an image")
    elif kind in ("L", "RGBA", "P", "I;16"):
        image.convert("L").convert(kind).save(path)
    elif kind != "missing":
        image.resize(tuple(map(int, kind.split("x")))).save(path)
    return path


@pytest.mark.parametrize("suffix", [".bmp", ".png"])
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "no such image file"),
        ("empty", "is empty"),
        ("truncated", "cannot be read as an image"),
        ("text", "cannot be read as an image"),
        ("L", "the mode is L, expected RGB"),
        ("450x300", "the size is 450x300"),
        ("64x64", "the size is 64x64"),
        ("700x700", "the size is 700x700"),
    ],
)
def test_read_image_names_what_is_wrong(
    kind: str, message: str, suffix: str, tmp_path: Path
) -> None:
    path = damaged(tmp_path / f"cell{suffix}", kind)
    with pytest.raises(InputError, match=f"{re.escape(str(path))}: .*{message}"):
        read_image(path)


@pytest.mark.parametrize("kind", ["RGBA", "P", "I;16"])
def test_read_image_takes_no_other_channels(kind: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected RGB with 8 bits"):
        read_image(damaged(tmp_path / "cell.png", kind))


@pytest.mark.parametrize("kind", ["128x128", "450x450", "600x600"])
def test_read_image_takes_every_size_of_the_data_set(kind: str, tmp_path: Path) -> None:
    assert read_image(damaged(tmp_path / "cell.bmp", kind)).mode == "RGB"


def test_measured_changes_are_those_that_were_made(cell: Image.Image) -> None:
    steps = {
        "none": v2.Identity(),
        "half as bright": v2.ColorJitter(brightness=(0.5, 0.5)),
        "background": v2.ColorJitter(contrast=(0.5, 0.5)),
    }
    table = measure_views([cell, cell], steps, seed=0).set_index("step")
    assert (table.loc["none"] == 0).all(axis=None)
    assert table.loc["half as bright", "brightness"].to_list() == pytest.approx(
        [-0.5] * 2, abs=0.02
    )
    assert (table.loc["background", "background"] > 0).all()


@pytest.mark.parametrize("failing", ["is_file", "read_bytes"])
def test_a_file_that_the_disk_does_not_give_is_named(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = damaged(tmp_path / "cell.bmp", "450x450")

    def fail(_: Path) -> bool:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, failing, fail)
    with pytest.raises(InputError, match=r"cell\.bmp: cannot be read \(Input/output error\)"):
        read_image(path)


def png_of_16_bits(pixels: np.ndarray) -> bytes:
    """A PNG with 16 bits a channel, which Pillow reads and does not write."""
    height, width, _ = pixels.shape
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in pixels)
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0),
        b"IDAT": zlib.compress(lines),
        b"IEND": b"",
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks.items()
    )


def test_16_bits_a_channel_are_refused(cell: Image.Image) -> None:
    """Pillow would keep the upper 8 bits: nothing of numbers from 0 to 255."""
    content = png_of_16_bits(np.asarray(cell))
    assert not np.asarray(Image.open(io.BytesIO(content))).any()
    with pytest.raises(InputError, match=r"deep\.png: the mode is RGB;16B, expected RGB with 8"):
        decode_image(content, "deep.png")


def test_5_bits_a_channel_are_refused(cell: Image.Image) -> None:
    content = io.BytesIO()
    cell.save(content, "BMP")
    shallow = bytearray(content.getvalue())
    shallow[28:30] = struct.pack("<H", 16)
    with pytest.raises(InputError, match="expected RGB with 8 bits"):
        decode_image(bytes(shallow), "shallow.bmp")
