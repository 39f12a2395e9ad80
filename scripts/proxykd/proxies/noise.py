"""Gaussian noise as proxies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from proxykd.proxies.settings import NoisePool

BLOCK = 256
"""Images drawn at a time; bounds the memory, and the images do not depend on it."""


def render(pool: NoisePool, images_NHWC: np.ndarray, advance: Callable[[int], None]) -> dict[str, list[Any]]:
    """Fill `images_NHWC` (uint8, N x size x size x C) with noise; returns a column's entries by its name.

    Image i depends on the pool's seed, i and the image's shape only.
    """
    count = len(images_NHWC)
    for first in range(0, count, BLOCK):
        block = range(first, min(first + BLOCK, count))
        for i in block:
            images_NHWC[i] = render_one(pool, i, images_NHWC.shape[1:])
        advance(len(block))
    return {
        "program": ["noise"] * count,
        "parameter_seed": [parameter_seed(pool, i) for i in range(count)],
        "mean": [pool.mean] * count,
        "deviation": [pool.deviation] * count,
    }


def parameter_seed(pool: NoisePool, i: int) -> int:
    """What image i is drawn from: the pool's seed in the upper 32 bits, i in the lower ones."""
    return (pool.seed << 32) + i


def render_one(pool: NoisePool, i: int, shape: tuple[int, ...]) -> np.ndarray:
    """Image i alone: uint8 of the given shape (height, width, channels)."""
    generator = np.random.Generator(np.random.SFC64(parameter_seed(pool, i)))
    values = generator.standard_normal(shape, dtype=np.float32)
    values *= 255 * pool.deviation
    values += 255 * pool.mean
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)
