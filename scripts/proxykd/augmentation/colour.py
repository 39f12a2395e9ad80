"""Everything that is linear in a pixel's colour, as one matrix and one offset a sample.

Brightness is a factor; Color (saturation) is a factor on the difference from the pixel's grey; Contrast one
on the difference from the mean of the grey image. A pixel's grey keeps what the second changes, and the mean
what the third does. So they come to the same in any order, and several of one kind are one with the product
of their factors: with f, s, c for the three and w for the weights of the grey image,

    x' = f c s x + f c (1 - s) (wᵀ x) 1 + f (1 - c) mean(wᵀ x) 1

which is the matrix f c s I + f c (1 - s) 1 wᵀ and an offset; invert takes it from 1. Values are clamped once,
behind all of them.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch

from proxykd.augmentation.device import to_device
from proxykd.augmentation.randaugment import Drawn, by_sign
from proxykd.augmentation.settings import Augmentation

LUMA = (0.2989, 0.587, 0.114)
"""Weights of the grey image, as torchvision rounds those of ITU-R BT.601."""
LINEAR = ("Brightness", "Color", "Contrast")


def recolour(x_NCHW: torch.Tensor, how: Augmentation, drawn: Drawn, rng: np.random.Generator) -> torch.Tensor:
    """RandAugment's linear operations, colour jitter, then invert."""
    n, channels = x_NCHW.shape[:2]
    factor_N3 = np.ones((n, 3))
    if drawn.any(*LINEAR):
        factor_N3 *= drawn.looked_up(_table(drawn.magnitude)).prod(0)
    if how.brightness or how.saturation or how.contrast:
        limits = np.array([how.brightness, how.saturation, how.contrast])
        factor_N3 *= rng.uniform(1 - limits, 1 + limits, (n, 3))
    is_inverted_N = rng.random(n) < how.invert if how.invert else np.zeros(n, bool)
    if channels == 1:
        # One channel is its own grey: without this, rounding would change its last bits.
        factor_N3[:, 1] = 1
    if (factor_N3 == 1).all() and not is_inverted_N.any():
        return x_NCHW
    weights = LUMA if channels == 3 else (1.0,)
    return _apply(x_NCHW, to_device(_coefficients(factor_N3, is_inverted_N), x_NCHW), weights)


@lru_cache
def _table(magnitude: int) -> np.ndarray:
    """Factors of brightness, saturation and contrast of each of RandAugment's operations."""
    entries = {
        "Brightness": lambda v: np.array([1 + v, 1, 1]),
        "Color": lambda v: np.array([1, 1 + v, 1]),
        "Contrast": lambda v: np.array([1, 1, 1 + v]),
    }
    return by_sign(np.ones(3), entries, magnitude)


def _coefficients(factor_N3: np.ndarray, is_inverted_N: np.ndarray) -> np.ndarray:
    """What a pixel has of itself, of its grey, of the mean and of 1, 4 x N."""
    brightness_N, saturation_N, contrast_N = factor_N3.T
    of_grey_N = brightness_N * contrast_N
    of_all_3N = np.stack(
        [of_grey_N * saturation_N, of_grey_N * (1 - saturation_N), brightness_N * (1 - contrast_N)]
    )
    return np.concatenate([of_all_3N * np.where(is_inverted_N, -1, 1), is_inverted_N[None]])


def _apply(x_NCHW: torch.Tensor, coefficients_4N: torch.Tensor, weights: tuple[float, ...]) -> torch.Tensor:
    """The matrix's two parts one after the other: as a matrix product a GPU may round it to ten bits."""
    of_x_N, of_grey_N, of_mean_N, of_one_N = coefficients_4N
    grey_N1HW = x_NCHW[:, :1] * weights[0]
    for channel, weight in enumerate(weights[1:], 1):
        grey_N1HW.add_(x_NCHW[:, channel : channel + 1], alpha=weight)
    offset_N = of_one_N + of_mean_N * grey_N1HW.mean((1, 2, 3))
    grey_N1HW.mul_(of_grey_N.view(-1, 1, 1, 1)).add_(offset_N.view(-1, 1, 1, 1))
    return torch.addcmul(grey_N1HW, x_NCHW, of_x_N.view(-1, 1, 1, 1)).clamp_(0, 1)
