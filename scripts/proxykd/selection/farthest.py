"""Images of a class that are far from each other in the teacher's features: greedy k-centre.

Gonzalez (1985): always the image farthest from those taken. Its steps, one product of all features with one
image's each, are done many at a time, and yield the same images.
"""

from __future__ import annotations

import numpy as np

from proxykd.selection.settings import SelectProxies

CANDIDATES = 1024
"""Farthest images among which the next ones are looked for."""
ROWS = 8192
"""Images whose distances to new ones are in memory at once."""


def columns(settings: SelectProxies) -> list[str]:
    """Of the scores, what is looked at."""
    return ["features"]


def look(batch: dict[str, np.ndarray], settings: SelectProxies) -> np.ndarray:
    """What is kept of each image: its features, half precision."""
    return batch["features"]


def choose(seen_n: np.ndarray, count: int, settings: SelectProxies) -> np.ndarray:
    """Places of `count` images, from their features, n x D.

    Distance is that of the directions of features, since angles are what the teacher's last layer tells
    apart. The first image is the first in the random order; of equally far ones any.
    """
    x_nD = _directions(seen_n)
    nearest_n = np.full(len(x_nD), np.inf, np.float32)
    taken, new = [0], np.array([0])
    while len(taken) < count:
        _approach(nearest_n, x_nD, x_nD[new])
        nearest_n[taken] = -np.inf
        new = _next(nearest_n, x_nD, count - len(taken))
        taken += new.tolist()
    return np.array(taken)


def _directions(features_nD: np.ndarray) -> np.ndarray:
    """Features of length 1; 0 where there is no direction, as with one that is no number."""
    x_nD = features_nD.astype(np.float32)
    x_nD[~np.isfinite(x_nD).all(1)] = 0
    length_n1 = np.linalg.norm(x_nD, axis=1, keepdims=True)
    return np.divide(x_nD, length_n1, out=x_nD, where=length_n1 > 0)


def _approach(nearest_n: np.ndarray, x_nD: np.ndarray, new_mD: np.ndarray) -> None:
    """Lower each image's distance (squared, half) to the nearest one taken by those that were taken now."""
    for first in range(0, len(x_nD), ROWS):
        block = slice(first, first + ROWS)
        likeness_n = (x_nD[block] @ new_mD.T).max(1)
        np.minimum(nearest_n[block], 1 - likeness_n, out=nearest_n[block])


def _next(nearest_n: np.ndarray, x_nD: np.ndarray, count: int) -> np.ndarray:
    """The next images to take, `count` at most and one at least.

    While the farthest candidate is as far as the nearest of them was, no other image is farther: those were
    nearer from the start, and no image that is taken makes another's distance larger.
    """
    number = min(CANDIDATES, len(nearest_n))
    places = np.sort(np.argpartition(nearest_n, len(nearest_n) - number)[-number:])
    distance_c = nearest_n[places]
    bound = distance_c.min()
    between_cc = 1 - x_nD[places] @ x_nD[places].T
    taken: list[int] = []
    while len(taken) < count:
        farthest = int(distance_c.argmax())
        if taken and (distance_c[farthest] < bound or distance_c[farthest] == -np.inf):
            break
        taken.append(farthest)
        np.minimum(distance_c, between_cc[farthest], out=distance_c)
        distance_c[farthest] = -np.inf
    return places[taken]
