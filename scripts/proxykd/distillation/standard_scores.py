"""Z-scores that stay finite, in value and gradient, where there is no variance."""

from __future__ import annotations

import torch

FLOOR = 0.01
"""Smallest deviation that is divided by. A network whose last layer starts at zero has equal logits: there
the z-score jumps, and dividing by next to nothing would make the first step throw it out of range."""


def standardised(x: torch.Tensor, dim: int) -> torch.Tensor:
    """(x - mean) / deviation along a dimension; the deviation is the population's and at least `FLOOR`."""
    centred = x - x.mean(dim, keepdim=True)
    variance = centred.square().mean(dim, keepdim=True)
    # Clamped before the root, whose own gradient at 0 is infinite.
    return centred * variance.clamp_min(FLOOR**2).rsqrt()
