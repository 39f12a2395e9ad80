"""Tone curves: Posterize, Solarize, AutoContrast and Equalize, put together to one table of 256 levels.

Each image and channel has a table; pixels are looked up once, however many curves an image gets. Posterize
and Solarize are the same table for all images, and so are any of them in a row. AutoContrast and Equalize,
which are measured, need the histogram of the image as it is at their turn: it follows from the original's and
from the table so far. Grey levels are rounded to 8 bits for the images that have a curve.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from proxykd.augmentation.device import on_device, to_device
from proxykd.augmentation.randaugment import Drawn, posterize_bits, solarize_threshold

FIXED = ("Posterize", "Solarize")
MEASURED = ("AutoContrast", "Equalize")
CURVES = (*FIXED, *MEASURED)
LEVELS = 256


@dataclass(frozen=True)
class Chains:
    """The curves of the M samples that have any, those with the most measured ones first.

    A sample has a run of fixed curves, a measured one, a run of fixed ones, and so on; runs may be empty.
    """

    order_N: np.ndarray
    """All samples' places in the batch, those M first."""
    curved: int
    """M."""
    run_RM: np.ndarray
    """Each run's place in `_runs`."""
    is_equalize_RM: np.ndarray
    """Which of the two measured curves follows the run."""
    rounds: list[int]
    """How many samples have a first measured curve, a second, and so on."""


def curve(x_NCHW: torch.Tensor, drawn: Drawn) -> torch.Tensor:
    """RandAugment's tone curves in their order, on the samples that drew one."""
    if not drawn.any(*CURVES):
        return x_NCHW
    chains = _chains(drawn)
    device, curved = x_NCHW.device, chains.curved
    # In an order in which they come first, and back: a copy of whole rows takes a third of one by index.
    order_N = on_device(chains.order_N, device)
    back_N = on_device(np.argsort(chains.order_N), device)
    ordered_NCHW = x_NCHW.index_select(0, order_N)
    before_MCP = ordered_NCHW[:curved].flatten(2)
    # By way of int32: on a CPU half as long as to int64 at once, which is what an index has to be.
    half = torch.full((1,), 0.5, device=device)
    level_MCP = torch.add(half, before_MCP, alpha=LEVELS - 1).to(torch.int32).to(torch.int64)
    runs_LV = on_device(_runs(drawn.magnitude, drawn.operation_NS.shape[1]), device)
    table_MCV = _tables(chains, level_MCP, runs_LV)
    torch.gather(table_MCV.to(x_NCHW.dtype).div_(LEVELS - 1), 2, level_MCP, out=before_MCP)
    return ordered_NCHW.index_select(0, back_N)


def _chains(drawn: Drawn) -> Chains:
    """Sort each sample's curves into runs."""
    n, places = drawn.operation_NS.shape
    all_N = np.arange(n)
    run_RN, is_equalize_RN = np.zeros((places + 1, n), int), np.zeros((places + 1, n), bool)
    measured_N = np.zeros(n, int)
    fixed = [drawn.places(name) for name in FIXED]
    autocontrast_NS, equalize_NS = (drawn.places(name) for name in MEASURED)
    for place in range(places):
        run_N = run_RN[measured_N, all_N]
        for number, is_fixed_NS in enumerate(fixed, 1):
            run_N = np.where(is_fixed_NS[:, place], 2 * run_N + number, run_N)
        run_RN[measured_N, all_N] = run_N
        is_equalize_RN[measured_N, all_N] = equalize_NS[:, place]
        measured_N += autocontrast_NS[:, place] | equalize_NS[:, place]
    is_curved_N = (measured_N > 0) | (run_RN[0] > 0)
    order_N, curved = np.argsort(-(measured_N + is_curved_N), kind="stable"), int(is_curved_N.sum())
    row_M = order_N[:curved]
    rounds = [int((measured_N >= number).sum()) for number in range(1, 1 + measured_N.max())]
    return Chains(order_N, curved, run_RN[:, row_M], is_equalize_RN[:, row_M], rounds)


@lru_cache
def _runs(magnitude: int, longest: int) -> np.ndarray:
    """Tables of all runs of fixed curves: run 0 is empty, 2r + 1 is run r and Posterize, 2r + 2 Solarize."""
    level_V = np.arange(LEVELS)
    dropped = 8 - posterize_bits(magnitude)
    is_bright_V = level_V >= solarize_threshold(magnitude)
    curves = level_V >> dropped << dropped, np.where(is_bright_V, LEVELS - 1 - level_V, level_V)
    runs = [level_V]
    for run in range(2**longest - 1):
        runs += [curve_V[runs[run]] for curve_V in curves]
    return np.stack(runs)


def _tables(chains: Chains, level_MCP: torch.Tensor, runs_LV: torch.Tensor) -> torch.Tensor:
    """The level that each level of each image and channel becomes, M x C x 256."""
    channels, pixels = level_MCP.shape[1:]
    run_RM = on_device(chains.run_RM, level_MCP.device)
    is_equalize_RM = on_device(chains.is_equalize_RM, level_MCP.device)
    table_MCV = runs_LV.index_select(0, run_RM[0])[:, None].repeat(1, channels, 1)
    if chains.rounds:
        measured_MCP = level_MCP[: chains.rounds[0]]
        one_MCP = torch.ones((), device=level_MCP.device).expand_as(measured_MCP)
        histogram_MCV = _moved(one_MCP, measured_MCP)
    for number, count in enumerate(chains.rounds):
        now_KCV = table_MCV[:count]
        counts_KCV = _moved(histogram_MCV[:count], now_KCV)
        measured_KCV = _measured(counts_KCV, is_equalize_RM[number, :count, None, None], pixels)
        run_KCV = runs_LV.index_select(0, run_RM[number + 1, :count])[:, None].expand(-1, channels, -1)
        now_KCV.copy_(run_KCV.gather(2, measured_KCV.gather(2, now_KCV)))
    return table_MCV


def _moved(count_MCP: torch.Tensor, level_MCP: torch.Tensor) -> torch.Tensor:
    """Counts added up at the levels that they are at; in float32, exact for whole numbers to 2^24."""
    shape = (*level_MCP.shape[:2], LEVELS)
    return torch.zeros(shape, device=level_MCP.device).scatter_add_(2, level_MCP, count_MCP)


def _measured(histogram_MCV: torch.Tensor, is_equalize_M11: torch.Tensor, pixels: int) -> torch.Tensor:
    """AutoContrast or Equalize as a table: both are (place - start) / step, cut off below the point.

    AutoContrast stretches the levels from the darkest to the brightest of an image. Equalize counts the
    pixels below a level, by Pillow's scheme in whole numbers. One level, or few pixels, stay as they are.
    """
    level_V = torch.arange(LEVELS, dtype=torch.float32, device=histogram_MCV.device)
    up_to_MCV = histogram_MCV.cumsum(2)
    # Half a pixel is reached at the darkest level, and all but a half at the brightest.
    reached_2 = to_device(np.array([0.5, pixels - 0.5]), histogram_MCV)
    ends_MC2 = torch.searchsorted(up_to_MCV, reached_2.expand(*up_to_MCV.shape[:2], -1).contiguous())
    darkest_MC1, brightest_MC1 = ends_MC2.split(1, 2)
    equal_MC1 = (pixels - histogram_MCV.gather(2, brightest_MC1)).div_(LEVELS - 1).floor_()
    step_MC1 = torch.where(is_equalize_M11, equal_MC1, (brightest_MC1 - darkest_MC1) * (1 / (LEVELS - 1)))
    start_MC1 = torch.where(is_equalize_M11, -equal_MC1.div(2).floor_(), darkest_MC1)
    is_kept_MC1 = step_MC1 <= 0
    is_counted_MC1 = is_equalize_M11 & ~is_kept_MC1
    place_MCV = torch.where(is_counted_MC1, up_to_MCV.sub_(histogram_MCV), level_V)
    place_MCV.sub_(start_MC1.masked_fill_(is_kept_MC1, 0)).div_(step_MC1.masked_fill_(is_kept_MC1, 1))
    return place_MCV.clamp_(0, LEVELS - 1).to(torch.int64)
