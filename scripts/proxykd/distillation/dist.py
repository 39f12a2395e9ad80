"""DIST: correlation of the two softmaxes instead of equality."""

from __future__ import annotations

import torch

from proxykd.distillation.losses import TeacherOutputs
from proxykd.distillation.settings import Loss
from proxykd.distillation.standard_scores import standardised

RAREST = 1e-20
"""A class whose mean probability over a batch is below this counts as never seen there."""


def loss(student_NK: torch.Tensor, teacher: TeacherOutputs, how: Loss, temperature: float) -> torch.Tensor:
    """β (1 - mean correlation over classes) + γ (1 - mean correlation over the batch).

    Pearson's, of softmaxes at the temperature (Huang et al., NeurIPS 2022, section 4): over classes for
    each image (inter-class), over the images of the batch for each class (intra-class). The authors use
    T = 1 on ImageNet. No factor T², which is in their code and is 1 there: a correlation does not shrink as
    softmaxes flatten, nor does its gradient.
    Without variance the correlation counts as 0.
    """
    assert how.beta is not None
    assert how.gamma is not None
    softened = (student_NK / temperature).softmax(1), (teacher.logits_NK / temperature).softmax(1)
    inter, intra = (_correlation(*softened, temperature, dim) for dim in (1, 0))
    return how.beta * (1 - inter) + how.gamma * (1 - intra)


def _correlation(
    student_NK: torch.Tensor, teacher_NK: torch.Tensor, temperature: float, dim: int
) -> torch.Tensor:
    """Mean of Pearson's correlations along a dimension, of probabilities N x K."""
    # In units of the mean and of 1 / T, flat probabilities vary as much as their logits do: the smallest
    # deviation that is told from none then means the same for rare and frequent classes, at every T.
    scaled = (
        temperature * shares_NK / shares_NK.mean(dim, keepdim=True).clamp_min(RAREST)
        for shares_NK in (student_NK, teacher_NK)
    )
    student_NK, teacher_NK = (standardised(x_NK, dim) for x_NK in scaled)
    return (student_NK * teacher_NK).mean()
