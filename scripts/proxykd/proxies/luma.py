"""Colour to grey, the same way for every renderer."""

from __future__ import annotations

import numpy as np

RED, GREEN, BLUE = 19595, 38470, 7471
"""ITU-R 601-2 weights in units of 1/65536, as Pillow's mode L has them."""


def in_channels(images_NHWC: np.ndarray, channels: int) -> np.ndarray:
    """uint8 RGB as it is for three channels, as luma (N x H x W x 1) for one."""
    if channels == 3:
        return images_NHWC
    weighted = images_NHWC.astype(np.uint32) @ np.array([RED, GREEN, BLUE], dtype=np.uint32)
    return ((weighted + 0x8000) >> 16).astype(np.uint8)[..., None]
