"""How attacked images enter a batch: all members of a success together and changed alike."""

from __future__ import annotations

import numpy as np
import torch

from proxykd.augmentation.device import on_device
from proxykd.distillation.settings import BoundaryPolicy


def move_alike(x_GMCHW: torch.Tensor, policy: BoundaryPolicy, rng: np.random.Generator) -> torch.Tensor:
    """Flip and shift groups of images, each group's members in the same way.

    x_GMCHW: G groups of M members. Shifts are whole pixels and repeat the edge, so pixels are copied and
    never mixed: two members keep the difference that puts them on two sides of the boundary.
    """
    groups, _, _, height, width = x_GMCHW.shape
    rows_GH = _moved(height, groups, policy.shift, rng, flip=None)
    flip_G = rng.uniform(size=groups) < policy.flip
    columns_GW = _moved(width, groups, policy.shift, rng, flip=flip_G)
    place_G = torch.arange(groups, device=x_GMCHW.device)[:, None, None]
    rows = on_device(rows_GH, x_GMCHW.device)[:, :, None]
    columns = on_device(columns_GW, x_GMCHW.device)[:, None, :]
    # Indexing puts the picked dimensions first: G H W, then the members and channels.
    return x_GMCHW[place_G, :, :, rows, columns].permute(0, 3, 4, 1, 2)


def _moved(
    length: int, groups: int, shift: int, rng: np.random.Generator, flip: np.ndarray | None
) -> np.ndarray:
    """Which old row (or column) each new one copies, groups x length."""
    offset_G = rng.integers(-shift, shift + 1, groups)
    places_GL = np.clip(np.arange(length)[None] + offset_G[:, None], 0, length - 1)
    return places_GL if flip is None else np.where(flip[:, None], length - 1 - places_GL, places_GL)
