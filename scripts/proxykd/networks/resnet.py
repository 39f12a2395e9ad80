"""ImageNet's ResNets for small images: torchvision's, with a 3x3 stem of stride 1 and no pooling after it.

The change that the literature on data-free distillation makes for 32- and 64-pixel images.
"""

from __future__ import annotations

from torch import nn


def build(architecture: str, classes: int, channels: int, size: int, pretrained: bool) -> nn.Module:
    """`resnet_<depth>`; weights load into torchvision's network of that depth but for the stem."""
    from torchvision import models

    network = getattr(models, f"resnet{architecture.rpartition('_')[2]}")(num_classes=classes)
    network.conv1 = nn.Conv2d(channels, 64, 3, stride=1, padding=1, bias=False)
    nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
    network.maxpool = nn.Identity()
    return network
