"""Which images a batch holds: exact epochs, from the seed and the step alone."""

from __future__ import annotations

import numpy as np


class Order:
    """One random order after another of `count` images, cut into batches.

    Each epoch is a permutation that depends on (seed, epoch) alone, so any step can be asked for at once
    and a training that goes on after a kill sees the same batches.
    """

    def __init__(self, count: int, batch: int, seed: int) -> None:
        self.count, self.batch, self.seed = count, batch, seed
        self._epochs: dict[int, np.ndarray] = {}

    def at(self, step: int) -> np.ndarray:
        """Indices of the images of a step; a batch may hold the end of one epoch and the start of the next."""
        first, last = step * self.batch, (step + 1) * self.batch - 1
        epochs = range(first // self.count, last // self.count + 1)
        self._epochs = {epoch: order for epoch, order in self._epochs.items() if epoch in epochs}
        orders = np.concatenate([self._epoch(epoch) for epoch in epochs])
        offset = first - epochs[0] * self.count
        return orders[offset : offset + self.batch]

    def _epoch(self, epoch: int) -> np.ndarray:
        if epoch not in self._epochs:
            rng = np.random.default_rng((self.seed, epoch))
            self._epochs[epoch] = rng.permutation(self.count)
        return self._epochs[epoch]
