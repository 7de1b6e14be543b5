"""Reading a cell image: what is one, and what is not."""

from io import BytesIO
from pathlib import Path

from PIL import Image, UnidentifiedImageError
from PIL.ImageFile import ImageFile

from leukgnn.files import InputError
from leukgnn.paper import IMAGES

LARGEST_SIDE = 600  # pixels; the final test set of C-NMC 2019, all other parts are 450x450
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
    """Content of an image file; raise InputError when there is none or it cannot be read."""
    try:
        if not path.is_file():
            raise InputError(f"{path}: no such image file; check the path.")
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); check disk and rights, or copy it again."
        ) from error


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


def check_size_and_mode(name: str, image: ImageFile) -> None:
    """Raise InputError unless an opened image is RGB, square and of a size that C-NMC has."""
    mode = _held(image) if image.mode == "RGB" else image.mode
    if mode != "RGB":
        raise InputError(
            f"{name}: the mode is {mode}, expected RGB with 8 bits a channel; "
            "use the image as distributed."
        )
    width, height = image.size
    if width != height or not IMAGES.size <= width <= LARGEST_SIDE:
        raise InputError(
            f"{name}: the size is {width}x{height}, expected a square of "
            f"{IMAGES.size} to {LARGEST_SIDE} pixels; use the image as distributed."
        )


def _held(image: ImageFile) -> str:
    """What a file holds that Pillow calls RGB, such as a transparent colour or 16 bits a channel.

    It keeps the upper 8 of 16 bits, so that numbers from 0 to 255 would all become 0.
    """
    if "transparency" in image.info:
        return "RGBA"
    for tile in image.tile:
        held = tile.args if isinstance(tile.args, str) else str((tile.args or ("",))[0])
        if ";" in held:
            return held
    return "RGB"


def _first_sentence(error: BaseException) -> str:
    """Message of an error without the path that Pillow repeats in it."""
    return str(error).partition(" '")[0].partition("\n")[0]
