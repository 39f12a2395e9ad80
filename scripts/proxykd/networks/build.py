"""From an architecture's name to a network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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
    with _told_of_size(description, "cannot be built for"):
        body = build_body(
            description.architecture,
            len(description.classes),
            description.channels,
            description.size,
            pretrained,
        )
    network = Classifier(body, description)
    _check_runs(network)
    return network


@contextmanager
def _told_of_size(described: Description, fails: str) -> Iterator[None]:
    """What a library says, by whichever exception, of images that its network cannot take, as a sentence."""
    try:
        yield
    except (RuntimeError, AssertionError, ValueError, ZeroDivisionError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0][:120]
        raise UserError(
            f"{described.architecture} {fails} images of {described.size} x {described.size} pixels "
            f"({reason}). Choose a larger size or another architecture."
        ) from error


@torch.no_grad()
def _check_runs(network: Classifier) -> None:
    """Pass one image through; a network that pools too often for it fails with a riddle otherwise."""
    described = network.description
    network.eval()
    with _told_of_size(described, "does not run on"):
        logits_1K = network(torch.zeros(1, described.channels, described.size, described.size))
    if not isinstance(logits_1K, torch.Tensor) or logits_1K.shape != (1, len(described.classes)):
        raise UserError(
            f"{described.architecture} gives no logits of {len(described.classes)} classes: it is "
            "no classifier. Choose another architecture."
        )
    network.train()
