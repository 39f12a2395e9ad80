"""Dead leaves as proxies, after Baradad et al. 2021 ("Learning to See by Looking at Noise", section 3).

Opaque shapes in uniform colours fall at uniform places; their radius has a density in proportion to r^-3
between 0.03 and 1 of the image's side. An image is what lies on top once no ground is left. The leaves are
drawn from the top one down, so that "until covered" needs no guess: a leaf below a covered image cannot be
seen. All leaves of a block of images are filled together, as spans of the rows of a finer grid.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from proxykd.proxies.settings import LeavesPool

SMALLEST, LARGEST = 0.03, 1.0
LAYER = 256
"""Leaves added at a time to the images that still have ground."""
DRAWS = 12
"""Random numbers a leaf takes: place 2, radius, kind, turn, four for its corners, colour 3."""
FINEST = 3
"""Samples along one side of a pixel, of images up to 64 pixels; two beyond."""


def render(pool: LeavesPool, images_NHWC: np.ndarray, advance: Callable[[int], None]) -> dict[str, list[Any]]:
    """Fill `images_NHWC` (uint8, N x size x size x C); returns a column's entries by its name.

    Image i depends on the pool's seed, i and the size only. Column `leaves`: how many had fallen before
    it was covered, to the next multiple of LAYER.
    """
    count, size, channels = len(images_NHWC), images_NHWC.shape[1], images_NHWC.shape[3]
    block = max(1, 65_536 // size**2)
    leaves: list[int] = []
    for first in range(0, count, block):
        seeds = [parameter_seed(pool, i) for i in range(first, min(first + block, count))]
        images, taken = render_seeds(seeds, size)
        images_NHWC[first : first + block] = images if channels == 3 else luma(images)
        leaves += taken
        advance(len(seeds))
    return {
        "program": ["leaves"] * count,
        "parameter_seed": [parameter_seed(pool, i) for i in range(count)],
        "leaves": leaves,
    }


def parameter_seed(pool: LeavesPool, i: int) -> int:
    """What image i is drawn from: the pool's seed in the upper 32 bits, i in the lower ones."""
    return (pool.seed << 32) + i


def luma(images_NHWC: np.ndarray) -> np.ndarray:
    """ITU-R 601-2 luma of RGB in 16-bit fixed point, as Pillow's mode L has it; keeps one channel."""
    weighted = images_NHWC.astype(np.uint32) @ np.array([19595, 38470, 7471], dtype=np.uint32)
    return ((weighted + 0x8000) >> 16).astype(np.uint8)[..., None]


def render_seeds(seeds: list[int], size: int) -> tuple[np.ndarray, list[int]]:
    """The images of these seeds (uint8, N x size x size x 3), and how many leaves each took."""
    fine = FINEST if size <= 64 else 2
    sources = [np.random.Generator(np.random.SFC64(seed)) for seed in seeds]
    canvas = np.zeros((len(seeds), size * fine, size * fine, 3), dtype=np.uint8)
    bare = np.ones(canvas.shape[:3], dtype=bool)
    taken = [0] * len(seeds)
    open_images = np.arange(len(seeds))
    while open_images.size:
        draws = np.stack([sources[i].random((LAYER, DRAWS), dtype=np.float32) for i in open_images])
        top = topmost(Leaves.of(draws.reshape(-1, DRAWS), size * fine), len(open_images), size * fine)
        colours = (draws[:, :, 9:] * 256).astype(np.uint8).reshape(-1, 3)
        place = bare[open_images] & (top >= 0)
        chosen = canvas[open_images]
        chosen[place] = colours[top[place]]
        canvas[open_images] = chosen
        bare[open_images] &= top < 0
        for i in open_images:
            taken[i] += LAYER
        open_images = open_images[bare[open_images].any(axis=(1, 2))]
    return averaged(canvas, fine), taken


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
        # The inverse of the distribution function of a density in proportion to r^-3.
        low, high = SMALLEST**-2, LARGEST**-2
        radius = side / np.sqrt(low - draws[:, 2] * (low - high))
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


def topmost(leaves: Leaves, images: int, side: int) -> np.ndarray:
    """Index of the leaf on top at each sample, -1 where there is none: images x side x side.

    Leaves lie image by image, the upper before the lower.
    """
    leaf, row = rows_of(leaves, side)
    left, right = spans(leaves, leaf, row)
    first = np.clip(np.ceil(left - 0.5), 0, side).astype(np.int32)
    width = np.clip(np.floor(right - 0.5) + 1, 0, side).astype(np.int32) - first
    seen = np.flatnonzero(width > 0)[::-1]
    leaf, row, first, width = leaf[seen], row[seen], first[seen], width[seen]
    image = leaf // (len(leaves.radius) // images)
    begin = (image * side + row) * side + first
    ends = np.cumsum(width)
    # Where each filled sample lies: it counts on from its span's first one.
    index = np.arange(ends[-1] if ends.size else 0) + np.repeat(begin - (ends - width), width)
    top = np.full(images * side * side, -1, dtype=np.int32)
    # NumPy assigns repeated places in order: the last span, the uppermost leaf, stays.
    top[index] = np.repeat(leaf, width)
    return top.reshape(images, side, side)


def rows_of(leaves: Leaves, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Each pair of a leaf and a row of samples that its circle meets, as two arrays; leaves in order."""
    y = leaves.centre[:, 1]
    first = np.clip(np.ceil(y - leaves.radius - 0.5), 0, side).astype(np.int32)
    count = np.clip(np.floor(y + leaves.radius - 0.5) + 1, 0, side).astype(np.int32) - first
    count = np.maximum(count, 0)
    leaf = np.repeat(np.arange(len(count), dtype=np.int32), count)
    ends = np.cumsum(count)
    row = np.arange(len(leaf), dtype=np.int32) + np.repeat(first - (ends - count), count)
    return leaf, row.astype(np.int32)


def spans(leaves: Leaves, leaf: np.ndarray, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each row's middle enters and leaves the shape, in samples from the left; empty if they cross."""
    height = row + np.float32(0.5)
    centre = leaves.centre[leaf]
    reach = np.sqrt(np.maximum(leaves.radius[leaf] ** 2 - (height - centre[:, 1]) ** 2, 0))
    left, right = centre[:, 0] - reach, centre[:, 0] + reach
    sided = np.flatnonzero(~leaves.round[leaf])
    corners, level = leaves.corners[leaf[sided]], height[sided]
    low = np.full(len(sided), np.inf, dtype=np.float32)
    high = -low
    for k in range(4):
        a, b = corners[:, k], corners[:, (k + 1) % 4]
        rise = b[:, 1] - a[:, 1]
        crosses = (a[:, 1] <= level) != (b[:, 1] <= level)
        share = (level - a[:, 1]) / np.where(crosses, rise, 1)
        x = a[:, 0] + share * (b[:, 0] - a[:, 0])
        low = np.where(crosses, np.minimum(low, x), low)
        high = np.where(crosses, np.maximum(high, x), high)
    empty = high < low
    left[sided], right[sided] = np.where(empty, 1, low), np.where(empty, 0, high)
    return left, right
