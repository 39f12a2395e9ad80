"""The squared difference of the logits."""

from __future__ import annotations

import torch

from proxykd.distillation.losses import TeacherOutputs
from proxykd.distillation.settings import Loss


def loss(student_NK: torch.Tensor, teacher: TeacherOutputs, how: Loss, temperature: float) -> torch.Tensor:
    """(s - t)², mean over the batch and over the classes (Ba & Caruana 2014 add the classes up).

    Where both logits' means over the classes agree, twice the limit of T² KL at high temperatures (Hinton et
    al. 2015, section 2.1). No temperature.
    """
    return (student_NK - teacher.logits_NK).square().mean()
