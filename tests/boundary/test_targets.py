"""Where views are sent."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from proxykd.boundary.settings import AttackBoundary
from proxykd.boundary.targets import Targets, nearest
from proxykd.errors import UserError
from trained import linear_classifier

NAMES = [f"class {i}" for i in range(10)]


def choose(targets: Targets, current_N: np.ndarray, step: int = 0) -> np.ndarray:
    """By a rule that looks at no image."""
    return targets.choose(torch.nn.Identity(), torch.zeros(0), current_N, current_N, step)


def test_the_least_covered_pair_comes_first() -> None:
    """However uneven the classes of the views are, each is joined with all others as often."""
    rng = np.random.default_rng(0)
    targets = Targets(AttackBoundary(targets="least_covered"), NAMES)
    made = np.zeros((10, 10), int)
    for step in range(20):
        current_N = rng.choice(10, 90, p=[0.55] + [0.05] * 9)
        target_N = choose(targets, current_N, step)
        assert (target_N != current_N).all()
        targets.note(current_N, target_N, current_N)
        np.add.at(made, (current_N, target_N), 1)
    both = made + made.T
    first = both[0, 1:]
    assert first.max() - first.min() <= 1
    uniform = np.zeros((10, 10), int)
    for step in range(20):
        current_N = np.zeros(90, int)
        np.add.at(uniform, (current_N, choose(Targets(AttackBoundary(), NAMES), current_N, step)), 1)
    assert np.ptp(uniform[0, 1:]) > 10


def test_a_pair_that_is_never_made_does_not_take_all_views() -> None:
    targets = Targets(AttackBoundary(targets="least_covered"), NAMES[:3])
    sent = np.zeros(3, int)
    for step in range(60):
        target_N = choose(targets, np.zeros(10, int), step)
        # Nothing ever crosses into class 2.
        targets.note(np.zeros(10, int), target_N, np.where(target_N == 2, -1, 0))
        np.add.at(sent, target_N, 1)
    assert 0.15 < sent[1] / sent.sum() < 0.25
    assert sent[0] == 0


def test_a_pair_counts_for_the_class_that_it_starts_from_in_the_end() -> None:
    targets = Targets(AttackBoundary(targets="least_covered"), NAMES[:3])
    targets.choose(torch.nn.Identity(), torch.zeros(0), np.zeros(1, int), np.zeros(1, int), 0)
    sent = int(np.flatnonzero(targets.covered_KK[0])[0])
    third = 3 - sent
    targets.note(np.array([0]), np.array([sent]), np.array([third]))
    assert targets.covered_KK[0].tolist() == [0, 0, 0]
    assert targets.covered_KK[third, sent] == targets.covered_KK[sent, third] == 1


def test_a_list_of_pairs_is_kept_to() -> None:
    targets = Targets(AttackBoundary(targets=[("class 1", "class 4"), ("class 4", "class 7")]), NAMES)
    current_N = np.array([1, 4, 7, 2] * 50)
    target_N = choose(targets, current_N)
    assert (target_N[current_N == 1] == 4).all()
    assert (target_N[current_N == 7] == 4).all()
    assert set(target_N[current_N == 4]) <= {1, 7}
    # A view of a class that is in no pair has nothing to do.
    assert (target_N[current_N == 2] == 2).all()


@pytest.mark.parametrize("listed", [[], [("cat", "cat")]])
def test_a_list_that_joins_nothing_is_refused(listed: list[tuple[str, str]]) -> None:
    with pytest.raises(ValidationError, match="pairs of two different classes"):
        AttackBoundary(targets=listed)


def test_a_name_that_the_teacher_does_not_have_is_named() -> None:
    with pytest.raises(
        UserError, match=r"names the class lynx, which the teacher does not have\. It has class 0"
    ):
        Targets(AttackBoundary(targets=[("lynx", "class 1")]), NAMES)


def test_the_nearest_class_is_the_one_with_the_nearest_boundary_not_the_largest_logit() -> None:
    # b is the runner-up by its logit, but c rises much faster.
    teacher = linear_classifier([[0.0], [1.0], [50.0]], [1.0, 0.5, -20.0])
    x_NCHW = torch.full((1, 1, 1, 1), 0.4)
    logits_NK = teacher(x_NCHW)
    assert logits_NK.argsort(1, descending=True).tolist() == [[0, 1, 2]]
    assert nearest(teacher, x_NCHW, torch.tensor([0])).tolist() == [2]


def test_a_thousand_classes_cost_a_row_for_each_view() -> None:
    names = [str(i) for i in range(1000)]
    targets = Targets(AttackBoundary(targets="least_covered"), names)
    current_N = np.random.default_rng(1).integers(0, 1000, 2000)
    target_N = choose(targets, current_N)
    assert (target_N != current_N).all()
    assert targets.covered_KK.sum() == 2 * 2000
    # No pair twice while others of the same class have had no turn.
    assert targets.covered_KK.max() == 1
