"""Decoupled knowledge distillation: the teacher's class, and the other classes among themselves."""

from __future__ import annotations

import torch

from proxykd.distillation.divergence import divergence
from proxykd.distillation.losses import TeacherOutputs
from proxykd.distillation.settings import Loss
from proxykd.distillation.standard_scores import standardised


def loss(student_NK: torch.Tensor, teacher: TeacherOutputs, how: Loss, temperature: float) -> torch.Tensor:
    """T² (α TCKD + β NCKD), mean over the batch (Zhao et al., CVPR 2022, section 3.3).

    TCKD: KL of (target, all others together); NCKD: KL of the others' own softmax; both at T. The target is
    the teacher's class, since there are no labels. α = 1 and β = 1 - p(target) would be the plain KL.
    `how.standardise`: of both logits' z-scores over the classes (Sun et al., CVPR 2024, section 4).
    """
    assert how.alpha is not None
    assert how.beta is not None
    teacher_NK, target_N = teacher.logits_NK, teacher.logits_NK.argmax(1)
    if how.standardise:
        student_NK, teacher_NK = standardised(student_NK, 1), standardised(teacher_NK, 1)
    student_NK, teacher_NK = (_target_first(x, target_N) / temperature for x in (student_NK, teacher_NK))
    target = divergence(_against_the_rest(student_NK), _against_the_rest(teacher_NK)).mean()
    others = divergence(student_NK[:, 1:].log_softmax(1), teacher_NK[:, 1:].log_softmax(1)).mean()
    return temperature**2 * (how.alpha * target + how.beta * others)


def _target_first(logits_NK: torch.Tensor, target_N: torch.Tensor) -> torch.Tensor:
    """Each row turned round so that the target's class is its first."""
    classes = logits_NK.shape[1]
    places_K = torch.arange(classes, device=logits_NK.device)
    return logits_NK.gather(1, (target_N[:, None] + places_K) % classes)


def _against_the_rest(logits_NK: torch.Tensor) -> torch.Tensor:
    """Logarithms of the first class's probability and of all others' together, N x 2."""
    logs_NK = logits_NK.log_softmax(1)
    return torch.stack([logs_NK[:, 0], logs_NK[:, 1:].logsumexp(1)], 1)
