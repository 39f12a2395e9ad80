"""Sources of the attack: augmented and mixed views of the selected images.

Attacking stored images and augmenting them afterwards would be another thing: two images a grey level
apart no longer lie on two sides of anything once each was augmented on its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from proxykd.augmentation.batch import augment, generator, mix
from proxykd.boundary.settings import AttackBoundary
from proxykd.networks.classifier import to_float
from proxykd.training.order import Order


@dataclass(frozen=True)
class Views:
    """One batch of sources and where they come from."""

    x_NCHW: torch.Tensor
    """Pixels in [0, 1]."""
    source_N: np.ndarray
    """Row of the selected image."""
    partner_N: np.ndarray
    """Row of the image that it is mixed with; itself where views are not mixed."""
    share_N: np.ndarray
    """Weight of the source in the mixture."""
    step: int
    """With the seed, what the view's random numbers were drawn from."""

    def first(self, count: int) -> Views:
        """At most so many of them."""
        source_N, partner_N, share_N = self.source_N[:count], self.partner_N[:count], self.share_N[:count]
        return Views(self.x_NCHW[:count], source_N, partner_N, share_N, self.step)

    def origin(self, row: int) -> dict[str, Any]:
        """Where a view comes from, for the row of its images."""
        return {
            "source": int(self.source_N[row]),
            "partner": int(self.partner_N[row]),
            "mix_share": float(self.share_N[row]),
            "view_step": self.step,
            "view_row": row,
        }


def draw_views(
    images_NHWC: torch.Tensor, order: Order, step: int, settings: AttackBoundary, fill_C: torch.Tensor
) -> Views:
    """The views of one batch, from the seed and the batch's number alone."""
    source_N = order.at(step)
    rng = generator(settings.seed, step)
    rows = torch.from_numpy(source_N).to(images_NHWC.device)
    x_NCHW = augment(to_float(images_NHWC[rows]), settings.augmentation, fill_C, rng)
    if not settings.mixup:
        return Views(x_NCHW, source_N, source_N, np.ones(len(source_N)), step)
    mixed_NCHW, partner_N, share_N = mix(x_NCHW, settings.mixup, rng)
    return Views(mixed_NCHW, source_N, source_N[partner_N.cpu().numpy()], share_N.cpu().numpy(), step)
