"""What a teacher sees in an image: the input of its last linear layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from proxykd.networks.classifier import Classifier
from proxykd.networks.outputs import logits_of


@torch.inference_mode()
def head_of(network: Classifier) -> str | None:
    """The name of the layer that gives the logits: the last linear one that runs and has an output a class.

    A 1x1 convolution with as many channels is one too. None where there is none by that name, as in an
    exported program, whose operations are no layers any more.
    """
    described, called = network.description, []

    def note(name: str) -> Callable[..., None]:
        return lambda *_: called.append(name)

    hooks = [
        layer.register_forward_pre_hook(note(name))
        for name, layer in network.body.named_modules()
        if _outputs(layer) == len(described.classes)
    ]
    try:
        zeros = torch.zeros(1, described.channels, described.size, described.size)
        network(zeros.to(network.mean_C11.device))
    finally:
        for hook in hooks:
            hook.remove()
    return called[-1] if called else None


def _outputs(layer: nn.Module) -> int | None:
    if isinstance(layer, nn.Linear):
        return layer.out_features
    if isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1):
        return layer.out_channels
    return None


def opinions_of(
    network: Classifier,
    images_NHWC: np.ndarray,
    device: str,
    precision: str = "fp32",
    advance: Callable[[int], None] | None = None,
) -> tuple[np.ndarray, np.ndarray, str]:
    """Logits, N x K, and features, N x D, both float32, of uint8 images in one pass; where from.

    Features are the input of the network's last linear layer, averaged over places where it is an image
    still, since angles between them are all that this layer can tell apart by; where the network has no such
    layer the logits are taken, and the last value is `logits` and not a layer's name.
    """
    network.eval()
    name = head_of(network)
    if name is None:
        logits_NK = logits_of(network, images_NHWC, device, precision, advance)
        return logits_NK, logits_NK, "logits"
    layer = network.body.get_submodule(name)
    parts: list[np.ndarray] = []
    hook = layer.register_forward_pre_hook(lambda _, inputs: parts.append(_flat(layer, inputs[0])))
    try:
        logits_NK = logits_of(network, images_NHWC, device, precision, advance)
    finally:
        hook.remove()
    return logits_NK, np.concatenate(parts), name


def features_of(
    network: Classifier,
    images_NHWC: np.ndarray,
    device: str,
    advance: Callable[[int], None] | None = None,
) -> tuple[np.ndarray, str]:
    """Features alone, and where they were taken (see `opinions_of`)."""
    _, features_ND, name = opinions_of(network, images_NHWC, device, advance=advance)
    return features_ND, name


def _flat(layer: nn.Module, x: torch.Tensor) -> Any:
    """One vector an image: channels come second for a convolution and last for a linear layer."""
    places = tuple(range(2, x.ndim)) if isinstance(layer, nn.Conv2d) else tuple(range(1, x.ndim - 1))
    return (x.mean(places) if places else x).float().cpu().numpy()
