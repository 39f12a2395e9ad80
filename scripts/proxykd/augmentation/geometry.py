"""Where each pixel of a view comes from: one affine map a sample, perhaps bent, and one resampling.

Places are pixels from the image's centre, x to the right and y down. Maps lead from the view to the image,
so the operation that comes last is applied to a place first.
"""

from __future__ import annotations

from functools import lru_cache, reduce

import numpy as np
import torch
from torch.nn import functional

from proxykd.augmentation.device import on_device, rows_of, to_device
from proxykd.augmentation.elastic import displacement
from proxykd.augmentation.randaugment import Drawn, by_sign
from proxykd.augmentation.settings import Augmentation

MOVING = ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate")


def move(
    x_NCHW: torch.Tensor, how: Augmentation, drawn: Drawn, fill_C: torch.Tensor, rng: np.random.Generator
) -> torch.Tensor:
    """RandAugment's geometry in its order, then zoom, shear and rotation, elastic, flip, padded crop."""
    n, _, height, width = x_NCHW.shape
    pad_2 = np.rint([how.shift * width, how.shift * height]).astype(int)
    # Whole numbers from -pad to pad, all alike; NumPy's own take five times as long where bounds differ.
    shift_N2 = (
        (rng.random((n, 2)) * (2 * pad_2 + 1)).astype(int) - pad_2 if how.shift else np.zeros((n, 2), int)
    )
    flip_N = rng.random(n) < how.flip if how.flip else np.zeros(n, bool)
    is_affine = bool(how.rotation or how.zoom or how.shear)
    is_bent_N = rng.random(n) < how.elastic_probability if how.elastic else np.zeros(n, bool)
    if not (is_affine or is_bent_N.any() or drawn.any(*MOVING)):
        return copied(x_NCHW, flip_N, shift_N2, how.fill == "edge", fill_C)
    maps = [*np.moveaxis(drawn.looked_up(_table(height, width, drawn.magnitude)), 1, -1)]
    if is_affine:
        maps.append(_affine(how, n, rng))
    map_23N = reduce(_then, [*maps, _flip_and_shift(flip_N, shift_N2)])
    # grid_sample has places from -1 to 1.
    map_N23 = np.moveaxis(map_23N * np.array([2 / width, 2 / height])[:, None, None], -1, 0)
    grid_N2HW = _grid(map_N23, x_NCHW)
    if is_bent_N.any():
        bend = displacement(map_N23[is_bent_N, :, :2], how.elastic, how.elastic_sigma, x_NCHW, rng)
        grid_N2HW.index_add_(0, rows_of(is_bent_N, x_NCHW), bend)
    return _sampled(x_NCHW, grid_N2HW.permute(0, 2, 3, 1), how.fill == "edge", fill_C)


def _then(first_23N: np.ndarray, second_23N: np.ndarray) -> np.ndarray:
    """The map of two operations one after the other. Samples come last, so that NumPy's loops are long."""
    map_23N = first_23N[:, 0, None] * second_23N[0] + first_23N[:, 1, None] * second_23N[1]
    map_23N[:, 2] += first_23N[:, 2]
    return map_23N


@lru_cache
def _table(height: int, width: int, magnitude: int) -> np.ndarray:
    """The map of each of RandAugment's operations. Shears leave the top-left corner where it is."""

    def shear_x(v: float) -> np.ndarray:
        return _map(1, v, v * height / 2, 0, 1, 0)

    def shear_y(v: float) -> np.ndarray:
        return _map(1, 0, 0, v, 1, v * width / 2)

    entries = {
        "ShearX": shear_x,
        "ShearY": shear_y,
        # Whole pixels, cut off below the point.
        "TranslateX": lambda v: _map(1, 0, -int(v * width), 0, 1, 0),
        "TranslateY": lambda v: _map(1, 0, 0, 0, 1, -int(v * height)),
        "Rotate": lambda v: _rotation(np.deg2rad(v)),
    }
    return by_sign(np.eye(2, 3), entries, magnitude)


def _map(*entries: float) -> np.ndarray:
    return np.array(entries, float).reshape(2, 3)


def _rotation(angle: float) -> np.ndarray:
    """Turns the image counter-clockwise."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return _map(cosine, -sine, 0, sine, cosine, 0)


def _affine(how: Augmentation, n: int, rng: np.random.Generator) -> np.ndarray:
    """What torchvision's RandomAffine draws: horizontal shear, then zoom, then rotation about the centre."""
    angle_N = np.deg2rad(rng.uniform(-how.rotation, how.rotation, n))
    slope_N = np.tan(np.deg2rad(rng.uniform(-how.shear, how.shear, n)))
    scale_N = rng.uniform(1 - how.zoom, 1 + how.zoom, n)
    cosine_N, sine_N = np.cos(angle_N) / scale_N, np.sin(angle_N) / scale_N
    zero_N = np.zeros(n)
    of_x = [cosine_N - slope_N * sine_N, sine_N + slope_N * cosine_N, zero_N]
    return np.array([of_x, [-sine_N, cosine_N, zero_N]])


def _flip_and_shift(flip_N: np.ndarray, shift_N2: np.ndarray) -> np.ndarray:
    """A flip, then a crop whose corner is `shift` pixels from the image's."""
    map_23N = np.zeros((2, 3, len(flip_N)))
    map_23N[0, 0] = np.where(flip_N, -1, 1)
    map_23N[1, 1] = 1
    map_23N[:, 2] = shift_N2.T
    map_23N[0, 2] *= map_23N[0, 0]
    return map_23N


def _grid(map_N23: np.ndarray, like_NCHW: torch.Tensor) -> torch.Tensor:
    """Where maps lead from each pixel of a view, N x 2 x H x W, in the units of the maps."""
    height, width = like_NCHW.shape[2:]
    x_W, y_H = np.arange(width) - (width - 1) / 2, np.arange(height) - (height - 1) / 2
    # A map's part of x and its part of y, which are added at each pixel: one pass over the grid.
    of_x_N2W = map_N23[:, :, :1] * x_W + map_N23[:, :, 2:]
    of_y_N2H = map_N23[:, :, 1:2] * y_H
    return to_device(of_x_N2W, like_NCHW)[:, :, None] + to_device(of_y_N2H, like_NCHW)[..., None]


def _sampled(
    x_NCHW: torch.Tensor, grid_NHW2: torch.Tensor, repeat_edge: bool, fill_C: torch.Tensor
) -> torch.Tensor:
    if repeat_edge:
        return functional.grid_sample(x_NCHW, grid_NHW2, padding_mode="border", align_corners=False)
    # Outside is 0, so the fill is made to be 0: a pixel half outside is half the fill.
    fill_C11 = fill_C.view(-1, 1, 1)
    sampled_NCHW = functional.grid_sample(
        x_NCHW - fill_C11, grid_NHW2, padding_mode="zeros", align_corners=False
    )
    # Subtracting and adding the fill rounds, which can leave [0, 1] by a last bit.
    return sampled_NCHW.add_(fill_C11).clamp_(0, 1)


def copied(
    x_NCHW: torch.Tensor, flip_N: np.ndarray, shift_N2: np.ndarray, repeat_edge: bool, fill_C: torch.Tensor
) -> torch.Tensor:
    """Flip and shift by whole pixels, bit by bit: resampling would add rounding errors, and takes longer."""
    if not flip_N.any() and not shift_N2.any():
        return x_NCHW
    n, channels, height, width = x_NCHW.shape
    column_NW = np.arange(width) + shift_N2[:, :1]
    column_NW = np.where(flip_N[:, None], width - 1 - column_NW, column_NW)
    row_NH = np.arange(height) + shift_N2[:, 1:]

    def place(place_NL: np.ndarray, length: int) -> torch.Tensor:
        return on_device(place_NL.clip(0, length - 1), x_NCHW.device)

    first_N1 = torch.arange(n, device=x_NCHW.device)[:, None] * height
    pixel_NHW = (first_N1 + place(row_NH, height))[:, :, None] * width + place(column_NW, width)[:, None]
    flat_PC = x_NCHW.permute(0, 2, 3, 1).reshape(-1, channels)
    moved_NHWC = flat_PC.index_select(0, pixel_NHW.view(-1)).view(n, height, width, channels)
    if not repeat_edge:
        is_out_NHW = _is_out(row_NH, height)[:, :, None] | _is_out(column_NW, width)[:, None]
        is_out_NHW1 = on_device(is_out_NHW, x_NCHW.device)[..., None]
        moved_NHWC = torch.where(is_out_NHW1, fill_C, moved_NHWC)
    return moved_NHWC.permute(0, 3, 1, 2)


def _is_out(place_NL: np.ndarray, length: int) -> np.ndarray:
    return (place_NL < 0) | (place_NL >= length)
