"""Draws shader programs with OpenGL: many images of one program in one call, and one read-back for all.

The driver (Mesa) keeps compiled programs in its own cache, in MESA_SHADER_CACHE_DIR if that is set.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import moderngl
import numpy as np

from proxykd.presentation.progress import log
from proxykd.proxies.shaders.compute import Compute
from proxykd.proxies.shaders.context import can_compute, device_of, on_processor, open_context
from proxykd.proxies.shaders.grammar import Program
from proxykd.proxies.shaders.raster import Raster
from proxykd.proxies.shaders.sketch import PARAMETERS

Compiled = moderngl.Program | moderngl.ComputeShader
WORTH_UNROLLING, WORTH_OPTIMISING = 3_000_000, 5_000_000
"""Samples that one program draws, from which on it is worth the time of a compiler on the CPU to write a
pixel's four samples one after the other instead of a loop, and to have Mesa's optimiser work on them.

Measured with llvmpipe 22.3 and 66 programs at 32 pixels, 2 x 2 samples, milliseconds a program and an image:
a loop 47 and 0.20, unrolled 83 and 0.16, unrolled and optimised 145 and 0.11. None of it changes a byte."""


@dataclass(frozen=True)
class Batches:
    """How many images are drawn at once, and how many batches are on their way."""

    side: int
    """Pixels along the sides of an atlas; a larger image is alone in its batch."""
    buffers: int
    unrolled_from: float = math.inf
    """Samples from which on a loop is unrolled; a graphics card's own compiler knows better."""

    def columns(self, size: int) -> int:
        """Tiles of `size` pixels along the sides of a batch."""
        return max(1, self.side // size)


ON_PROCESSOR = Batches(side=256, buffers=1, unrolled_from=WORTH_UNROLLING)
"""Measured with llvmpipe 22.3 and one thread: batches of 64 images of 32 pixels take 10 % less time than
single ones, larger ones no less; from 64 pixels on there is no difference. More buffers gain nothing, since
the thread that asks for an image draws it."""
ON_CARD = Batches(side=1024, buffers=3)
"""One batch is drawn while the last one is read back and the one before is copied."""


@contextmanager
def open_studio(size: int, supersampling: int, backend: str = "raster") -> Iterator[Studio]:
    """What draws tiles of `size` pixels; its memory and its context of OpenGL are released in the end.

    backend: `compute`, or anything else for `raster`. A device without compute shaders draws with fragment
    shaders. Raises UserError where there is no OpenGL.
    """
    context = open_context()
    try:
        studio = Studio(context, size, supersampling, backend)
        try:
            yield studio
        finally:
            # Before the context: what is released after it crashes the process.
            studio.release()
    finally:
        context.release()


class Studio:
    """Draws images of one size. `backend` is what it draws with: `raster` or `compute`."""

    def __init__(
        self,
        context: moderngl.Context,
        size: int,
        supersampling: int,
        backend: str = "raster",
        batches: Batches | None = None,
    ) -> None:
        if backend == "compute" and not can_compute(context):
            log.warning("%s has no compute shaders (OpenGL 4.3): raster draws instead", device_of(context))
            backend = "raster"
        self.backend = "compute" if backend == "compute" else "raster"
        self.size, self.supersampling = size, supersampling
        self.batches = batches or (ON_PROCESSOR if on_processor(context) else ON_CARD)
        self.columns = self.batches.columns(size)
        kind = Compute if self.backend == "compute" else Raster
        self.engine: Raster | Compute = kind(context, size, self.columns, self.batches.buffers)

    def draw(self, program: Program, values: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
        """One image for each vector of parameters: uint8, N x size x size x 3.

        Raises RuntimeError where the program does not compile.
        """
        with self.compiled(program, len(values)) as compiled:
            return self.frames(compiled, padded(values))

    @contextmanager
    def compiled(self, program: Program, images: int) -> Iterator[Compiled]:
        """The program as the device runs it, for so many images.

        Raises RuntimeError where it does not compile.
        """
        samples = images * (self.size * self.supersampling) ** 2
        unrolled = self.supersampling == 2 and samples >= self.batches.unrolled_from
        try:
            compiled = self.engine.compile(program, *(["FOUR_SAMPLES"] if unrolled else []))
        except moderngl.Error as error:
            raise RuntimeError(f"shader program {program.name} does not compile: {error}") from error
        try:
            for name, value in {"size": self.size, "side": self.supersampling}.items():
                # The compiler drops what a program makes no use of.
                if name in compiled:
                    compiled[name] = value
            yield compiled
        finally:
            compiled.release()

    def frames(self, compiled: Compiled, values_NP: np.ndarray) -> np.ndarray:
        """One image for each row of parameters: uint8, N x size x size x 3."""
        images_NHWC = np.empty((len(values_NP), self.size, self.size, 3), dtype=np.uint8)
        running: deque[tuple[int, np.ndarray]] = deque()
        tiles, buffers = self.columns**2, self.batches.buffers
        for k, first in enumerate(range(0, len(values_NP), tiles)):
            if len(running) == buffers:
                self._collect(*running.popleft())
            self.engine.start(compiled, values_NP[first : first + tiles], k % buffers)
            running.append((k % buffers, images_NHWC[first : first + tiles]))
        while running:
            self._collect(*running.popleft())
        return images_NHWC

    def release(self) -> None:
        """Give the memory back. What `draw` makes, it releases itself."""
        self.engine.release()

    def _collect(self, buffer: int, images_NHWC: np.ndarray) -> None:
        tiles_NHWC = self.engine.finish(buffer, len(images_NHWC))
        # NumPy copies a channel at a time in a quarter of the time that three of four take together.
        for channel in range(3):
            images_NHWC[..., channel] = tiles_NHWC[..., channel]


def padded(values: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    """The vectors of a program's images as rows of equal length: float32, N x `PARAMETERS`."""
    given_NP = np.asarray(values, dtype=np.float32)
    return np.pad(given_NP, ((0, 0), (0, PARAMETERS - given_NP.shape[1])))
