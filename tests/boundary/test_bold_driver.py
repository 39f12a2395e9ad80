"""The attack's rule, part by part: by hand on a linear teacher, and as properties on a trained one."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from proxykd.augmentation.batch import generator, mix
from proxykd.boundary.bold_driver import attack, deeper
from proxykd.boundary.pairs import Pairs
from proxykd.boundary.settings import AttackBoundary
from proxykd.networks.classifier import Classifier, to_float
from trained import digit_images, digit_teacher, linear_classifier

GREY = 1 / 255
SURE_AT = 0.5 * GREY
"""Distance from the boundary at which the steep teacher's largest output is 0.9."""


def one_pixel(steepness: float) -> Classifier:
    """Class a below 0.5 and b above: the largest output is sigmoid(2 steepness |x - 0.5|)."""
    return linear_classifier([[-steepness], [steepness]], [steepness / 2, -steepness / 2])


def flat() -> Classifier:
    """Never sure of anything near the boundary."""
    return one_pixel(1.0)


def steep() -> Classifier:
    return one_pixel(math.log(9) / 2 / SURE_AT)


def at(offset: float) -> torch.Tensor:
    """An image `offset` grey levels from the boundary."""
    return torch.full((1, 1, 1, 1), 0.5 + offset * GREY)


def offset_of(x_NCHW: torch.Tensor) -> float:
    return (float(x_NCHW.flatten()[0]) - 0.5) / GREY


def push(teacher: Classifier, offset: float, **how: float) -> Pairs:
    return attack(teacher, at(offset), torch.tensor([1]), AttackBoundary(**{"epsilon": 16, **how}))


def test_a_step_that_does_not_cross_makes_the_next_one_larger() -> None:
    # Steps of 1, 1.1 and 1.21 from -2.5: at -1.5, -0.4, and beyond at 0.81.
    pairs = push(flat(), -2.5, start_step=1)
    assert (pairs.success_N.tolist(), pairs.steps_N.tolist()) == ([True], [3])
    assert offset_of(pairs.pre_NCHW) == pytest.approx(-0.4, abs=1e-3)
    assert offset_of(pairs.post_NCHW) == pytest.approx(0.81, abs=1e-3)


def test_a_step_that_crosses_too_far_is_taken_back_and_halved() -> None:
    # From -0.45 by 2 and by 1 it ends too far beyond, by 0.5 at 0.05; the image before is the start again.
    pairs = push(steep(), -0.45, start_step=2)
    assert (pairs.success_N.tolist(), pairs.steps_N.tolist()) == ([True], [3])
    assert offset_of(pairs.pre_NCHW) == pytest.approx(-0.45, abs=1e-3)
    assert offset_of(pairs.post_NCHW) == pytest.approx(0.05, abs=1e-3)


def test_an_image_before_the_boundary_that_is_too_sure_is_taken_back_too() -> None:
    # From -0.6, where the teacher is too sure, 1 leads to 0.4: refused. 0.5 leads to -0.1, 0.55 to 0.45.
    pairs = push(steep(), -0.6, start_step=1)
    assert (pairs.success_N.tolist(), pairs.steps_N.tolist()) == ([True], [3])
    assert offset_of(pairs.pre_NCHW) == pytest.approx(-0.1, abs=1e-3)
    assert offset_of(pairs.post_NCHW) == pytest.approx(0.45, abs=1e-3)


def test_growth_and_shrink_are_settings() -> None:
    # From -2.5 by 1, then by 2: at 0.5.
    assert offset_of(push(flat(), -2.5, start_step=1, growth=2).post_NCHW) == pytest.approx(0.5, abs=1e-3)
    # From -0.45 by 2, then by 0.4.
    pairs = push(steep(), -0.45, start_step=2, shrink=0.25)
    assert (pairs.steps_N.tolist(), offset_of(pairs.post_NCHW)) == ([2], pytest.approx(0.05, abs=1e-3))


@pytest.mark.parametrize(("offset", "epsilon", "crosses"), [(-2.5, 2.4, False), (-2.5, 2.6, True)])
def test_epsilon_bounds_how_far_an_image_may_go(offset: float, epsilon: float, crosses: bool) -> None:
    assert push(flat(), offset, epsilon=epsilon, iterations=50).success_N.tolist() == [crosses]


def test_iterations_end_the_attack() -> None:
    assert not push(flat(), -2.5, iterations=2).success_N.any()
    assert push(flat(), -2.5, iterations=3).success_N.all()


def test_a_lower_threshold_refuses_more() -> None:
    teacher = one_pixel(1 / GREY)
    # At 0.81 the largest output is 0.83.
    assert push(teacher, -2.5, threshold=0.9, iterations=3).success_N.all()
    assert not push(teacher, -2.5, threshold=0.8, iterations=3).success_N.any()


def views(count: int, seed: int = 0) -> torch.Tensor:
    """Mixed digits, as the attack's sources are."""
    images_NHWC, _ = digit_images("test")
    rows = np.random.default_rng(seed).choice(len(images_NHWC), count)
    return mix(to_float(torch.from_numpy(images_NHWC[rows])), 1.0, generator(seed))[0]


HOW = AttackBoundary(epsilon=24, iterations=25)


@pytest.fixture(scope="module")
def attacked() -> tuple[torch.Tensor, torch.Tensor, Pairs, list[torch.Tensor]]:
    """Views, targets, what became of them, and all images that the teacher was shown meanwhile."""
    teacher, x_NCHW = digit_teacher(), views(120)
    class_N = teacher(x_NCHW).argmax(1)
    target_N = (class_N + 1 + torch.arange(120) % 9) % 10
    shown: list[torch.Tensor] = []
    hook = teacher.register_forward_pre_hook(lambda _, inputs: shown.append(inputs[0].detach().clone()))
    pairs = attack(teacher, x_NCHW, target_N, HOW)
    hook.remove()
    return x_NCHW, target_N, pairs, shown


def look(x_NCHW: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    best = digit_teacher()(x_NCHW).softmax(1).max(1)
    return best.indices, best.values


def test_every_success_meets_every_condition(attacked: tuple) -> None:
    x_NCHW, target_N, pairs, _ = attacked
    success_N = pairs.success_N
    assert 20 < int(success_N.sum()) < 120
    pre, post = pairs.pre_NCHW[success_N], pairs.post_NCHW[success_N]
    pre_class_N, pre_confidence_N = look(pre)
    post_class_N, post_confidence_N = look(post)
    assert (post_class_N == target_N[success_N]).all()
    assert (pre_class_N != target_N[success_N]).all()
    assert float(torch.maximum(pre_confidence_N, post_confidence_N).max()) < 0.9
    for side in (pre, post):
        assert float((side - x_NCHW[success_N]).abs().max()) <= 24 * GREY + 1e-6
        assert 0 <= float(side.min()) <= float(side.max()) <= 1


def test_the_two_sides_are_one_sign_step_apart(attacked: tuple) -> None:
    x_NCHW, _, pairs, _ = attacked
    for i in pairs.success_N.nonzero()[:, 0].tolist():
        step_CHW = pairs.post_NCHW[i] - pairs.pre_NCHW[i]
        size = float(step_CHW.abs().max())
        at_edge = ((pairs.post_NCHW[i] - x_NCHW[i]).abs() > 24 * GREY - 1e-6) | (
            (pairs.post_NCHW[i] == 0) | (pairs.post_NCHW[i] == 1)
        )
        full = (step_CHW.abs() - size).abs() < 1e-6
        assert bool((full | at_edge).all())


def test_no_image_is_ever_outside_the_ball_or_the_range(attacked: tuple) -> None:
    x_NCHW, _, _, shown = attacked
    low = (x_NCHW - 24 * GREY).clamp(0, 1).amin() - 1e-6
    assert all(float(x.min()) >= max(0.0, float(low)) and float(x.max()) <= 1 for x in shown)
    # The whole batch is shown until the first is done: there, row for row.
    for x in (x for x in shown if len(x) == len(x_NCHW)):
        assert float((x - x_NCHW).abs().max()) <= 24 * GREY + 1e-6


def test_finished_samples_leave_the_batch(attacked: tuple) -> None:
    sizes = [len(x) for x in attacked[3]]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < sizes[0]
    # One pass a step, and one before the first.
    assert len(sizes) == HOW.iterations + 1


def test_a_sample_fares_in_a_batch_as_it_does_alone(attacked: tuple) -> None:
    """What others of the batch do, and when they leave it, changes nothing."""
    x_NCHW, target_N, pairs, _ = attacked
    for i in range(0, 120, 7):
        alone = attack(digit_teacher(), x_NCHW[i : i + 1], target_N[i : i + 1], HOW)
        assert alone.success_N.item() == pairs.success_N[i].item()
        assert alone.steps_N.item() == pairs.steps_N[i].item()
        if alone.success_N.item():
            # Single pixels with a gradient of nearly nothing may go the other way.
            assert float((alone.post_NCHW[0] != pairs.post_NCHW[i]).float().mean()) < 0.05


def plainly(x_NCHW: torch.Tensor, target: int, how: AttackBoundary) -> tuple[torch.Tensor, torch.Tensor, int]:
    """The paper's rule for one image, as it is told: two passes forward and one back a step."""
    teacher, start, target_N = digit_teacher(), x_NCHW, torch.tensor([target])
    low, high = (start - how.epsilon * GREY).clamp(0, 1), (start + how.epsilon * GREY).clamp(0, 1)
    step = how.start_step * GREY
    for iteration in range(1, how.iterations + 1):
        before = x_NCHW.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(cross_entropy(teacher(before), target_N), before)
        after = (x_NCHW - step * gradient.sign()).clamp(low, high)
        (_, sure_before), (class_after, sure_after) = look(x_NCHW), look(after)
        if int(class_after) != target:
            x_NCHW, step = after, step * how.growth
        elif float(sure_after) < how.threshold and float(sure_before) < how.threshold:
            return x_NCHW, after, iteration
        else:
            step *= how.shrink
    return x_NCHW, x_NCHW, 0


def test_it_does_what_the_rule_told_plainly_does() -> None:
    """With large steps and a low threshold, so that many are taken back."""
    how = AttackBoundary(epsilon=60, start_step=10, threshold=0.6, iterations=20)
    x_NCHW = views(60, seed=2)
    target_N = (digit_teacher()(x_NCHW).argmax(1) + 3) % 10
    pairs = attack(digit_teacher(), x_NCHW, target_N, how)
    agreeing, successes = 0, 0
    for i in range(60):
        pre, post, steps = plainly(x_NCHW[i : i + 1], int(target_N[i]), how)
        same = bool(pairs.success_N[i]) == bool(steps)
        if steps and same:
            successes += 1
            close = [
                torch.allclose(a[0], b[i], atol=1e-4)
                for a, b in ((pre, pairs.pre_NCHW), (post, pairs.post_NCHW))
            ]
            same = all(close) and int(pairs.steps_N[i]) == steps
        agreeing += same
    # A pixel whose gradient is nearly nothing may go another way in a batch than alone.
    assert agreeing >= 58
    assert successes > 30


def test_nothing_to_attack_is_nothing_attacked() -> None:
    pairs = attack(digit_teacher(), views(2)[:0], torch.zeros(0, dtype=torch.long), HOW)
    assert len(pairs.success_N) == len(pairs.pre_NCHW) == 0
    assert len(deeper(digit_teacher(), views(2)[:0], torch.zeros(0, dtype=torch.long), HOW)) == 0


def test_deeper_goes_into_the_class_and_stays_below_the_threshold(attacked: tuple) -> None:
    pairs = attacked[2]
    post = (pairs.post_NCHW[pairs.success_N] * 255).round() / 255
    class_N, confidence_N = look(post)
    keep = confidence_N < 0.9
    post, class_N = post[keep], class_N[keep]
    further = deeper(digit_teacher(), post, class_N, HOW)
    new_class_N, new_confidence_N = look(further)
    assert torch.equal(new_class_N, class_N)
    assert float(new_confidence_N.max()) < 0.9
    before, after = (
        digit_teacher()(x).log_softmax(1).gather(1, class_N[:, None])[:, 0] for x in (post, further)
    )
    moved = (further != post).flatten(1).any(1)
    assert float(moved.float().mean()) > 0.9
    assert float((after > before)[moved].float().mean()) > 0.95
    assert float((further - post).abs().max()) <= GREY + 1e-6


def test_deeper_halves_a_step_that_is_too_large() -> None:
    # 127 of 255 is half a grey level below the boundary, where the teacher's output is just 0.9.
    teacher = one_pixel(math.log(9) / 2 / (3 * GREY))
    start = torch.full((1, 1, 1, 1), 127 * GREY)
    how = AttackBoundary(epsilon=16, start_step=4)
    # 4 levels further the teacher is too sure; 2 are well.
    assert float(deeper(teacher, start, torch.tensor([0]), how)) == pytest.approx(125 * GREY, abs=1e-6)
    assert torch.equal(
        deeper(steep(), start, torch.tensor([0]), AttackBoundary(epsilon=16, start_step=1)), start
    )
