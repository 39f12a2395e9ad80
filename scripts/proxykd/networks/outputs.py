"""What a network says of stored images."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from proxykd.networks.classifier import Classifier, to_float

BATCH = 512


@torch.inference_mode()
def logits_of(
    network: Classifier,
    images_NHWC: np.ndarray,
    device: str,
    precision: str = "fp32",
    advance: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Logits, N x K float32, of uint8 images; the network is put in eval mode."""
    network.eval()
    parts = []
    for first in range(0, len(images_NHWC), BATCH):
        batch = torch.from_numpy(images_NHWC[first : first + BATCH]).to(device)
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=precision == "bf16"):
            parts.append(network(to_float(batch)).float().cpu().numpy())
        if advance is not None:
            advance(len(batch))
    return np.concatenate(parts)


def log_softmax(logits_NK: np.ndarray) -> np.ndarray:
    """Logarithms of the probabilities, N x K float64; finite wherever the logits are."""
    shifted = np.asarray(logits_NK, np.float64)
    shifted = shifted - shifted.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))


def softmax(logits_NK: np.ndarray) -> np.ndarray:
    """Probabilities, N x K float64."""
    return np.exp(log_softmax(logits_NK))
