"""Flip, padded crop, rotation, zoom, shear and elastic: what moves, and what comes in from outside."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sample_images import FILL_C, SIZE, images, smooth_images, view
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as theirs

from proxykd.augmentation.batch import generator
from proxykd.augmentation.elastic import blur_matrix, displacement
from proxykd.augmentation.settings import PRESETS

EXTREME = PRESETS["extreme"]
PIXELS = np.eye(2)[None]
"""Displacements as they are."""


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


def test_all_shifts_come_equally_often() -> None:
    """As with torchvision's RandomCrop, the largest too."""
    lines = torch.arange(8.0).expand(3, 8, 8) / 8
    shifted = view(lines.expand(3000, -1, -1, -1), shift=0.25, fill="edge")
    counts = np.bincount((shifted[:, 0, 0, 3] * 8).long().numpy())
    assert counts[1:6] == pytest.approx(600, rel=0.2)
    assert counts[0] == counts[6:].sum() == 0


def test_a_flip_and_a_shift_are_the_same_resampled_as_copied() -> None:
    """A rotation by nothing to speak of takes the other way."""
    x_NCHW = images(16)
    copied = view(x_NCHW, flip=0.5, shift=0.25)
    resampled = view(x_NCHW, flip=0.5, shift=0.25, rotation=1e-7)
    assert torch.allclose(copied, resampled, atol=1e-4)


@pytest.mark.parametrize(
    "how", [{"rotation": 40}, {"zoom": 0.3}, {"shear": 20}, {"rotation": 20, "zoom": 0.2, "shear": 10}]
)
def test_rotation_zoom_and_shear_are_torchvisions_affine(how: dict[str, float]) -> None:
    """Drawn again here, given to torchvision, on the image less the fill."""
    x_NCHW = images()
    changed = view(x_NCHW, **how)
    rng = generator(0)
    rotation, shear, zoom = (how.get(name, 0) for name in ("rotation", "shear", "zoom"))
    angles, slopes, scales = (
        rng.uniform(-rotation, rotation, 6),
        rng.uniform(-shear, shear, 6),
        rng.uniform(1 - zoom, 1 + zoom, 6),
    )
    fill_C11 = FILL_C[:, None, None]
    for before, after, angle, slope, scale in zip(x_NCHW, changed, angles, slopes, scales, strict=True):
        expected = theirs.affine(
            before - fill_C11,
            angle=float(angle),
            translate=[0, 0],
            scale=float(scale),
            shear=[float(slope), 0.0],
            interpolation=theirs.InterpolationMode.BILINEAR,
        )
        assert torch.allclose(after, expected + fill_C11, atol=1e-4)


@pytest.mark.parametrize("fill", ["mean", "black"])
def test_the_fill_keeps_its_colour_whatever_is_done_to_the_image(fill: str) -> None:
    how = {"rotation": 45, "brightness": 0.9, "contrast": 0.9, "invert": 0.5, "operations": 4, "fill": fill}
    changed = view(images(64), **how, omit=["TranslateX", "TranslateY", "ShearX", "ShearY", "Rotate"])
    # At 20 to 45 degrees the corners come from outside; which images were turned so far, the corners tell.
    outside_C = FILL_C if fill == "mean" else torch.zeros(3)
    is_fill_N = (changed[:, :, 0, 0] - outside_C).abs().amax(1) < 1e-6
    assert int(is_fill_N.sum()) > 40


def test_a_fill_does_not_push_black_and_white_out_of_range() -> None:
    x_NCHW = images().round()
    for level in np.linspace(0.01, 0.99, 40):
        turned = view(x_NCHW, rotation=20, fill="mean")
        assert 0 <= float(turned.min()) <= float(turned.max()) <= 1, level


def test_elastic_bends_some_of_the_images() -> None:
    x_NCHW = smooth_images(40)
    changed = view(x_NCHW, elastic=0.1, elastic_probability=0.5, fill="edge")
    bent = [not torch.allclose(a, b, atol=1e-4) for a, b in zip(changed, x_NCHW, strict=True)]
    assert 8 < sum(bent) < 32


def test_elastic_is_torchvisions_of_the_same_displacement() -> None:
    x_NCHW = images()
    how = {"elastic": 0.05, "elastic_sigma": 0.1}
    changed = view(x_NCHW, **how, elastic_probability=1)
    rng = generator(0)
    rng.random(6)
    bend_N2HW = displacement(PIXELS.repeat(6, 0), 0.05, 0.1, x_NCHW, rng)
    fill_C11 = FILL_C[:, None, None]
    for before, after, bend_2HW in zip(x_NCHW, changed, bend_N2HW, strict=True):
        # theirs is in halves of the side
        unit_1HW2 = (bend_2HW * 2 / SIZE).permute(1, 2, 0)[None]
        expected = theirs.elastic(before - fill_C11, unit_1HW2) + fill_C11
        assert torch.allclose(after, expected, atol=1e-4)


@pytest.mark.parametrize("size", [8, 28, 32])
def test_the_blur_is_torchvisions(size: int) -> None:
    sigma = EXTREME["elastic_sigma"] * size
    taps = int(8 * sigma + 1) | 1
    noise = torch.rand(1, size, size, dtype=torch.float64)
    blur = torch.from_numpy(blur_matrix(size, sigma))
    assert torch.allclose(blur @ noise @ blur.T, theirs.gaussian_blur(noise, [taps, taps], [sigma, sigma]))


def test_displacements_are_distributed_as_torchvisions() -> None:
    """At 32 pixels, where `extreme` is alpha 50 and sigma 5: deviations, and pixels that move together."""
    count, size = 400, 32
    torch.manual_seed(0)
    transform, image = v2.ElasticTransform(alpha=50.0, sigma=5.0), torch.zeros(3, size, size)
    reference = torch.cat([transform.make_params([image])["displacement"] for _ in range(count)])
    like = torch.zeros(1, 3, size, size)
    how = EXTREME["elastic"], EXTREME["elastic_sigma"]
    ours = displacement(PIXELS.repeat(20 * count, 0), *how, like, generator(0)).permute(0, 2, 3, 1) * 2 / size
    assert float(ours.mean()) == pytest.approx(0, abs=0.002)
    for place in ((16, 16), (0, 16), (0, 0), (5, 27)):
        expected = reference[:, *place].std(0)
        assert torch.allclose(ours[:, *place].std(0), expected, rtol=0.12)
        for other in ((16, 21), (8, 16), (0, 3)):
            together = _correlation(ours, place, other), _correlation(reference, place, other)
            assert together[0] == pytest.approx(together[1], abs=0.12)


def _correlation(fields_NHW2: torch.Tensor, place: tuple[int, int], other: tuple[int, int]) -> float:
    pair = torch.stack([fields_NHW2[:, *place, 0], fields_NHW2[:, *other, 0]])
    return float(torch.corrcoef(pair)[0, 1])


@pytest.mark.parametrize("size", [8, 28, 64, 224])
def test_displacements_scale_with_the_image(size: int) -> None:
    like = torch.zeros(1, 3, size, size)
    how = EXTREME["elastic"], EXTREME["elastic_sigma"]
    deviation = displacement(PIXELS.repeat(200, 0), *how, like, generator(0))[..., size // 2, size // 2].std()
    assert float(deviation) / size == pytest.approx(0.0255, rel=0.15)
