"""The paper's second criterion: between which classes a pool's images lie.

A student learns the boundary between two classes from images that the teacher thinks to be of the one, and
next of the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from proxykd.selection.uniformity import scaled_entropy


def measure(first_N: np.ndarray, second_N: np.ndarray, classes: int, at_least: int) -> dict[str, Any]:
    """How well images cover the K (K - 1) / 2 pairs of classes, by the likeliest two of each image.

    `covered`: share of the pairs that at least `at_least` images lie between, whichever class is first, 0
    to 1; `covered_both_ways`: that have so many on either side; `scaled_entropy`: of the images over the
    pairs, over its largest possible value, 0 to 1 (all pairs equally; 0 for two classes, which are one pair);
    `seen`: pairs with any image. All depend on the number of images where that is not large beside the
    number of pairs.
    """
    counts_KK = np.bincount(first_N * classes + second_N, minlength=classes**2).reshape(classes, classes)
    above = np.triu_indices(classes, 1)
    forth_P, back_P = counts_KK[above], counts_KK.T[above]
    both_P = forth_P + back_P
    return {
        "images": len(first_N),
        "pairs": len(both_P),
        "seen": int((both_P > 0).sum()),
        "covered": float((both_P >= at_least).mean()),
        "covered_both_ways": float((np.minimum(forth_P, back_P) >= at_least).mean()),
        "scaled_entropy": scaled_entropy(both_P),
    }
