"""The teacher's opinion of each image of some pools, as far as their figures need it.

Read from the scores in blocks, since the logits of a million images and a thousand classes are gigabytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from proxykd.shards import stream_table

BLOCK = 16_384
"""Rows whose logits are in memory at once."""
COLUMNS = ["predicted", "confidence", "entropy", "logits"]


@dataclass(frozen=True)
class Opinions:
    """One row an image, pool after pool."""

    first_N: np.ndarray
    """The likeliest class."""
    second_N: np.ndarray
    """The likeliest of the others."""
    confidence_N: np.ndarray
    """The probability of the first, 0 to 1."""
    margin_N: np.ndarray
    """The probability of the first less that of the second, 0 to 1: 0 on the decision boundary."""
    entropy_N: np.ndarray
    """Of the probabilities, in nats, 0 to log K."""


def read(scores: list[Path]) -> Opinions:
    """The opinions in several pools' scores. Raises UserError where a table is damaged."""
    blocks = [
        _block(batch) for folder in scores for batch in stream_table(folder, COLUMNS, BLOCK) if len(batch)
    ]
    return Opinions(*(np.concatenate(column) for column in zip(*blocks, strict=True)))


def _block(batch: dict[str, np.ndarray]) -> tuple[np.ndarray, ...]:
    first_N, confidence_N = batch["predicted"].astype(np.int64), batch["confidence"].astype(float)
    others_NK, rows = batch["logits"].astype(float), np.arange(len(first_N))
    largest_N = others_NK[rows, first_N]
    others_NK[rows, first_N] = -np.inf
    second_N = others_NK.argmax(1)
    # The ratio of two probabilities is the exponential of their logits' difference.
    margin_N = confidence_N * -np.expm1(others_NK[rows, second_N] - largest_N)
    return first_N, second_N, confidence_N, margin_N, batch["entropy"].astype(float)
