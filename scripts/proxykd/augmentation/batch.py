"""Augmentation of whole batches on the device, with parameters drawn for each sample.

Random numbers come from a NumPy generator on the host, so that a view is the same on every device and
can be made again from its seed. Nothing waits for the device: which samples an operation is for is known
from what was drawn.

Operations of one kind are done together: what is linear in colour as one matrix, tone curves as one table,
geometry in one resampling. So within a kind they follow one another as drawn, and a kind follows another in
a fixed order: colour, tone, sharpness, geometry, cutout. Each operation alone is torchvision's of the same
name. Together they differ from torchvision's one after another: values are clamped once and not after each
step, what one operation moves out of the frame another can move back in, an image is interpolated once, and
what comes in from outside always has the fill's own colour, since colours are changed before it comes in.
"""

from __future__ import annotations

import numpy as np
import torch

from proxykd.augmentation import randaugment
from proxykd.augmentation.colour import recolour
from proxykd.augmentation.device import to_device
from proxykd.augmentation.geometry import move
from proxykd.augmentation.mixing import mix
from proxykd.augmentation.settings import Augmentation
from proxykd.augmentation.sharpness import sharpen
from proxykd.augmentation.tables import curve

__all__ = ["augment", "generator", "mix"]


def generator(*seed: int) -> np.random.Generator:
    """The random numbers of one batch, from (seed, step); of another stream with a third number from 1."""
    return np.random.default_rng(seed)


@torch.no_grad()
def augment(
    x_NCHW: torch.Tensor, how: Augmentation, fill_C: torch.Tensor, rng: np.random.Generator
) -> torch.Tensor:
    """A random view of each image, in channels-last memory; the images themselves stay as they are.

    x_NCHW: pixels in [0, 1], with 1 or 3 channels, in either memory layout. So are the views.
    fill_C: colour that stands for what lies outside an image, where `how.fill` is `mean`.
    """
    fill_C = torch.zeros_like(fill_C) if how.fill == "black" else fill_C.to(x_NCHW.dtype)
    drawn = randaugment.draw(len(x_NCHW), how, rng)
    view_NCHW = x_NCHW
    if how.operations or how.brightness or how.contrast or how.saturation or how.invert:
        # Planes of one colour are what these steps are fastest on, and one of them changes them in place.
        view_NCHW = x_NCHW.clone(memory_format=torch.contiguous_format)
    view_NCHW = recolour(view_NCHW, how, drawn, rng)
    view_NCHW = sharpen(curve(view_NCHW, drawn), drawn)
    view_NCHW = move(view_NCHW, how, drawn, fill_C, rng)
    if how.cutout:
        view_NCHW = _cutout(view_NCHW, how.cutout, fill_C, rng)
    return view_NCHW.contiguous(memory_format=torch.channels_last)


def _cutout(
    x_NCHW: torch.Tensor, share: float, fill_C: torch.Tensor, rng: np.random.Generator
) -> torch.Tensor:
    """Replace a square of random side, up to a share of the image's, about a random centre."""
    n, _, height, width = x_NCHW.shape
    half_N1 = rng.uniform(0, share, (n, 1)) / 2
    centre_N2 = rng.random((n, 2))

    def inside(length: int, centre_N1: np.ndarray) -> torch.Tensor:
        place_L = (np.arange(length) + 0.5) / length
        return to_device(np.abs(place_L - centre_N1) < half_N1, x_NCHW).bool()

    row_NH, column_NW = inside(height, centre_N2[:, :1]), inside(width, centre_N2[:, 1:])
    is_cut_N1HW = row_NH[:, None, :, None] & column_NW[:, None, None, :]
    return torch.where(is_cut_N1HW, fill_C.view(-1, 1, 1), x_NCHW)
