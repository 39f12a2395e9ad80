"""Colour jitter and invert against torchvision's."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import torch
from sample_images import images, view
from torchvision.transforms.v2 import functional as theirs

from proxykd.augmentation.batch import generator
from proxykd.augmentation.colour import LUMA


def test_invert_is_the_negative() -> None:
    x_NCHW = images()
    assert torch.equal(view(x_NCHW, invert=1), 1 - x_NCHW)
    assert torch.equal(view(x_NCHW, invert=1), theirs.invert(x_NCHW))
    some = view(images(64), invert=0.25)
    inverted = [torch.equal(a, 1 - b) for a, b in zip(some, images(64), strict=True)]
    kept = [torch.equal(a, b) for a, b in zip(some, images(64), strict=True)]
    assert sum(inverted) + sum(kept) == 64
    assert 6 < sum(inverted) < 28


def test_brightness_is_a_factor() -> None:
    x_NCHW = images() * 0.5
    changed = view(x_NCHW, brightness=0.4)
    factor_N = (changed.sum((1, 2, 3)) / x_NCHW.sum((1, 2, 3))).tolist()
    assert all(0.6 <= factor <= 1.4 for factor in factor_N)
    assert len({round(factor, 3) for factor in factor_N}) == len(factor_N)
    for before, after, factor in zip(x_NCHW, changed, factor_N, strict=True):
        assert torch.allclose(after, theirs.adjust_brightness(before, factor), atol=1e-5)


def test_contrast_turns_about_the_mean_of_the_grey_image() -> None:
    for channels in (1, 3):
        x_NCHW = 0.3 + 0.4 * images(6, channels)
        changed = view(x_NCHW, contrast=0.5)
        for before, after in zip(x_NCHW, changed, strict=True):
            factor = float(after[0].std() / before[0].std())
            assert 0.5 <= factor <= 1.5
            assert torch.allclose(after, theirs.adjust_contrast(before, factor), atol=1e-5)


def test_saturation_keeps_luma() -> None:
    x_NCHW = 0.4 + 0.2 * images()
    changed = view(x_NCHW, saturation=0.8)
    luma = torch.tensor(LUMA).view(-1, 1, 1)
    assert not torch.allclose(changed, x_NCHW, atol=1e-2)
    # Weights of 0.9999 in all, as torchvision has them, keep it but for that.
    assert torch.allclose((changed * luma).sum(1), (x_NCHW * luma).sum(1), atol=1e-4)
    grey = images(4, 1)
    assert torch.equal(view(grey, saturation=0.8), grey)


def test_jitter_is_torchvisions_with_factors_of_each_sample() -> None:
    """Factors drawn again here; about a middle grey, where nothing is clamped and so the order is all one."""
    count = 20
    x_NCHW = 0.4 + 0.1 * images(count)
    changed = view(x_NCHW, brightness=0.3, saturation=0.4, contrast=0.2)
    limits = np.array([0.3, 0.4, 0.2])
    factors = generator(0).uniform(1 - limits, 1 + limits, (count, 3)).tolist()
    changes = theirs.adjust_brightness, theirs.adjust_saturation, theirs.adjust_contrast
    for before, after, factor in zip(x_NCHW, changed, factors, strict=True):
        for order in permutations(range(3)):
            expected = before
            for which in order:
                expected = changes[which](expected, factor[which])
            assert torch.allclose(after, expected, atol=1e-4)
