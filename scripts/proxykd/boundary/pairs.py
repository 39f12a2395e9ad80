"""What an attack gives: two images of each view that it carried across."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from proxykd.boundary.opinions import Opinions


@dataclass
class Pairs:
    """What became of N views; rows without success hold no meaning."""

    pre_NCHW: torch.Tensor
    """The last image before the boundary."""
    post_NCHW: torch.Tensor
    """The first image beyond it."""
    success_N: torch.Tensor
    steps_N: torch.Tensor
    """Gradients (`deepfool_linf`) or steps (`bold_driver`) until success, or all of them."""
    towards_NCHW: torch.Tensor | None = None
    """Signs, int8, of each pixel's last change on the way across; None where nobody keeps them."""
    seen: dict[str, Opinions] | None = None
    """What the original teacher says of the images named `pre` and `post`, in full precision; None where it
    was not asked."""
