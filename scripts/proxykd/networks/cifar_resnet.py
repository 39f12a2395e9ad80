"""The ResNets for CIFAR of He et al. 2016, "Deep Residual Learning for Image Recognition", section 4.2.

Three stages of 16, 32 and 64 channels with n blocks each, 6 n + 2 layers in all. Shortcuts between
stages have no weights (option A: every second pixel, and zero channels before and after) or are 1x1
convolutions (option B). Names of the layers are those that most published checkpoints have.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


class Block(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    def __init__(self, before: int, after: int, stride: int, weighted: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.shortcut = _shortcut(before, after, stride, weighted)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = functional.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return functional.relu(y + self.shortcut(x))


class PaddedShortcut(nn.Module):
    """Option A: every `stride`-th pixel, and `added` channels of zeros, half of them before the others."""

    def __init__(self, added: int, stride: int) -> None:
        super().__init__()
        self.added, self.stride = added, stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = self.added // 2
        x = x[:, :, :: self.stride, :: self.stride]
        return functional.pad(x, (0, 0, 0, 0, first, self.added - first))


def _shortcut(before: int, after: int, stride: int, weighted: bool) -> nn.Module:
    """Nothing within a stage; option B, if `weighted`, or A where one begins."""
    if before == after:
        return nn.Sequential()
    if weighted:
        return nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))
    return PaddedShortcut(after - before, stride)


class CifarResNet(nn.Module):
    """`depth` = 6 n + 2 layers, not counting the shortcuts that are `weighted`."""

    def __init__(self, depth: int, classes: int, channels: int, weighted: bool = False) -> None:
        super().__init__()
        blocks = (depth - 2) // 6
        self.conv1 = nn.Conv2d(channels, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = _stage(16, 16, blocks, 1, weighted)
        self.layer2 = _stage(16, 32, blocks, 2, weighted)
        self.layer3 = _stage(32, 64, blocks, 2, weighted)
        self.linear = nn.Linear(64, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean((2, 3)))


def _stage(before: int, after: int, blocks: int, stride: int, weighted: bool) -> nn.Sequential:
    first = Block(before, after, stride, weighted)
    return nn.Sequential(first, *(Block(after, after, 1, weighted) for _ in range(blocks - 1)))


def build(architecture: str, classes: int, channels: int, size: int, pretrained: bool) -> nn.Module:
    """`cifar_resnet_<depth>`, and `cifar_resnet_<depth>b` for option B."""
    variant = architecture.rpartition("_")[2]
    return CifarResNet(int(variant.removesuffix("b")), classes, channels, variant.endswith("b"))
