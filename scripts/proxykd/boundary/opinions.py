"""What a teacher says of images: the facts by which pairs are judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from proxykd.boundary.queue import BATCH
from proxykd.networks.classifier import Classifier


@dataclass(frozen=True)
class Opinions:
    """What the teacher says of images: class, largest softmax output, margin to the second in logits."""

    class_N: torch.Tensor
    confidence_N: torch.Tensor
    margin_N: torch.Tensor

    def columns(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The three, in the order of the fields."""
        return self.class_N, self.confidence_N, self.margin_N

    def of(self, which: torch.Tensor | int) -> Opinions:
        """Of some of the images."""
        return Opinions(*(column[which] for column in self.columns()))

    def facts(self) -> list[dict[str, Any]]:
        """A row for each image."""
        columns = [column.tolist() for column in self.columns()]
        return [
            {"predicted": label, "confidence": confidence, "margin": margin}
            for label, confidence, margin in zip(*columns, strict=True)
        ]


@torch.no_grad()
def opinions(teacher: Classifier, x_NCHW: torch.Tensor) -> Opinions:
    """The teacher's, of images in [0, 1], of which there may be many."""
    logits = [teacher(part_NCHW).float() for part_NCHW in x_NCHW.split(BATCH) if len(part_NCHW)]
    return of_logits(torch.cat([x_NCHW.new_zeros(0, len(teacher.description.classes)), *logits]))


def of_logits(logits_NK: torch.Tensor) -> Opinions:
    """What logits in full precision say."""
    first_N2 = logits_NK.topk(2, 1)
    margin_N = first_N2.values[:, 0] - first_N2.values[:, 1]
    return Opinions(first_N2.indices[:, 0], logits_NK.softmax(1).amax(1), margin_N)
