"""The teacher's class as a hard label, of the view that the student sees."""

from __future__ import annotations

import torch
from torch.nn import functional

from proxykd.distillation.losses import TeacherOutputs
from proxykd.distillation.settings import Loss


def loss(student_NK: torch.Tensor, teacher: TeacherOutputs, how: Loss, temperature: float) -> torch.Tensor:
    """-log softmax(s) at the teacher's class of the mixed view, mean over the batch.

    One label for a mixed view, not two (those are `mixture_of_argmaxes`). No temperature.
    """
    return functional.cross_entropy(student_NK, teacher.logits_NK.argmax(1))
