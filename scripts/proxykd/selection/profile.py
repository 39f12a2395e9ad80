"""How many images of each class, and of each pool, are wanted."""

from __future__ import annotations

import numpy as np

from proxykd.selection.settings import SelectProxies


def profile(settings: SelectProxies, seen_K: np.ndarray) -> np.ndarray | None:
    """Images wanted of each class; None where any will do.

    seen_K: images that there are of each.
    """
    if settings.balance == "none":
        return None
    count = settings.count if settings.count is not None else int(seen_K.sum())
    if settings.balance == "uniform":
        return quotas(count, len(seen_K))
    return long_tail(count, settings.imbalance, class_order(settings, seen_K))


def quotas(count: int, classes: int) -> np.ndarray:
    """How many of each class make `count`: equal, the first classes taking the remainder."""
    return np.full(classes, count // classes) + (np.arange(classes) < count % classes)


def class_order(settings: SelectProxies, seen_K: np.ndarray) -> np.ndarray:
    """The classes from head to tail: by the images there are, the first of equals first, or by the seed."""
    if settings.order == "pool":
        return np.argsort(-seen_K, kind="stable")
    # Of a stream of its own, so that it does not depend on which images are drawn.
    return np.random.default_rng((settings.seed, 2)).permutation(len(seen_K))


def long_tail(count: int, imbalance: float, order_K: np.ndarray) -> np.ndarray:
    """`count` images over the classes, the k-th in order with imbalance ** (-k / (K - 1)) times the first's.

    The exponential profile of Cui et al. (Class-balanced loss based on effective number of samples, CVPR
    2019), cut to whole numbers by largest remainder; of equal remainders the class nearer the head has it.
    """
    steps_K = np.arange(len(order_K)) / max(1, len(order_K) - 1)
    share_K = imbalance**-steps_K
    exact_K = count * share_K / share_K.sum()
    wanted_K = np.floor(exact_K).astype(int)
    left = count - int(wanted_K.sum())
    wanted_K[np.argsort(-(exact_K - wanted_K), kind="stable")[:left]] += 1
    by_class_K = np.empty(len(order_K), int)
    by_class_K[order_K] = wanted_K
    return by_class_K


def divide(count: int | None, shares: list[float], sizes: list[int]) -> list[int]:
    """How many images each of several pools gives: `count` cut by the shares, which sum to 1.

    Without a count, the largest number for which every pool has its part.
    """
    if count is None:
        count = int(min(size / share for size, share in zip(sizes, shares, strict=True)))
    ends = np.rint(np.cumsum(shares) / np.sum(shares) * count).astype(int)
    return np.diff(ends, prepend=0).tolist()
