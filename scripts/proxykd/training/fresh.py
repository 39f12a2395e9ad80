"""A network at the start of its training."""

from __future__ import annotations

import numpy as np
import torch

from proxykd.networks.build import build
from proxykd.networks.classifier import Classifier, Description, to_float

LOOKED_AT = 5000
"""Images, at most, that a layer begins from where it learns from what it will see."""


def fresh(description: Description, pretrained: bool, images_NHWC: np.ndarray, device: str) -> Classifier:
    """A network with fresh weights on the device, in channels-last memory.

    images_NHWC: what it will be trained on, uint8. An architecture that whitens its input takes its first
    filters from them, and from nothing else: a student's from the proxies.
    """
    network = build(description, pretrained)
    body = network.body
    initialise_from = getattr(body, "initialise_from", None)
    if initialise_from is not None:
        # Spread over the set, whose order may be that of its programs or classes.
        rows = np.linspace(0, len(images_NHWC) - 1, min(LOOKED_AT, len(images_NHWC))).astype(int)
        x_NCHW = to_float(torch.from_numpy(np.ascontiguousarray(images_NHWC[rows])))
        with torch.no_grad():
            initialise_from((x_NCHW - network.mean_C11) / network.deviation_C11)
    return network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
