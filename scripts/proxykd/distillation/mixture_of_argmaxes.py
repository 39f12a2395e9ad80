"""The teacher's classes of the two views before mixing as hard labels, by their shares."""

from __future__ import annotations

import torch

from proxykd.distillation.losses import TeacherOutputs
from proxykd.distillation.settings import Loss


def loss(student_NK: torch.Tensor, teacher: TeacherOutputs, how: Loss, temperature: float) -> torch.Tensor:
    """-λ log softmax(s) at the class of a view, -(1 - λ) at its partner's, mean over the batch.

    Mixup as for labels (Zhang et al., ICLR 2018), which the teacher gives here. No temperature.
    """
    assert teacher.mixture is not None
    mixture, logs_NK = teacher.mixture, student_NK.log_softmax(1)
    own_N = logs_NK.gather(1, mixture.own_N[:, None])[:, 0]
    partner_N = logs_NK.gather(1, mixture.partner_N[:, None])[:, 0]
    return -torch.lerp(partner_N, own_N, mixture.share_N.to(own_N.dtype)).mean()
