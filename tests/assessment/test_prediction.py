"""Rank correlations of figures with the students' accuracy, and their intervals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from proxykd.assessment.prediction import Outcomes, predict, spearman

RNG = np.random.default_rng(0)


def outcomes(*accuracies: list[float]) -> Outcomes:
    """Of several teachers."""
    teacher_N = np.repeat(np.arange(len(accuracies)), [len(several) for several in accuracies])
    return Outcomes(teacher_N, np.concatenate([np.array(several, float) for several in accuracies]))


def test_correlations_are_those_of_scipy() -> None:
    x_BN, y_BN = RNG.integers(0, 6, (2, 30, 12)).astype(float)
    expected = [spearmanr(x, y).statistic for x, y in zip(x_BN, y_BN, strict=True)]
    assert spearman(x_BN, y_BN) == pytest.approx(np.array(expected))


def test_what_never_differs_tells_nothing() -> None:
    known = outcomes([0.1, 0.4, 0.6, 0.9])
    told = predict(np.ones(4), np.arange(4.0), known)
    assert told.n == 4
    assert told.pooled.value is told.within.value is told.beyond.value is None


def test_the_right_order_is_one_and_the_wrong_one_minus_one() -> None:
    known = outcomes([0.1, 0.4, 0.6, 0.9, 0.95])
    figure_N = np.array([1.0, 2, 30, 31, 400])
    right, wrong = predict(figure_N, figure_N, known), predict(-figure_N, figure_N, known)
    assert (right.pooled.value, right.pooled.low, right.pooled.high) == pytest.approx((1, 1, 1))
    assert right.within.value == pytest.approx(1)
    assert (right.beyond.value, right.beyond.low, right.beyond.high) == (0, 0, 0)
    assert wrong.within.value == pytest.approx(-1)
    assert wrong.beyond.value == pytest.approx(-2)


def test_within_teachers_is_told_from_between_them() -> None:
    # The second teacher's students and figures are all higher, but each teacher's order is the wrong one.
    known = outcomes([0.30, 0.25, 0.20, 0.15], [0.9, 0.85, 0.8, 0.75])
    told = predict(np.array([1.0, 2, 3, 4, 11, 12, 13, 14]), np.arange(8.0), known)
    assert told.pooled.value is not None
    assert told.pooled.value > 0.4
    assert told.within.value == pytest.approx(-1)


def test_pairs_without_the_figure_are_left_out() -> None:
    known = outcomes([0.1, 0.4, 0.6, 0.9, 0.95])
    figure_N = np.array([1.0, np.nan, 3, 4, 5])
    told = predict(figure_N, np.array([5.0, 1, 4, 3, 2]), known)
    assert told.n == 4
    assert told.within.value == pytest.approx(1)
    # The reference is compared over the same pairs.
    assert told.beyond.value == pytest.approx(1 - spearmanr([5, 4, 3, 2], [0.1, 0.6, 0.9, 0.95]).statistic)


def test_the_interval_is_the_same_each_time_and_holds_the_estimate() -> None:
    accuracies = RNG.uniform(0, 1, 14)
    known = outcomes(accuracies[:7].tolist(), accuracies[7:].tolist())
    figure_N, reference_N = accuracies + RNG.normal(0, 0.25, (2, 14))
    first, second = (predict(figure_N, reference_N, known) for _ in range(2))
    assert first == second
    for estimate in (first.pooled, first.within, first.beyond):
        assert None not in (estimate.low, estimate.value, estimate.high)
        assert estimate.low < estimate.value < estimate.high  # type: ignore[operator]


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    # Of two normal variables with correlation 0.6 Spearman's is 6/pi arcsin(0.3).
    truth, held = 6 / np.pi * np.arcsin(0.3), 0
    for _ in range(60):
        x_N = RNG.normal(size=24)
        y_N = 0.6 * x_N + 0.8 * RNG.normal(size=24)
        pooled = predict(x_N, x_N, outcomes(y_N.tolist())).pooled
        held += pooled.low <= truth <= pooled.high  # type: ignore[operator]
    assert held / 60 > 0.8


def test_two_proxies_of_a_teacher_are_too_few_for_an_order() -> None:
    known = outcomes([0.1, 0.9], [0.2, 0.5, 0.8])
    assert predict(np.array([9.0, 1, 1, 2, 3]), np.arange(5.0), known).within.value == pytest.approx(1)
    assert predict(np.array([1.0, 2]), np.arange(2.0), outcomes([0.1, 0.9])).within.value is None
