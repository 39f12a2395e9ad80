"""The paper's rule in the order in which its authors' program works, to measure beside.

From a description of that program; no line of it is here. It differs from `proxykd.boundary.bold_driver` in
what it costs and not in what it finds: every step goes forward and back where an image is and forward again
where the step led, and the whole batch goes on until its last image is done, or the iterations end.
"""

from __future__ import annotations

import torch
from torch.nn import functional

from proxykd.boundary.pairs import Pairs
from proxykd.boundary.settings import AttackBoundary
from proxykd.networks.classifier import Classifier


def attack(teacher: Classifier, x_NCHW: torch.Tensor, target_N: torch.Tensor, how: AttackBoundary) -> Pairs:
    """Carry each image into its target class by sign steps, within epsilon of where it started.

    Frank & Davis, CVPR 2025; the rule is that of `bold_driver.attack`, with the same settings.
    """
    low_NCHW = (x_NCHW - how.reach / 255).clamp(0, 1)
    high_NCHW = (x_NCHW + how.reach / 255).clamp(0, 1)
    step_N = torch.full((len(x_NCHW),), how.start_step / 255, device=x_NCHW.device)
    done_N = torch.zeros_like(target_N, dtype=torch.bool)
    pairs = Pairs(x_NCHW.clone(), x_NCHW.clone(), done_N, torch.full_like(target_N, how.iterations))
    for iteration in range(1, how.iterations + 1):
        sign_NCHW, before_N = _gradient(teacher, x_NCHW, target_N)
        moved_NCHW = x_NCHW - step_N.view(-1, 1, 1, 1) * sign_NCHW
        moved_NCHW = torch.minimum(torch.maximum(moved_NCHW, low_NCHW), high_NCHW)
        with torch.no_grad():
            after_N, class_N = teacher(moved_NCHW).softmax(1).max(1)
        crossed_N = class_N == target_N
        new_N = crossed_N & (after_N < how.threshold) & (before_N < how.threshold) & ~done_N
        pairs.pre_NCHW[new_N], pairs.post_NCHW[new_N] = x_NCHW[new_N], moved_NCHW[new_N]
        pairs.steps_N[new_N] = iteration
        done_N |= new_N
        if done_N.all():
            break
        x_NCHW = torch.where(crossed_N.view(-1, 1, 1, 1), x_NCHW, moved_NCHW)
        step_N = step_N * torch.where(crossed_N, how.shrink, how.growth)
    return pairs


def _gradient(
    teacher: Classifier, x_NCHW: torch.Tensor, target_N: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sign of the gradient of each image's cross-entropy with its target, and its largest softmax output."""
    x_NCHW = x_NCHW.detach().requires_grad_()
    logits_NK = teacher(x_NCHW)
    loss = functional.cross_entropy(logits_NK, target_N, reduction="sum")
    (gradient_NCHW,) = torch.autograd.grad(loss, x_NCHW)
    return gradient_NCHW.sign(), logits_NK.detach().softmax(1).amax(1)
