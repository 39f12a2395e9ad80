"""Logits whose softmaxes are given, and losses called as a training does."""

from __future__ import annotations

import torch

from proxykd.distillation.losses import Mixture, TeacherOutputs, loss_function
from proxykd.distillation.settings import Loss

MIXTURE = Mixture(torch.tensor([0, 2]), torch.tensor([1, 2]), torch.tensor([0.25, 1.0]))


def logits_of(shares_NK: list[list[float]], temperature: float = 1.0) -> torch.Tensor:
    """Logits whose softmax at a temperature is the given one."""
    return torch.tensor(shares_NK, dtype=torch.float64).log() * temperature


def value(
    how: str | dict[str, object],
    student_NK: torch.Tensor,
    teacher_NK: torch.Tensor,
    temperature: float = 1.0,
    mixture: Mixture | None = None,
) -> torch.Tensor:
    """The loss of a configuration's `loss`."""
    chosen = Loss.model_validate(how)
    return loss_function(chosen)(student_NK, TeacherOutputs(teacher_NK, mixture), chosen, temperature)


def gradient(
    how: str | dict[str, object],
    student_NK: torch.Tensor,
    teacher_NK: torch.Tensor,
    temperature: float = 1.0,
    mixture: Mixture | None = None,
) -> torch.Tensor:
    """The loss's gradient to the student's logits."""
    student_NK = student_NK.clone().requires_grad_()
    (found,) = torch.autograd.grad(value(how, student_NK, teacher_NK, temperature, mixture), student_NK)
    return found
