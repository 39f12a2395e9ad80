"""Crops of one large image: random boxes of it, turned, sheared and brought to one size.

Asano and Saeed, *The Augmented Image Prior* (ICLR 2023): a single picture with much going on in it, cropped
at random, is a proxy. The steps are those of their program, see `Crops`; the numbers come from SHA-512 and
nothing else, so that the boxes stay the same on every machine and with every version of every library.
"""

from __future__ import annotations

import hashlib
import math
import struct
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from proxykd.environment import cores
from proxykd.errors import UserError
from proxykd.images.crop_settings import Crops, image_file
from proxykd.images.imported import UNLABELLED, Imported
from proxykd.images.prepare import BATCH, open_upright, plain
from proxykd.images.settings import ImportImages
from proxykd.images.splits import Keep

LARGEST = 500_000_000
"""Pixels of an image that is read: three bytes each in memory, and a third more for the smaller copies."""
SHORTEST = 16
MARGIN = 1.42
"""How much larger than the result a crop is made first, so that a turned one has corners: the square root of
2, as their program rounds it."""


@dataclass(frozen=True)
class Crop:
    """A box of the image in pixels, and what becomes of it."""

    left: float
    top: float
    width: float
    height: float
    rotation: float
    """Degrees."""
    shear: float
    """Degrees, along the rows."""

    def __str__(self) -> str:
        box = f"{self.left:.1f},{self.top:.1f},{self.width:.1f},{self.height:.1f}"
        return f"{box}/{self.rotation:.1f}/{self.shear:.1f}"


def read(settings: ImportImages, advance: Callable[[int], None], keep: Keep | None = None) -> Imported:
    """The crops, in the order of their numbers; one class, since nobody has labelled them.

    An origin is the crop's number and `left,top,width,height/rotation/shear`, in pixels and degrees.
    Raises UserError for a split other than train, and where the image is missing, broken, too small or large.
    """
    crops = settings.crops
    assert crops is not None
    if settings.split != "train":
        raise UserError(
            f"Crops of one image have no {settings.split} split: all of them show the same. Use them as "
            "proxies, with split: train."
        )
    levels = _levels(_image(Path(image_file(settings.path or "")), settings.channels))
    count = min(crops.count, settings.limit or crops.count)
    drawn = [draw(crops, index, levels[0].size) for index in range(count)]
    return Imported(
        images_NHWC=_cut_all(levels, drawn, settings, advance),
        labels=[0] * count,
        classes=[UNLABELLED],
        origins=[f"{index}/{crop}" for index, crop in enumerate(drawn)],
    )


def draw(crops: Crops, index: int, size: tuple[int, int]) -> Crop:
    """Crop number `index` of an image of `size` (width, height)."""
    side = crops.window * min(size)
    attempt = 0
    while True:
        u = _uniform(f"{crops.seed}/{index}/{attempt}")
        area = crops.area[0] + u[0] * (crops.area[1] - crops.area[0])
        aspect = crops.aspect[0] * (crops.aspect[1] / crops.aspect[0]) ** u[1]
        width, height = side * math.sqrt(area * aspect), side * math.sqrt(area / aspect)
        # Crops that do not fit are drawn again, not clipped: a central crop as the way out would be one image
        # over and over.
        if max(width, height) <= side:
            break
        attempt += 1
    left = u[2] * (size[0] - side) + u[4] * (side - width)
    top = u[3] * (size[1] - side) + u[5] * (side - height)
    rotation, shear = (2 * u[6] - 1) * crops.rotation, (2 * u[7] - 1) * crops.shear
    return Crop(left, top, width, height, rotation, shear)


def _uniform(text: str) -> tuple[float, ...]:
    """Eight numbers in [0, 1)."""
    return tuple(value / 2**64 for value in struct.unpack("<8Q", hashlib.sha512(text.encode()).digest()))


def _image(file: Path, channels: int) -> Image.Image:
    # Pillow warns above its limit and refuses above twice that. The user named this one image: it is no bomb.
    allowed, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, LARGEST // 2
    try:
        with warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning):
            image = plain(open_upright(file.read_bytes()), channels)
    except (FileNotFoundError, IsADirectoryError):
        raise UserError(f"There is no file {file}. Set path to the image that is to be cropped.") from None
    except ValueError as error:
        raise UserError(f"{file} cannot be read: {error}. Give another image as path.") from None
    finally:
        Image.MAX_IMAGE_PIXELS = allowed
    if min(image.size) < SHORTEST:
        raise UserError(
            f"{file} has {image.width} x {image.height} pixels, and crops need {SHORTEST} on each side. Give "
            "a larger image; the more there is to see in it, the better."
        )
    return image


def _levels(image: Image.Image) -> list[Image.Image]:
    """The image, and copies of a half, a quarter, ... of its size: a crop then costs what its result costs,
    not what its box in a picture of 100 megapixels does."""
    levels = [image]
    while min(levels[-1].size) >= 2 * SHORTEST:
        levels.append(levels[-1].reduce(2))
    return levels


def _cut_all(
    levels: list[Image.Image], drawn: list[Crop], settings: ImportImages, advance: Callable[[int], None]
) -> np.ndarray:
    images_NHWC = np.empty((len(drawn), settings.size, settings.size, settings.channels), dtype=np.uint8)

    def work(index: int) -> None:
        pixels = np.asarray(_cut(levels, drawn[index], settings))
        images_NHWC[index] = pixels.reshape(images_NHWC.shape[1:])

    with ThreadPoolExecutor(cores()) as pool:
        for start in range(0, len(drawn), BATCH):
            batch = range(start, min(start + BATCH, len(drawn)))
            list(pool.map(work, batch))
            advance(len(batch))
    return images_NHWC


def _cut(levels: list[Image.Image], crop: Crop, settings: ImportImages) -> Image.Image:
    """The box at `MARGIN` times the size, turned and sheared about its centre; of that the middle."""
    size = settings.size
    # As many pixels more on either side, so that what is neither turned nor sheared is not blurred.
    side = size + 2 * round((MARGIN - 1) * size / 2)
    fine = min(crop.width, crop.height) / (2 * side)
    level = min(max(0, int(math.log2(max(fine, 1)))), len(levels) - 1)
    image, scale = levels[level], 2**level
    right = min((crop.left + crop.width) / scale, image.width)
    bottom = min((crop.top + crop.height) / scale, image.height)
    box = (crop.left / scale, crop.top / scale, right, bottom)
    filter_ = Image.Resampling[settings.interpolation.upper()]
    cut = image.resize((side, side), filter_, box=box)
    turn, lean = math.radians(crop.rotation), math.tan(math.radians(crop.shear))
    cos, sin = math.cos(turn), math.sin(turn)
    a, b, c, d = cos + lean * sin, lean * cos - sin, sin, cos
    middle, half = side / 2, size / 2
    offset = (middle - (a + b) * half, middle - (c + d) * half)
    matrix = (a, b, offset[0], c, d, offset[1])
    return cut.transform((size, size), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
