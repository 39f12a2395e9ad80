"""A pool of shader images: which program draws which sample, and what is known of each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from proxykd.proxies.luma import in_channels
from proxykd.proxies.shaders.grammar import corpus, write_program
from proxykd.proxies.shaders.settings import ShaderPool
from proxykd.proxies.shaders.studio import WORTH_OPTIMISING, Studio, compile_quickly, open_studio


def programs(pool: ShaderPool) -> list[str]:
    """The names of a pool's programs: sample i is drawn by program i modulo their number.

    Its parameters come from the pool's seed and i only: a smaller pool is the beginning of a larger one.
    """
    return [f"{family}-{seed:06d}" for family, seed in _corpus(pool)]


def _corpus(pool: ShaderPool) -> list[tuple[str, int]]:
    return corpus(pool.families, min(pool.programs, pool.count), pool.corpus == "heldout")


@contextmanager
def open_painter(pool: ShaderPool) -> Iterator[Painter]:
    """What draws a pool whose size and channels are given, with OpenGL; released in the end."""
    chosen = _corpus(pool)
    assert pool.size is not None
    if pool.count / len(chosen) * (pool.size * pool.supersampling) ** 2 < WORTH_OPTIMISING:
        compile_quickly()
    with open_studio(pool.size, pool.supersampling) as studio:
        yield Painter(pool, chosen, studio)


class Painter:
    """Draws samples of a pool, those of one program at a time."""

    def __init__(self, pool: ShaderPool, chosen: list[tuple[str, int]], studio: Studio) -> None:
        self.pool, self.corpus, self.studio = pool, chosen, studio

    def draw(self, program: int, samples: range) -> tuple[np.ndarray, dict[str, Any]]:
        """Images (uint8, N x size x size x C) and what is known of each, by column.

        Raises RuntimeError where the program does not compile.
        """
        assert self.pool.channels is not None
        family, seed = self.corpus[program]
        written = write_program(family, seed)
        seeds = [parameter_seed(self.pool, i) for i in samples]
        values = [written.parameters(one) for one in seeds]
        images_NHWC = in_channels(self.studio.draw(written, values), self.pool.channels)
        n = len(samples)
        columns = {"program": [written.name] * n, "family": [family] * n, "program_seed": [seed] * n}
        return images_NHWC, columns | {"parameter_seed": seeds, "parameters": np.stack(values)}


def parameter_seed(pool: ShaderPool, i: int) -> int:
    """What sample i's parameters are drawn from: the pool's seed in the upper 32 bits, i in the lower."""
    return (pool.seed << 32) + i


def render_one(
    family: str,
    program_seed: int,
    parameter_seed: int,
    size: int,
    channels: int = 3,
    supersampling: int = 2,
) -> np.ndarray:
    """One image again from what its row in the parquet file says: uint8, size x size x channels."""
    program = write_program(family, program_seed)
    compile_quickly()
    with open_studio(size, supersampling) as studio:
        return in_channels(studio.draw(program, [program.parameters(parameter_seed)]), channels)[0]
