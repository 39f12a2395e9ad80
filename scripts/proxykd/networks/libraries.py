"""Networks of torchvision and timm, by the libraries' own names."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from proxykd.errors import UserError


def build(architecture: str, classes: int, channels: int, size: int, pretrained: bool) -> nn.Module:
    """`torchvision:<name>` or `timm:<name>`.

    Raises UserError for a name that the library does not have, and for weights that cannot be fetched.
    """
    library, _, name = architecture.partition(":")
    make = _torchvision if library == "torchvision" else _timm
    try:
        return make(name, classes, channels, size, pretrained)
    except OSError as error:
        raise UserError(
            f"The published weights of {architecture} could not be fetched ({error}). Set pretrained: "
            "false, or fetch them once where there is a network."
        ) from error


def _torchvision(name: str, classes: int, channels: int, size: int, pretrained: bool) -> nn.Module:
    from torchvision import models

    if name not in models.list_models(module=models):
        raise UserError(
            f"torchvision has no classifier called {name!r}. See torchvision.models.list_models()."
        )
    if pretrained:
        network = models.get_model(name, weights="DEFAULT")
        if name in {"googlenet", "inception_v3"}:
            network.aux_logits = False
        _replace_head(network, name, classes)
    else:
        network = models.get_model(name, weights=None, num_classes=classes, **torchvision_options(name, size))
    if channels == 1:
        # A hook and not a wrapper, so that the weights keep the names that torchvision gives them.
        network.register_forward_pre_hook(_grey_as_colour)
    return network


def torchvision_options(name: str, size: int) -> dict[str, Any]:
    """What torchvision wants to know of a network without published weights, beside its classes."""
    if name.startswith("vit_"):
        return {"image_size": size}
    if name in {"googlenet", "inception_v3"}:
        # Auxiliary outputs would make the network return a tuple while it trains.
        return {"aux_logits": False, "init_weights": True}
    return {}


def _grey_as_colour(network: nn.Module, inputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
    return inputs[0].expand(-1, 3, -1, -1)


def _replace_head(network: nn.Module, name: str, classes: int) -> None:
    """Give a network of the library's own number of classes a fresh last layer."""
    layers = [item for item in network.named_modules() if isinstance(item[1], nn.Linear)]
    if not layers:
        raise UserError(f"torchvision:{name} has no linear layer to replace. Set pretrained: false.")
    place, last = layers[-1]
    parent, _, attribute = place.rpartition(".")
    setattr(network.get_submodule(parent), attribute, nn.Linear(last.in_features, classes))


def _timm(name: str, classes: int, channels: int, size: int, pretrained: bool) -> nn.Module:
    import timm

    if not timm.is_model(name):
        raise UserError(f"timm has no network called {name!r}. See timm.list_models().")
    options: dict[str, Any] = {"num_classes": classes, "in_chans": channels, "pretrained": pretrained}
    try:
        # Transformers are built for one input size, and want to know it; convolutional networks do not.
        return timm.create_model(name, img_size=size, **options)
    except TypeError:
        return timm.create_model(name, **options)
