"""How one image becomes bytes, and bytes an image again.

Plumbing: not in a stage's code digest. Whoever changes what is written raises `shards.FORMAT`.
"""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image

SUFFIX = "png"
"""Of a member of a shard: its image's format."""
QUICKLY = (cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_FILTERED)
"""With no level stated, OpenCV takes zlib's quickest one and one filter (Sub).

Shader images of 32 pixels take 0.06 ms and 1.7 kB; Pillow takes 0.11 ms for as many bytes (its level 4).
Lossless WebP makes shards a sixth smaller and takes 0.13 ms, and has no grey mode: two formats to hand over.
`benchmarks/image_encodings.py` measures them."""


def encode(image_HWC: np.ndarray) -> bytes:
    """PNG of one uint8 image with 1 or 3 channels."""
    # OpenCV's colours are blue, green, red.
    image = image_HWC if image_HWC.shape[-1] == 1 else cv2.cvtColor(image_HWC, cv2.COLOR_RGB2BGR)
    return cv2.imencode(f".{SUFFIX}", image, QUICKLY)[1].tobytes()


def decode(content: bytes) -> np.ndarray:
    """The uint8 image, H x W x C with C 1 or 3, of an encoded one."""
    image = np.asarray(Image.open(io.BytesIO(content)))
    return image[..., None] if image.ndim == 2 else image
