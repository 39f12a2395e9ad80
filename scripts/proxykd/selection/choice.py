"""Selection: a pool's images, so many of each class that the teacher sees in them.

Frank & Davis, CVPR 2025, section 3: synthetic images are filtered through the teacher until its
predictions are uniform over the classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from proxykd.errors import UserError

Chooser = Callable[[np.ndarray, int], np.ndarray]
"""From rows of one class in random order, and how many of them, to those that are taken."""


@dataclass(frozen=True)
class Selection:
    """Rows that were chosen, and how many more of each class are wanted."""

    rows: np.ndarray
    """Indices into the pool, in the random order in which they are stored."""
    missing_K: np.ndarray


def select(
    predicted_N: np.ndarray,
    wanted_K: np.ndarray | None,
    count: int | None,
    seed: int,
    choose: Chooser,
    left_out_N: np.ndarray | None = None,
) -> Selection:
    """Choose so many rows of each class as are wanted, or without that, any `count` of them (None: all).

    predicted_N: the teacher's class of each image. left_out_N: rows that are not there. A class with fewer
    images than wanted gives all that it has; the others do not make up for it, since that would undo the
    balance. All rows come in a random order, which the seed alone decides, before any are chosen: so images
    of equal confidence, or at equal distance, are taken at random, and the row's number favours none. (Of
    equal logits, the class that comes first is the teacher's; of equal images, the first row counts.)
    Raises UserError for an empty pool.
    """
    if len(predicted_N) == 0:
        raise UserError("The pool is empty, so there is nothing to select. Raise the count of its proxies.")
    order = np.random.default_rng(seed).permutation(len(predicted_N))
    if left_out_N is not None:
        order = order[~left_out_N[order]]
    if wanted_K is None:
        return Selection(order[:count], np.zeros(0, int))
    class_in_order = predicted_N[order]
    # Stable: within a class the random order remains.
    by_class = order[np.argsort(class_in_order, kind="stable")]
    seen_K = np.bincount(class_in_order, minlength=len(wanted_K))
    del class_in_order
    taken_N = np.zeros(len(predicted_N), bool)
    ends_K = np.cumsum(seen_K)
    for label, wanted in enumerate(wanted_K.tolist()):
        rows = by_class[ends_K[label] - seen_K[label] : ends_K[label]]
        taken_N[rows if len(rows) <= wanted else choose(rows, wanted)] = True
    return Selection(order[taken_N[order]], np.maximum(wanted_K - seen_K, 0))


def repeated(digest_N: np.ndarray) -> np.ndarray:
    """Which images have appeared before: all but the first row of each digest."""
    _, first = np.unique(digest_N, return_index=True)
    repeated_N = np.ones(len(digest_N), bool)
    repeated_N[first] = False
    return repeated_N
