"""How one image becomes bytes, and bytes an image again.

Plumbing: not in a stage's code digest. Whoever changes what is written raises `shards.FORMAT`.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

SUFFIX = "png"
"""Of a member of a shard: its image's format."""


def encode(image_HWC: np.ndarray) -> bytes:
    """PNG of one uint8 image with 1 or 3 channels."""
    buffer = io.BytesIO()
    image = image_HWC[..., 0] if image_HWC.shape[-1] == 1 else image_HWC
    Image.fromarray(image).save(buffer, "png", compress_level=4)
    return buffer.getvalue()


def decode(content: bytes) -> np.ndarray:
    """The uint8 image, H x W x C with C 1 or 3, of an encoded one."""
    image = np.asarray(Image.open(io.BytesIO(content)))
    return image[..., None] if image.ndim == 2 else image
