"""What a loss is given, and which one is taken.

Each loss is a module of its own with one function,
`loss(student_NK, teacher, how, temperature) -> scalar`, so that a change of one retrains no student of
another. All of them average over the batch, and take the logits as they are: in fp32, whatever the
precision of the networks' passes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

import torch

from proxykd.distillation.settings import LOSSES, Loss


@dataclass(frozen=True)
class Views:
    """One batch as the student sees it; what it was mixed from only where the loss asks for it."""

    x_NCHW: torch.Tensor
    """Pixels in [0, 1]. The first M images are mixed, those after them are not."""
    unmixed_MCHW: torch.Tensor | None = None
    """The augmented views that were mixed."""
    partner_M: torch.Tensor | None = None
    """Which of them each one was mixed with."""
    share_M: torch.Tensor | None = None
    """Share of the view itself in the mixture, from 0 to 1."""


@dataclass(frozen=True)
class Mixture:
    """The teacher's classes of the two views that each image is mixed from."""

    own_N: torch.Tensor
    """Class of the view itself."""
    partner_N: torch.Tensor
    """Class of its partner; of the image itself where it is not mixed."""
    share_N: torch.Tensor
    """Share of the view itself; 1 where the image is not mixed."""


@dataclass(frozen=True)
class TeacherOutputs:
    """What the teacher says of a batch."""

    logits_NK: torch.Tensor
    """Of the very images that the student sees, in fp32."""
    mixture: Mixture | None = None
    """Only for a loss that `needs_unmixed`."""


LossFunction = Callable[[torch.Tensor, TeacherOutputs, Loss, float], torch.Tensor]


def loss_function(how: Loss) -> LossFunction:
    """The function of the chosen loss: student's logits N x K, teacher, settings, temperature -> scalar."""
    return import_module(LOSSES[how.kind]).loss


@torch.no_grad()
def teacher_outputs(teacher: Callable[[torch.Tensor], torch.Tensor], views: Views) -> TeacherOutputs:
    """One pass over the images that the student sees, and a second one only over views that were kept."""
    logits_NK = teacher(views.x_NCHW).float()
    if views.unmixed_MCHW is None:
        return TeacherOutputs(logits_NK)
    assert views.partner_M is not None
    assert views.share_M is not None
    own_M = teacher(views.unmixed_MCHW).argmax(1)
    unmixed = logits_NK[len(own_M) :]
    rest = unmixed.argmax(1)
    shares = (views.share_M, torch.ones_like(unmixed[:, 0]))
    mixture = Mixture(torch.cat([own_M, rest]), torch.cat([own_M[views.partner_M], rest]), torch.cat(shares))
    return TeacherOutputs(logits_NK, mixture)
