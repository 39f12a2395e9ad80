"""The images of a training: decoded once, and taken by index."""

from __future__ import annotations

import numpy as np
import torch

SHARE = 0.5
"""Of a GPU's free memory, at most, is given to the images; the rest is for networks and batches."""


class Images:
    """uint8 images N x ... x C: on the device where they fit, else in the host's memory or a mapped file."""

    def __init__(self, images: np.ndarray, device: str) -> None:
        # As tensors there name it: `cuda` is `cuda:0` to them.
        self.device = torch.empty(0, device=device).device
        self.stored = torch.from_numpy(images)
        if self.device.type == "cuda" and self._fits():
            self.stored = self.stored.to(self.device)

    def __len__(self) -> int:
        return len(self.stored)

    def _fits(self) -> bool:
        return self.stored.nbytes <= SHARE * torch.cuda.mem_get_info(self.device)[0]

    def at(self, rows: np.ndarray) -> torch.Tensor:
        """The images of some rows, uint8 on the device."""
        # Without waiting for the GPU: rows and images that lie on the host go through page-locked memory.
        picked = self._moved(torch.from_numpy(rows), to=self.stored.device)
        return self._moved(self.stored[picked], to=self.device)

    @staticmethod
    def _moved(values: torch.Tensor, to: torch.device) -> torch.Tensor:
        if values.device == to:
            return values
        return values.pin_memory().to(to, non_blocking=True)
