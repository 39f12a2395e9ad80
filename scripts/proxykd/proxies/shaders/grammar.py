"""From a program's seed to its text.

A program is what its family wrote into a sketch: a function `vec3 shade(vec2 z)` for a point of the
image, after `void prepare()` has set up what all samples of a pixel share. Programs are safe by
construction: they contain integer hashes, bounded loops and guarded divisions only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from zlib import crc32

import numpy as np

from proxykd.proxies.shaders.catalogue import HELDOUT, program_seed
from proxykd.proxies.shaders.families import (
    blends,
    blocks,
    cells,
    cppn,
    curls,
    distortions,
    expressions,
    figures,
    folds,
    fractals,
    glows,
    glyphs,
    gratings,
    heads,
    hulls,
    interference,
    kaleidoscopes,
    labyrinths,
    landscapes,
    limbs,
    loops,
    masks,
    moire,
    noise,
    overlays,
    shapes,
    silhouettes,
    solids,
    spots,
    stacks,
    strokes,
    truchet,
    warps,
)
from proxykd.proxies.shaders.sketch import PARAMETERS, Sketch, uniforms
from proxykd.proxies.shaders.streams import uniforms_of

GRAMMAR_VERSION = 2
"""Part of every seed: raise it when a family writes other text for the same seed."""
FAMILIES = {
    "blends": blends,
    "blocks": blocks,
    "cells": cells,
    "cppn": cppn,
    "curls": curls,
    "distortions": distortions,
    "expressions": expressions,
    "figures": figures,
    "folds": folds,
    "fractals": fractals,
    "glows": glows,
    "glyphs": glyphs,
    "gratings": gratings,
    "heads": heads,
    "hulls": hulls,
    "interference": interference,
    "kaleidoscopes": kaleidoscopes,
    "labyrinths": labyrinths,
    "landscapes": landscapes,
    "limbs": limbs,
    "loops": loops,
    "masks": masks,
    "moire": moire,
    "noise": noise,
    "overlays": overlays,
    "shapes": shapes,
    "silhouettes": silhouettes,
    "solids": solids,
    "spots": spots,
    "stacks": stacks,
    "strokes": strokes,
    "truchet": truchet,
    "warps": warps,
}


__all__ = ["FAMILIES", "GRAMMAR_VERSION", "HELDOUT", "Program", "corpus", "piece", "write_program"]


@dataclass(frozen=True)
class Program:
    """A fragment shader and the range of each of its parameters."""

    family: str
    seed: int
    glsl: str
    ranges: tuple[tuple[float, float], ...]

    @property
    def name(self) -> str:
        """Its stable id, such as `strokes-000123`."""
        return f"{self.family}-{self.seed:06d}"

    def parameters(self, parameter_seed: int) -> np.ndarray:
        """The values of an image: float32, as many as the program has ranges."""
        return self._scaled(uniforms(PARAMETERS, *self._words(), parameter_seed))

    def parameters_of(self, parameter_seeds: Sequence[int]) -> np.ndarray:
        """What `parameters` returns, a row for each seed: float32, N x as many as the program has ranges."""
        return self._scaled(uniforms_of(PARAMETERS, self._words(), parameter_seeds))

    def _words(self) -> tuple[int, ...]:
        return GRAMMAR_VERSION, crc32(self.family.encode()), self.seed

    def _scaled(self, unit: np.ndarray) -> np.ndarray:
        low, high = np.array(self.ranges).T
        return (low + (high - low) * unit[..., : len(low)]).astype(np.float32)

    def text(self, version: int, *defined: str) -> str:
        """Its text for a version of GLSL, with some names defined for the preprocessor."""
        lines = [f"#version {version}", *(f"#define {name}" for name in defined)]
        return "\n".join([*lines, self.glsl.removeprefix("#version 330\n")])


@cache
def piece(stem: str) -> str:
    """The text of a file in glsl/."""
    return (Path(__file__).parent / "glsl" / f"{stem}.glsl").read_text(encoding="utf-8")


def write_program(family: str, seed: int) -> Program:
    """The program that `family` writes for `seed`."""
    sketch = Sketch(family, GRAMMAR_VERSION, seed)
    FAMILIES[family].write(sketch)
    if not any("void prepare()" in text for text in sketch.body):
        sketch.write("void prepare() {}\n")
    pieces = [piece(stem) for stem in ("head", *sketch.pieces)]
    return Program(family, seed, "".join([*pieces, *sketch.body, piece("main")]), tuple(sketch.ranges))


def corpus(families: Mapping[str, float], programs: int, heldout: bool) -> list[tuple[str, int]]:
    """Family and seed of each program: every prefix has the families in the proportion of their weights.

    The n-th program of a family is the n-th of the catalogue, whatever the weights are.
    """
    names = [name for name in FAMILIES if families.get(name, 0) > 0]
    total = sum(families[name] for name in names)
    taken = dict.fromkeys(names, 0)
    chosen = []
    for k in range(1, programs + 1):
        # The family that lags most behind its share; the first of them when several do.
        name = max(names, key=lambda n: families[n] / total * k - taken[n])
        chosen.append((name, program_seed(name, taken[name], heldout)))
        taken[name] += 1
    return chosen
