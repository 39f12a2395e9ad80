"""A pool of shader images: which program draws which sample, and what is known of each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from proxykd.proxies.luma import in_channels
from proxykd.proxies.shaders.context import compile_quickly
from proxykd.proxies.shaders.grammar import corpus, write_program
from proxykd.proxies.shaders.settings import ShaderPool
from proxykd.proxies.shaders.studio import WORTH_OPTIMISING, Studio, open_studio
from proxykd.proxies.shaders.trial import faster


def programs(pool: ShaderPool) -> list[str]:
    """The names of a pool's programs: sample i is drawn by program i modulo their number.

    Its parameters come from the pool's seed and i only: a smaller pool is the beginning of a larger one.
    """
    return [f"{family}-{seed:06d}" for family, seed in _corpus(pool)]


def _corpus(pool: ShaderPool) -> list[tuple[str, int]]:
    return corpus(pool.families, min(pool.programs, pool.count), pool.corpus == "heldout")


def settle(pool: ShaderPool) -> ShaderPool:
    """The pool with `raster` or `compute` for `auto`: whichever draws faster on this machine.

    Raises UserError where nothing can be drawn.
    """
    assert pool.size is not None
    _choose_compiler(pool)
    return pool.model_copy(update={"backend": faster(pool.size, pool.supersampling)})


@contextmanager
def open_painter(pool: ShaderPool) -> Iterator[Painter]:
    """What draws a pool whose size and channels are given, with OpenGL; released in the end.

    An `auto` that nobody has settled is `raster`.
    """
    assert pool.size is not None
    _choose_compiler(pool)
    with open_studio(pool.size, pool.supersampling, pool.backend) as studio:
        yield Painter(pool, _corpus(pool), studio)


def _choose_compiler(pool: ShaderPool) -> None:
    """Before the process' first context of OpenGL."""
    assert pool.size is not None
    images_a_program = pool.count / min(pool.programs, pool.count)
    if images_a_program * (pool.size * pool.supersampling) ** 2 < WORTH_OPTIMISING:
        compile_quickly()


class Painter:
    """Draws samples of a pool, those of one program at a time."""

    def __init__(self, pool: ShaderPool, chosen: list[tuple[str, int]], studio: Studio) -> None:
        self.pool, self.corpus, self.studio = pool, chosen, studio
        self.backend = studio.backend
        """What it draws with: not `compute` where the device has none."""

    def draw(self, program: int, samples: range) -> tuple[np.ndarray, dict[str, Any]]:
        """Images (uint8, N x size x size x C) and what is known of each, by column.

        Raises RuntimeError where the program does not compile.
        """
        assert self.pool.channels is not None
        family, seed = self.corpus[program]
        written = write_program(family, seed)
        seeds = [parameter_seed(self.pool, i) for i in samples]
        values_NP = written.parameters_of(seeds)
        images_NHWC = in_channels(self.studio.draw(written, values_NP), self.pool.channels)
        n = len(samples)
        columns = {"program": [written.name] * n, "family": [family] * n, "program_seed": [seed] * n}
        return images_NHWC, columns | {"parameter_seed": seeds, "parameters": values_NP}


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
    backend: str = "raster",
) -> np.ndarray:
    """One image again from what its row in the parquet file says: uint8, size x size x channels.

    backend: as the stage's index.json has it among its facts.
    """
    program = write_program(family, program_seed)
    compile_quickly()
    with open_studio(size, supersampling, backend) as studio:
        return in_channels(studio.draw(program, [program.parameters(parameter_seed)]), channels)[0]
