"""Dead leaves as proxies, after Baradad et al. 2021 ("Learning to See by Looking at Noise", section 3).

Opaque shapes in uniform colours fall at uniform places; their radius has a density in proportion to r^-3
between 0.03 and 1 of the image's side. An image is what lies on top once no ground is left. The leaves are
drawn from the top one down, so that "until covered" needs no guess: a leaf below a covered image cannot be
seen. All leaves of a block of images are filled together, as spans of the rows of a finer grid.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from proxykd.proxies.luma import in_channels
from proxykd.proxies.settings import LeavesPool

SMALLEST, LARGEST = 0.03, 1.0
LAYER = 256
"""Leaves added at a time to the images that still have ground."""
DRAWS = 12
"""Random numbers a leaf takes: place 2, radius, kind, turn, four for its corners, colour 3."""
BLOCK = 32_768
"""Pixels that are worked on together: enough to keep NumPy busy, few enough to stay in the cache."""
FINE = 2
"""Samples along one side of a pixel."""


def programs(pool: LeavesPool) -> list[str]:
    """The only one, by its name."""
    return ["leaves"]


@contextmanager
def open_painter(pool: LeavesPool) -> Iterator[Painter]:
    """What draws a pool whose size and channels are given."""
    yield Painter(pool)


class Painter:
    """Draws samples of a pool. Image i depends on the pool's seed, i and the size only."""

    def __init__(self, pool: LeavesPool) -> None:
        self.pool = pool

    def draw(self, program: int, samples: range) -> tuple[np.ndarray, dict[str, Any]]:
        """Images (uint8, N x size x size x C) and what is known of each, by column.

        Column `leaves`: how many had fallen before it was covered, to the next multiple of LAYER.
        """
        size, channels = self.pool.size, self.pool.channels
        assert size is not None
        assert channels is not None
        images_NHWC = np.empty((len(samples), size, size, channels), np.uint8)
        seeds = [parameter_seed(self.pool, i) for i in samples]
        block = max(1, BLOCK // size**2)
        leaves: list[int] = []
        for first in range(0, len(seeds), block):
            images, taken = render_seeds(seeds[first : first + block], size)
            images_NHWC[first : first + block] = in_channels(images, channels)
            leaves += taken
        return images_NHWC, {"program": ["leaves"] * len(seeds), "parameter_seed": seeds, "leaves": leaves}


def parameter_seed(pool: LeavesPool, i: int) -> int:
    """What image i is drawn from: the pool's seed in the upper 32 bits, i in the lower ones."""
    return (pool.seed << 32) + i


def render_seeds(seeds: list[int], size: int) -> tuple[np.ndarray, list[int]]:
    """The images of these seeds (uint8, N x size x size x 3), and how many leaves each took."""
    sources = [np.random.Generator(np.random.SFC64(seed)) for seed in seeds]
    # A colour is one number, which NumPy copies in a third of the time that three bytes take.
    canvas = np.zeros((len(seeds), size * FINE, size * FINE), dtype=np.uint32)
    bare = np.ones(canvas.shape, dtype=bool)
    taken = [0] * len(seeds)
    open_images = np.arange(len(seeds))
    while open_images.size:
        draws = np.stack([sources[i].random((LAYER, DRAWS), dtype=np.float32) for i in open_images])
        image = np.repeat(np.arange(len(open_images), dtype=np.int32), LAYER)
        draws = draws.reshape(-1, DRAWS)
        if taken[open_images[0]]:
            seen = np.flatnonzero(may_show(draws, image, bare[open_images]))
            draws, image = draws[seen], image[seen]
        top = topmost(Leaves.of(draws, size * FINE), image, len(open_images), size * FINE)
        still = bare[open_images]
        place = np.flatnonzero(still & (top >= 0))
        chosen = canvas[open_images]
        chosen.ravel()[place] = colours(draws)[top.ravel()[place]]
        canvas[open_images] = chosen
        bare[open_images] = still & (top < 0)
        for i in open_images:
            taken[i] += LAYER
        open_images = open_images[bare[open_images].any(axis=(1, 2))]
    return averaged(canvas.view(np.uint8).reshape(*canvas.shape, 4), FINE)[..., :3], taken


def colours(draws: np.ndarray) -> np.ndarray:
    """Each leaf's colour as red, green, blue and nothing, one byte each: uint32."""
    bytes_L4 = np.zeros((len(draws), 4), dtype=np.uint8)
    bytes_L4[:, :3] = draws[:, 9:] * 256
    return bytes_L4.view(np.uint32)[:, 0]


def averaged(canvas_NHWC: np.ndarray, fine: int) -> np.ndarray:
    """The mean of each square of fine x fine samples, rounded."""
    total = np.zeros(canvas_NHWC[:, ::fine, ::fine].shape, dtype=np.uint16)
    for y in range(fine):
        for x in range(fine):
            total += canvas_NHWC[:, y::fine, x::fine]
    return ((total + fine**2 // 2) // fine**2).astype(np.uint8)


@dataclass
class Leaves:
    """Shapes on a grid: discs, and convex polygons as four corners in order (a triangle repeats one)."""

    centre: np.ndarray  # L x 2, in samples: x, y
    radius: np.ndarray  # L, of the circle around the shape
    round: np.ndarray  # L, true for a disc
    corners: np.ndarray  # L x 4 x 2, in samples

    @classmethod
    def of(cls, draws: np.ndarray, side: int) -> Leaves:
        """Leaves from L x DRAWS uniform numbers, on a grid of side x side samples."""
        centre = draws[:, :2] * side
        radius = radii(draws, side)
        kind = (draws[:, 3] * 6).astype(np.int8)
        angles = corner_angles(kind, draws[:, 4:9])
        spokes = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
        corners = centre[:, None] + radius[:, None, None] * spokes
        return cls(centre, radius, kind == 0, corners)


def corner_angles(kind: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Angles (L x 4, ascending) of the corners of shapes inscribed in a circle.

    kind 1 square, 2 oriented square, 3 rectangle, 4 triangle, 5 quadrilateral. draws: L x 5 in [0, 1).
    """
    quarters = np.arange(4, dtype=np.float32) * (np.pi / 2)
    angles = np.broadcast_to(quarters + np.float32(np.pi / 4), (len(kind), 4)).copy()
    turned = kind == 2
    angles[turned] += draws[turned, :1] * np.float32(2 * np.pi)
    flat = kind == 3
    half = (0.1 + 0.8 * draws[flat, 1:2]) * np.float32(np.pi / 2)
    angles[flat] = np.concatenate([half, np.pi - half, np.pi + half, 2 * np.pi - half], axis=1)
    free = kind >= 4
    loose = np.sort(draws[free, 1:], axis=1) * np.float32(2 * np.pi)
    loose[kind[free] == 4, 3] = loose[kind[free] == 4, 2]
    angles[free] = loose
    return angles


def may_show(draws: np.ndarray, image: np.ndarray, bare: np.ndarray) -> np.ndarray:
    """Whether there is ground left in the square around each leaf, from its draws and its image's number.

    bare: images x side x side, of which whole pixels are looked at. Most leaves of the lower layers fall on
    covered places: they need no work.
    """
    samples = [bare[:, y::FINE, x::FINE] for y in range(FINE) for x in range(FINE)]
    ground = reduce(np.logical_or, samples)
    side = ground.shape[1]
    below = np.zeros((len(bare), side + 1, side + 1), dtype=np.int32)
    below[:, 1:, 1:] = ground.cumsum(axis=1, dtype=np.int32).cumsum(axis=2)
    radius = radii(draws, side)[:, None]
    low = np.clip(np.floor(draws[:, :2] * side - radius), 0, side).astype(np.int32)
    high = np.clip(np.ceil(draws[:, :2] * side + radius), 0, side).astype(np.int32)
    within = [below[image, y[:, 1], x[:, 0]] for y in (low, high) for x in (low, high)]
    return within[3] - within[2] - within[1] + within[0] > 0


def radii(draws: np.ndarray, side: int) -> np.ndarray:
    """Radii in samples: the inverse of the distribution function of a density in proportion to r^-3."""
    low, high = SMALLEST**-2, LARGEST**-2
    return side / np.sqrt(low - draws[:, 2] * (low - high))


def topmost(leaves: Leaves, image: np.ndarray, images: int, side: int) -> np.ndarray:
    """Index of the leaf on top at each sample, -1 where there is none: images x side x side.

    image: each leaf's image. Leaves lie image by image, the upper before the lower.
    """
    leaf, row = rows_of(leaves, side)
    left, right = spans(leaves, leaf, row)
    first = np.clip(np.ceil(left - 0.5), 0, side).astype(np.int32)
    width = np.clip(np.floor(right - 0.5) + 1, 0, side).astype(np.int32) - first
    seen = np.flatnonzero(width > 0)[::-1]
    leaf, row, first, width = leaf[seen], row[seen], first[seen], width[seen]
    begin = (image[leaf] * side + row) * side + first
    ends = np.cumsum(width, dtype=np.int32)
    # Where each filled sample lies: it counts on from its span's first one.
    index = np.arange(ends[-1] if ends.size else 0, dtype=np.int32) + np.repeat(begin - (ends - width), width)
    top = np.full(images * side * side, -1, dtype=np.int32)
    # NumPy assigns repeated places in order: the last span, the uppermost leaf, stays.
    top[index] = np.repeat(leaf, width)
    return top.reshape(images, side, side)


def rows_of(leaves: Leaves, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Each pair of a leaf and a row of samples that it may meet, as two int32 arrays; leaves in order."""
    y = np.where(leaves.round, leaves.centre[:, 1], 0)
    low = np.where(leaves.round, y - leaves.radius, leaves.corners[..., 1].min(axis=1))
    high = np.where(leaves.round, y + leaves.radius, leaves.corners[..., 1].max(axis=1))
    first = np.clip(np.ceil(low - 0.5), 0, side).astype(np.int32)
    count = np.maximum(np.clip(np.floor(high - 0.5) + 1, 0, side).astype(np.int32) - first, 0)
    leaf = np.repeat(np.arange(len(count), dtype=np.int32), count)
    begin = first - (np.cumsum(count, dtype=np.int32) - count)
    return leaf, np.arange(len(leaf), dtype=np.int32) + begin[leaf]


def spans(leaves: Leaves, leaf: np.ndarray, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each row's middle enters and leaves the shape, in samples from the left; empty if they cross."""
    height = row + np.float32(0.5)
    left, right = np.empty_like(height), np.empty_like(height)
    is_round = leaves.round[leaf]
    discs, others = np.flatnonzero(is_round), np.flatnonzero(~is_round)
    disc = leaf[discs]
    centre = leaves.centre[disc]
    reach = np.sqrt(np.maximum(leaves.radius[disc] ** 2 - (height[discs] - centre[:, 1]) ** 2, 0))
    left[discs], right[discs] = centre[:, 0] - reach, centre[:, 0] + reach
    # Inside a convex polygon lies right of all its left edges and left of all its right ones.
    # NumPy makes such numbers of an index each time it is used, if it is of others.
    polygon, y = leaf[others].astype(np.intp), height[others]
    x = [slope.take(polygon) * y + offset.take(polygon) for slope, offset in edges(leaves.corners)]
    # Of four at a time, rather than along an axis of four, which NumPy is slow at.
    left[others], right[others] = reduce(np.maximum, x[:4]), reduce(np.minimum, x[4:])
    return left, right


def edges(corners: np.ndarray) -> np.ndarray:
    """x = slope * y + offset of each polygon's four left, then its four right edges: 8 x 2 x L.

    An edge of the other side, or a level one, is a line far away. Corners turn with the angle, so that
    the left edges are those that go down.
    """
    along = np.roll(corners, -1, axis=1) - corners
    level = along[..., 1]
    slope = along[..., 0] / np.where(level == 0, 1, level)
    offset = corners[..., 0] - slope * corners[..., 1]
    lines = np.empty((8, 2, len(corners)), dtype=np.float32)
    for k, counts, far in ((0, level < 0, -1e6), (4, level > 0, 1e6)):
        lines[k : k + 4, 0] = np.where(counts, slope, 0).T
        lines[k : k + 4, 1] = np.where(counts, offset, far).T
    return lines
