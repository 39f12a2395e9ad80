"""From a stored image to `size` x `size` pixels of one or three channels.

Colour profiles are ignored, as training code everywhere does; of an animation the first frame is taken.
An image that has the size already keeps its exact pixels.
"""

from __future__ import annotations

import io
import itertools
import struct
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from proxykd.environment import cores
from proxykd.errors import UserError
from proxykd.images.settings import ImageSet

# What Pillow's decoders raise on damaged input, whatever the format.
DAMAGE = (OSError, SyntaxError, ValueError, TypeError, IndexError, KeyError, EOFError, struct.error)
DAMAGE_AND_BOMBS = (*DAMAGE, OverflowError, MemoryError, Image.DecompressionBombError)
SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N", "I")
BATCH = 512
NAMED = 5


def prepare(image: Image.Image, settings: ImageSet) -> np.ndarray:
    """A decoded image as uint8 size x size x channels."""
    image = _square(plain(image, settings.channels), settings)
    return np.asarray(image, dtype=np.uint8).reshape(settings.size, settings.size, settings.channels)


def decode(data: bytes, settings: ImageSet) -> np.ndarray:
    """An encoded image as uint8 size x size x channels, upright as its EXIF orientation says.

    Raises ValueError, saying what is wrong, if it cannot be decoded.
    """
    return prepare(open_upright(data), settings)


def open_upright(data: bytes) -> Image.Image:
    """An encoded image, decoded and upright as its EXIF orientation says, in whatever mode it is stored.

    Raises ValueError, saying what is wrong, if it cannot be decoded.
    """
    try:
        image = Image.open(io.BytesIO(data))
        image.load()
    except Image.UnidentifiedImageError:
        raise ValueError("it is no image of a known format" if data else "it is empty") from None
    except DAMAGE_AND_BOMBS as error:
        raise ValueError(str(error) or type(error).__name__) from None
    return _upright(image)


def decode_all(
    items: Iterable[tuple[bytes | Path, str]], count: int, settings: ImageSet, advance: Callable[[int], None]
) -> np.ndarray:
    """Decode `count` images on all cores at hand: uint8 N x size x size x channels, in the items' order.

    An item is the encoded image or its file, and what a sentence calls it; items are drawn when needed.
    Raises UserError naming the broken ones, after the whole set was tried.
    """
    images_NHWC = np.empty((count, settings.size, settings.size, settings.channels), dtype=np.uint8)

    def work(numbered: tuple[int, tuple[bytes | Path, str]]) -> str | None:
        index, (item, name) = numbered
        try:
            data = item.read_bytes() if isinstance(item, Path) else item
            images_NHWC[index] = decode(data, settings)
        except FileNotFoundError:
            return f"{name} (a link to nothing, or removed meanwhile)"
        except ValueError as error:
            return f"{name} ({error})"
        return None

    broken: list[str] = []
    numbered = enumerate(items)
    with ThreadPoolExecutor(cores()) as pool:
        while batch := list(itertools.islice(numbered, BATCH)):
            broken += [complaint for complaint in pool.map(work, batch) if complaint is not None]
            advance(len(batch))
    _refuse(broken, count)
    return images_NHWC


def prepare_arrays(images_N: np.ndarray, settings: ImageSet, advance: Callable[[int], None]) -> np.ndarray:
    """Decoded images, uint8 N x H x W (grey) or N x H x W x 3, as uint8 N x size x size x channels."""
    shape = (len(images_N), settings.size, settings.size, settings.channels)
    images_NHWC = np.empty(shape, dtype=np.uint8)
    for start in range(0, len(images_N), BATCH):
        batch = images_N[start : start + BATCH]
        for offset, image in enumerate(batch):
            images_NHWC[start + offset] = prepare(Image.fromarray(image), settings)
        advance(len(batch))
    return images_NHWC


def _refuse(broken: list[str], count: int) -> None:
    if broken:
        more = f" and {len(broken) - NAMED} more" if len(broken) > NAMED else ""
        raise UserError(
            f"{len(broken)} of {count} images cannot be read: {'; '.join(broken[:NAMED])}{more}. "
            "Replace or remove them and start again."
        )


def _upright(image: Image.Image) -> Image.Image:
    """The image turned as its EXIF orientation says; damaged EXIF data says nothing."""
    try:
        return ImageOps.exif_transpose(image)
    except DAMAGE:
        return image


def plain(image: Image.Image, channels: int) -> Image.Image:
    """The image in mode L or RGB, 8 bits.

    What is transparent becomes black: the colour stored behind it is arbitrary and shows in no viewer, and
    black is a constant, where a fill with the data's mean would carry knowledge of the data.
    """
    if image.mode in SIXTEEN_BIT:
        image = _eight_bits(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    mode = "L" if channels == 1 else "RGB"
    if image.mode in ("L", "RGB", "1"):
        return image.convert(mode)
    if image.mode not in ("RGBA", "RGBX", "P", "CMYK", "YCbCr", "HSV"):
        raise ValueError(f"its pixels are of type {image.mode}, whose range is not known; save it as PNG")
    return image.convert("RGB").convert(mode)


def _eight_bits(image: Image.Image) -> Image.Image:
    """0..65535 to 0..255, rounded. Pillow's own conversion clips above 255 for some of these modes."""
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError("its values are outside 0..65535; save it with 8 or 16 bits")
    return Image.fromarray(((values + 128) // 257).astype(np.uint8))


def _square(image: Image.Image, settings: ImageSet) -> Image.Image:
    size, (width, height) = settings.size, image.size
    filter_ = Image.Resampling[settings.interpolation.upper()]
    if settings.fit == "stretch":
        return image.resize((size, size), filter_)
    if settings.fit == "crop":
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        return image.crop((left, top, left + side, top + side)).resize((size, size), filter_)
    longer = max(width, height)
    inner = (max(1, round(width * size / longer)), max(1, round(height * size / longer)))
    canvas = Image.new(image.mode, (size, size))
    canvas.paste(image.resize(inner, filter_), ((size - inner[0]) // 2, (size - inner[1]) // 2))
    return canvas
