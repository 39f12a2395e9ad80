"""A classifier that normalises its own input, and its description."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn


@dataclass(frozen=True)
class Description:
    """What `network.json` says: enough to build the network and to feed it."""

    architecture: str
    size: int
    channels: int
    classes: list[str]
    mean: list[float]
    deviation: list[float]
    made: str = ""
    """How it was made: `trained`, `imported`, `distilled`."""

    def to_json(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self)


class Classifier(nn.Module):
    """Normalisation and a network: from pixels in [0, 1], N x C x H x W, to logits, N x K.

    Images are normalised here and nowhere else, so the pixel space of the attack is the teacher's.
    """

    mean_C11: torch.Tensor
    deviation_C11: torch.Tensor

    def __init__(self, body: nn.Module, description: Description) -> None:
        super().__init__()
        self.body = body
        self.description = description
        shape = (-1, 1, 1)
        self.register_buffer("mean_C11", torch.tensor(description.mean).view(shape), persistent=False)
        self.register_buffer("deviation_C11", torch.tensor(description.deviation).view(shape), persistent=False)

    def forward(self, x_NCHW: torch.Tensor) -> torch.Tensor:
        """Logits of images in [0, 1]."""
        return self.body((x_NCHW - self.mean_C11) / self.deviation_C11)
