"""Which images a batch holds: exact epochs, from the seed and the step alone."""

from __future__ import annotations

import numpy as np

ORDER = 1


class Order:
    """One random order after another of `count` images, cut into batches.

    Each epoch is a permutation that depends on (seed, epoch) alone, so any step can be asked for at once
    and a training that goes on after a kill sees the same batches. Two orders that are gone through side by
    side have different streams.
    """

    def __init__(self, count: int, batch: int, seed: int, stream: int = 0) -> None:
        self.count, self.batch, self.seed, self.stream = count, batch, seed, stream
        self._epochs: dict[int, np.ndarray] = {}

    def at(self, step: int) -> np.ndarray:
        """Indices of the images of a step; a batch may hold the end of one epoch and the next's start."""
        first, last = step * self.batch, (step + 1) * self.batch - 1
        epochs = range(first // self.count, last // self.count + 1)
        self._epochs = {epoch: order for epoch, order in self._epochs.items() if epoch in epochs}
        parts = [
            self._epoch(epoch)[max(0, first - epoch * self.count) : last + 1 - epoch * self.count]
            for epoch in epochs
        ]
        return np.concatenate(parts)

    def _epoch(self, epoch: int) -> np.ndarray:
        if epoch not in self._epochs:
            # Four numbers, where augmentation has two or three: never the same random numbers as a view's.
            rng = np.random.default_rng((self.seed, epoch, self.stream, ORDER))
            self._epochs[epoch] = rng.permutation(self.count)
        return self._epochs[epoch]
