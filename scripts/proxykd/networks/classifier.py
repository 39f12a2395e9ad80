"""A classifier that normalises its own input, and its description."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from proxykd.errors import UserError


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
    outputs: str = "logits"
    """What the network itself gives: `logits`, or `probabilities`, whose logarithms are then its logits."""
    factory: str = ""
    """`<file>:<function>` that builds it, for a network of the user's own Python file."""
    order: str = "rgb"
    """Order in which the network takes its channels: `rgb` or `bgr`. Images, mean and deviation have them
    as red, green, blue."""

    def to_json(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self)

    def of_student(self, architecture: str) -> Description:
        """That of a student of this teacher: the same input and classes, and none of the teacher's oddities.

        It gives logits and takes red, green, blue, whatever the teacher does.
        """
        return Description(
            architecture, self.size, self.channels, self.classes, self.mean, self.deviation, "distilled"
        )

    def check_fits(self, images_NHWC: np.ndarray, what: str) -> None:
        """UserError where images are not of this network's size and channels.

        Many networks would take them all the same, and answer nonsense.
        """
        wanted = (self.size, self.size, self.channels)
        if images_NHWC.shape[1:] != wanted:
            raise UserError(
                f"{what} are {'x'.join(map(str, images_NHWC.shape[1:]))} and the network takes "
                f"{'x'.join(map(str, wanted))} (height, width, channels). "
                "Correct size and channels of the set."
            )


def to_float(images_NHWC: torch.Tensor) -> torch.Tensor:
    """uint8 N x H x W x C to floats in [0, 1], N x C x H x W in channels-last memory."""
    return images_NHWC.permute(0, 3, 1, 2).to(torch.float32).div_(255)


SMALLEST = float(np.finfo(np.float32).tiny)
"""A probability counts as at least this, so that its logarithm is finite (-87)."""


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
        self.register_buffer(
            "deviation_C11", torch.tensor(description.deviation).view(shape), persistent=False
        )

    def forward(self, x_NCHW: torch.Tensor) -> torch.Tensor:
        """Logits of images in [0, 1]."""
        outputs_NK = self.outputs(x_NCHW)
        if self.description.outputs == "probabilities":
            # Logits up to a constant for each image, which no softmax sees.
            return outputs_NK.float().clamp(min=SMALLEST).log()
        return outputs_NK

    def outputs(self, x_NCHW: torch.Tensor) -> torch.Tensor:
        """What the network itself says of images in [0, 1], be it logits or probabilities."""
        normalised_NCHW = (x_NCHW - self.mean_C11) / self.deviation_C11
        return self.body(normalised_NCHW.flip(1) if self.description.order == "bgr" else normalised_NCHW)
