"""The paper's attack: targeted sign steps whose size adapts by sample ("bold driver").

Frank & Davis, "What Makes a Good Dataset for Knowledge Distillation?", CVPR 2025, section on the
adversarial decision boundary; the step rule is Battiti's bold driver (1989).
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from proxykd.boundary.deepening import further
from proxykd.boundary.pairs import Pairs
from proxykd.boundary.settings import AttackBoundary
from proxykd.networks.classifier import Classifier

BATCHES = 1
"""Batches of views that are attacked together."""
CROSSES = True
"""Its pairs are to lie on two sides of the boundary."""
EXACT = True
"""The paper's rule runs in full precision unless it is asked not to."""


def attack(network: nn.Module, x_NCHW: torch.Tensor, target_N: torch.Tensor, how: AttackBoundary) -> Pairs:
    """Push each image into its target class, within epsilon of where it started.

    A step goes against the sign of the gradient of the cross-entropy with the target. After it a sample
    that has not crossed takes a larger step next; one that crossed succeeds if the largest softmax output
    is below the threshold on both sides, and is otherwise taken back and takes a smaller step next.
    Samples that are done leave the batch. One pass forward and one back a step: the look at where a step
    led gives the gradient of the next one too, and a sample that was taken back keeps the gradient it had.
    """
    n = len(x_NCHW)
    pairs = Pairs(
        x_NCHW.clone(),
        x_NCHW.clone(),
        torch.zeros(n, dtype=torch.bool, device=x_NCHW.device),
        torch.full((n,), how.iterations, device=x_NCHW.device),
    )
    if n == 0:
        return pairs
    rows = torch.arange(n, device=x_NCHW.device)
    low_NCHW = (x_NCHW - how.reach / 255).clamp(0, 1)
    high_NCHW = (x_NCHW + how.reach / 255).clamp(0, 1)
    step_N = torch.full((n,), how.start_step / 255, device=x_NCHW.device)
    sign_NCHW, confidence_N, _ = _look(network, x_NCHW, target_N)
    for iteration in range(1, how.iterations + 1):
        if len(rows) == 0:
            break
        moved_NCHW = x_NCHW - step_N.view(-1, 1, 1, 1) * sign_NCHW
        moved_NCHW = torch.minimum(torch.maximum(moved_NCHW, low_NCHW), high_NCHW)
        moved_sign_NCHW, moved_confidence_N, moved_class_N = _look(network, moved_NCHW, target_N)
        crossed_N = moved_class_N == target_N
        done_N = crossed_N & (moved_confidence_N < how.threshold) & (confidence_N < how.threshold)
        finished = rows[done_N]
        pairs.pre_NCHW[finished], pairs.post_NCHW[finished] = x_NCHW[done_N], moved_NCHW[done_N]
        pairs.success_N[finished], pairs.steps_N[finished] = True, iteration
        crossed_N111 = crossed_N.view(-1, 1, 1, 1)
        x_NCHW = torch.where(crossed_N111, x_NCHW, moved_NCHW)
        sign_NCHW = torch.where(crossed_N111, sign_NCHW, moved_sign_NCHW)
        confidence_N = torch.where(crossed_N, confidence_N, moved_confidence_N)
        step_N = step_N * torch.where(crossed_N, how.shrink, how.growth)
        on = ~done_N
        rows, target_N, step_N, confidence_N = rows[on], target_N[on], step_N[on], confidence_N[on]
        x_NCHW, sign_NCHW, low_NCHW, high_NCHW = x_NCHW[on], sign_NCHW[on], low_NCHW[on], high_NCHW[on]
    return pairs


def deeper(
    teacher: Classifier,
    x_NCHW: torch.Tensor,
    class_N: torch.Tensor,
    how: AttackBoundary,
    towards_NCHW: torch.Tensor | None = None,
) -> torch.Tensor:
    """One further sign step of each image into the class that it has, within epsilon of where it is.

    Under the bold driver a step that leaves the class, or ends above the threshold, is taken back and
    halved. The way on which an image was found is not used: the paper takes a gradient anew.
    """
    if len(x_NCHW) == 0:
        return x_NCHW
    against_NCHW, _, _ = _look(teacher, x_NCHW, class_N)
    return further(teacher, x_NCHW, -against_NCHW, class_N, how)


def _look(
    network: nn.Module, x_NCHW: torch.Tensor, target_N: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Sign of the gradient of each image's cross-entropy with its target, largest softmax output, class."""
    x_NCHW = x_NCHW.detach().requires_grad_()
    logits_NK = network(x_NCHW)
    loss = functional.cross_entropy(logits_NK, target_N, reduction="sum")
    (gradient_NCHW,) = torch.autograd.grad(loss, x_NCHW)
    best = logits_NK.detach().softmax(1).max(1)
    return gradient_NCHW.sign_(), best.values, best.indices
