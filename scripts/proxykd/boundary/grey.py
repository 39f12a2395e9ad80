"""Images as eight bits hold them, and lines through them."""

from __future__ import annotations

import torch

GOLDEN = 0.6180339887498949
"""Its multiples modulo 1 are spread evenly however many one takes."""


def to_grey_levels(x_NCHW: torch.Tensor) -> torch.Tensor:
    """The nearest images with whole grey levels, as floats in [0, 1]; equal bit for bit to stored ones."""
    return x_NCHW.clamp(0, 1).mul(255).round_().div_(255)


def between(a_NCHW: torch.Tensor, b_NCHW: torch.Tensor, share_N: torch.Tensor) -> torch.Tensor:
    """The image of whole grey levels nearest to the point at `share_N` of the way from a (0) to b (1).

    Pixels pass from one level to the next at different points of a line, so it holds many such images even
    where its ends are less than a grey level apart.
    """
    return to_grey_levels(torch.lerp(a_NCHW, b_NCHW, share_N.view(-1, 1, 1, 1)))


def off_grid(x_NCHW: torch.Tensor) -> torch.Tensor:
    """Images that round to the same, with pixels of whole grey levels moved off them by up to half of one.

    Pixels of whole levels would all pass to the next ones at once. The offsets are multiples of the golden
    ratio by the pixel's place, so they are the same on every device. Images that are mixed or turned are off
    the levels already and stay as they are.
    """
    levels_NCHW = x_NCHW * 255
    place_CHW = torch.arange(x_NCHW.shape[1:].numel(), dtype=torch.float64).view(x_NCHW.shape[1:])
    # A little less than half a level, so that arithmetic cannot take a pixel across.
    offset_CHW = ((place_CHW * GOLDEN) % 1 - 0.5).mul(0.98).float().to(x_NCHW.device)
    whole_NCHW = (levels_NCHW - levels_NCHW.round()).abs() < 1e-3
    return torch.where(whole_NCHW, (levels_NCHW + offset_CHW) / 255, x_NCHW)
