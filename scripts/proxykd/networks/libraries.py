"""Networks of torchvision and timm, by the libraries' own names."""

from __future__ import annotations

import torch
from torch import nn

from proxykd.errors import UserError


class ThreeChannels(nn.Module):
    """A network for colour images that is fed grey ones."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x_N1HW: torch.Tensor) -> torch.Tensor:
        return self.body(x_N1HW.expand(-1, 3, -1, -1))


def build(architecture: str, classes: int, channels: int, size: int, pretrained: bool) -> nn.Module:
    """`torchvision:<name>` or `timm:<name>`. Raises UserError for a name that the library does not have."""
    library, _, name = architecture.partition(":")
    make = _torchvision if library == "torchvision" else _timm
    return make(name, classes, channels, size, pretrained)


def _torchvision(name: str, classes: int, channels: int, size: int, pretrained: bool) -> nn.Module:
    from torchvision import models

    if name not in models.list_models(module=models):
        raise UserError(f"torchvision has no classifier called {name!r}. See torchvision.models.list_models().")
    options: dict = {"image_size": size} if name.startswith("vit_") and not pretrained else {}
    if name in {"googlenet", "inception_v3"}:
        # Auxiliary outputs would make the network return a tuple while it trains.
        options["aux_logits"] = False
        options["init_weights"] = True
    if not pretrained:
        network = models.get_model(name, weights=None, num_classes=classes, **options)
    else:
        network = models.get_model(name, weights="DEFAULT")
        _replace_head(network, classes)
    return network if channels == 3 else ThreeChannels(network)


def _replace_head(network: nn.Module, classes: int) -> None:
    """Give a network of the library's own number of classes a fresh last layer."""
    place, last = [item for item in network.named_modules() if isinstance(item[1], nn.Linear)][-1]
    parent, _, attribute = place.rpartition(".")
    setattr(network.get_submodule(parent), attribute, nn.Linear(last.in_features, classes))


def _timm(name: str, classes: int, channels: int, size: int, pretrained: bool) -> nn.Module:
    import timm

    if not timm.is_model(name):
        raise UserError(f"timm has no network called {name!r}. See timm.list_models().")
    options = {"num_classes": classes, "in_chans": channels, "pretrained": pretrained}
    try:
        # Transformers are built for one input size, and want to know it; convolutional networks do not.
        return timm.create_model(name, img_size=size, **options)
    except TypeError:
        return timm.create_model(name, **options)
