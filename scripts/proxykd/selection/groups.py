"""Equal numbers from groups of images."""

from __future__ import annotations

import numpy as np


def evenly(group_n: np.ndarray, count: int) -> np.ndarray:
    """Places of `count` images, equally many of each group as far as they exist.

    group_n: each image's group, a small whole number; the order is a random one. A group's first images are
    taken, one of each group in turn; of the groups that have one more for the last turn, those whose image
    comes first.
    """
    by_group = np.argsort(group_n, kind="stable")
    size_G = np.bincount(group_n)
    start_G = np.cumsum(size_G) - size_G
    turn_n = np.empty(len(group_n), int)
    turn_n[by_group] = np.arange(len(group_n)) - np.repeat(start_G, size_G)
    return np.argsort(turn_n, kind="stable")[:count]
