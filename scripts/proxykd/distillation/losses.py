"""Losses between a student's and a teacher's logits."""

from __future__ import annotations

import torch
from torch.nn import functional


def kl_divergence(student_NK: torch.Tensor, teacher_NK: torch.Tensor, temperature: float) -> torch.Tensor:
    """T² KL(softmax(t / T) || softmax(s / T)), averaged over the batch (Hinton et al. 2015, section 2).

    Without T² the gradient falls with 1 / T², and at T = 20 nothing is learned at the usual rates.
    """
    divergence = functional.kl_div(
        functional.log_softmax(student_NK / temperature, 1),
        functional.log_softmax(teacher_NK / temperature, 1),
        reduction="batchmean",
        log_target=True,
    )
    return temperature**2 * divergence
