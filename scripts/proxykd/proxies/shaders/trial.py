"""How fast the back ends are on this device: a short measurement."""

from __future__ import annotations

import time
from contextlib import ExitStack

import moderngl
import numpy as np

from proxykd.proxies.shaders.context import can_compute, open_context
from proxykd.proxies.shaders.grammar import write_program
from proxykd.proxies.shaders.studio import Compiled, Studio, padded

PROGRAMS = (("noise", 0), ("strokes", 0))
"""Families and seeds. Of every pool the same, so that none of its own programs can stop it."""
ROUNDS = 3
LARGEST, FINEST = 64, 2
"""Size and supersampling that are measured at most: enough to tell the back ends apart."""
CLEARLY = 1.1
"""Compute shaders draw where they are faster by so much; chance decides nothing then."""


def faster(size: int, supersampling: int) -> str:
    """`raster` or `compute`, for images of this kind. Raises UserError where nothing can be drawn."""
    context = open_context()
    try:
        found = rates(context, min(size, LARGEST), min(supersampling, FINEST))
    finally:
        context.release()
    return choice(found)


def choice(found: dict[str, float]) -> str:
    """The back end to draw with, from the rates."""
    return "compute" if found.get("compute", 0.0) > CLEARLY * found["raster"] else "raster"


def rates(context: moderngl.Context, size: int, supersampling: int) -> dict[str, float]:
    """Images a second, without compiling, by back end: those that the device has, the best of some rounds."""
    best: dict[str, float] = {}
    with ExitStack() as stack:
        drawn = {
            backend: _compiled(stack, context, size, supersampling, backend)
            for backend in ("raster", "compute")
            if backend == "raster" or can_compute(context)
        }
        for _ in range(ROUNDS):
            for backend, (studio, programs) in drawn.items():
                best[backend] = max(best.get(backend, 0.0), _rate(studio, programs))
    return best


Drawn = tuple[Studio, list[tuple[Compiled, np.ndarray]]]


def _compiled(
    stack: ExitStack, context: moderngl.Context, size: int, supersampling: int, backend: str
) -> Drawn:
    """A studio and the programs in it, each with parameters; released with the stack.

    As many batches of them as are on their way at once.
    """
    studio = Studio(context, size, supersampling, backend)
    stack.callback(studio.release)
    programs = []
    for family, seed in PROGRAMS:
        program = write_program(family, seed)
        compiled = stack.enter_context(studio.compiled(program, 1))
        few_NP = padded([program.parameters(i) for i in range(8)])
        values_NP = np.resize(few_NP, (studio.batches.buffers * studio.columns**2, few_NP.shape[1]))
        # The driver compiles at the first draw.
        studio.frames(compiled, values_NP[:1])
        programs.append((compiled, values_NP))
    return studio, programs


def _rate(studio: Studio, programs: list[tuple[Compiled, np.ndarray]]) -> float:
    began = time.perf_counter()
    for compiled, values_NP in programs:
        studio.frames(compiled, values_NP)
    return sum(len(values_NP) for _, values_NP in programs) / (time.perf_counter() - began)
