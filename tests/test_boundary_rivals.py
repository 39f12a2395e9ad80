"""What benchmarks/boundary.py counts, repairs and measures beside."""

from __future__ import annotations

import sys
from copy import deepcopy
from importlib.util import find_spec

import pytest
import torch

from checkouts import ROOT
from proxykd.boundary import bold_driver
from proxykd.boundary.grey import to_grey_levels
from proxykd.boundary.settings import AttackBoundary
from proxykd.networks.classifier import to_float
from trained import digit_images, digit_teacher, linear_classifier

sys.path.append(str(ROOT / "benchmarks"))

import authors_attack
from attack_libraries import RIVALS
from boundary_pairs import GREY, Attempt, judged, onto_grid, with_near_side
from contenders import Batch, Tally, libraries, measure
from passes import counted

HOW = AttackBoundary(epsilon=64.0, start_step=4.0)
FEW = 24


def few(count: int = FEW) -> Batch:
    """Digits, their teacher's classes, and the next class as their targets."""
    x_NCHW = to_float(torch.from_numpy(digit_images("train")[0][:count]))
    with torch.no_grad():
        class_N = digit_teacher()(x_NCHW).argmax(1)
    return Batch(x_NCHW, class_N, (class_N + 1) % 10)


def test_passes_are_counted_where_they_go_forward_and_back() -> None:
    teacher = linear_classifier([[-1.0], [1.0]], [0.0, 0.0])
    x_NCHW = torch.rand(3, 1, 1, 1)
    with counted(teacher) as passes:
        with torch.no_grad():
            teacher(x_NCHW)
        asked_NCHW = x_NCHW.clone().requires_grad_()
        logits_NK = teacher(asked_NCHW)
        for label in (0, 1):
            torch.autograd.grad(logits_NK[:, label].sum(), asked_NCHW, retain_graph=True)
        deepcopy(teacher)(x_NCHW[:2])
    teacher(x_NCHW)
    assert (passes.forward, passes.backward, passes.total) == (3 + 3 + 2, 2 * 3, 8 + 2 * 6)


def test_the_papers_rule_finds_what_the_bold_driver_here_finds_and_costs_more() -> None:
    teacher, batch = digit_teacher(), few()
    with counted(teacher) as ours:
        here = bold_driver.attack(teacher, batch.x_NCHW, batch.target_N, HOW)
    with counted(teacher) as theirs:
        paper = authors_attack.attack(teacher, batch.x_NCHW, batch.target_N, HOW)
    assert 0 < here.success_N.sum() < FEW
    assert torch.equal(paper.success_N, here.success_N)
    assert torch.equal(paper.steps_N, here.steps_N)
    for one, other in ((paper.pre_NCHW, here.pre_NCHW), (paper.post_NCHW, here.post_NCHW)):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=0)
    assert theirs.forward == 2 * HOW.iterations * FEW
    assert theirs.backward == HOW.iterations * FEW
    assert ours.total < theirs.total


@pytest.mark.parametrize("gap", [0.02, 0.3, 3.0])
def test_what_is_repaired_is_on_the_grid_and_on_its_side(gap: float) -> None:
    teacher, batch = digit_teacher(), few(100)
    pairs = bold_driver.attack(teacher, batch.x_NCHW, batch.target_N, HOW)
    rows = pairs.success_N.nonzero()[:, 0]
    target_N = batch.target_N[rows]
    # Closer to each other than the attack left them, as bisection would.
    near_NCHW, far_NCHW = pairs.pre_NCHW[rows], pairs.post_NCHW[rows]
    for _ in range(30):
        if (far_NCHW - near_NCHW).abs().max() < gap * GREY:
            break
        middle_NCHW = (near_NCHW + far_NCHW) / 2
        with torch.no_grad():
            beyond_N111 = (teacher(middle_NCHW).argmax(1) == target_N).view(-1, 1, 1, 1)
        near_NCHW = torch.where(beyond_N111, near_NCHW, middle_NCHW)
        far_NCHW = torch.where(beyond_N111, middle_NCHW, far_NCHW)
    plain_N = torch.ones(len(rows), dtype=torch.bool)
    attempt = Attempt(near_NCHW, far_NCHW, plain_N, target_N)
    mended = onto_grid(teacher, attempt, HOW.threshold)
    for member_NCHW in (mended.pre_NCHW, mended.post_NCHW):
        assert torch.equal(member_NCHW, to_grey_levels(member_NCHW))
    assert mended.found_N.float().mean() > 0.8
    assert torch.equal(judged(teacher, near_NCHW, mended, HOW.threshold).straddles_N, mended.found_N)
    rounded = Attempt(to_grey_levels(near_NCHW), to_grey_levels(far_NCHW), plain_N, target_N)
    undone = ~judged(teacher, near_NCHW, rounded, HOW.threshold).straddles_N
    assert undone.any() or gap > 1


def test_a_pair_that_was_not_found_stays_so() -> None:
    teacher, batch = digit_teacher(), few()
    nothing_N = torch.zeros(FEW, dtype=torch.bool)
    attempt = Attempt(batch.x_NCHW, batch.x_NCHW, nothing_N, batch.target_N)
    with counted(teacher) as passes:
        assert not onto_grid(teacher, attempt, HOW.threshold).found_N.any()
    assert passes.total == 0


def test_the_near_side_of_a_far_one() -> None:
    # Class b from 0.5 on; views at 0.13, and what a method came to at 0.9, and, in vain, at 0.2.
    teacher = linear_classifier([[-1.0], [1.0]], [0.5, -0.5])
    x_NCHW, class_N = torch.full((2, 1, 1, 1), 0.13), torch.tensor([0, 0])
    post_NCHW = torch.tensor([0.9, 0.2]).view(2, 1, 1, 1)
    for target_N in (torch.tensor([1, 1]), None):
        found = with_near_side(teacher, x_NCHW, class_N, post_NCHW, target_N, HOW.threshold)
        assert found.found_N.tolist() == [True, False]
        assert found.target_N[0] == 1
        near, far = float(found.pre_NCHW[0]), float(found.post_NCHW[0])
        assert near < 0.5 < far
        assert far - near <= GREY


@pytest.mark.parametrize("name", RIVALS)
def test_a_library_carries_digits_across(name: str) -> None:
    if find_spec(RIVALS[name].package) is None:
        pytest.skip(f"{RIVALS[name].package} is not installed: pip install --no-deps -r envs/rivals.txt")
    teacher, tally = digit_teacher(), Tally(epsilon=255.0)
    measure(teacher, libraries(HOW, patient=True)[name], few(8), HOW, tally)
    figures = tally.figures()
    assert figures["success_float"] >= 0.75
    assert figures["success"] >= 0.75
    assert figures["accepted_per_pass"] == pytest.approx(figures["success"] / figures["passes_per_view"])
    assert figures["accepted_per_second"] > 0
