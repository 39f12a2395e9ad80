"""From an architecture's name to a network."""

from __future__ import annotations

from importlib import import_module

from torch import nn

from proxykd.networks.classifier import Classifier, Description
from proxykd.networks.settings import module_of


def build_body(architecture: str, classes: int, channels: int, size: int, pretrained: bool = False) -> nn.Module:
    """The network of a name: `channels` x `size` x `size` in, logits of `classes` out.

    Raises UserError where a library does not know the name.
    """
    module = import_module(module_of(architecture))
    return module.build(architecture, classes, channels, size, pretrained)


def build(description: Description, pretrained: bool = False) -> Classifier:
    """The classifier of a description, with fresh weights."""
    body = build_body(
        description.architecture, len(description.classes), description.channels, description.size, pretrained
    )
    return Classifier(body, description)
