"""From any stored image to one size and number of channels."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from proxykd.images.prepare import decode, prepare
from proxykd.images.settings import ImageSet


def settings(**given: object) -> ImageSet:
    return ImageSet(**{"source": "folder", "path": "p", "size": 8, **given})


def encoded(image: Image.Image, suffix: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, suffix, **options)
    return stream.getvalue()


def noise(height: int, width: int, channels: int = 3) -> np.ndarray:
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("fit", ["crop", "stretch", "pad"])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos", "nearest", "box"])
def test_an_image_of_the_size_keeps_its_pixels(fit: str, interpolation: str) -> None:
    pixels = noise(8, 8)
    chosen = settings(fit=fit, interpolation=interpolation)
    assert np.array_equal(decode(encoded(Image.fromarray(pixels)), chosen), pixels)


def test_crop_takes_the_central_square() -> None:
    pixels = noise(8, 14)
    assert np.array_equal(prepare(Image.fromarray(pixels), settings()), pixels[:, 3:11])
    assert np.array_equal(
        prepare(Image.fromarray(pixels.swapaxes(0, 1)), settings()), pixels[:, 3:11].swapaxes(0, 1)
    )


def test_stretch_keeps_all_of_it_and_pad_keeps_its_shape() -> None:
    white = Image.new("RGB", (16, 8), "white")
    assert prepare(white, settings(fit="stretch")).min() == 255
    padded = prepare(white, settings(fit="pad"))
    assert (padded[2:6] == 255).all()
    assert (padded[:2] == 0).all()
    assert (padded[6:] == 0).all()
    assert prepare(Image.new("L", (2000, 1), 255), settings(fit="pad")).max() == 255


def test_grey_images_are_exact_in_one_and_three_channels() -> None:
    pixels = noise(8, 8, 1)
    grey, colour = Image.fromarray(pixels), Image.fromarray(np.stack([pixels] * 3, axis=2))
    for image in (grey, colour):
        assert np.array_equal(prepare(image, settings(channels=1)), pixels[..., None])
        assert np.array_equal(prepare(image, settings(channels=3)), np.stack([pixels] * 3, axis=2))


def test_what_is_transparent_is_black_whatever_colour_lies_behind() -> None:
    rgba = np.full((8, 8, 4), 200, dtype=np.uint8)
    rgba[:, :4, 3], rgba[:, 4:, 3] = 0, 255
    for data in (
        encoded(Image.fromarray(rgba)),
        encoded(Image.fromarray(rgba), "WEBP", lossless=True, exact=True),
    ):
        pixels = decode(data, settings())
        assert (pixels[:, :4] == 0).all()
        assert (pixels[:, 4:] == 200).all()


def test_a_transparent_palette_entry_is_black() -> None:
    image = Image.new("P", (8, 8), 1)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.paste(0, (0, 0, 4, 8))
    assert decode(encoded(image), settings())[0, 0].tolist() == [255, 0, 0]
    assert decode(encoded(image, transparency=0), settings())[0, 0].tolist() == [0, 0, 0]
    assert decode(encoded(image, "GIF", transparency=0), settings())[0, 7].tolist() == [0, 255, 0]


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    values = np.linspace(0, 65535, 64).round().astype(np.uint16).reshape(8, 8)
    for suffix in ("PNG", "TIFF"):
        pixels = decode(encoded(Image.fromarray(values), suffix), settings(channels=1))
        assert np.array_equal(pixels[..., 0], np.rint(values / 257))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "P"])
def test_white_is_white_in_every_mode(mode: str) -> None:
    image = Image.new("RGB", (8, 8), "white").convert(mode)
    for channels in (1, 3):
        assert prepare(image, settings(channels=channels)).min() == 255


def test_cmyk_from_a_jpeg_keeps_its_colour() -> None:
    image = Image.new("RGB", (8, 8), (250, 10, 10)).convert("CMYK")
    red, green, blue = decode(encoded(image, "JPEG", quality=95), settings())[4, 4].astype(int)
    assert red > 230
    assert max(green, blue) < 40


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_turns_the_image_upright(orientation: int) -> None:
    upright = noise(8, 12)
    stored = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
        5: upright.swapaxes(0, 1), 6: np.rot90(upright, 1), 7: upright[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(upright, -1),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(np.ascontiguousarray(stored)), exif=exif)
    assert np.array_equal(decode(data, settings()), upright[:, 2:10])


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_does_not_cost_the_image() -> None:
    pixels = noise(8, 8)
    data = encoded(Image.fromarray(pixels), exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert np.array_equal(decode(data, settings()), pixels)


@pytest.mark.parametrize("suffix", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM"])
def test_a_truncated_image_is_refused_in_every_format(suffix: str) -> None:
    data = encoded(Image.fromarray(noise(64, 64)), suffix)
    for share in (0.5, 0.9):
        with pytest.raises(ValueError, match=r"\w"):
            decode(data[: int(len(data) * share)], settings())


def test_what_is_no_image_says_so() -> None:
    with pytest.raises(ValueError, match="it is empty"):
        decode(b"", settings())
    with pytest.raises(ValueError, match="no image of a known format"):
        decode(b"version https://git-lfs.github.com/spec/v1", settings())
    with pytest.raises(ValueError, match="of type F, whose range is not known"):
        decode(encoded(Image.new("F", (8, 8)), "TIFF"), settings())
    with pytest.raises(ValueError, match=r"outside 0\.\.65535"):
        decode(encoded(Image.new("I", (8, 8), 70000), "TIFF"), settings())


def test_an_image_of_absurd_size_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(Image.fromarray(noise(64, 64)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(ValueError, match="exceeds limit"):
        decode(data, settings())
