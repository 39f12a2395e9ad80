"""Which of RandAugment's operations each sample gets (Cubuk et al. 2020), as torchvision defines them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from proxykd.augmentation.settings import BINS, OPERATIONS, Augmentation

LARGEST = {
    "ShearX": 0.3,
    "ShearY": 0.3,
    "TranslateX": 150 / 331,
    "TranslateY": 150 / 331,
    "Rotate": 30.0,
    "Brightness": 0.9,
    "Color": 0.9,
    "Contrast": 0.9,
    "Sharpness": 0.9,
}
"""Values at the highest magnitude of what goes either way: shares of the height or width, shares of the side,
degrees, and differences of a factor from 1."""


@dataclass(frozen=True)
class Drawn:
    """The operations of a batch of N samples, in the S places in which each sample gets one."""

    operation_NS: np.ndarray
    """Places in OPERATIONS."""
    is_negative_NS: np.ndarray
    """Sign of the value, for operations that go either way."""
    magnitude: int

    def places(self, *names: str) -> np.ndarray:
        """Where one of these operations was drawn, N x S."""
        is_meant_O = np.zeros(len(OPERATIONS), bool)
        is_meant_O[[OPERATIONS.index(name) for name in names]] = True
        return is_meant_O[self.operation_NS]

    def any(self, *names: str) -> bool:
        """Whether one of these operations was drawn for any sample."""
        return bool(self.places(*names).any())

    def looked_up(self, table_O2: np.ndarray) -> np.ndarray:
        """What a table of operations by signs (see `by_sign`) holds for each place and sample, S x N."""
        return table_O2[self.operation_NS.T, self.is_negative_NS.T.astype(int)]


def draw(n: int, how: Augmentation, rng: np.random.Generator) -> Drawn:
    """The operations of n samples: each place independently, all operations but the omitted ones alike."""
    kept = np.array([place for place, name in enumerate(OPERATIONS) if name not in how.omit])
    shape = n, how.operations
    if not how.operations:
        return Drawn(np.zeros(shape, int), np.zeros(shape, bool), how.magnitude)
    return Drawn(kept[rng.integers(len(kept), size=shape)], rng.random(shape) < 0.5, how.magnitude)


def value(name: str, magnitude: int) -> float:
    """How far an operation that goes either way goes."""
    return LARGEST[name] * magnitude / (BINS - 1)


def posterize_bits(magnitude: int) -> int:
    """Bits that are kept of eight."""
    return 8 - round(4 * magnitude / (BINS - 1))


def solarize_threshold(magnitude: int) -> float:
    """Grey level from which pixels are inverted."""
    # In whole numbers before the division, so that whole levels come out whole.
    return 255 * (BINS - 1 - magnitude) / (BINS - 1)


def by_sign(one: np.ndarray, of: dict[str, Callable[[float], np.ndarray]], magnitude: int) -> np.ndarray:
    """A table of all operations by both signs: `of` gives an operation's entry from its signed value.

    one: the entry of every other operation.
    """
    table = np.broadcast_to(one, (len(OPERATIONS), 2, *one.shape)).copy()
    for name, entry in of.items():
        for negative, sign in enumerate((1, -1)):
            table[OPERATIONS.index(name), negative] = entry(sign * value(name, magnitude))
    return table
