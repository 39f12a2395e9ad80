"""How far the attack may go, by the teacher alone: the distances at which its boundaries are found."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import torch
from torch import nn

from proxykd.boundary.settings import AttackBoundary

REACHES = (1, 2, 4, 8, 16, 32, 64)
"""Grey levels of 255."""
SHARE = 0.95
"""Of the views that cross within the largest reach, so many must within the one that is chosen."""


def measure(
    method: ModuleType, network: nn.Module, x_NCHW: torch.Tensor, target_N: torch.Tensor, how: AttackBoundary
) -> dict[str, Any]:
    """Attack views with the largest reach, and choose the smallest one that would have done for nearly all.

    Returns `epsilon`; `views`; `success`: for each of REACHES the share of the views that crossed within it;
    `distance`: median L-infinity distance of those that crossed from where they started, in grey levels, None
    if none did. A pixel counts as unmoved while it has the nearest grey level.
    """
    widest = how.model_copy(update={"epsilon": float(REACHES[-1])})
    found = method.attack(network, x_NCHW, target_N, widest)
    change_NCHW = (found.post_NCHW - x_NCHW).abs() * 255
    distance_N = torch.where(change_NCHW > 0.5 + 1e-3, change_NCHW, 0).flatten(1).amax(1)[found.success_N]
    distance_N = distance_N.cpu().double()
    views = len(x_NCHW)
    success = [int((distance_N <= reach + 1e-3).sum()) / views for reach in REACHES]
    enough = SHARE * success[-1]
    epsilon = next(reach for reach, share in zip(REACHES, success, strict=True) if share >= enough)
    return {
        "epsilon": float(epsilon) if len(distance_N) else float(REACHES[-1]),
        "views": views,
        "success": dict(zip(map(str, REACHES), success, strict=True)),
        "distance": float(distance_N.median()) if len(distance_N) else None,
    }
