"""MobileNetV2 (Sandler et al. 2018, table 2) for small images: torchvision's, with fewer strides.

At 32 pixels neither the stem nor the second stage halves the image, so that 4 x 4 pixels are left at the
end: the usual form for CIFAR. No dropout: what a step does follows from its weights and its views.
"""

from __future__ import annotations

from torch import nn

# Expansion, channels, blocks, stride.
STAGES = [
    [1, 16, 1, 1],
    [6, 24, 2, 2],
    [6, 32, 3, 2],
    [6, 64, 4, 2],
    [6, 96, 3, 1],
    [6, 160, 3, 2],
    [6, 320, 1, 1],
]


def build(architecture: str, classes: int, channels: int, size: int, pretrained: bool) -> nn.Module:
    """`mobilenet_v2`: strides of 8 in all below 64 pixels, 16 below 128, else 32; the weights are the same.

    Weights load into torchvision's network, and from it, but for the stem where `channels` is 1.
    """
    from torchvision import models

    second = [*STAGES[1][:3], 2 if size >= 64 else 1]
    network = models.MobileNetV2(
        num_classes=classes, inverted_residual_setting=[STAGES[0], second, *STAGES[2:]], dropout=0.0
    )
    stem = nn.Conv2d(channels, 32, 3, stride=2 if size >= 128 else 1, padding=1, bias=False)
    nn.init.kaiming_normal_(stem.weight, mode="fan_out")
    network.features[0][0] = stem
    return network
