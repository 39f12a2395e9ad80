"""The KL divergence of softened softmaxes."""

from __future__ import annotations

import torch

from proxykd.distillation.divergence import divergence
from proxykd.distillation.losses import TeacherOutputs
from proxykd.distillation.settings import Loss
from proxykd.distillation.standard_scores import standardised


def loss(student_NK: torch.Tensor, teacher: TeacherOutputs, how: Loss, temperature: float) -> torch.Tensor:
    """T² KL(softmax(t / T) || softmax(s / T)), mean over the batch (Hinton et al. 2015, section 2).

    Without T² the gradient falls with 1 / T², and at T = 20 nothing is learned at the usual rates.
    `how.standardise`: of both logits' z-scores over the classes (Sun et al., CVPR 2024, section 4).
    """
    teacher_NK = teacher.logits_NK
    if how.standardise:
        student_NK, teacher_NK = standardised(student_NK, 1), standardised(teacher_NK, 1)
    divergence_N = divergence(
        (student_NK / temperature).log_softmax(1), (teacher_NK / temperature).log_softmax(1)
    )
    return temperature**2 * divergence_N.mean()
