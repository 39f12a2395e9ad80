"""ConvNeXt-T (Liu et al. 2022, section 2) for small images: torchvision's, with a stem that fits the image.

No stochastic depth: what a step does follows from its weights and its views.
"""

from __future__ import annotations

from torch import nn

LAST = 4
"""Pixels of the last feature map's side that the stem must leave."""
STRIDES_AFTER_STEM = 8


def stem_stride(size: int) -> int:
    """4 from 128 pixels on, as in the paper; 2 from 64; 1 below."""
    return next((stride for stride in (4, 2) if size >= stride * STRIDES_AFTER_STEM * LAST), 1)


def build(architecture: str, classes: int, channels: int, size: int, pretrained: bool) -> nn.Module:
    """`convnext_tiny`; from 128 pixels on weights load into torchvision's network, and from it."""
    from torchvision import models

    network = models.convnext_tiny(num_classes=classes, stochastic_depth_prob=0.0)
    width = network.features[0][0].out_channels
    network.features[0][0] = stem = _stem(channels, width, stem_stride(size))
    nn.init.trunc_normal_(stem.weight, std=0.02)
    if stem.bias is not None:
        nn.init.zeros_(stem.bias)
    return network


def _stem(channels: int, width: int, stride: int) -> nn.Conv2d:
    """Patches side by side; where a patch would be one pixel, an ordinary 3x3 convolution."""
    if stride == 1:
        return nn.Conv2d(channels, width, 3, padding=1)
    return nn.Conv2d(channels, width, stride, stride)
