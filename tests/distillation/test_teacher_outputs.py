"""What the teacher is asked while a student learns: of which images, and how often."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from proxykd.distillation.losses import Views, teacher_outputs
from proxykd.distillation.settings import LOSSES, DistillStudent
from proxykd.distillation.student import Attacked, Batches
from proxykd.training.data import Images
from trained import digit_images, digit_teacher, linear_classifier

STUDENT: dict[str, Any] = {
    "network": {"architecture": "convnet_8"},
    "recipe": {"steps": 4, "batch": 32},
    "temperature": 4,
    "augmentation": "strong",
    "boundary": {"share": 0.25},
}


class Counted:
    """A teacher that counts the images it is asked about."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, x_NCHW: torch.Tensor) -> torch.Tensor:
        self.asked.append(len(x_NCHW))
        return digit_teacher()(x_NCHW)


def batches(with_attacked: bool = False, **changes: Any) -> Batches:
    images = digit_images("test")[0]
    attacked = Attacked(Images(images[:64].reshape(16, 4, 8, 8, 1), "cpu")) if with_attacked else None
    settings = DistillStudent.model_validate(STUDENT | changes)
    return Batches(Images(images, "cpu"), attacked, settings, digit_teacher())


def test_by_hand() -> None:
    """Pixels 0 and 1 are classes a and b; mixed by halves they look like c."""
    teacher = linear_classifier([[-3.0], [3.0], [0.0]], [1.0, -2.0, 0.0])
    assert teacher(torch.tensor([0.0, 1.0, 0.5]).view(3, 1, 1, 1)).argmax(1).tolist() == [0, 1, 2]
    views = Views(
        torch.tensor([0.25, 0.5, 0.5, 1.0]).view(4, 1, 1, 1),
        torch.tensor([0.0, 1.0]).view(2, 1, 1, 1),
        torch.tensor([1, 0]),
        torch.tensor([0.75, 0.5]),
    )
    outputs = teacher_outputs(teacher, views)
    assert outputs.logits_NK[:, 0].tolist() == pytest.approx([0.25, -0.5, -0.5, -2.0])
    assert outputs.mixture is not None
    # The last two are not mixed: all of their own class.
    assert outputs.mixture.own_N.tolist() == [0, 1, 2, 1]
    assert outputs.mixture.partner_N.tolist() == [1, 0, 2, 1]
    assert outputs.mixture.share_N.tolist() == [0.75, 0.5, 1.0, 1.0]


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("with_attacked", [False, True])
def test_a_second_pass_is_paid_only_for_what_needs_it(kind: str, with_attacked: bool) -> None:
    teacher = Counted()
    outputs = teacher_outputs(teacher, batches(with_attacked, loss=kind).views(0))
    mixed = 24 if with_attacked else 32
    assert teacher.asked == ([32, mixed] if kind == "mixture_of_argmaxes" else [32])
    assert (outputs.mixture is not None) == (kind == "mixture_of_argmaxes")
    assert outputs.logits_NK.dtype == torch.float32


@pytest.mark.parametrize("with_attacked", [False, True])
def test_the_views_before_mixing_are_those_that_were_mixed(with_attacked: bool) -> None:
    shown = batches(with_attacked, loss="mixture_of_argmaxes")
    views, plain = shown.views(3), batches(with_attacked).views(3)
    assert views.unmixed_MCHW is not None
    assert views.share_M is not None
    assert views.partner_M is not None
    share_M111 = views.share_M.view(-1, 1, 1, 1)
    partners_MCHW = views.unmixed_MCHW[views.partner_M]
    mixed_MCHW = share_M111 * views.unmixed_MCHW + (1 - share_M111) * partners_MCHW
    assert torch.allclose(views.x_NCHW[: len(mixed_MCHW)], mixed_MCHW, atol=1e-6)
    # What the student sees does not depend on the loss, so that losses are compared on the same views.
    assert torch.equal(views.x_NCHW, plain.x_NCHW)
    mixture = teacher_outputs(digit_teacher(), views).mixture
    assert mixture is not None
    assert torch.equal(mixture.own_N[: len(mixed_MCHW)], digit_teacher()(views.unmixed_MCHW).argmax(1))
    assert len(mixture.own_N) == len(mixture.partner_N) == len(mixture.share_N) == 32
    attacked = np.s_[len(mixed_MCHW) :]
    assert torch.equal(mixture.own_N[attacked], mixture.partner_N[attacked])
    assert (mixture.share_N[attacked] == 1).all()
