"""A folder as people have them: every format, depth and mode, every orientation, every size.

Where OpenCV can write or read a kind it does: what Pillow wrote, Pillow would also misread alike.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from proxykd.images import folder
from proxykd.images.imported import Imported
from proxykd.images.settings import ImportImages

LINE = np.linspace(0, 255, 16).round().astype(np.uint8)
GREY = np.tile(LINE, (16, 1))
RGB = np.stack([GREY, GREY.T, np.full_like(GREY, 77)], axis=2)
OPAQUE = np.full_like(GREY, 255)
HALF = np.where(np.arange(16) < 8, 0, 255).astype(np.uint8) * np.ones_like(GREY)
HIDDEN = np.where(HALF[..., None] > 0, RGB, 0)
BILEVEL = np.where(GREY > 127, 255, 0).astype(np.uint8)
OTHERS = [Image.new("RGB", (16, 16), 9)] * 3


def opencv(pixels: np.ndarray, *options: int):
    """Saves by OpenCV, which has blue first."""
    stored = pixels if pixels.ndim == 2 else pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]
    return lambda file: cv2.imwrite(str(file), stored, options)


def pillow(pixels: np.ndarray, mode: str = "", **options: object):
    image = Image.fromarray(pixels)
    return lambda file: (image.convert(mode) if mode else image).save(file, **options)


def deep(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.uint16) * 257


def with_alpha(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return np.dstack([pixels, alpha])


KINDS = {
    "grey.png": (opencv(GREY), GREY),
    "grey16.png": (opencv(deep(GREY)), GREY),
    "grey16.tiff": (opencv(deep(GREY)), GREY),
    "grey16.pgm": (opencv(deep(GREY)), GREY),
    "colour16.png": (opencv(deep(RGB)), RGB),
    "colour16.tiff": (opencv(deep(RGB)), RGB),
    "colour16.ppm": (opencv(deep(RGB)), RGB),
    "alpha16.png": (opencv(deep(with_alpha(RGB, HALF))), HIDDEN),
    "colour.bmp": (opencv(RGB), RGB),
    "alpha.png": (opencv(with_alpha(RGB, HALF)), HIDDEN),
    "alpha.webp": (opencv(with_alpha(RGB, OPAQUE), cv2.IMWRITE_WEBP_QUALITY, 101), RGB),
    "half.webp": (pillow(with_alpha(RGB, HALF), lossless=True, exact=True), HIDDEN),
    "grey_alpha.png": (pillow(with_alpha(GREY, OPAQUE)), GREY),
    "grey_alpha.tif": (pillow(with_alpha(GREY, OPAQUE)), GREY),
    "bilevel.png": (pillow(GREY > 127), BILEVEL),
    "bilevel.tif": (pillow(GREY > 127, compression="group4"), BILEVEL),
    "bilevel.pbm": (pillow(GREY > 127), BILEVEL),
    "palette.png": (pillow(GREY, "P"), GREY),
    "palette.gif": (pillow(GREY), GREY),
    "keyed.png": (pillow(GREY, transparency=255), np.where(GREY == 255, 0, GREY)),
    "moving.gif": (pillow(GREY, save_all=True, append_images=OTHERS), GREY),
    "moving.webp": (pillow(RGB, save_all=True, append_images=OTHERS, lossless=True), RGB),
    "moving.png": (pillow(RGB, save_all=True, append_images=OTHERS), RGB),
    "inks.tif": (pillow(RGB, "CMYK"), RGB),
    "inks.jpg": (pillow(RGB, "CMYK", quality=100, subsampling=0), RGB),
    "grey.jpg": (opencv(GREY, cv2.IMWRITE_JPEG_QUALITY, 100), GREY),
}


def read(root: Path, size: int = 16, **given: object) -> Imported:
    settings = {"source": "folder", "path": str(root), "size": size, "split": "train", **given}
    return folder.read(ImportImages(**settings), lambda _: None)


def test_every_kind_of_image_is_read_as_it_looks(tmp_path: Path) -> None:
    for name, (save, _) in KINDS.items():
        save(tmp_path / name)
    found = read(tmp_path)
    assert found.origins == sorted(KINDS)
    for image_HWC, name in zip(found.images_NHWC, found.origins, strict=True):
        expected = KINDS[name][1]
        expected_HWC = expected if expected.ndim == 3 else np.stack([expected] * 3, axis=2)
        lossy = 3 if name.endswith("jpg") else 0
        assert np.abs(image_HWC.astype(int) - expected_HWC).max() <= lossy, name


def test_inks_are_not_read_as_their_negative(tmp_path: Path) -> None:
    """Adobe's programs store CMYK in JPEG inverted, and all others follow; so does OpenCV."""
    KINDS["inks.jpg"][0](tmp_path / "inks.jpg")
    assert Image.open(tmp_path / "inks.jpg").mode == "CMYK"
    theirs = cv2.imread(str(tmp_path / "inks.jpg"))[..., ::-1].astype(int)
    assert np.abs(read(tmp_path).images_NHWC[0] - theirs).max() <= 3


def test_grey_ones_are_exact_in_one_channel(tmp_path: Path) -> None:
    names = [name for name, (_, expected) in KINDS.items() if expected is GREY and not name.endswith("jpg")]
    for name in names:
        KINDS[name][0](tmp_path / name)
    found = read(tmp_path, channels=1)
    assert len(found.labels) == len(names) > 8
    assert (found.images_NHWC[..., 0] == GREY).all()


@pytest.mark.parametrize("suffix", ["png", "webp", "tif", "jpg"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_photographs_are_upright_in_every_format(tmp_path: Path, suffix: str, orientation: int) -> None:
    """A camera held any way: the bright corner is at the top left of the upright picture."""
    upright = np.full((24, 32, 3), 20, np.uint8)
    upright[:6, :6] = 250
    turned = {1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
              5: upright.swapaxes(0, 1), 6: np.rot90(upright), 7: np.rot90(upright, 2).swapaxes(0, 1),
              8: np.rot90(upright, -1)}[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(turned)).save(tmp_path / f"photo.{suffix}", exif=exif)
    (image_HWC,) = read(tmp_path, size=32, fit="stretch").images_NHWC
    assert image_HWC[:5, :4].min() > 200
    assert image_HWC[10:].max() < 60
    assert image_HWC[:, 10:].max() < 60


def test_sizes_may_be_mixed(tmp_path: Path) -> None:
    for width, height in ((1, 1), (3, 500), (500, 3), (64, 48), (4000, 3000)):
        Image.new("RGB", (width, height), (10, 200, 90)).save(tmp_path / f"{width}x{height}.png")
    for fit in ("crop", "stretch"):
        assert (read(tmp_path, fit=fit).images_NHWC == (10, 200, 90)).all()
    assert (read(tmp_path, fit="pad").images_NHWC[:, 7, 7] == (10, 200, 90)).all()
