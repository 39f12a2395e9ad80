"""Which images of some pools are looked at more closely: at random, one of each program, several of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from proxykd.shards import read_rows, read_table
from proxykd.store import read_index

WITHIN = 200
"""Sets of images of one program, at most, on which diversity within programs is measured."""
ORIGINS = ("program", "class")


@dataclass(frozen=True)
class Groups:
    """What a pool's images come from."""

    kind: str
    """`program`; `class` for real images, which are of no program; `mixed`; or `image`: each is its own."""
    group_N: np.ndarray
    """Of each image, 0 to `count` - 1, pool after pool."""
    count: int


@dataclass(frozen=True)
class Drawn:
    """Rows of the pools that were drawn, and places in these of what each figure looks at."""

    rows: np.ndarray
    """Ascending, each once."""
    sample: np.ndarray
    between: np.ndarray | None
    """One image of each group, or of as many as the sample has images; None of a single group."""
    within_SM: np.ndarray | None
    """Sets of several images of one group each."""


def groups(pools: list[Path]) -> Groups:
    """What the images of some pools come from: their `program`, or the `class` of a set of real ones."""
    found, kinds, count = [], set(), 0
    for pool in pools:
        index = read_index(pool)
        table = read_table(pool)
        origin = next((name for name in ORIGINS if name in table.column_names), None)
        kinds.add(origin or "image")
        if origin is None:
            here = np.arange(index.samples)
        else:
            here = table[origin].combine_chunks().dictionary_encode().indices.to_numpy()
        found.append(here + count)
        count += int(here.max(initial=-1)) + 1
    group_N = np.concatenate(found)
    kind = kinds.pop() if len(kinds) == 1 else "mixed"
    return Groups("image" if count == len(group_N) else kind, group_N, count)


def draw(known: Groups, sample: int, each: int, seed: int) -> Drawn:
    """Draw `sample` images, one of each of at most so many groups, and sets of `each` of one group."""
    order = np.random.default_rng(seed).permutation(len(known.group_N))
    drawn = order[:sample]
    between, within_SM = None, None
    if known.kind != "image":
        between, within_SM = _between(order, known, sample), _within(order, known, each)
    parts = [part.ravel() for part in (drawn, between, within_SM) if part is not None]
    rows = np.unique(np.concatenate(parts))

    def places(of: np.ndarray | None) -> np.ndarray | None:
        return None if of is None else np.searchsorted(rows, of)

    return Drawn(rows, np.searchsorted(rows, drawn), places(between), places(within_SM))


def _between(order: np.ndarray, known: Groups, most: int) -> np.ndarray | None:
    if known.count < 2:
        return None
    _, first = np.unique(known.group_N[order], return_index=True)
    # In the order of the draw, so that a part of the groups is one at random.
    return order[np.sort(first)[:most]]


def _within(order: np.ndarray, known: Groups, each: int) -> np.ndarray | None:
    """Rows of sets of `each` images of a group, S x M, or None where no group has so many.

    Of few groups several sets are taken, so that as many sets as possible up to `WITHIN` are looked at.
    """
    size_G = np.bincount(known.group_N, minlength=known.count)
    large = np.flatnonzero(size_G >= each)
    if not len(large):
        return None
    # Stable: within a group the order of the draw remains.
    by_group = order[np.argsort(known.group_N[order], kind="stable")]
    start_G = np.cumsum(size_G) - size_G
    # Groups are numbered as they come, so evenly spread ones are as good as random ones.
    chosen = large[np.linspace(0, len(large) - 1, min(WITHIN, len(large))).astype(int)]
    several = max(1, WITHIN // len(chosen))
    sets = [
        by_group[start : start + each * min(several, size // each)].reshape(-1, each)
        for start, size in zip(start_G[chosen], size_G[chosen], strict=True)
    ]
    return np.concatenate(sets)


def images(pools: list[Path], rows: np.ndarray) -> np.ndarray:
    """The images of ascending rows of the pools, N x H x W x C uint8; no others are decoded."""
    found, start = [], 0
    for pool in pools:
        index = read_index(pool)
        here = rows[(rows >= start) & (rows < start + index.samples)] - start
        found += read_rows(pool, [entry.model_dump() for entry in index.shards], here.tolist())
        start += index.samples
    return np.stack(found)
