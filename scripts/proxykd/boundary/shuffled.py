"""A control: changes as large as `deepfool_linf` makes them, at other pixels, so that they lead nowhere.

What pairs are worth beyond images that were merely disturbed shows against these: the same views, the same
sizes in every norm, no boundary.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from proxykd.boundary import deepfool_linf
from proxykd.boundary.grey import to_grey_levels
from proxykd.boundary.pairs import Pairs
from proxykd.boundary.settings import AttackBoundary

BATCHES = deepfool_linf.BATCHES
CROSSES = False
EXACT = deepfool_linf.EXACT


def attack(network: nn.Module, x_NCHW: torch.Tensor, target_N: torch.Tensor, how: AttackBoundary) -> Pairs:
    """The pairs of `deepfool_linf` with each image's changes moved to other places, the same ones for all."""
    found = deepfool_linf.attack(network, x_NCHW, target_N, how)
    places = np.random.default_rng((how.seed, 2)).permutation(x_NCHW[0].numel())
    order = torch.from_numpy(places).to(x_NCHW.device)

    def moved(images_NCHW: torch.Tensor) -> torch.Tensor:
        return images_NCHW.flatten(1)[:, order].view_as(images_NCHW)

    assert found.towards_NCHW is not None
    return Pairs(
        to_grey_levels(x_NCHW + moved(found.pre_NCHW - x_NCHW)),
        to_grey_levels(x_NCHW + moved(found.post_NCHW - x_NCHW)),
        found.success_N,
        found.steps_N,
        moved(found.towards_NCHW),
    )


deeper = deepfool_linf.deeper
