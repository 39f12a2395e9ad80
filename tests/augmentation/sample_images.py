"""Small images that the tests of augmentation share, and a view of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from proxykd.augmentation.batch import augment, generator
from proxykd.augmentation.settings import OPERATIONS, Augmentation
from proxykd.networks.classifier import to_float

FILL_C = torch.tensor([0.2, 0.5, 0.7])
SIZE = 24


def levels(count: int = 6, channels: int = 3, size: int = SIZE) -> torch.Tensor:
    """Random grey levels, N x C x H x W uint8, each image over a range and about a mean of its own."""
    rng = np.random.default_rng(5)
    shape = count, size, size, channels
    low, high = rng.integers(0, 100, (2, count, 1, 1, channels))
    spread = rng.integers(low, 256 - high, shape)
    spread[0, :4, :4] = 0
    return torch.from_numpy(spread.astype(np.uint8)).permute(0, 3, 1, 2)


def images(count: int = 6, channels: int = 3, size: int = SIZE) -> torch.Tensor:
    """The same as the networks get them."""
    return to_float(levels(count, channels, size).permute(0, 2, 3, 1))


def smooth_images(count: int = 6, size: int = SIZE) -> torch.Tensor:
    """Images for which a little difference in interpolation makes a little difference."""
    y, x = torch.meshgrid(torch.linspace(0, 3, size), torch.linspace(0, 3, size), indexing="ij")
    one = torch.stack([0.5 + 0.4 * torch.sin(x + y), 0.5 + 0.4 * torch.cos(x), 0.5 + 0.4 * torch.cos(y * x)])
    return one.expand(count, -1, -1, -1).contiguous()


def view(x_NCHW: torch.Tensor, seed: int = 0, **how: Any) -> torch.Tensor:
    return augment(x_NCHW, Augmentation(**how), FILL_C[: x_NCHW.shape[1]], generator(seed))


def without(*kept: str) -> list[str]:
    """What to omit so that RandAugment draws nothing but these."""
    return [name for name in OPERATIONS if name not in kept]
