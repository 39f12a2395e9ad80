"""A linearised targeted step in the L-infinity norm, repeated until it crosses, and a search on its last.

The step is DeepFool's for p = infinity (Moosavi-Dezfooli et al., CVPR 2016, section 3.3): where f is the
height above the boundary of the target, the nearest point of its linearisation lies f / |grad f|_1 away along
the signs of the gradient. With a target it takes one gradient, not one for each class. Pixels that cannot go
further are left out of the norm, and those that reach their bound on the way count up to it (the box of FAB,
Croce & Hein, ICML 2020). Images are looked at as eight bits hold them, so what is found can be stored.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from proxykd.boundary.deepening import further
from proxykd.boundary.grey import off_grid, to_grey_levels
from proxykd.boundary.opinions import of_logits
from proxykd.boundary.pairs import Pairs
from proxykd.boundary.prepared import original
from proxykd.boundary.queue import waiting
from proxykd.boundary.segment import Ends, Segments, search
from proxykd.boundary.settings import AttackBoundary
from proxykd.boundary.sides import height, smooth_height, window
from proxykd.networks.classifier import Classifier

BATCHES = 8
"""Batches of views that are attacked together: as samples are done others take their place in the batch."""
CROSSES = True
EXACT = False
OVERSHOOT = 1.1
"""Steps are so many times as long as the linearisation says, since heights fall ever more slowly on a line.

1, 1.1 and 1.25 take 10.1, 9.7 and 9.3 passes a pair with a ResNet-20 and lead 1.46, 1.49 and 1.58 levels
away; 10.5, 10.1 and 9.8 with a ResNet-56, and 1.55, 1.61 and 1.94 levels.
"""
HIGH = 8.0
"""From above this height, in logits, a step hardly ever crosses: 3 of 100 do, with ResNets of CIFAR-10."""
AIM, LEAP, LOOK, CROSSED, FAILED = range(5)
"""What a sample waits for, or how it ended. A gradient where it is; one where its step leads, where that will
hardly have crossed, so that there is nothing to look at; a look at where its step leads.
"""


@dataclass
class Walk:
    """Samples on their way, a row each. Pixels in [0, 1]; steps in grey levels."""

    x_NCHW: torch.Tensor
    """Where a sample is; not on grey levels, so that the pixels of a line do not all change at once."""
    low_NCHW: torch.Tensor
    high_NCHW: torch.Tensor
    target_N: torch.Tensor
    sign_NCHW: torch.Tensor
    """int8: of the gradient that the step goes against."""
    step_N: torch.Tensor
    ends: Ends
    """What is known of where the sample is, and of where its step leads."""
    gradients_N: torch.Tensor
    state_N: torch.Tensor

    def ahead(self, rows: torch.Tensor) -> torch.Tensor:
        """Where the steps of these rows lead."""
        change_NCHW = self.sign_NCHW[rows] * (self.step_N[rows] / 255).view(-1, 1, 1, 1)
        return (self.x_NCHW[rows] - change_NCHW).clamp(self.low_NCHW[rows], self.high_NCHW[rows])


def attack(network: nn.Module, x_NCHW: torch.Tensor, target_N: torch.Tensor, how: AttackBoundary) -> Pairs:
    """Carry each image just beyond the boundary of its target class, within epsilon of where it started.

    network: logits N x K of images in [0, 1], which gives the gradients, and the heights where a gradient is
    taken without a look. All else is said by the teacher that it was prepared from, so that the last looks
    are the judgement of the pairs, which are whole grey levels.
    """
    walk, teacher = _start(x_NCHW, target_N, how), original(network)
    while True:
        aiming, looking = waiting(walk.state_N <= LEAP), waiting(walk.state_N == LOOK)
        if len(aiming) + len(looking) == 0:
            break
        if len(aiming) >= len(looking):
            _aim(network, walk, aiming, how)
        else:
            _look(teacher, walk, looking, how)
    crossed_N = walk.state_N == CROSSED
    everyone = torch.arange(len(x_NCHW), device=x_NCHW.device)
    segments = Segments(walk.x_NCHW, walk.ahead(everyone), walk.ends, target_N)
    pre_NCHW, post_NCHW, seen = search(teacher, segments, crossed_N, window(how))
    return Pairs(pre_NCHW, post_NCHW, crossed_N, walk.gradients_N, -walk.sign_NCHW, seen)


def deeper(
    teacher: Classifier,
    x_NCHW: torch.Tensor,
    class_N: torch.Tensor,
    how: AttackBoundary,
    towards_NCHW: torch.Tensor,
) -> torch.Tensor:
    """Each image further along the line on which it was found, into the class that it has."""
    return further(teacher, x_NCHW, towards_NCHW, class_N, how)


def _start(x_NCHW: torch.Tensor, target_N: torch.Tensor, how: AttackBoundary) -> Walk:
    """The nearest grey level of each pixel is allowed whatever epsilon is."""
    level_NCHW = x_NCHW * 255
    home_NCHW = level_NCHW.round()
    # A grey level that is just epsilon away must not be lost to rounding.
    low_NCHW = (level_NCHW - how.reach - 1e-3).ceil().minimum(home_NCHW).clamp(0, 255) / 255
    high_NCHW = (level_NCHW + how.reach + 1e-3).floor().maximum(home_NCHW).clamp(0, 255) / 255
    return Walk(
        off_grid(x_NCHW).clamp(low_NCHW, high_NCHW),
        low_NCHW,
        high_NCHW,
        target_N,
        torch.zeros_like(x_NCHW, dtype=torch.int8),
        torch.zeros(len(x_NCHW), device=x_NCHW.device),
        Ends.unseen(len(x_NCHW), x_NCHW.device),
        torch.zeros_like(target_N),
        torch.full_like(target_N, AIM),
    )


def _aim(network: nn.Module, walk: Walk, rows: torch.Tensor, how: AttackBoundary) -> None:
    """The next step of some samples: signs and length, from where they are, or from where they leap to.

    A leap that turns out to cross, or to end too near the boundary, is not made: it is looked at.
    """
    least, most = window(how)
    leaps_N = walk.state_N[rows] == LEAP
    x_NCHW = torch.where(leaps_N.view(-1, 1, 1, 1), walk.ahead(rows), walk.x_NCHW[rows])
    seen_NCHW = to_grey_levels(x_NCHW).requires_grad_()
    logits_NK = network(seen_NCHW)
    (gradient_NCHW,) = torch.autograd.grad(smooth_height(logits_NK, walk.target_N[rows]).sum(), seen_NCHW)
    said_N = height(logits_NK.detach(), walk.target_N[rows])
    walk.gradients_N[rows] += 1
    walk.state_N[rows] = LOOK
    there_N = ~leaps_N | (said_N >= 2 * least)
    rows, leaps_N, said_N, gradient_NCHW = (one[there_N] for one in (rows, leaps_N, said_N, gradient_NCHW))
    walk.x_NCHW[rows] = x_NCHW[there_N]
    first_N = walk.gradients_N[rows] == 1
    # Of the start, and of where a leap ends, there is no better word, and the teacher has not said any.
    unseen = Ends.unseen(len(rows), rows.device).seen.of(0)
    walk.ends.note(0, rows, said_N, unseen, first_N | leaps_N)
    height_N = walk.ends.height_2N[0, rows]
    # A sample that starts too near the boundary, or beyond it, first goes back to its own side; with some
    # room to spare where the height is not the teacher's own word.
    back_N = height_N < torch.where(first_N, 2 * least, least)
    gradient_NCHW = torch.where(back_N.view(-1, 1, 1, 1), -gradient_NCHW, gradient_NCHW)
    middle = (least + most) / 2
    # Never backwards along the signs: a step of less than nothing would be looked at again and again.
    room = max(middle, 2 * least)
    wanted_N = torch.where(back_N, room - height_N, OVERSHOOT * height_N + middle)
    sign_NCHW = gradient_NCHW.sign()
    step_N = _length(walk, rows, gradient_NCHW.abs() / 255, sign_NCHW, wanted_N)
    walk.sign_NCHW[rows] = sign_NCHW.to(torch.int8)
    # As far as a line is followed at most; further where the boundary does not come any nearer.
    longest_N = how.longest_step * how.growth ** (walk.gradients_N[rows] - 1)
    walk.step_N[rows] = step_N.minimum(longest_N)
    lost_N = ~torch.isfinite(step_N) | (walk.gradients_N[rows] > how.iterations)
    leaps_N = ((height_N > HIGH) | (step_N > 3 * longest_N)) & (walk.gradients_N[rows] < how.iterations)
    walk.state_N[rows] = torch.where(lost_N, FAILED, torch.where(leaps_N, LEAP, LOOK))


def _length(
    walk: Walk, rows: torch.Tensor, slope_NCHW: torch.Tensor, sign_NCHW: torch.Tensor, wanted_N: torch.Tensor
) -> torch.Tensor:
    """Grey levels after which the linearised height has changed as wanted; not finite where nothing can move.

    slope_NCHW: change of the height for a grey level of each pixel. The change is a sum of min(room, step) x
    slope, which grows piecewise linearly; two of Newton's steps on it are near enough.
    """
    x_NCHW, low_NCHW, high_NCHW = walk.x_NCHW[rows], walk.low_NCHW[rows], walk.high_NCHW[rows]
    room_NCHW = torch.where(sign_NCHW > 0, x_NCHW - low_NCHW, high_NCHW - x_NCHW).clamp(min=0) * 255
    step_N = wanted_N / (slope_NCHW * (room_NCHW > 0)).sum((1, 2, 3))
    for _ in range(2):
        step_N111 = step_N.view(-1, 1, 1, 1)
        got_N = (slope_NCHW * room_NCHW.minimum(step_N111)).sum((1, 2, 3))
        free_N = (slope_NCHW * (room_NCHW > step_N111)).sum((1, 2, 3))
        step_N = torch.where(free_N > 0, step_N + (wanted_N - got_N) / free_N, step_N)
    return step_N


@torch.no_grad()
def _look(teacher: nn.Module, walk: Walk, rows: torch.Tensor, how: AttackBoundary) -> None:
    """Whether the steps of some samples cross; where not, the samples go there.

    By the teacher itself: what it says of where a step led is at once the judgement of a member that may end
    up there.
    """
    ahead_NCHW = walk.ahead(rows)
    logits_NK = teacher(to_grey_levels(ahead_NCHW)).float()
    height_N = height(logits_NK, walk.target_N[rows])
    least, _ = window(how)
    crossed_N = height_N <= -least
    # Too near the boundary for either member: it is crossed a little further on.
    before_N = walk.ends.height_2N[0, rows]
    near_N = (height_N < least) & ~crossed_N & (before_N >= least) & (walk.step_N[rows] < 2 * how.reach)
    on_N = ~(crossed_N | near_N)
    seen = of_logits(logits_NK)
    walk.ends.note(1, rows, height_N, seen, torch.ones_like(on_N))
    walk.ends.note(0, rows, height_N, seen, on_N)
    walk.x_NCHW[rows] = torch.where(on_N.view(-1, 1, 1, 1), ahead_NCHW, walk.x_NCHW[rows])
    walk.step_N[rows] *= torch.where(near_N, 1.25, 1.0)
    walk.state_N[rows] = torch.where(crossed_N, CROSSED, torch.where(near_N, LOOK, AIM))
