"""Gaussian noise as proxies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from proxykd.proxies.settings import NoisePool


def programs(pool: NoisePool) -> list[str]:
    """The only one, by its name."""
    return ["noise"]


@contextmanager
def open_painter(pool: NoisePool) -> Iterator[Painter]:
    """What draws a pool whose size and channels are given."""
    yield Painter(pool)


class Painter:
    """Draws samples of a pool. Image i depends on the pool's seed, i and the image's shape only."""

    def __init__(self, pool: NoisePool) -> None:
        self.pool = pool

    def draw(self, program: int, samples: range) -> tuple[np.ndarray, dict[str, Any]]:
        """Images (uint8, N x size x size x C) and what is known of each, by column."""
        pool, n = self.pool, len(samples)
        assert pool.size is not None
        assert pool.channels is not None
        shape = pool.size, pool.size, pool.channels
        images_NHWC = np.stack([render_one(pool, i, shape) for i in samples])
        columns = {"program": ["noise"] * n, "parameter_seed": [parameter_seed(pool, i) for i in samples]}
        return images_NHWC, columns | {"mean": [pool.mean] * n, "deviation": [pool.deviation] * n}


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
