"""A pool of shader images: which program draws which sample, and what is known of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from proxykd.proxies.luma import in_channels
from proxykd.proxies.shaders.grammar import corpus, write_program
from proxykd.proxies.shaders.settings import ShaderPool
from proxykd.proxies.shaders.studio import WORTH_OPTIMISING, compile_quickly, open_studio


def render(pool: ShaderPool, images_NHWC: np.ndarray, advance: Callable[[int], None]) -> dict[str, list[Any]]:
    """Fill `images_NHWC` (uint8, N x size x size x C); returns a column's entries by its name.

    Sample i is drawn by program i modulo the number of programs, with parameters from the pool's seed
    and i only: a smaller pool is the beginning of a larger one.
    """
    count, size = len(images_NHWC), images_NHWC.shape[1]
    programs = min(pool.programs, count)
    columns: dict[str, list[Any]] = {
        name: [None] * count for name in ("program", "family", "program_seed", "parameter_seed", "parameters")
    }
    if count / programs * (size * pool.supersampling) ** 2 < WORTH_OPTIMISING:
        compile_quickly()
    with open_studio(size, pool.supersampling) as studio:
        for first, (family, seed) in enumerate(corpus(pool.families, programs, pool.corpus == "heldout")):
            program = write_program(family, seed)
            samples = range(first, count, programs)
            seeds = [parameter_seed(pool, i) for i in samples]
            values = [program.parameters(s) for s in seeds]
            images_NHWC[first::programs] = in_channels(studio.draw(program, values), images_NHWC.shape[3])
            n = len(samples)
            columns["program"][first::programs] = [program.name] * n
            columns["family"][first::programs] = [family] * n
            columns["program_seed"][first::programs] = [seed] * n
            columns["parameter_seed"][first::programs] = seeds
            columns["parameters"][first::programs] = [v.tolist() for v in values]
            advance(n)
    return columns


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
