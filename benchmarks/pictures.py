"""Images to measure with: smooth fields with edges, so that no augmentation has an easy time."""

from __future__ import annotations

import numpy as np


def pictures(count: int, size: int, seed: int = 0) -> np.ndarray:
    """uint8, count x size x size x 3: a coloured wave, and a disc of another colour in front of it."""
    rng = np.random.default_rng(seed)
    y, x = np.meshgrid(np.linspace(0, 1, size), np.linspace(0, 1, size), indexing="ij")
    waves_NC22 = rng.uniform(-9, 9, (count, 3, 2, 1, 1))
    phase_NC11 = rng.uniform(0, 6.28, (count, 3, 1, 1))
    field = 0.5 + 0.5 * np.sin(waves_NC22[:, :, 0] * x + waves_NC22[:, :, 1] * y + phase_NC11)
    centre_N2, radius_N = rng.uniform(0.2, 0.8, (count, 2, 1, 1)), rng.uniform(0.1, 0.4, (count, 1, 1))
    inside_N1HW = (np.hypot(x - centre_N2[:, 0], y - centre_N2[:, 1]) < radius_N)[:, None]
    field = np.where(inside_N1HW, rng.uniform(size=(count, 3, 1, 1)), field)
    return np.ascontiguousarray((255 * field).astype(np.uint8).transpose(0, 2, 3, 1))
