"""How well figures of proxies predict the accuracy of students that learned from them. No stage needs it.

Spearman's rank correlation: 1 where a figure puts the students in the order of their accuracies, 0 where it
says nothing of it, -1 where it turns it round.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proxykd.assessment.ranking import average_ranks

DRAWS = 4000
LEVEL = 0.95
FEWEST = 3
"""Pairs, of one teacher or in all, below which their order says nothing."""


@dataclass(frozen=True)
class Estimate:
    """A figure with the bounds of its 95 % interval; None where it cannot be told."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Prediction:
    """What one figure tells of the students' accuracies."""

    n: int
    """(teacher, proxy) pairs that have the figure."""
    pooled: Estimate
    """Over all pairs at once."""
    within: Estimate
    """Within each teacher, and the mean of these by their numbers of pairs: what a ranking needs."""
    beyond: Estimate
    """By how much `within` exceeds that of the reference figure, over the pairs that have both."""


@dataclass(frozen=True)
class Outcomes:
    """Pairs of a teacher and proxies whose students were measured on labelled images."""

    teacher_N: np.ndarray
    """Numbers from 0."""
    accuracy_N: np.ndarray
    """Of the students, over their teacher's."""


def predict(figure_N: np.ndarray, reference_N: np.ndarray, outcomes: Outcomes, seed: int = 0) -> Prediction:
    """How well a figure, and how much better than a reference, orders the students.

    Both are turned so that more is thought better, and are NaN where there is none. The intervals are
    percentiles of a bootstrap over pairs, drawn within each teacher, so that all draws have the same
    teachers; they tell how far the result depends on which proxies were tried, and nothing of other teachers.
    """
    has_N = ~np.isnan(figure_N) & ~np.isnan(reference_N)
    if has_N.sum() < FEWEST:
        return Prediction(int(has_N.sum()), *[Estimate(None, None, None)] * 3)
    teacher_N = outcomes.teacher_N[has_N]
    values_3N = np.stack([figure_N[has_N], reference_N[has_N], outcomes.accuracy_N[has_N]])
    drawn_BN = _draws(teacher_N, seed)
    both = [
        _scores(values_3N[:, rows_BN], teacher_N) for rows_BN in (np.arange(len(teacher_N))[None], drawn_BN)
    ]
    (pooled, within, beyond), draws = ([score[0] for score in both[0]], both[1])
    return Prediction(
        int(has_N.sum()),
        *(_estimate(value, drawn_B) for value, drawn_B in zip((pooled, within, beyond), draws, strict=True)),
    )


def _scores(values_3BN: np.ndarray, teacher_N: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pooled, within teachers, and the latter less the reference's, for each of B draws."""
    figure_BN, reference_BN, accuracy_BN = values_3BN
    within_B = _within(figure_BN, accuracy_BN, teacher_N)
    beyond_B = within_B - _within(reference_BN, accuracy_BN, teacher_N)
    return spearman(figure_BN, accuracy_BN), within_B, beyond_B


def _within(x_BN: np.ndarray, y_BN: np.ndarray, teacher_N: np.ndarray) -> np.ndarray:
    groups = [np.flatnonzero(teacher_N == teacher) for teacher in np.unique(teacher_N)]
    groups = [rows for rows in groups if len(rows) >= FEWEST]
    if not groups:
        return np.full(len(x_BN), np.nan)
    each_GB = np.stack([spearman(x_BN[:, rows], y_BN[:, rows]) for rows in groups])
    weight_G1 = np.array([[len(rows)] for rows in groups], float)
    # A draw in which a teacher's pairs are all alike has no order there: the other teachers speak alone.
    weight_GB = np.where(np.isnan(each_GB), 0, weight_G1)
    with np.errstate(invalid="ignore"):
        return np.nansum(each_GB * weight_G1, 0) / weight_GB.sum(0)


def spearman(x_BN: np.ndarray, y_BN: np.ndarray) -> np.ndarray:
    """Rank correlations along the last axis; NaN where one side is the same throughout."""
    centred = [r - r.mean(-1, keepdims=True) for r in (average_ranks(x_BN), average_ranks(y_BN))]
    spread = np.sqrt((centred[0] ** 2).sum(-1) * (centred[1] ** 2).sum(-1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(spread > 0, (centred[0] * centred[1]).sum(-1) / spread, np.nan)


def _draws(teacher_N: np.ndarray, seed: int) -> np.ndarray:
    """Rows of `DRAWS` bootstrap samples, each with as many pairs of every teacher as there are."""
    rng = np.random.default_rng(seed)
    drawn_BN = np.empty((DRAWS, len(teacher_N)), int)
    for teacher in np.unique(teacher_N):
        rows = np.flatnonzero(teacher_N == teacher)
        drawn_BN[:, rows] = rng.choice(rows, (DRAWS, len(rows)))
    return drawn_BN


def _estimate(value: float, drawn_B: np.ndarray) -> Estimate:
    known_B = drawn_B[~np.isnan(drawn_B)]
    if np.isnan(value) or not len(known_B):
        return Estimate(None, None, None)
    low, high = np.quantile(known_B, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(float(value), float(low), float(high))
