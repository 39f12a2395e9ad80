"""Mixup and CutMix of a batch with itself, with parameters drawn for each sample."""

from __future__ import annotations

import numpy as np
import torch

from proxykd.augmentation.device import on_device, to_device


def mix(
    x_NCHW: torch.Tensor, alpha: float, rng: np.random.Generator, cutmix: float = 0.0
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Each image with another of the batch, its own share from Beta(alpha, alpha).

    Mixup (Zhang et al. 2018) blends the two. A sample has CutMix (Yun et al. 2019) instead with probability
    `cutmix`: a rectangle of the partner in its place, of the image's proportions and about a random centre;
    what of it lies outside is lost, and the share is that of the area that remains.

    Returns the mixed batch, the partner's place in the batch and the share of the image itself, both N.
    """
    n, _, height, width = x_NCHW.shape
    partner_N = rng.permutation(n)
    share_N = rng.beta(alpha, alpha, n)
    weight_N1HW: np.ndarray = share_N[:, None, None, None]
    if cutmix:
        is_cut_N = rng.random(n) < cutmix
        outside_NHW = ~_rectangles(share_N, height, width, rng)
        share_N = np.where(is_cut_N, outside_NHW.mean((1, 2)), share_N)
        weight_N1HW = np.where(is_cut_N[:, None, None], outside_NHW, weight_N1HW[:, 0])[:, None]
    partner = on_device(partner_N, x_NCHW.device)
    mixed_NCHW = torch.lerp(_rows(x_NCHW, partner), x_NCHW, to_device(weight_N1HW, x_NCHW))
    return mixed_NCHW, partner, to_device(share_N, x_NCHW)


def _rows(x_NCHW: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Images of a batch, in the memory layout of the batch."""
    if x_NCHW.is_contiguous():
        return x_NCHW.index_select(0, rows)
    return x_NCHW.permute(0, 2, 3, 1).index_select(0, rows).permute(0, 3, 1, 2)


def _rectangles(share_N: np.ndarray, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Pixels that the partner takes, N x H x W: 1 - share of the area, less what the edge cuts off."""
    half_N = np.sqrt(1 - share_N) / 2
    centre_2N = rng.random((2, len(share_N)))
    row_NH = _between(centre_2N[0], half_N, height)
    column_NW = _between(centre_2N[1], half_N, width)
    return row_NH[:, :, None] & column_NW[:, None]


def _between(centre_N: np.ndarray, half_N: np.ndarray, length: int) -> np.ndarray:
    """Pixels of a line whose centre is less than a half away; all three in shares of its length."""
    place_L = (np.arange(length) + 0.5) / length
    return np.abs(place_L - centre_N[:, None]) < half_N[:, None]
