"""A shader program while a family writes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from string import Template
from typing import TypeVar
from zlib import crc32

import numpy as np

Option = TypeVar("Option")
PARAMETERS = 16
"""Numbers that a program can be given for each image: four vec4."""
FEWEST = 8
"""Numbers that a program is given for each image at least."""
NEEDS = {"gradient": ("hash",), "octaves": ("hash", "gradient"), "tint": ("hash", "colour")}
"""Pieces of GLSL that other pieces call."""
DEFINED = re.compile(r"^(?:void|float|vec\d|mat\d|uint|int) ([^;()]+)[;(]", re.MULTILINE)
"""What a text defines outside functions: families begin lines with a type there and nowhere else."""


def uniforms(count: int, *seed: int) -> np.ndarray:
    """`count` float64 in [0, 1) from the seed's words.

    Taken from the bit generator's raw words, which NumPy promises to keep; its distributions may change.
    """
    words = np.random.PCG64(np.random.SeedSequence(seed)).random_raw(count)
    return (words >> np.uint64(11)) * 2.0**-53


class Sketch:
    """Text, needed pieces and parameters of one program, and the draws that decide on them."""

    def __init__(self, family: str, *seed: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence([*seed, crc32(family.encode())]))
        self.pieces: list[str] = []
        self.body: list[str] = []
        self.ranges: list[tuple[float, float]] = []
        self.limit = PARAMETERS

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """A number in [low, high) that belongs to the program."""
        return low + (high - low) * float(int(self._bits.random_raw()) >> 11) * 2.0**-53

    def normal(self) -> float:
        """About N(0, 1): twelve uniform numbers added, less six. It needs no library's logarithm."""
        return sum(self.uniform() for _ in range(12)) - 6.0

    def integer(self, low: int, high: int) -> int:
        """An integer from low to high, both possible."""
        return low + int(self.uniform() * (high - low + 1))

    def chance(self, probability: float) -> bool:
        return self.uniform() < probability

    def pick(self, options: Sequence[Option]) -> Option:
        return options[int(self.uniform() * len(options))]

    def number(self, low: float, high: float) -> str:
        """A constant of the program, as GLSL."""
        return literal(self.uniform(low, high))

    def parameter(self, low: float, high: float) -> str:
        """A number that every image has its own of, as GLSL. After as many as the limit: a constant."""
        index = len(self.ranges)
        if index >= self.limit:
            return self.number(low, high)
        self.ranges.append((low, high))
        return f"p{index // 4}.{'xyzw'[index % 4]}"

    def salt(self) -> str:
        """An unsigned integer that every image has its own of, as GLSL: what its hashes start from."""
        return f"uint({self.parameter(0.0, 2.0**24)})"

    def need(self, *pieces: str) -> None:
        """Ask for files of glsl/ by stem; what they call themselves comes before them."""
        for piece in pieces:
            for earlier in (*NEEDS.get(piece, ()), piece):
                if earlier not in self.pieces:
                    self.pieces.append(earlier)

    def write(self, text: str, **values: str | int | float) -> None:
        """Append GLSL in which `$name` stands for a value."""
        self.body.append(filled(text, **values))

    def inner(self, write: Callable[[Sketch], None], suffix: str, most: int) -> str:
        """Append another family's text with `suffix` behind all names that it defines.

        Returns the call that prepares it, empty where it has nothing to prepare. It can have `most`
        parameters of its own, and constants after that.
        """
        body, limit = self.body, self.limit
        self.body, self.limit = [], min(limit, len(self.ranges) + most)
        write(self)
        text = "".join(self.body)
        self.body, self.limit = body, limit
        names = {name.split("[")[0].strip() for line in DEFINED.findall(text) for name in line.split(",")}
        pattern = rf"\b({'|'.join(sorted(names))})\b"
        self.body.append(re.sub(pattern, rf"\1_{suffix}", text))
        return f"prepare_{suffix}();" if "prepare" in names else ""


def literal(value: float) -> str:
    """A GLSL float."""
    return f"{value:.5f}"


def filled(text: str, **values: str | int | float) -> str:
    """Text with a value for each `$name`; floats become GLSL floats."""
    given = {name: literal(v) if isinstance(v, float) else v for name, v in values.items()}
    return Template(text).substitute(given)
