"""What is chosen from several pools: as if they were one, or its share from each, balanced for itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from proxykd.selection.choice import Chooser, select
from proxykd.selection.profile import divide, profile
from proxykd.selection.settings import SelectFromPools


@dataclass(frozen=True)
class Chosen:
    """Rows that were chosen from one pool, or from all; rows are counted pool after pool."""

    rows: np.ndarray
    """In the random order in which they are stored."""
    span: slice
    """The rows among which they were chosen."""
    wanted_K: np.ndarray
    missing_K: np.ndarray

    def to_fill(self, fill: str) -> dict[int, int]:
        """Class -> images to make, by `fill`: of no class, of empty ones, of all that are short."""
        empty_K = self.missing_K == self.wanted_K
        which_K = {"none": empty_K & False, "empty": empty_K, "short": empty_K | True}[fill]
        labels = np.flatnonzero(which_K & (self.missing_K > 0)).tolist()
        return {label: int(self.missing_K[label]) for label in labels}


@dataclass(frozen=True)
class Filled:
    """Images of one class that were made of others."""

    label: int
    images_NHWC: np.ndarray
    """uint8."""
    rows: np.ndarray
    """Of the images that they were made of, counted pool after pool."""
    distance_N: np.ndarray
    """Largest change of a pixel, in grey levels."""
    tried: int
    """Images that were attacked for them."""


def choose_from(
    predicted_N: np.ndarray,
    left_out_N: np.ndarray,
    sizes: list[int],
    classes: int,
    choose: Chooser,
    settings: SelectFromPools,
) -> Iterator[Chosen]:
    """What is chosen from all pools as one, or from one after another.

    sizes: images of each pool. Raises UserError for an empty pool.
    """
    shares = [share for share in settings.shares if share is not None]
    ends = np.cumsum(sizes).tolist() if shares else [sum(sizes)]
    counts = divide(settings.count, shares, sizes) if shares else [settings.count]
    start = 0
    for end, count in zip(ends, counts, strict=True):
        span = slice(start, end)
        seen_K = np.bincount(predicted_N[span][~left_out_N[span]], minlength=classes)
        wanted_K = profile(settings.model_copy(update={"count": count}), seen_K)
        selection = select(
            predicted_N[span],
            wanted_K,
            count,
            settings.seed,
            # The rule is asked about rows of all pools.
            lambda rows, number, start=start: choose(rows + start, number) - start,  # type: ignore[misc]
            left_out_N[span],
        )
        none_K = np.zeros(classes, int)
        if wanted_K is None:
            yield Chosen(selection.rows + start, span, none_K, none_K)
        else:
            yield Chosen(selection.rows + start, span, wanted_K, selection.missing_K)
        start = end
