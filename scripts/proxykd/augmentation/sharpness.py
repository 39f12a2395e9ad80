"""RandAugment's Sharpness: away from, or towards, a slightly blurred image."""

from __future__ import annotations

import numpy as np
import torch

from proxykd.augmentation.device import rows_of, to_device
from proxykd.augmentation.randaugment import Drawn, value

SMALLEST = 3
"""Pixels of a side below which there is nothing inside the border."""


def sharpen(x_NCHW: torch.Tensor, drawn: Drawn) -> torch.Tensor:
    """Sharpness on the samples that drew it, as often as they did. Changes x_NCHW itself."""
    if min(x_NCHW.shape[2:]) < SMALLEST:
        return x_NCHW
    is_drawn_NS = drawn.places("Sharpness")
    amount_NS = value("Sharpness", drawn.magnitude) * np.where(drawn.is_negative_NS, -1.0, 1.0)
    number_NS = np.where(is_drawn_NS, is_drawn_NS.cumsum(1), 0)
    for time in range(1, 1 + int(number_NS.max(initial=0))):
        is_now_NS = number_NS == time
        is_chosen_N = is_now_NS.any(1)
        rows_M = rows_of(is_chosen_N, x_NCHW)
        amount_M = to_device((amount_NS * is_now_NS).sum(1)[is_chosen_N], x_NCHW)
        x_NCHW.index_copy_(0, rows_M, _sharpened(x_NCHW.index_select(0, rows_M), amount_M))
    return x_NCHW


def _sharpened(x_NCHW: torch.Tensor, amount_N: torch.Tensor) -> torch.Tensor:
    """x + amount (x - blurred) inside the border, with 5 for the middle and 1 for each neighbour, over 13."""
    # Sums in place of a convolution, which a GPU may round to ten bits.
    three_NCRW = x_NCHW[..., :-2, :] + x_NCHW[..., 1:-1, :]
    three_NCRW += x_NCHW[..., 2:, :]
    nine_NCRS = three_NCRW[..., :-2] + three_NCRW[..., 1:-1]
    nine_NCRS += three_NCRW[..., 2:]
    amount_N111 = amount_N.view(-1, 1, 1, 1)
    x_NCHW[..., 1:-1, 1:-1].mul_(1 + amount_N111 * 9 / 13).addcmul_(nine_NCRS, amount_N111, value=-1 / 13)
    return x_NCHW.clamp_(0, 1)
