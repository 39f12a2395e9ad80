"""Augmentation and mixup of whole batches on the device, with parameters drawn for each sample.

Random numbers come from a NumPy generator on the host, so that a view is the same on every device and
can be made again from its seed.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from proxykd.augmentation.settings import Augmentation

LUMA = (0.299, 0.587, 0.114)
"""Weights of ITU-R BT.601."""
ELASTIC_CELLS = 4
"""Knots along one side of the smooth displacement; between them it is interpolated."""


def generator(*seed: int) -> np.random.Generator:
    """The random numbers of one batch, from (seed, step); of another stream with a third number from 1."""
    return np.random.default_rng(seed)


def augment(
    x_NCHW: torch.Tensor, how: Augmentation, fill_C: torch.Tensor, rng: np.random.Generator
) -> torch.Tensor:
    """A random view of each image: geometry, then tone, then cutout. Values stay in [0, 1].

    fill_C: colour that stands for what lies outside an image, where `how.fill` is `mean`.
    """
    fill_C11 = (torch.zeros_like(fill_C) if how.fill == "black" else fill_C).view(-1, 1, 1)
    x_NCHW = _geometry(x_NCHW, how, fill_C11, rng)
    x_NCHW = _tone(x_NCHW, how, rng)
    return _cutout(x_NCHW, how.cutout, fill_C11, rng) if how.cutout else x_NCHW


def mix(
    x_NCHW: torch.Tensor, alpha: float, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Mixup (Zhang et al. 2018) with one share for each sample, from Beta(alpha, alpha).

    Returns the mixed batch, the partner's place in the batch and the share of the image itself, both N.
    """
    n = len(x_NCHW)
    partner_N = torch.from_numpy(rng.permutation(n)).to(x_NCHW.device)
    share_N = _tensor(rng.beta(alpha, alpha, n), x_NCHW)
    share_N111 = share_N.view(-1, 1, 1, 1)
    return torch.lerp(x_NCHW[partner_N], x_NCHW, share_N111), partner_N, share_N


def _tensor(values: np.ndarray, like: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(values.astype(np.float32)).to(like.device)


def _either_way(limit: float, n: int | tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(-limit, limit, n) if limit else np.zeros(n)


def _geometry(
    x_NCHW: torch.Tensor, how: Augmentation, fill_C11: torch.Tensor, rng: np.random.Generator
) -> torch.Tensor:
    """Flip, shift, rotation, zoom, shear and elastic displacement in one resampling."""
    n, _, height, width = x_NCHW.shape
    # Whole pixels: a shift alone then copies pixels and blurs nothing.
    shift_N2 = np.rint(_either_way(how.shift, (n, 2), rng) * width)
    flip_N = rng.uniform(size=n) < how.flip if how.flip else np.zeros(n, bool)
    if not (how.rotation or how.shear or how.zoom or (how.elastic and how.elastic_probability)):
        return _copied(x_NCHW, flip_N, shift_N2.astype(int), how.fill == "edge", fill_C11)
    matrix_N23 = _affine(how, n, rng)
    matrix_N23[:, :, 0] *= np.where(flip_N, -1.0, 1.0)[:, None]
    matrix_N23[:, :, 2] = 2 * shift_N2 / width
    bent_N = rng.uniform(size=n) < how.elastic_probability if how.elastic else np.zeros(n, bool)
    knots = rng.normal(size=(n, 2, ELASTIC_CELLS, ELASTIC_CELLS)) if how.elastic else None
    grid_NHW2 = functional.affine_grid(_tensor(matrix_N23, x_NCHW), list(x_NCHW.shape), align_corners=False)
    if knots is not None:
        # Coordinates run from -1 to 1, so a share of the side is twice as much of them.
        bend = _tensor(knots * (2 * how.elastic * bent_N)[:, None, None, None], x_NCHW)
        bend = functional.interpolate(bend, (height, width), mode="bicubic", align_corners=True)
        grid_NHW2 = grid_NHW2 + bend.permute(0, 2, 3, 1)
    if how.fill == "edge":
        return functional.grid_sample(x_NCHW, grid_NHW2, padding_mode="border", align_corners=False)
    sampled = functional.grid_sample(x_NCHW - fill_C11, grid_NHW2, padding_mode="zeros", align_corners=False)
    # Subtracting and adding the fill rounds, which can leave [0, 1] by a last bit.
    return (sampled + fill_C11).clamp_(0, 1)


def _copied(
    x_NCHW: torch.Tensor, flip_N: np.ndarray, shift_N2: np.ndarray, repeat_edge: bool, fill_C11: torch.Tensor
) -> torch.Tensor:
    """Flip and shift by whole pixels, bit by bit: resampling would add rounding errors, and takes longer."""
    if not flip_N.any() and not shift_N2.any():
        return x_NCHW
    n, _, height, width = x_NCHW.shape
    columns_NW = np.where(flip_N[:, None], np.arange(width)[::-1], np.arange(width)) + shift_N2[:, :1]
    rows_NH = np.arange(height) + shift_N2[:, 1:]

    def place(places_NL: np.ndarray, length: int) -> torch.Tensor:
        return torch.from_numpy(places_NL.clip(0, length - 1)).to(x_NCHW.device)

    rows_NH1, columns_N1W = place(rows_NH, height)[:, :, None], place(columns_NW, width)[:, None, :]
    image_N11 = torch.arange(n, device=x_NCHW.device)[:, None, None]
    # Indexing puts the picked dimensions first: N H W C, which is channels-last memory.
    moved_NCHW = x_NCHW[image_N11, :, rows_NH1, columns_N1W].permute(0, 3, 1, 2)
    if repeat_edge:
        return moved_NCHW
    is_in_NHW = _is_in(rows_NH, height)[:, :, None] & _is_in(columns_NW, width)[:, None, :]
    return torch.where(torch.from_numpy(is_in_NHW).to(x_NCHW.device)[:, None], moved_NCHW, fill_C11)


def _is_in(places_NL: np.ndarray, length: int) -> np.ndarray:
    return (places_NL >= 0) & (places_NL < length)


def _affine(how: Augmentation, n: int, rng: np.random.Generator) -> np.ndarray:
    """Rotation, shear and zoom: matrices N x 2 x 3 from output to input coordinates, both from -1 to 1."""
    angle_N = np.deg2rad(_either_way(how.rotation, n, rng))
    shear_N = np.tan(np.deg2rad(_either_way(how.shear, n, rng)))
    scale_N = 1 / (1 + _either_way(how.zoom, n, rng))
    matrix_N23 = np.zeros((n, 2, 3))
    cosine_N, sine_N = np.cos(angle_N) * scale_N, np.sin(angle_N) * scale_N
    matrix_N23[:, 0, 0] = cosine_N
    matrix_N23[:, 0, 1] = cosine_N * shear_N - sine_N
    matrix_N23[:, 1, 0] = sine_N
    matrix_N23[:, 1, 1] = sine_N * shear_N + cosine_N
    return matrix_N23


def _tone(x_NCHW: torch.Tensor, how: Augmentation, rng: np.random.Generator) -> torch.Tensor:
    n, channels = x_NCHW.shape[:2]

    def factor(limit: float) -> torch.Tensor:
        return _tensor(1 + _either_way(limit, n, rng), x_NCHW).view(-1, 1, 1, 1)

    if how.brightness:
        x_NCHW = x_NCHW * factor(how.brightness)
    if how.contrast:
        mean_N111 = x_NCHW.mean((1, 2, 3), keepdim=True)
        x_NCHW = mean_N111 + (x_NCHW - mean_N111) * factor(how.contrast)
    if how.saturation and channels == 3:
        grey_N1HW = (x_NCHW * x_NCHW.new_tensor(LUMA).view(-1, 1, 1)).sum(1, keepdim=True)
        x_NCHW = grey_N1HW + (x_NCHW - grey_N1HW) * factor(how.saturation)
    if how.brightness or how.contrast or how.saturation:
        x_NCHW = x_NCHW.clamp(0, 1)
    for probability, change in (
        (how.posterise, _posterise),
        (how.solarise, _solarise),
        (how.invert, _invert),
    ):
        if probability:
            chosen = torch.from_numpy(np.flatnonzero(rng.uniform(size=n) < probability)).to(x_NCHW.device)
            if len(chosen):
                x_NCHW = x_NCHW.index_copy(0, chosen, change(x_NCHW[chosen], rng))
    return x_NCHW


def _posterise(x_NCHW: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    levels_N111 = _tensor(2.0 ** rng.integers(2, 5, len(x_NCHW)), x_NCHW).view(-1, 1, 1, 1)
    return (x_NCHW * levels_N111).floor().clamp(max=levels_N111 - 1) / (levels_N111 - 1)


def _solarise(x_NCHW: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    threshold_N111 = _tensor(rng.uniform(size=len(x_NCHW)), x_NCHW).view(-1, 1, 1, 1)
    return torch.where(x_NCHW >= threshold_N111, 1 - x_NCHW, x_NCHW)


def _invert(x_NCHW: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    return 1 - x_NCHW


def _cutout(
    x_NCHW: torch.Tensor, share: float, fill_C11: torch.Tensor, rng: np.random.Generator
) -> torch.Tensor:
    """Replace a square of random side, up to a share of the image's, about a random centre."""
    n, _, height, width = x_NCHW.shape
    half_N = rng.uniform(0, share, n) / 2
    centre_N2 = rng.uniform(size=(n, 2))

    def inside(length: int, centre_N: np.ndarray) -> torch.Tensor:
        place = (np.arange(length) + 0.5) / length
        return _tensor(np.abs(place[None] - centre_N[:, None]) < half_N[:, None], x_NCHW).bool()

    rows_NH, columns_NW = inside(height, centre_N2[:, 0]), inside(width, centre_N2[:, 1])
    return torch.where(rows_NH[:, None, :, None] & columns_NW[:, None, None, :], fill_C11, x_NCHW)
