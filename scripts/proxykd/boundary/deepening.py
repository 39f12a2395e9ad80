"""One further step of images into the class that they have."""

from __future__ import annotations

import math

import torch
from torch import nn

from proxykd.boundary.grey import to_grey_levels
from proxykd.boundary.queue import BATCH
from proxykd.boundary.settings import AttackBoundary
from proxykd.boundary.sides import CLEAR


@torch.no_grad()
def further(
    teacher: nn.Module,
    x_NCHW: torch.Tensor,
    towards_NCHW: torch.Tensor,
    class_N: torch.Tensor,
    how: AttackBoundary,
) -> torch.Tensor:
    """Images a start step along the signs `towards_NCHW`, within epsilon of where they are.

    A step that leaves the class, or ends above the threshold, is taken back and shrunk; an image for which no
    step does is returned as it is. Images come and go as whole grey levels, so what was looked at is what is
    stored.
    """
    result_NCHW = x_NCHW.clone()
    # Of whole grey levels, what is within epsilon.
    step = min(how.start_step, math.floor(how.reach)) / 255
    rows = torch.arange(len(x_NCHW), device=x_NCHW.device)
    # Less than half a grey level is lost when the image is stored.
    while len(rows) and step >= 0.5 / 255:
        moved_NCHW = to_grey_levels(x_NCHW[rows] + step * towards_NCHW[rows])
        logits_NK = torch.cat([teacher(part_NCHW).float() for part_NCHW in moved_NCHW.split(BATCH)])
        first_N2 = logits_NK.topk(2, 1)
        good_N = (first_N2.indices[:, 0] == class_N[rows]) & (logits_NK.softmax(1).amax(1) < how.threshold)
        good_N &= first_N2.values[:, 0] - first_N2.values[:, 1] >= CLEAR
        result_NCHW[rows[good_N]] = moved_NCHW[good_N]
        rows = rows[~good_N]
        step *= how.shrink
    return result_NCHW
