"""How proxies are put in order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import rankdata

from proxykd.assessment.figures import FIGURES, Figure
from proxykd.assessment.ranking import CRITERIA, average_ranks, rank, ranks

MORE = Figure("a", "a", "", "", 1)
LESS = Figure("a", "a", "", "", -1)


def assessment(values: dict[str, float | None]) -> dict[str, Any]:
    """An assessment with some figures at their places."""
    told: dict[str, Any] = {}
    for place, value in values.items():
        *above, last = place.split(".")
        inner = told
        for name in above:
            inner = inner.setdefault(name, {})
        inner[last] = value
    return told


def test_more_or_less_is_better_and_equals_share_a_rank() -> None:
    assert ranks([0.1, 0.9, 0.5], MORE).tolist() == [3, 1, 2]
    assert ranks([0.1, 0.9, 0.5], LESS).tolist() == [1, 3, 2]
    assert ranks([2, 1, 2, 0], MORE).tolist() == [1.5, 3, 1.5, 4]


def test_whoever_lacks_a_figure_is_the_last() -> None:
    assert ranks([None, 0.0, -5.0], MORE).tolist() == [3, 1, 2]
    assert ranks([None, 0.0, 5.0], LESS).tolist() == [3, 1, 2]


def test_ranks_are_those_of_scipy() -> None:
    values = np.random.default_rng(0).integers(0, 5, (40, 9))
    assert (average_ranks(values) == rankdata(values, axis=1)).all()


def test_every_criterion_counts_as_much() -> None:
    best = {one.place: 1.0 * one.better for one in CRITERIA}
    several = [assessment(dict.fromkeys(best, 0.0)), assessment(best)]
    several += [assessment(dict.fromkeys(best, 0.0) | {place: best[place]}) for place in best]
    ranked = rank(several)
    assert ranked[1].place == 1
    assert len({one.mean_rank for one in ranked[2:]}) == 1
    assert {one.place for one in ranked[2:]} == {2}
    assert ranked[0].place == len(several)


def test_the_mean_rank_is_that_of_the_ranks() -> None:
    values = np.random.default_rng(1).normal(size=(5, len(CRITERIA)))
    several = [assessment({c.place: v for c, v in zip(CRITERIA, row, strict=True)}) for row in values]
    for one in rank(several):
        assert one.mean_rank == pytest.approx(np.mean(list(one.ranks.values())))
    order = np.argsort([one.mean_rank for one in rank(several)])
    assert [rank(several)[i].place for i in order] == sorted(one.place for one in rank(several))


def test_what_the_ranking_counts_is_among_the_figures() -> None:
    assert set(CRITERIA) <= set(FIGURES)
    assert len({one.place for one in FIGURES}) == len({one.name for one in FIGURES}) == len(FIGURES)
