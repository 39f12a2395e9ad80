"""Small plain convolutional networks, for small images and for two CPU cores."""

from __future__ import annotations

from torch import nn


def build(architecture: str, classes: int, channels: int, size: int, pretrained: bool) -> nn.Module:
    """`convnet_<width>`: three pairs of 3x3 convolutions of width, 2 width and 4 width, pooled between."""
    width = int(architecture.rpartition("_")[2])
    widths = [width, 2 * width, 4 * width]
    layers: list[nn.Module] = []
    before = channels
    for stage, after in enumerate(widths):
        if stage:
            layers.append(nn.MaxPool2d(2))
        layers += [*_convolution(before, after), *_convolution(after, after)]
        before = after
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, classes))


def _convolution(before: int, after: int) -> list[nn.Module]:
    return [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
