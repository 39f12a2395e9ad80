"""Draws shader programs with OpenGL: many images of one program in one draw call.

Images are tiles of an atlas, each an instance of a square with its own parameters. The driver (Mesa)
keeps compiled programs in its own cache, in MESA_SHADER_CACHE_DIR if that is set.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import moderngl
import numpy as np

from proxykd.errors import UserError
from proxykd.proxies.shaders.grammar import Program, piece
from proxykd.proxies.shaders.sketch import PARAMETERS

ATLAS = 1024
"""Pixels along the atlas' sides, as long as a tile is not larger and no more than 16 tiles are in a row."""
WORTH_OPTIMISING = 2_000_000
"""Samples that one program draws, from which on Mesa's optimiser saves more time than it takes.

Measured with llvmpipe 22.3: 30 ms a program, against 3 ms of 11 for an image of 224 pixels at 2 x 2."""


def compile_quickly() -> None:
    """Have Mesa leave its optimiser out when it renders on the CPU; the images are the same.

    It counts for the process, from its first context on, unless its user has set GALLIVM_PERF.
    """
    os.environ.setdefault("GALLIVM_PERF", "nopt")


@contextmanager
def open_studio(size: int, supersampling: int) -> Iterator[Studio]:
    """A context of OpenGL and an atlas in it, for tiles of `size` pixels; both are released in the end."""
    context = open_context()
    studio = Studio(context, size, supersampling)
    try:
        yield studio
    finally:
        # Before the context: what is released after it crashes the process.
        studio.release()
        context.release()


def open_context() -> moderngl.Context:
    """OpenGL 3.3 through EGL, without a screen.

    OpenGL's functions come from EGL as well: libGL is for screens, and a bare machine has none.
    """
    settings: dict[str, Any] = {"backend": "egl", "libgl": "libEGL.so.1", "libegl": "libEGL.so.1"}
    try:
        return moderngl.create_context(require=330, standalone=True, **settings)
    except Exception as error:  # the loaders raise bare Exception, ImportError or OSError
        raise UserError(
            f"No OpenGL 3.3 through EGL on this machine, which rendering shaders needs ({error}). On Debian "
            "and Ubuntu install the packages libegl1 and libgl1-mesa-dri; on a cluster use the conda "
            "environment envs/proxykd.yaml, which brings Mesa along. Mesa renders on the CPU where there is "
            "no graphics card."
        ) from error


class Studio:
    """An atlas of tiles, and what is drawn into it."""

    def __init__(self, context: moderngl.Context, size: int, supersampling: int) -> None:
        self.context, self.size, self.supersampling = context, size, supersampling
        self.columns = max(1, min(16, ATLAS // size))
        self.side = self.columns * size
        self.frame = context.simple_framebuffer((self.side, self.side), components=4)
        self.frame.use()
        # Blending that keeps the new colour changes no pixel. But with it Mesa's llvmpipe compiles one
        # variant of each program, not two: almost half of the time that a cold run takes.
        context.enable(moderngl.BLEND)
        context.blend_func = moderngl.ONE, moderngl.ZERO
        self.instances = context.buffer(reserve=self.columns**2 * (PARAMETERS + 2) * 4, dynamic=True)

    def draw(self, program: Program, values: Sequence[np.ndarray]) -> np.ndarray:
        """One image for each vector of parameters: uint8, N x size x size x 3."""
        images = np.empty((len(values), self.size, self.size, 3), dtype=np.uint8)
        compiled = self._compile(program)
        vertices = self.context.vertex_array(
            compiled,
            [(self.instances, "4f 4f 4f 4f 2f/i", "values0", "values1", "values2", "values3", "place")],
            skip_errors=True,
        )
        tiles = self.columns**2
        for first in range(0, len(values), tiles):
            part = values[first : first + tiles]
            self.instances.write(self._layout(part))
            vertices.render(moderngl.TRIANGLE_STRIP, vertices=4, instances=len(part))
            images[first : first + tiles] = self._read(len(part))
        vertices.release()
        compiled.release()
        return images

    def release(self) -> None:
        """Give the atlas' memory back. What `draw` makes, it releases itself."""
        self.instances.release()
        for attachment in self.frame.color_attachments:
            attachment.release()
        self.frame.release()

    def _compile(self, program: Program) -> moderngl.Program:
        try:
            compiled = self.context.program(vertex_shader=piece("vertex"), fragment_shader=program.glsl)
        except moderngl.Error as error:
            raise RuntimeError(f"shader program {program.name} does not compile: {error}") from error
        settings = {"size": self.size, "atlas": (self.side, self.side), "side": self.supersampling}
        for name, value in settings.items():
            compiled[name] = value
        return compiled

    def _layout(self, values: Sequence[np.ndarray]) -> np.ndarray:
        """What each instance is given: its parameters and its tile's lower left corner in pixels."""
        rows = np.zeros((len(values), PARAMETERS + 2), dtype=np.float32)
        for row, vector in zip(rows, values, strict=True):
            row[: len(vector)] = vector
        index = np.arange(len(values))
        rows[:, -2] = index % self.columns * self.size
        rows[:, -1] = index // self.columns * self.size
        return rows

    def _read(self, count: int) -> np.ndarray:
        rows = -(-count // self.columns)
        shape = (rows, self.size, self.columns, self.size, 4)
        data = self.frame.read(viewport=(0, 0, self.side, rows * self.size), components=4)
        tiles = np.frombuffer(data, dtype=np.uint8).reshape(shape)[..., :3]
        return tiles.transpose(0, 2, 1, 3, 4).reshape(-1, self.size, self.size, 3)[:count]
