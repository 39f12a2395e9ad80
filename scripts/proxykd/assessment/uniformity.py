"""The paper's first criterion: how evenly a pool covers the teacher's classes; what it takes to fill them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from proxykd.selection.uniformity import uniformity

Z = 1.645
"""Of a one-sided bound with 95 % confidence."""


def measure(histogram_K: np.ndarray, classes: list[str], fill: int) -> dict[str, Any]:
    """Evenness of a pool's class histogram.

    `relative_entropy`: of the histogram over its largest possible value, 0 to 1 (uniform), the paper's own
    figure; `smallest_share`: of the images in the rarest class, 0 to 1/K; `empty_classes`: how many the
    teacher sees in no image; `to_fill`: what it takes to select `fill` images of every class.
    """
    rarest = int(histogram_K.argmin())
    return uniformity(histogram_K) | {
        "smallest_class": classes[rarest],
        "to_fill": images_needed(int(histogram_K[rarest]), int(histogram_K.sum()), fill)
        | {"class": classes[rarest]},
    }


def images_needed(seen: int, images: int, fill: int) -> dict[str, int | None]:
    """How many images like these must be made until a class has `fill`, if `seen` of `images` are of it.

    `images` is the estimate; between `at_least` and `at_most` it lies where the class's share is at its upper
    and lower bound (Wilson's score interval, 1927; each with 95 % confidence). None: no number is known to be
    enough, since the class was seen in no image. More images of the same kind and, where they are of
    programs, of programs drawn alike.
    """
    low, high = share_bounds(seen, images)
    return {
        "a_class": fill,
        "images": math.ceil(fill * images / seen) if seen else None,
        "at_least": math.ceil(fill / high),
        "at_most": math.ceil(fill / low) if seen else None,
    }


def share_bounds(seen: int, images: int) -> tuple[float, float]:
    """Lower and upper bound of a share, each with 95 % confidence, of which `seen` in `images` were drawn."""
    share, spread = seen / images, Z**2 / images
    middle = (share + spread / 2) / (1 + spread)
    reach = Z / (1 + spread) * math.sqrt(share * (1 - share) / images + spread / (4 * images))
    return max(0.0, middle - reach), min(1.0, middle + reach)
