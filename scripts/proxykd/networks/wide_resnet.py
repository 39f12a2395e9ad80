"""The networks of Zagoruyko and Komodakis 2016, "Wide Residual Networks", section 2 and table 1.

Pre-activation blocks without dropout, as the literature on data-free distillation has them. Names of the
layers are those that its published checkpoints have.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


class Block(nn.Module):
    """Batch norm and ReLU before each of two 3x3 convolutions; a 1x1 convolution where the width changes."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(before)
        self.conv1 = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        if before != after:
            self.convShortcut = nn.Conv2d(before, after, 1, stride, bias=False)
        self.widens = before != after

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        activated = functional.relu(self.bn1(x))
        y = self.conv2(functional.relu(self.bn2(self.conv1(activated))))
        # A shortcut with weights begins after the activation, which both branches share.
        return y + (self.convShortcut(activated) if self.widens else x)


class Stage(nn.Module):
    """Blocks of one width; the first may halve the image."""

    def __init__(self, before: int, after: int, blocks: int, stride: int) -> None:
        super().__init__()
        rest = (Block(after, after, 1) for _ in range(blocks - 1))
        self.layer = nn.Sequential(Block(before, after, stride), *rest)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)


class WideResNet(nn.Module):
    """`depth` = 6 n + 4 layers; stages of 16, 32 and 64 times `factor` channels."""

    def __init__(self, depth: int, factor: int, classes: int, channels: int) -> None:
        super().__init__()
        blocks = (depth - 4) // 6
        self.conv1 = nn.Conv2d(channels, 16, 3, padding=1, bias=False)
        self.block1 = Stage(16, 16 * factor, blocks, 1)
        self.block2 = Stage(16 * factor, 32 * factor, blocks, 2)
        self.block3 = Stage(32 * factor, 64 * factor, blocks, 2)
        self.bn1 = nn.BatchNorm2d(64 * factor)
        self.fc = nn.Linear(64 * factor, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(self.fc.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.block3(self.block2(self.block1(self.conv1(x))))
        return self.fc(functional.relu(self.bn1(x)).mean((2, 3)))


def build(architecture: str, classes: int, channels: int, size: int, pretrained: bool) -> nn.Module:
    """`wrn_<depth>_<factor>`."""
    depth, factor = architecture.split("_")[1:]
    return WideResNet(int(depth), int(factor), classes, channels)
