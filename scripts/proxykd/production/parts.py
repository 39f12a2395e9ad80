"""How a pool is divided: into parts, which one program draws, and bundles of parts, which are stored as one.

Nothing here knows of cores or processes: a pool is divided the same way wherever it is rendered.
Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

BUNDLE_BYTES = 16 * 2**20
"""Of a bundle's images as they lie in memory, at most, unless it is one image."""
BUNDLES = 64
"""Into so many, at least, a pool of many images is divided: enough to keep the cores of a node busy."""


@dataclass(frozen=True)
class Part:
    """Some samples of a pool, and the program that draws them, by its number."""

    program: int
    samples: range


@dataclass(frozen=True)
class Bundle:
    """Parts that are drawn one after the other and stored as one."""

    number: int
    parts: tuple[Part, ...]

    @cached_property
    def samples(self) -> np.ndarray:
        """The numbers of its samples, ascending: int64."""
        return np.sort(np.concatenate([np.arange(p.samples.start, p.samples.stop, p.samples.step)
                                       for p in self.parts]))  # fmt: skip

    def drawn_without(self, failed: Collection[int], programs: int) -> Bundle:
        """The same samples, with stand-ins for those of all programs that have failed."""
        parts = [Part(stand_in(part.program, failed, programs), part.samples) for part in self.parts]
        return Bundle(self.number, tuple(parts))


def divide(count: int, programs: int, image_bytes: int) -> list[Bundle]:
    """The bundles of a pool of `count` images, whose sample i is drawn by program i modulo `programs`.

    A program's samples are one part unless they would fill a bundle, since each part compiles it again. What
    a single program draws is divided as finely as it can be: there is little to compile.
    """
    most = max(1, BUNDLE_BYTES // image_bytes)
    enough = max(1, min(count // BUNDLES, most))
    parts = [
        Part(program, samples)
        for program in range(programs)
        for samples in _pieces(range(program, count, programs), enough if programs == 1 else most)
    ]
    return [Bundle(number, tuple(several)) for number, several in enumerate(_gathered(parts, enough))]


def _pieces(samples: range, most: int) -> list[range]:
    return [samples[first : first + most] for first in range(0, len(samples), most)]


def _gathered(parts: Sequence[Part], enough: int) -> list[list[Part]]:
    gathered: list[list[Part]] = [[]]
    held = 0
    for part in parts:
        if held and held + len(part.samples) > enough:
            gathered.append([])
            held = 0
        gathered[-1].append(part)
        held += len(part.samples)
    return gathered


def stand_in(program: int, failed: Collection[int], programs: int) -> int:
    """Who draws a program's samples: itself or, where it has failed, the next one that has not."""
    return next(
        candidate % programs
        for candidate in range(program, program + programs)
        if candidate % programs not in failed
    )
