"""From the host, where random numbers are drawn, to the device of the images."""

from __future__ import annotations

import numpy as np
import torch


def on_device(values: np.ndarray, device: torch.device) -> torch.Tensor:
    """An array as it is, on a device; nothing waits for that.

    Through page-locked memory: from any other, CUDA waits for all that it was told before.
    """
    tensor = torch.from_numpy(values)
    return tensor if device.type == "cpu" else tensor.pin_memory().to(device, non_blocking=True)


def to_device(values: np.ndarray, like: torch.Tensor) -> torch.Tensor:
    """Numbers as float32 beside a tensor."""
    return on_device(np.ascontiguousarray(values, np.float32), like.device)


def rows_of(is_chosen_N: np.ndarray, like: torch.Tensor) -> torch.Tensor:
    """The places of chosen samples beside a tensor: known on the host, so the device is not asked."""
    return on_device(np.flatnonzero(is_chosen_N), like.device)
