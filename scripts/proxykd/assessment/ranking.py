"""Which proxies are the best for a teacher: the rule by which they are put in order. No stage needs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from proxykd.assessment.figures import BOTH_WAYS, ENTROPY, FEATURES, Figure

CRITERIA = (ENTROPY, BOTH_WAYS, FEATURES)
"""What counts, each as much as another: a figure for each of the paper's criteria but boundary information.

That is shown and does not count, since it speaks against the best proxies there are: a teacher is sure of the
images that it learned from, so hardly one of them lies near its boundary, and the students' views, which are
augmented and mixed, get there anyway.
"""


@dataclass(frozen=True)
class Ranked:
    """One proxy's place among several."""

    place: int
    """1 for the best; proxies with the same mean rank share one."""
    mean_rank: float
    """Over the criteria, 1 to the number of proxies."""
    ranks: dict[str, float]
    """By each criterion, at its place in `assessment.json`; equal values share the mean of their ranks."""


def rank(assessments: list[dict[str, Any]]) -> list[Ranked]:
    """Each proxy's place, in the order in which the proxies are given; all for one teacher.

    The mean of the ranks by each of `CRITERIA`: ranks need no common unit, and no figure outweighs another.
    """
    by_criterion = {one.place: ranks([one.of(told) for told in assessments], one) for one in CRITERIA}
    mean_N = np.mean(list(by_criterion.values()), axis=0)
    return [
        Ranked(
            1 + int((mean_N < mean - 1e-9).sum()),
            float(mean),
            {place: float(several[i]) for place, several in by_criterion.items()},
        )
        for i, mean in enumerate(mean_N)
    ]


def ranks(values: list[float | None], figure: Figure) -> np.ndarray:
    """1 for the best, equal values sharing the mean of their ranks; whoever has none is the last."""
    worst = -np.inf
    merit_N = np.array([worst if value is None else figure.better * value for value in values], float)
    return average_ranks(-merit_N)


def average_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1 along the last axis, ascending; equal values share the mean of theirs."""
    lower = (values[..., None, :] < values[..., :, None]).sum(-1)
    equal = (values[..., None, :] == values[..., :, None]).sum(-1)
    return lower + (equal + 1) / 2
