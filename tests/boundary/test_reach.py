"""How far the attack may go, by the teacher alone."""

from __future__ import annotations

import torch

from proxykd.boundary import bold_driver, deepfool_linf
from proxykd.boundary.reach import measure
from proxykd.boundary.settings import AttackBoundary
from trained import linear_classifier

GREY = 1 / 255


def test_the_smallest_reach_that_does_for_nearly_all_is_chosen() -> None:
    """100 views 1.5, 3, 6 or 12 grey levels from the boundary, in a share of 20, 30, 49 and 1 %."""
    teacher = linear_classifier([[0.0], [1.0 / GREY]], [0.0, -0.5 / GREY])
    levels = torch.cat([torch.full((n,), -away) for n, away in ((20, 1.5), (30, 3.0), (49, 6.0), (1, 12.0))])
    x_NCHW = (0.5 + levels * GREY).view(-1, 1, 1, 1)
    target_N = torch.ones(100, dtype=torch.int64)
    for method in (deepfool_linf, bold_driver):
        told = measure(method, teacher, x_NCHW, target_N, AttackBoundary(longest_step=64))
        assert told["epsilon"] == 8
        assert told["views"] == 100
        assert told["success"]["2"] <= 0.2 + 1e-9
        assert 0.2 <= told["success"]["4"] <= 0.5 + 1e-9
        assert 0.95 <= told["success"]["8"] <= told["success"]["64"] == 1
        assert 3 < told["distance"] < 8


def test_where_nothing_crosses_the_largest_is_left() -> None:
    teacher = linear_classifier([[0.0], [0.0]], [1.0, 0.0])
    told = measure(
        deepfool_linf, teacher, torch.rand(5, 1, 1, 1), torch.ones(5, dtype=torch.int64), AttackBoundary()
    )
    assert (told["epsilon"], told["distance"]) == (64, None)
    assert set(told["success"].values()) == {0}
