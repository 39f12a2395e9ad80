"""Images of a class, equally many of each range of the teacher's confidence, or of its entropy.

The ranges are equally wide. Equally many of each quantile would be a random draw over again, but for its
luck: it leaves the pool's distribution as it is.
"""

from __future__ import annotations

import numpy as np

from proxykd.selection.groups import evenly
from proxykd.selection.settings import SelectProxies


def columns(settings: SelectProxies) -> list[str]:
    """Of the scores, what is looked at."""
    return [settings.within]


def look(batch: dict[str, np.ndarray], settings: SelectProxies) -> np.ndarray:
    """What is kept of each image: its confidence, 0 to 1, or its entropy, in nats."""
    return batch[settings.within]


def choose(seen_n: np.ndarray, count: int, settings: SelectProxies) -> np.ndarray:
    """Places of `count` images, over as many ranges from the class's least value to its greatest."""
    low, high = float(seen_n.min()), float(seen_n.max())
    if high == low:
        return np.arange(count)
    place_n = (seen_n.astype(np.float64) - low) / (high - low) * settings.strata
    return evenly(np.minimum(place_n.astype(np.int16), settings.strata - 1), count)
