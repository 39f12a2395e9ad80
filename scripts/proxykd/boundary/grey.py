"""Images as eight bits hold them."""

from __future__ import annotations

import torch


def to_grey_levels(x_NCHW: torch.Tensor) -> torch.Tensor:
    """The nearest images with whole grey levels, as floats in [0, 1]; equal bit for bit to stored ones."""
    return x_NCHW.clamp(0, 1).mul(255).round_().div_(255)
