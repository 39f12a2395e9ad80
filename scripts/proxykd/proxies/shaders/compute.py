"""Draws tiles with compute shaders, which all processors of a GPU run; some run fragment shaders on a few."""

from __future__ import annotations

from typing import Any

import moderngl
import numpy as np

from proxykd.proxies.shaders.grammar import Program
from proxykd.proxies.shaders.sketch import PARAMETERS

GROUP = 8
"""Pixels along the sides of what a group of invocations draws, as glsl/head.glsl has it."""


class Compute:
    """Buffers of `columns` x `columns` tiles, one behind the other, into which compute shaders write.

    An invocation is a pixel; x and y of its number are its place in the tile, z is the tile.
    """

    def __init__(self, context: moderngl.Context, size: int, columns: int, buffers: int) -> None:
        self.context, self.size = context, size
        self.values = context.buffer(reserve=columns**2 * PARAMETERS * 4, dynamic=True)
        self.buffers = [context.buffer(reserve=columns**2 * size**2 * 4) for _ in range(buffers)]

    def compile(self, program: Program, *defined: str) -> moderngl.ComputeShader:
        """The program with some names defined. Raises moderngl.Error where it is wrong."""
        return self.context.compute_shader(program.text(430, "COMPUTE", *defined))

    def start(self, compiled: Any, values_NP: np.ndarray, buffer: int) -> None:
        """Have tiles with these parameters drawn, by what `compile` returned, into a buffer."""
        self.values.write(np.ascontiguousarray(values_NP, dtype=np.float32))
        self.values.bind_to_storage_buffer(0)
        self.buffers[buffer].bind_to_storage_buffer(1)
        groups = -(-self.size // GROUP)
        compiled.run(groups, groups, len(values_NP))
        self.context.memory_barrier()

    def finish(self, buffer: int, count: int) -> np.ndarray:
        """What is in a buffer, when it is there: uint8, `count` x size x size x 4."""
        data = self.buffers[buffer].read(count * self.size**2 * 4)
        return np.frombuffer(data, dtype=np.uint8).reshape(count, self.size, self.size, 4)

    def release(self) -> None:
        """Give the memory back."""
        for held in (self.values, *self.buffers):
            held.release()
