"""From an architecture's name to a network."""

from __future__ import annotations

from importlib import import_module

import torch
from torch import nn

from proxykd.errors import UserError
from proxykd.networks.classifier import Classifier, Description
from proxykd.networks.settings import module_of


def build_body(
    architecture: str, classes: int, channels: int, size: int, pretrained: bool = False
) -> nn.Module:
    """The network of a name: `channels` x `size` x `size` in, logits of `classes` out.

    Raises UserError where a library does not know the name.
    """
    module = import_module(module_of(architecture))
    return module.build(architecture, classes, channels, size, pretrained)


def build(description: Description, pretrained: bool = False) -> Classifier:
    """The classifier of a description, with fresh weights.

    Raises UserError where the architecture cannot take images of that size.
    """
    body = build_body(
        description.architecture, len(description.classes), description.channels, description.size, pretrained
    )
    network = Classifier(body, description)
    _check_runs(network)
    return network


@torch.no_grad()
def _check_runs(network: Classifier) -> None:
    """Pass one image through; a network that pools too often for it fails with a riddle otherwise."""
    described = network.description
    network.eval()
    try:
        logits_1K = network(torch.zeros(1, described.channels, described.size, described.size))
    except (RuntimeError, AssertionError, ValueError) as error:
        raise UserError(
            f"{described.architecture} does not run on images of {described.size} x {described.size} pixels "
            f"({str(error).splitlines()[0][:120]}). Choose a larger size or another architecture."
        ) from error
    if not isinstance(logits_1K, torch.Tensor) or logits_1K.shape != (1, len(described.classes)):
        raise UserError(
            f"{described.architecture} gives no logits of {len(described.classes)} classes: it is "
            "no classifier. Choose another architecture."
        )
    network.train()
