"""Images of a class, equally many of each class that the teacher finds likeliest next.

With equal classes, that covers the ordered pairs of classes as evenly as the pools allow.
"""

from __future__ import annotations

import numpy as np

from proxykd.selection.groups import evenly
from proxykd.selection.settings import SelectProxies


def columns(settings: SelectProxies) -> list[str]:
    """Of the scores, what is looked at."""
    return ["predicted", "logits"]


def look(batch: dict[str, np.ndarray], settings: SelectProxies) -> np.ndarray:
    """What is kept of each image: the class of its second logit; the lower class of equal ones."""
    others_NK = batch["logits"].copy()
    others_NK[np.arange(len(others_NK)), batch["predicted"]] = -np.inf
    return others_NK.argmax(1).astype(np.int32)


def choose(seen_n: np.ndarray, count: int, settings: SelectProxies) -> np.ndarray:
    """Places of `count` images, over the classes that come second."""
    return evenly(seen_n, count)
