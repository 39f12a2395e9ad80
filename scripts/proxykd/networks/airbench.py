"""A network that trains in seconds: airbench94 of Jordan 2024, at several widths.

Keller Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU" (2024), section 3: a frozen layer that
whitens 2x2 patches, convolutions that begin as identities (dirac), batch norms without a scale, and scaled
logits. Whitening takes images; without the original data these are the proxies.
"""

from __future__ import annotations

import torch
from torch import nn

PATCH = 2
EPSILON = 5e-4
"""Added to the eigenvalues before the root, so that a direction that hardly occurs is not blown up."""
LOGIT_SCALE = 1 / 9
BATCH = 512


class Whitening(nn.Conv2d):
    """2x2 convolution, N x C x H x W to N x 8C x (H-1) x (W-1), with frozen filters and a trained bias.

    The filters are those of white noise, plus and minus each pixel of the patch, until `initialise_from`
    sets them: they lose nothing, and a stored network can be loaded into them.
    """

    def __init__(self, channels: int) -> None:
        directions = channels * PATCH**2
        super().__init__(channels, 2 * directions, PATCH)
        nn.init.zeros_(self.bias)  # type: ignore[arg-type]
        self._set(torch.eye(directions))
        self.weight.requires_grad_(False)

    @torch.no_grad()
    def initialise_from(self, x_NCHW: torch.Tensor) -> None:
        """± the eigenvectors of the patches' second moments, over the roots of their eigenvalues."""
        values_D, vectors_DD = torch.linalg.eigh(second_moments(x_NCHW))
        self._set((vectors_DD / (values_D + EPSILON).sqrt()).T.flip(0))

    @torch.no_grad()
    def _set(self, filters_DD: torch.Tensor) -> None:
        both = torch.cat((filters_DD, -filters_DD))
        self.weight.copy_(both.reshape(self.weight.shape))


def second_moments(x_NCHW: torch.Tensor) -> torch.Tensor:
    """Mean outer product of the 2x2 patches of images, 4C x 4C float64.

    On the host and in float64, so that every device starts from the same filters.
    """
    directions = x_NCHW.shape[1] * PATCH**2
    total_DD = torch.zeros(directions, directions, dtype=torch.float64)
    count = 0
    for batch in x_NCHW.split(BATCH):
        patches_NDP = nn.functional.unfold(batch.cpu().double(), PATCH)
        total_DD += torch.einsum("ndp,nep->de", patches_NDP, patches_NDP)
        count += patches_NDP.shape[0] * patches_NDP.shape[2]
    return total_DD / count


class Block(nn.Module):
    """Two 3x3 convolutions with batch norm and GELU; the first is pooled, which halves the image."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv1, self.norm1 = _convolution(before, after), _norm(after)
        self.conv2, self.norm2 = _convolution(after, after), _norm(after)
        self.pool, self.activation = nn.MaxPool2d(2), nn.GELU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.activation(self.norm1(self.pool(self.conv1(x))))
        return self.activation(self.norm2(self.conv2(x)))


def _convolution(before: int, after: int) -> nn.Conv2d:
    """3x3, and at first an identity of its inputs, beside fresh filters for the channels that are added."""
    layer = nn.Conv2d(before, after, 3, padding=1, bias=False)
    nn.init.dirac_(layer.weight[:before])
    return layer


def _norm(channels: int) -> nn.BatchNorm2d:
    """Batch norm with a bias and no scale; under bf16 autocast its statistics stay float32."""
    layer = nn.BatchNorm2d(channels, eps=1e-12, momentum=0.4)
    layer.weight.requires_grad_(False)
    return layer


class Airbench(nn.Module):
    """Widths `width`, 4 `width`, 4 `width`; images of at least 9 x 9 pixels (32 in the paper)."""

    def __init__(self, width: int, classes: int, channels: int) -> None:
        super().__init__()
        self.whitening = Whitening(channels)
        self.activation = nn.GELU()
        self.block1 = Block(self.whitening.out_channels, width)
        self.block2 = Block(width, 4 * width)
        self.block3 = Block(4 * width, 4 * width)
        # The paper pools 3 x 3, which is all that is left of 32 pixels.
        self.pool = nn.AdaptiveMaxPool2d(1)
        self.head = nn.Linear(4 * width, classes, bias=False)

    def initialise_from(self, x_NCHW: torch.Tensor) -> None:
        """Whiten for images, a few thousand, normalised as the network's input is."""
        self.whitening.initialise_from(x_NCHW)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.block1(self.activation(self.whitening(x)))
        x = self.pool(self.block3(self.block2(x)))
        return self.head(x.flatten(1)) * LOGIT_SCALE


def build(architecture: str, classes: int, channels: int, size: int, pretrained: bool) -> nn.Module:
    """`airbench_<width>`."""
    return Airbench(int(architecture.rpartition("_")[2]), classes, channels)
