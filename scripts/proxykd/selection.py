"""Selection: a pool's images, balanced over the classes that the teacher gives them.

Frank & Davis, CVPR 2025, section 3: synthetic images are filtered through the teacher until its
predictions are uniform over the classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proxykd.errors import UserError


@dataclass(frozen=True)
class Selection:
    """Rows that were chosen, and the classes that could not be filled."""

    rows: np.ndarray
    """Indices into the pool, in the random order in which they are stored."""
    shortfall: dict[int, int]
    """Class -> images that are missing; empty where no balance was asked for."""


def quotas(count: int, classes: int) -> np.ndarray:
    """How many of each class make `count`: equal, the first classes taking the remainder."""
    return np.full(classes, count // classes) + (np.arange(classes) < count % classes)


def select(predicted_N: np.ndarray, classes: int, count: int | None, balance: str, seed: int) -> Selection:
    """Choose `count` rows (None: all) at random, equally many of each class where `balance` is uniform.

    predicted_N: the teacher's class of each image, 0 to classes - 1. A class with fewer images than its
    quota gives all that it has; the others do not make up for it, since that would undo the balance.
    Raises UserError for an empty pool.
    """
    if len(predicted_N) == 0:
        raise UserError("The pool is empty, so there is nothing to select. Raise the count of its proxies.")
    order = np.random.default_rng(seed).permutation(len(predicted_N))
    if balance == "none":
        return Selection(order[:count], {})
    wanted = quotas(count if count is not None else len(predicted_N), classes)
    seen = np.zeros(classes, int)
    rank = np.empty(len(order), int)
    predicted_in_order = predicted_N[order]
    for label in range(classes):
        here = predicted_in_order == label
        seen[label] = here.sum()
        rank[here] = np.arange(seen[label])
    rows = order[rank < wanted[predicted_in_order]]
    missing = np.maximum(wanted - seen, 0)
    return Selection(rows, {int(label): int(missing[label]) for label in np.flatnonzero(missing)})


def divide(count: int | None, shares: list[float], sizes: list[int]) -> list[int]:
    """How many images each of several pools gives: `count` cut by the shares, which sum to 1.

    Without a count, the largest number for which every pool has its part.
    """
    if count is None:
        count = int(min(size / share for size, share in zip(sizes, shares, strict=True)))
    ends = np.rint(np.cumsum(shares) / np.sum(shares) * count).astype(int)
    return np.diff(ends, prepend=0).tolist()


def scaled_entropy(histogram_K: np.ndarray) -> float:
    """Entropy of a class histogram over its largest possible value: H / log K, 0 for one class to 1.

    The paper's "relative entropy" (an entropy scaled to 1, no KL divergence). Nine of ten equal classes
    still give 0.954, so look at the smallest class beside it.
    """
    total = histogram_K.sum()
    if total == 0 or len(histogram_K) < 2:
        return 0.0
    share = histogram_K[histogram_K > 0] / total
    return float(-(share * np.log(share)).sum() / np.log(len(histogram_K)))


def uniformity(histogram_K: np.ndarray) -> dict[str, object]:
    """Scaled entropy, smallest class's share and number of empty classes of a histogram, and itself."""
    return {
        "histogram": histogram_K.tolist(),
        "relative_entropy": scaled_entropy(histogram_K),
        "smallest_share": float(histogram_K.min() / max(1, histogram_K.sum())),
        "empty_classes": int((histogram_K == 0).sum()),
    }
