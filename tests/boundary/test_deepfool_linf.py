"""The linearised attack: by hand on linear teachers, and as properties on a trained one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from proxykd.augmentation.batch import generator, mix
from proxykd.boundary.bold_driver import attack as bold_driver
from proxykd.boundary.deepfool_linf import attack, deeper
from proxykd.boundary.grey import to_grey_levels
from proxykd.boundary.opinions import opinions
from proxykd.boundary.pairs import Pairs
from proxykd.boundary.settings import AttackBoundary
from proxykd.boundary.sides import height, window
from proxykd.boundary.stored import store
from proxykd.networks.classifier import Classifier, to_float
from trained import digit_images, digit_teacher, linear_classifier

GREY = 1 / 255
HOW = AttackBoundary(epsilon=64, iterations=40)
FAR = HOW.model_copy(update={"longest_step": 64.0})


def two_pixels(slopes: tuple[float, float]) -> Classifier:
    """Class a while slopes . (x - 0.5) in grey levels is negative, else b; the height is that, negated."""
    a, b = (slope / GREY for slope in slopes)
    return linear_classifier([[0, 0], [a, b]], [0, -0.5 * (a + b)])


def image(*levels: float) -> torch.Tensor:
    """Two pixels, so many grey levels from mid-grey."""
    return (0.5 + torch.tensor(levels) * GREY).view(1, 1, 1, 2)


def push(teacher: nn.Module, x_NCHW: torch.Tensor, how: AttackBoundary = FAR) -> Pairs:
    return attack(teacher, x_NCHW, torch.ones(len(x_NCHW), dtype=torch.int64), how)


def changes(pairs: Pairs, x_NCHW: torch.Tensor) -> list[float]:
    """Of each pixel of the far member, in grey levels."""
    return ((pairs.post_NCHW - x_NCHW) / GREY).flatten().tolist()


def test_on_a_linear_teacher_one_gradient_crosses() -> None:
    pairs = push(two_pixels((0.2, 0.1)), image(-9.5, -9.5))
    assert (pairs.success_N.tolist(), pairs.steps_N.tolist()) == ([True], [1])
    first, second = changes(pairs, image(-9.5, -9.5))
    # Both pixels go as far, whatever their slopes: the L-infinity norm. The boundary is 9.5 levels away.
    assert first == pytest.approx(second, abs=1.01)
    assert 9.5 < min(first, second) <= max(first, second) < 20


def test_the_members_lie_on_two_sides_at_the_asked_distance() -> None:
    teacher = two_pixels((0.2, 0.1))
    pairs = push(teacher, image(-60, -60))
    target_N = torch.tensor([1])
    pre, post = (float(height(teacher(x), target_N)) for x in (pairs.pre_NCHW, pairs.post_NCHW))
    least, most = window(HOW)
    assert least <= pre <= most
    assert -most <= post <= -least


def test_pixels_at_their_bound_are_left_out_of_the_norm() -> None:
    # The first pixel cannot rise above white, so the second does all of the way.
    teacher = two_pixels((0.2, 0.1))
    x_NCHW = torch.tensor([1.0, 0.0]).view(1, 1, 1, 2)
    assert float(height(teacher(x_NCHW), torch.tensor([1]))) < 0
    x_NCHW = torch.tensor([1.0, 0.0]).view(1, 1, 1, 2)
    steep = linear_classifier([[0, 0], [0.2 / GREY, 0.1 / GREY]], [0, -0.2 / GREY - 40 * 0.1])
    pairs = push(steep, x_NCHW)
    assert (pairs.success_N.tolist(), pairs.steps_N.tolist()) == ([True], [1])
    first, second = changes(pairs, x_NCHW)
    assert abs(first) < 1.01
    assert 40 < second < 64


def test_steps_are_no_longer_than_allowed() -> None:
    # 9.5 levels by 4 a step.
    pairs = push(two_pixels((0.2, 0.1)), image(-9.5, -9.5), HOW)
    assert (pairs.success_N.tolist(), pairs.steps_N.tolist()) == ([True], [3])


def test_steps_that_can_hardly_cross_are_not_looked_at() -> None:
    teacher = two_pixels((0.2, 0.1))
    looked: list[bool] = []
    teacher.register_forward_pre_hook(lambda _, inputs: looked.append(not inputs[0].requires_grad))
    pairs = push(teacher, image(-60, -60), HOW)
    gradients = int(pairs.steps_N)
    assert pairs.success_N.tolist() == [True]
    # 60 levels in steps of 4, each a tenth longer than the one before.
    assert gradients == len(looked) - sum(looked) >= 9
    assert sum(looked) < gradients


def test_a_step_that_crosses_after_all_is_looked_at() -> None:
    # 28 logits above the boundary, and the linearisation is right.
    x_NCHW = image(-9.5, -9.5)
    pairs = push(two_pixels((2, 1)), x_NCHW)
    assert (pairs.success_N.tolist(), pairs.steps_N.tolist()) == ([True], [2])
    assert 9 < min(changes(pairs, x_NCHW)) <= max(changes(pairs, x_NCHW)) < 12


@pytest.mark.parametrize(("epsilon", "crosses"), [(9, False), (13, True)])
def test_epsilon_bounds_how_far_an_image_may_go(epsilon: float, crosses: bool) -> None:
    x_NCHW = image(-9.5, -9.5)
    pairs = push(
        two_pixels((0.2, 0.1)), x_NCHW, AttackBoundary(epsilon=epsilon, iterations=5, longest_step=64)
    )
    assert pairs.success_N.tolist() == [crosses]
    if crosses:
        assert max(map(abs, changes(pairs, x_NCHW))) <= epsilon + 0.01


def test_a_flat_teacher_is_no_failure_of_the_program() -> None:
    """Where the gradient is nothing there is no way; other samples are not touched by it."""

    class Flat(nn.Module):
        def forward(self, x_NCHW: torch.Tensor) -> torch.Tensor:
            first_N = (x_NCHW[:, 0, 0, 0] - 0.5) / GREY * 0.2
            live_N = (x_NCHW[:, 0, 0, 1] > 0.5).float()
            return torch.stack([torch.full_like(first_N, 3.0) * (1 - live_N), first_N * live_N], 1)

    x_NCHW = torch.cat([image(-9.5, -40), image(-9.5, 40)])
    assert push(Flat(), x_NCHW).success_N.tolist() == [False, True]


def test_iterations_end_the_attack() -> None:
    class Wall(nn.Module):
        """Its gradient always promises that the boundary is one step away, and it never is."""

        def forward(self, x_NCHW: torch.Tensor) -> torch.Tensor:
            up_N = (x_NCHW.sum((1, 2, 3)) - x_NCHW.detach().sum((1, 2, 3))) * 1e4
            return torch.stack([torch.ones_like(up_N), up_N], 1)

    seen = []
    wall = Wall()
    wall.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    pairs = push(wall, image(-9.5, -9.5), AttackBoundary(epsilon=16, iterations=4))
    assert pairs.success_N.tolist() == [False]
    assert len(seen) <= 2 * 5


@pytest.mark.parametrize(
    "how",
    [
        pytest.param(AttackBoundary(epsilon=1, margin=1), id="wide margin"),
        pytest.param(AttackBoundary(epsilon=1, threshold=0.5), id="low threshold"),
        pytest.param(AttackBoundary(epsilon=4), id="default"),
    ],
)
def test_wherever_a_view_starts_the_attack_ends(how: AttackBoundary) -> None:
    """Also between the least height of a member and twice that, where a view first goes back."""
    looks = []

    def count(_: nn.Module, __: Any) -> None:
        looks.append(1)
        assert len(looks) < 1000, "the attack goes on for ever"

    for slope in (0.3, 1.2, 5.0):
        for start in (0.05, 0.25, 0.45, 0.9, 1.1, 1.5, 1.7, 1.95, 3.0):
            looks.clear()
            teacher = linear_classifier([[slope * 255], [0.0]], [start - slope * 127, 0.0])
            teacher.register_forward_pre_hook(count)
            x_NCHW = torch.full((1, 1, 1, 1), 127 * GREY)
            assert float(height(teacher(x_NCHW), torch.tensor([1]))) == pytest.approx(start, abs=1e-3)
            pairs = push(teacher, x_NCHW, how)
            if pairs.success_N:
                assert float((pairs.post_NCHW - x_NCHW).abs().max()) <= (how.reach + 0.01) * GREY


def views(count: int, seed: int = 0) -> torch.Tensor:
    """Mixed digits, as the attack's sources are."""
    images_NHWC, _ = digit_images("test")
    rows = np.random.default_rng(seed).choice(len(images_NHWC), count)
    return mix(to_float(torch.from_numpy(images_NHWC[rows])), 1.0, generator(seed))[0]


@pytest.fixture(scope="module")
def attacked() -> tuple[torch.Tensor, torch.Tensor, Pairs]:
    """More views than fit a batch, targets, and what became of them."""
    x_NCHW = views(400)
    class_N = digit_teacher()(x_NCHW).argmax(1)
    target_N = (class_N + 1 + torch.arange(400) % 9) % 10
    return x_NCHW, target_N, attack(digit_teacher(), x_NCHW, target_N, HOW)


def test_pairs_are_on_the_grid_within_epsilon_and_close_to_each_other(attacked: tuple) -> None:
    x_NCHW, target_N, pairs = attacked
    success_N = pairs.success_N
    # Digits are far from each other: within 64 grey levels the paper's rule takes 90 % of these across.
    assert float(success_N.float().mean()) > 0.93
    for side in (pairs.pre_NCHW, pairs.post_NCHW):
        assert torch.equal(side, to_grey_levels(side))
        assert float((side - x_NCHW)[success_N].abs().max()) <= 64 * GREY + 1e-5
    before, beyond = (
        height(digit_teacher()(x), target_N)[success_N] for x in (pairs.pre_NCHW, pairs.post_NCHW)
    )
    assert float((before > 0).float().mean()) > 0.99
    assert float((beyond < 0).float().mean()) > 0.99


def test_what_comes_with_a_pair_is_what_the_teacher_says_of_its_members(attacked: tuple) -> None:
    _, _, pairs = attacked
    for role, side_NCHW in (("pre", pairs.pre_NCHW), ("post", pairs.post_NCHW)):
        seen, said = pairs.seen[role], opinions(digit_teacher(), side_NCHW)
        # It is sure of what it was never shown.
        shown_N = pairs.success_N & (seen.confidence_N < 1)
        assert float(shown_N.float().mean()) > 0.9
        assert torch.equal(seen.class_N[shown_N], said.class_N[shown_N])
        torch.testing.assert_close(seen.margin_N[shown_N], said.margin_N[shown_N], rtol=0, atol=1e-3)


def test_it_carries_more_views_across_than_the_bold_driver_as_near_for_fewer_passes(attacked: tuple) -> None:
    x_NCHW, target_N, pairs = attacked
    other = bold_driver(digit_teacher(), x_NCHW, target_N, HOW)
    assert float(pairs.steps_N.float().mean()) < 0.8 * float(other.steps_N.float().mean())
    ours, theirs = (kept(one, target_N) for one in (pairs, other))
    assert int(ours.sum()) >= int(theirs.sum())
    both_N = ours & theirs
    distances = [
        float((to_grey_levels(one.post_NCHW) - x_NCHW)[both_N].flatten(1).abs().amax(1).median())
        for one in (pairs, other)
    ]
    assert distances[0] <= 1.25 * distances[1]


def kept(pairs: Pairs, target_N: torch.Tensor) -> torch.Tensor:
    """Which views came to a pair that holds on the grid."""
    from proxykd.boundary import deepfool_linf

    how = HOW.model_copy(update={"deeper": False})
    which_N = pairs.success_N.clone()
    which_N[pairs.success_N.nonzero()[:, 0]] = torch.from_numpy(
        store(digit_teacher(), deepfool_linf, pairs, target_N, how).kept_N
    )
    return which_N


def test_a_sample_fares_in_a_batch_as_it_does_alone(attacked: tuple) -> None:
    """What others of the batch do, and who takes whose place in it, changes nothing."""
    x_NCHW, target_N, pairs = attacked
    same = 0
    for i in range(0, 400, 20):
        alone = attack(digit_teacher(), x_NCHW[i : i + 1], target_N[i : i + 1], HOW)
        assert alone.success_N.item() == pairs.success_N[i].item()
        same += torch.equal(alone.post_NCHW[0], pairs.post_NCHW[i]) and torch.equal(
            alone.pre_NCHW[0], pairs.pre_NCHW[i]
        )
    # Single pixels with a gradient of nearly nothing may go the other way.
    assert same >= 18


def test_batches_are_full_until_the_queue_runs_dry(attacked: tuple) -> None:
    x_NCHW, target_N, _ = attacked
    sizes: list[int] = []
    hook = digit_teacher().register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    attack(digit_teacher(), x_NCHW.repeat(4, 1, 1, 1), target_N.repeat(4), HOW)
    hook.remove()
    assert max(sizes) == 256
    # The later batches of a method that waits for its slowest sample hold a handful each.
    assert np.average(sizes, weights=sizes) > 200


def test_a_view_beyond_its_boundary_already_goes_back_first() -> None:
    teacher = two_pixels((0.2, 0.1))
    x_NCHW = image(0.2, 0.2)
    pairs = push(teacher, x_NCHW)
    target_N = torch.tensor([1])
    assert pairs.success_N.tolist() == [True]
    assert (
        float(height(teacher(pairs.pre_NCHW), target_N))
        > 0
        > float(height(teacher(pairs.post_NCHW), target_N))
    )


def test_deeper_continues_on_the_line(attacked: tuple) -> None:
    _, target_N, pairs = attacked
    assert pairs.towards_NCHW is not None
    chosen_N = kept(pairs, target_N)
    post, way = pairs.post_NCHW[chosen_N], pairs.towards_NCHW[chosen_N]
    further = deeper(digit_teacher(), post, target_N[chosen_N], HOW, way)
    change_NCHW = ((further - post) / GREY).round()
    # Along the signs, except where a pixel is black or white already.
    assert bool(((change_NCHW == way) | (change_NCHW == 0)).all())
    moved_N = change_NCHW.flatten(1).abs().sum(1) > 0
    assert float(moved_N.float().mean()) > 0.8
    logits_NK = digit_teacher()(further)
    assert torch.equal(logits_NK.argmax(1), target_N[chosen_N])
    deeper_N = height(logits_NK, target_N[chosen_N]) < height(digit_teacher()(post), target_N[chosen_N])
    assert float(deeper_N[moved_N].float().mean()) > 0.75


def test_deeper_stays_within_an_epsilon_that_is_no_whole_level_and_within_a_batch() -> None:
    teacher, sizes = two_pixels((0.02, 0.01)), []
    teacher.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    start_NCHW = to_grey_levels(image(20, 20)).expand(300, -1, -1, -1)
    class_N, way_NCHW = torch.ones(300, dtype=torch.int64), torch.ones(300, 1, 1, 2)
    for epsilon, levels in ((0.6, 0), (1.5, 1), (16, 2)):
        how = AttackBoundary(epsilon=epsilon, start_step=2)
        moved_NCHW = deeper(teacher, start_NCHW, class_N, how, way_NCHW)
        assert ((moved_NCHW - start_NCHW) / GREY).round().unique().tolist() == [levels]
    assert max(sizes) == 256


def test_nothing_to_attack_is_nothing_attacked() -> None:
    pairs = attack(digit_teacher(), views(2)[:0], torch.zeros(0, dtype=torch.long), HOW)
    assert len(pairs.success_N) == len(pairs.pre_NCHW) == 0
