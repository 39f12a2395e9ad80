"""VGG-11 of Simonyan and Zisserman 2015 (configuration A) with batch norm, for small images.

One linear layer after an average over the image, in place of three large ones, as the literature on
distillation has it (Tian et al. 2020, "Contrastive Representation Distillation"); names of the layers are
those of its checkpoints.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

WIDTHS = ((64,), (128,), (256, 256), (512, 512), (512, 512))
WIDE = 64
"""From this many pixels on, the image is halved a fourth time."""


class Vgg(nn.Module):
    """Five groups of 3x3 convolutions; the image is halved after the first three or, if large, four."""

    def __init__(self, classes: int, channels: int, size: int) -> None:
        super().__init__()
        before = (channels, *(widths[-1] for widths in WIDTHS))
        self.block0, self.block1, self.block2, self.block3, self.block4 = (
            _group(before[i], widths) for i, widths in enumerate(WIDTHS)
        )
        self.classifier = nn.Linear(before[-1], classes)
        self.halvings = 4 if size >= WIDE else 3
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        nn.init.normal_(self.classifier.weight, 0, 0.01)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        groups = (self.block0, self.block1, self.block2, self.block3, self.block4)
        for i, group in enumerate(groups):
            x = functional.relu(group(x))
            if i < self.halvings:
                x = functional.max_pool2d(x, 2)
        return self.classifier(x.mean((2, 3)))


def _group(before: int, widths: tuple[int, ...]) -> nn.Sequential:
    """Convolutions with batch norm and ReLU, but for the last ReLU."""
    layers: list[nn.Module] = []
    for after in widths:
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
        before = after
    return nn.Sequential(*layers[:-1])


def build(architecture: str, classes: int, channels: int, size: int, pretrained: bool) -> nn.Module:
    """`vgg_11`."""
    return Vgg(classes, channels, size)
