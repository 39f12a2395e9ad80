"""From the host, where random numbers are drawn, to the device of the images."""

from __future__ import annotations

import numpy as np
import torch


def to_device(values: np.ndarray, like: torch.Tensor) -> torch.Tensor:
    """Numbers as float32 beside a tensor; nothing waits for the device."""
    return torch.from_numpy(np.ascontiguousarray(values, np.float32)).to(like.device, non_blocking=True)


def rows_of(is_chosen_N: np.ndarray, like: torch.Tensor) -> torch.Tensor:
    """The places of chosen samples beside a tensor: known on the host, so the device is not asked."""
    return torch.from_numpy(np.flatnonzero(is_chosen_N)).to(like.device, non_blocking=True)
