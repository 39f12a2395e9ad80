"""The loss, against values worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from proxykd.distillation.losses import kl_divergence

TEACHER_NK = torch.tensor([[math.log(3), 0.0], [0.0, 0.0]], dtype=torch.float64)
STUDENT_NK = torch.tensor([[0.0, 0.0], [0.0, 0.0]], dtype=torch.float64)


def test_kl_by_hand() -> None:
    # (3/4, 1/4) from (1/2, 1/2): 3/4 ln 3/2 + 1/4 ln 1/2. The second image adds nothing to the mean.
    by_hand = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert float(kl_divergence(STUDENT_NK, TEACHER_NK, 1.0)) == pytest.approx(by_hand / 2)
    # At T = 2 the teacher's logits are halved: shares of sqrt(3) to 1, and the loss has the factor 4.
    share = math.sqrt(3) / (1 + math.sqrt(3))
    warm = share * math.log(2 * share) + (1 - share) * math.log(2 * (1 - share))
    assert float(kl_divergence(STUDENT_NK, TEACHER_NK, 2.0)) == pytest.approx(4 * warm / 2)


def test_it_is_the_teachers_distribution_that_weighs() -> None:
    backwards = 0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25)
    assert float(kl_divergence(TEACHER_NK, STUDENT_NK, 1.0)) == pytest.approx(backwards / 2)


def test_equal_logits_cost_nothing_and_a_shift_changes_nothing() -> None:
    logits_NK = torch.randn(5, 7, dtype=torch.float64)
    assert float(kl_divergence(logits_NK + 3, logits_NK, 20.0)) == pytest.approx(0, abs=1e-12)


def gradient(temperature: float) -> torch.Tensor:
    student_NK = STUDENT_NK.clone().requires_grad_()
    kl_divergence(student_NK, TEACHER_NK, temperature).backward()
    assert student_NK.grad is not None
    return student_NK.grad


def test_the_gradient_keeps_its_size_at_high_temperatures() -> None:
    # Its limit is (s - t) less the means, over classes and images (Hinton et al. 2015, section 2.1).
    limit = (STUDENT_NK - TEACHER_NK - (STUDENT_NK - TEACHER_NK).mean(1, keepdim=True)) / 2 / 2
    assert torch.allclose(gradient(1000.0), limit, atol=1e-3)
    assert float(gradient(20.0).norm() / gradient(1.0).norm()) == pytest.approx(1.1, abs=0.1)
