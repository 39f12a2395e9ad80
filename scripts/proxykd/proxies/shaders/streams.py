"""Uniform numbers of many seeds at once: those that `sketch.uniforms` draws for each of them.

An object of NumPy's for each seed takes ten times as long. NumPy promises to keep the algorithms: its
SeedSequence, which hashes a seed's words, and PCG64 (O'Neill 2014, "PCG: a family of simple fast
space-efficient statistically good algorithms for random number generation"). The n-th state of that is a
multiple of the first one and one of the increment, so all of a stream's numbers are computed side by side.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np

POOL = 4
"""Words that a seed's are mixed into."""
HASH, OUTPUT = (0x43B0D7E5, 0x931E8875), (0x8B51F9DD, 0x58F38DED)
"""The first constant that words are hashed with, and the factor from each to the next: for a seed's words,
and for those that are made of the pool."""
MIX = np.uint32(0xCA01F9DD), np.uint32(0x4973F715)
MULTIPLIER = 0x2360ED051FC65DA44385DF649FCCF645
HALF, LOW = np.uint64(32), np.uint64(2**32 - 1)

Wide = tuple[np.ndarray, np.ndarray]
"""Integers of 128 bits: their upper and their lower halves, uint64."""


def uniforms_of(count: int, first: Sequence[int], seeds: Sequence[int]) -> np.ndarray:
    """Row n is `uniforms(count, *first, seeds[n])`: float64 in [0, 1), N x count.

    first: each below 2^32. seeds: below 2^64, and all below 2^32 or none. Raises ValueError otherwise.
    """
    words_8N = seeded(_words(first, np.array(seeds, np.uint64))).astype(np.uint64)
    high, low, second_high, second_low = (words_8N[::2] | words_8N[1::2] << HALF)[:, :, None]
    increment = (
        second_high << np.uint64(1) | second_low >> np.uint64(63),
        second_low << np.uint64(1) | np.uint64(1),
    )
    powers, sums = _steps(count)
    states = _sum(_product((high, low), powers), _product(increment, sums))
    return (_scrambled(*states) >> np.uint64(11)) * 2.0**-53


def _words(first: Sequence[int], seeds_N: np.ndarray) -> np.ndarray:
    """The words that NumPy takes the numbers of each seed apart into, the lower half of a long one first."""
    high_N = seeds_N >> HALF
    if high_N.any() != high_N.all():
        raise ValueError("seeds above and below 2^32 have different numbers of words")
    rows = [
        *(np.full(len(seeds_N), word) for word in first),
        seeds_N & LOW,
        *([high_N] if high_N.all() else []),
    ]
    return np.stack(rows).astype(np.uint32)


def seeded(words_WN: np.ndarray) -> np.ndarray:
    """Eight uint32 of each seed, as `SeedSequence(words).generate_state(8)` gives them: 8 x N."""
    constants = _constants(*HASH)
    blank_N = np.zeros(words_WN.shape[1], np.uint32)
    words = [*words_WN, *[blank_N] * (POOL - len(words_WN))]
    pool = [_hashed(word_N, constants) for word_N in words[:POOL]]
    for k in range(len(words)):
        for other in range(POOL):
            if k != other:
                hashed_N = _hashed(pool[k] if k < POOL else words[k], constants)
                mixed_N: np.ndarray = MIX[0] * pool[other] - MIX[1] * hashed_N
                pool[other] = mixed_N ^ mixed_N >> np.uint32(16)
    constants = _constants(*OUTPUT)
    return np.stack([_hashed(pool[k % POOL], constants) for k in range(8)])


def _constants(first: int, factor: int) -> Iterator[tuple[np.uint32, np.uint32]]:
    """What words are hashed with, one after the other: a constant and the one after it."""
    while True:
        following = first * factor % 2**32
        yield np.uint32(first), np.uint32(following)
        first = following


def _hashed(words_N: np.ndarray, constants: Iterator[tuple[np.uint32, np.uint32]]) -> np.ndarray:
    constant, following = next(constants)
    hashed_N = (words_N ^ constant) * following
    return hashed_N ^ hashed_N >> np.uint32(16)


@cache
def _steps(count: int) -> tuple[Wide, Wide]:
    """What the seed and the increment are multiplied by in each state that a number is made of.

    PCG64 begins at the seed plus the increment, steps once (times the multiplier, plus the increment), and
    once more before each number.
    """
    powers = [pow(MULTIPLIER, k, 2**128) for k in range(count + 2)]
    sums = [sum(powers[: k + 1]) % 2**128 for k in range(count + 2)]
    return _wide(powers[2:]), _wide(sums[2:])


def _wide(numbers: list[int]) -> Wide:
    return np.array([n >> 64 for n in numbers], np.uint64), np.array([n % 2**64 for n in numbers], np.uint64)


def _sum(one: Wide, other: Wide) -> Wide:
    low = one[1] + other[1]
    return one[0] + other[0] + (low < other[1]), low


def _product(one: Wide, other: Wide) -> Wide:
    (a, b), (c, d) = one, other
    # The upper half of b x d, from products of their halves, which are whole in 64 bits.
    b_high, b_low, d_high, d_low = b >> HALF, b & LOW, d >> HALF, d & LOW
    middle = b_high * d_low + (b_low * d_low >> HALF)
    other_middle = b_low * d_high + (middle & LOW)
    upper = b_high * d_high + (middle >> HALF) + (other_middle >> HALF)
    return upper + a * d + b * c, b * d


def _scrambled(high: np.ndarray, low: np.ndarray) -> np.ndarray:
    """What PCG64 makes of a state: both halves' difference, turned by the upper six bits."""
    word, turn = high ^ low, high >> np.uint64(58)
    return word >> turn | word << (np.uint64(64) - turn & np.uint64(63))
