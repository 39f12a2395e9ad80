"""On which side of a target class's boundary images lie, and how far from it in logits."""

from __future__ import annotations

import math

import torch

from proxykd.boundary.settings import AttackBoundary

SLACK = 1.5
"""How much further from the boundary than its least margin a member may lie, in logits."""

CLEAR = 0.01
"""With less than this between the first two logits, another batch or device may see another class."""


def height(logits_NK: torch.Tensor, target_N: torch.Tensor) -> torch.Tensor:
    """Largest other logit less the target's: positive before the boundary, negative beyond it."""
    return _others(logits_NK, target_N).amax(1) - _own(logits_NK, target_N)


def smooth_height(logits_NK: torch.Tensor, target_N: torch.Tensor) -> torch.Tensor:
    """Logarithm of the odds against the target: `height` with a soft maximum, 0 to log(K - 1) above it.

    Its gradient leads away from all other classes in proportion to their probabilities, so that a step does
    not end in a third one.
    """
    return _others(logits_NK, target_N).logsumexp(1) - _own(logits_NK, target_N)


def window(how: AttackBoundary) -> tuple[float, float]:
    """Least and largest height, either sign, that a member of a pair is looked for with.

    With two classes a height of log(t / (1 - t)) has an output of t, so the largest stays below that of the
    threshold where one can.
    """
    unsure = math.log(how.threshold / (1 - how.threshold)) if how.threshold < 1 else math.inf
    return how.margin, min(how.margin + SLACK, max(0.75 * unsure, 2 * how.margin))


def _others(logits_NK: torch.Tensor, target_N: torch.Tensor) -> torch.Tensor:
    return logits_NK.scatter(1, target_N[:, None], -torch.inf)


def _own(logits_NK: torch.Tensor, target_N: torch.Tensor) -> torch.Tensor:
    return logits_NK.gather(1, target_N[:, None])[:, 0]
