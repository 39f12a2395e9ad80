"""What each operation does to an image, and that it does it to each sample for itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torchvision.transforms.v2 import functional as theirs

from proxykd.augmentation.batch import LUMA, augment, generator, mix
from proxykd.augmentation.settings import PRESETS, Augmentation
from proxykd.networks.classifier import to_float

FILL_C = torch.tensor([0.2, 0.5, 0.7])
SIZE = 24


def images(count: int = 6, channels: int = 3) -> torch.Tensor:
    """Random grey levels as the networks get them."""
    pixels = np.random.default_rng(5).integers(0, 256, (count, SIZE, SIZE, channels), np.uint8)
    return to_float(torch.from_numpy(pixels))


def smooth_images(count: int = 6) -> torch.Tensor:
    """Images for which a little difference in interpolation makes a little difference."""
    y, x = torch.meshgrid(torch.linspace(0, 3, SIZE), torch.linspace(0, 3, SIZE), indexing="ij")
    one = torch.stack([0.5 + 0.4 * torch.sin(x + y), 0.5 + 0.4 * torch.cos(x), 0.5 + 0.4 * torch.cos(y * x)])
    return one.expand(count, -1, -1, -1).contiguous()


def view(x_NCHW: torch.Tensor, seed: int = 0, **how: Any) -> torch.Tensor:
    return augment(x_NCHW, Augmentation(**how), FILL_C[: x_NCHW.shape[1]], generator(seed))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("fill", ["mean", "edge", "black"])
@pytest.mark.parametrize("preset", PRESETS)
def test_values_stay_between_0_and_1(preset: str, fill: str, channels: int) -> None:
    how = Augmentation.model_validate({"preset": preset, "fill": fill})
    for seed in range(5):
        x_NCHW = augment(images(16, channels), how, FILL_C[:channels], generator(seed))
        assert x_NCHW.shape == (16, channels, SIZE, SIZE)
        assert 0 <= float(x_NCHW.min()) <= float(x_NCHW.max()) <= 1


def test_a_fill_does_not_push_black_and_white_out_of_range() -> None:
    x_NCHW = images().round()
    for level in np.linspace(0.01, 0.99, 40):
        fill_C = torch.full((3,), float(level))
        turned = augment(x_NCHW, Augmentation(rotation=20), fill_C, generator(0))
        assert 0 <= float(turned.min()) <= float(turned.max()) <= 1


def test_none_returns_the_images() -> None:
    x_NCHW = images()
    assert torch.equal(augment(x_NCHW, Augmentation.model_validate("none"), FILL_C, generator(0)), x_NCHW)


def test_a_flip_mirrors_exactly() -> None:
    x_NCHW = images()
    assert torch.equal(view(x_NCHW, flip=1), x_NCHW.flip(3))
    half = view(images(64), flip=0.5)
    flipped = [torch.equal(a, b.flip(2)) for a, b in zip(half, images(64), strict=True)]
    kept = [torch.equal(a, b) for a, b in zip(half, images(64), strict=True)]
    assert sum(flipped) + sum(kept) == 64
    assert 16 < sum(flipped) < 48


@pytest.mark.parametrize("fill", ["mean", "edge", "black"])
def test_a_shift_copies_pixels_and_fills_the_rest(fill: str) -> None:
    x_NCHW = images(32)
    shifted = view(x_NCHW, shift=0.25, fill=fill)
    outside = {"mean": FILL_C, "black": torch.zeros(3)}
    offsets = set()
    for before, after in zip(x_NCHW, shifted, strict=True):
        found = [
            (dy, dx)
            for dy in range(-6, 7)
            for dx in range(-6, 7)
            if torch.equal(_inner(after, dy, dx), _inner(before, -dy, -dx))
        ]
        assert len(found) == 1, "no whole-pixel shift gives these pixels"
        (dy, dx) = found[0]
        offsets.add((dy, dx))
        if dx > 0:
            edge = before[:, :, :1] if fill == "edge" else outside[fill][:, None, None]
            rows = slice(max(0, dy), SIZE + min(0, dy))
            source = edge[:, max(0, -dy) : SIZE - max(0, dy)] if fill == "edge" else edge
            assert torch.equal(after[:, rows, :dx], source.expand(3, rows.stop - rows.start, dx))
    assert len(offsets) > 15


def _inner(x_CHW: torch.Tensor, dy: int, dx: int) -> torch.Tensor:
    """What is left of an image after what was shifted in is cut off."""
    return x_CHW[:, max(0, dy) : SIZE + min(0, dy), max(0, dx) : SIZE + min(0, dx)]


def test_invert_is_the_negative() -> None:
    x_NCHW = images()
    assert torch.equal(view(x_NCHW, invert=1), 1 - x_NCHW)
    assert torch.equal(view(x_NCHW, invert=1), theirs.invert(x_NCHW))


def test_brightness_is_a_factor() -> None:
    x_NCHW = images() * 0.5
    changed = view(x_NCHW, brightness=0.4)
    factor_N = (changed.sum((1, 2, 3)) / x_NCHW.sum((1, 2, 3))).tolist()
    assert all(0.6 <= factor <= 1.4 for factor in factor_N)
    assert len({round(factor, 3) for factor in factor_N}) == len(factor_N)
    for before, after, factor in zip(x_NCHW, changed, factor_N, strict=True):
        assert torch.allclose(after, theirs.adjust_brightness(before, factor), atol=1e-5)


def test_contrast_turns_about_the_mean_of_the_image() -> None:
    x_NCHW = 0.3 + 0.4 * images(6, 1)
    changed = view(x_NCHW, contrast=0.5)
    for before, after in zip(x_NCHW, changed, strict=True):
        factor = float(after.std() / before.std())
        assert 0.5 <= factor <= 1.5
        assert torch.allclose(after, theirs.adjust_contrast(before, factor), atol=1e-5)


def test_saturation_keeps_luma() -> None:
    x_NCHW = 0.4 + 0.2 * images()
    changed = view(x_NCHW, saturation=0.8)
    luma = torch.tensor(LUMA).view(-1, 1, 1)
    assert not torch.allclose(changed, x_NCHW, atol=1e-2)
    assert torch.allclose((changed * luma).sum(1), (x_NCHW * luma).sum(1), atol=1e-5)
    grey = images(4, 1)
    assert torch.equal(view(grey, saturation=0.8), grey)


def test_posterise_leaves_4_to_16_levels() -> None:
    x_NCHW = images(32)
    changed = view(x_NCHW, posterise=1)
    levels = [len(one.unique()) for one in changed]
    assert set(levels) == {4, 8, 16}
    for before, after, count in zip(x_NCHW, changed, levels, strict=True):
        bits = count.bit_length() - 1
        kept = theirs.posterize((before * 255).round().to(torch.uint8), bits) >> (8 - bits)
        assert torch.equal((after * (count - 1)).round().to(torch.uint8), kept)


def test_solarise_inverts_what_is_bright() -> None:
    x_NCHW = images(8)
    for before, after in zip(x_NCHW, view(x_NCHW, solarise=1), strict=True):
        changed = before != after
        threshold = float(before[changed].min())
        assert torch.equal(after, theirs.solarize(before, threshold))


def test_cutout_replaces_a_square_by_the_fill() -> None:
    x_NCHW = images(200)
    changed = view(x_NCHW, cutout=0.5)
    sides = []
    for before, after in zip(x_NCHW, changed, strict=True):
        cut = (after == FILL_C[:, None, None]).all(0)
        assert torch.equal(after[:, ~cut], before[:, ~cut])
        rows, columns = cut.any(1), cut.any(0)
        assert torch.equal(cut, rows[:, None] & columns[None])
        height, width = int(rows.sum()), int(columns.sum())
        inside = not (rows[0] or rows[-1] or columns[0] or columns[-1])
        if inside and height:
            assert abs(height - width) <= 1
        sides.append(max(height, width))
    assert max(sides) in {11, 12, 13}
    assert min(sides) <= 2


@pytest.mark.parametrize(
    "how", [{"rotation": 40}, {"zoom": 0.3}, {"shear": 20}, {"rotation": 20, "zoom": 0.2, "shear": 10}]
)
def test_geometry_agrees_with_torchvision(how: dict[str, float]) -> None:
    """Our matrices, drawn again here, given to torchvision's affine transformation."""
    x_NCHW = smooth_images()
    changed = view(x_NCHW, fill="edge", **how)
    rng = generator(0)
    draw = [rng.uniform(-how[name], how[name], 6) if name in how else np.zeros(6) for name in GEOMETRY]
    inner = slice(8, -8)
    for before, after, angle, shear, zoom in zip(x_NCHW, changed, *draw, strict=True):
        expected = theirs.affine(
            before,
            angle=-float(angle),
            translate=[0, 0],
            scale=1 + float(zoom),
            shear=[0.0, 0.0],
            interpolation=theirs.InterpolationMode.BILINEAR,
        )
        if "shear" in how:
            expected = _by_hand(before, angle, shear, 1 + zoom)
        assert torch.allclose(after[:, inner, inner], expected[:, inner, inner], atol=2e-3)


GEOMETRY = ("rotation", "shear", "zoom")


def _by_hand(x_CHW: torch.Tensor, angle: float, shear: float, scale: float) -> torch.Tensor:
    """Each pixel from where rotation and shear of its place about the centre lead, interpolated by NumPy."""
    places = np.arange(SIZE) + 0.5 - SIZE / 2
    y, x = np.meshgrid(places, places, indexing="ij")
    x = x + np.tan(np.deg2rad(shear)) * y
    cosine, sine = np.cos(np.deg2rad(angle)) / scale, np.sin(np.deg2rad(angle)) / scale
    from_x, from_y = cosine * x - sine * y + SIZE / 2 - 0.5, sine * x + cosine * y + SIZE / 2 - 0.5
    x0, y0 = np.floor(from_x).clip(0, SIZE - 2).astype(int), np.floor(from_y).clip(0, SIZE - 2).astype(int)
    right, down = from_x - x0, from_y - y0
    image = x_CHW.numpy()
    top = image[:, y0, x0] * (1 - right) + image[:, y0, x0 + 1] * right
    bottom = image[:, y0 + 1, x0] * (1 - right) + image[:, y0 + 1, x0 + 1] * right
    return torch.from_numpy((top * (1 - down) + bottom * down).astype(np.float32))


def test_elastic_bends_some_of_the_images() -> None:
    x_NCHW = smooth_images(40)
    changed = view(x_NCHW, elastic=0.1, elastic_probability=0.5, fill="edge")
    bent = [not torch.allclose(a, b, atol=1e-4) for a, b in zip(changed, x_NCHW, strict=True)]
    assert 8 < sum(bent) < 32


@pytest.mark.parametrize("preset", ["standard", "strong", "extreme"])
def test_two_equal_images_of_a_batch_get_different_views(preset: str) -> None:
    how = Augmentation.model_validate(preset)
    views = augment(images(1).expand(8, -1, -1, -1), how, FILL_C, generator(3))
    distinct = {one.numpy().tobytes() for one in views}
    assert len(distinct) >= 7


def test_the_same_seed_gives_the_same_view() -> None:
    how = Augmentation.model_validate("extreme")
    first, again, other = (augment(images(), how, FILL_C, generator(7, step)) for step in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_preset_with_a_change() -> None:
    changed = Augmentation.model_validate({"preset": "strong", "flip": 0})
    assert changed.flip == 0
    assert changed.model_copy(update={"flip": 0.5}) == Augmentation.model_validate("strong")
    assert Augmentation.model_validate("extreme").elastic > 0
    with pytest.raises(
        ValidationError, match="'heavy' is no preset; there are none, standard, strong, extreme"
    ):
        Augmentation.model_validate("heavy")


def test_a_mixture_is_of_the_image_and_its_partner_in_the_stated_share() -> None:
    x_NCHW = images(32)
    mixed, partner_N, share_N = mix(x_NCHW, 1.0, generator(2))
    assert sorted(partner_N.tolist()) == list(range(32))
    assert len(set(share_N.tolist())) == 32
    for i in range(32):
        share = float(share_N[i])
        expected = share * x_NCHW[i] + (1 - share) * x_NCHW[partner_N[i]]
        assert torch.allclose(mixed[i], expected, atol=1e-6)
    assert 0 <= float(mixed.min()) <= float(mixed.max()) <= 1


def test_shares_follow_the_beta_distribution() -> None:
    x_NCHW = torch.zeros(20_000, 1, 1, 1)
    for alpha in (0.2, 1.0):
        share_N = mix(x_NCHW, alpha, generator(0))[2].double()
        assert float(share_N.mean()) == pytest.approx(0.5, abs=0.01)
        assert float(share_N.var()) == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.03)
