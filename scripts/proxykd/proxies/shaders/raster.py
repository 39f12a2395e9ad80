"""Draws tiles with fragment shaders: all tiles of an atlas in one draw call, each a point or a square."""

from __future__ import annotations

from typing import Any

import moderngl
import numpy as np

from proxykd.proxies.shaders.context import on_processor
from proxykd.proxies.shaders.grammar import Program, piece
from proxykd.proxies.shaders.sketch import PARAMETERS


class Raster:
    """An atlas of `columns` x `columns` tiles, and buffers into which it is read.

    Columns and rows of tiles go from left to right and from below upwards. A tile is an instance of a square,
    or a point as large where the CPU draws: where a square's two triangles meet, llvmpipe shades twice.
    """

    def __init__(self, context: moderngl.Context, size: int, columns: int, buffers: int) -> None:
        self.context, self.size, self.columns = context, size, columns
        self.side = columns * size
        self.frame = context.simple_framebuffer((self.side, self.side), components=4)
        self.frame.use()
        # Blending that keeps the new colour changes no pixel. But with it Mesa's llvmpipe compiles one
        # variant of each program, not two: almost half of the time that a cold run takes.
        context.enable(moderngl.BLEND)
        context.blend_func = moderngl.ONE, moderngl.ZERO
        self.points = on_processor(context) and size <= context.info["GL_POINT_SIZE_RANGE"][1]
        self.tiles = context.buffer(reserve=columns**2 * (PARAMETERS + 2) * 4, dynamic=True)
        self.buffers = [context.buffer(reserve=self.side**2 * 4) for _ in range(buffers)]

    def compile(self, program: Program, *defined: str) -> moderngl.Program:
        """The program with some names defined. Raises moderngl.Error where it is wrong."""
        text = program.text(330, *defined)
        vertex = piece("vertex")
        if self.points:
            vertex = vertex.replace("#version 330\n", "#version 330\n#define POINTS\n", 1)
        compiled = self.context.program(vertex_shader=vertex, fragment_shader=text)
        compiled["atlas"] = self.side, self.side
        return compiled

    def start(self, compiled: Any, values_NP: np.ndarray, buffer: int) -> None:
        """Have tiles with these parameters drawn, by what `compile` returned, and read into a buffer."""
        self.tiles.write(self._with_places(values_NP))
        layout = "4f 4f 4f 4f 2f" if self.points else "4f 4f 4f 4f 2f/i"
        vertices = self.context.vertex_array(
            compiled,
            [(self.tiles, layout, "values0", "values1", "values2", "values3", "place")],
            skip_errors=True,
        )
        if self.points:
            self.context.point_size = float(self.size)
            vertices.render(moderngl.POINTS, vertices=len(values_NP))
        else:
            vertices.render(moderngl.TRIANGLE_STRIP, vertices=4, instances=len(values_NP))
        vertices.release()
        height = self._rows(len(values_NP)) * self.size
        self.frame.read_into(self.buffers[buffer], viewport=(0, 0, self.side, height), components=4)

    def finish(self, buffer: int, count: int) -> np.ndarray:
        """What is in a buffer, when it is there: uint8, `count` x size x size x 4."""
        rows = self._rows(count)
        data = self.buffers[buffer].read(rows * self.size * self.side * 4)
        shape = (rows, self.size, self.columns, self.size, 4)
        tiles = np.frombuffer(data, dtype=np.uint8).reshape(shape).transpose(0, 2, 1, 3, 4)
        return tiles.reshape(-1, self.size, self.size, 4)[:count]

    def release(self) -> None:
        """Give the memory back."""
        for attachment in self.frame.color_attachments:
            attachment.release()
        self.frame.release()
        for held in (self.tiles, *self.buffers):
            held.release()

    def _rows(self, count: int) -> int:
        return -(-count // self.columns)

    def _with_places(self, values_NP: np.ndarray) -> np.ndarray:
        """What each tile is given: its parameters and its tile's lower left corner in pixels."""
        index = np.arange(len(values_NP))
        places = np.stack([index % self.columns, index // self.columns], axis=1) * self.size
        return np.concatenate([values_NP, places], axis=1, dtype=np.float32)
