"""What holds for the losses whatever the logits: zeros, invariances, sizes of gradients, finite numbers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from shown import gradient, logits_of, value

from proxykd.distillation.losses import Mixture
from proxykd.distillation.settings import LOSSES

KL_Z: dict[str, Any] = {"kind": "kl", "standardise": True}
DKD_Z: dict[str, Any] = {"kind": "dkd", "standardise": True}
ALL = [*LOSSES, KL_Z, DKD_Z]


def logits(*shape: int, seed: int = 0) -> torch.Tensor:
    return 3 * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


TEACHER_NK, STUDENT_NK = logits(6, 5), logits(6, 5, seed=1)


def mixture(count: int, classes: int) -> Mixture:
    own_N = torch.arange(count) % classes
    return Mixture(own_N, own_N.flip(0), torch.linspace(0, 1, count))


@pytest.mark.parametrize("how", ["kl", "dist", "dkd", "mse", KL_Z, DKD_Z], ids=str)
@pytest.mark.parametrize("temperature", [1.0, 20.0])
def test_a_student_that_says_the_same_has_arrived(how: Any, temperature: float) -> None:
    assert float(value(how, TEACHER_NK, TEACHER_NK, temperature)) == pytest.approx(0, abs=1e-9)
    assert gradient(how, TEACHER_NK, TEACHER_NK, temperature).abs().max() < 1e-9
    # Against the gradient it gets nearer.
    step_NK = gradient(how, STUDENT_NK, TEACHER_NK, temperature)
    before = value(how, STUDENT_NK, TEACHER_NK, temperature)
    assert 0 < value(how, STUDENT_NK - 1e-3 * step_NK, TEACHER_NK, temperature) < before


@pytest.mark.parametrize("how", ["kl", "dist", "dkd", KL_Z, DKD_Z], ids=str)
def test_a_shift_of_an_images_logits_changes_nothing(how: Any) -> None:
    shift_N1 = logits(6, 1, seed=2)
    before = float(value(how, STUDENT_NK, TEACHER_NK, 4.0))
    assert float(value(how, STUDENT_NK + shift_N1, TEACHER_NK, 4.0)) == pytest.approx(before)
    assert float(value(how, STUDENT_NK, TEACHER_NK + shift_N1, 4.0)) == pytest.approx(before)


@pytest.mark.parametrize("how", [KL_Z, DKD_Z], ids=str)
def test_standardised_losses_do_not_see_the_scale(how: dict[str, Any]) -> None:
    scale_N1 = logits(6, 1, seed=2).abs() + 0.1
    before = float(value(how, STUDENT_NK, TEACHER_NK, 4.0))
    assert float(value(how, STUDENT_NK * scale_N1, TEACHER_NK, 4.0)) == pytest.approx(before)
    assert float(value(how, STUDENT_NK, TEACHER_NK * scale_N1, 4.0)) == pytest.approx(before)
    assert float(value(how["kind"], STUDENT_NK * scale_N1, TEACHER_NK, 4.0)) != pytest.approx(before)


def test_dist_forgives_a_softmax_that_is_nearer_to_uniform() -> None:
    """Correlation does not see `a p + b`; over the batch, where all images have the same a and b."""
    mild_NK = TEACHER_NK / 3
    teacher_NK = mild_NK.softmax(1)
    alike_NK = (0.3 * teacher_NK + 0.7 / 5).log()
    assert float(value("dist", alike_NK, mild_NK)) == pytest.approx(0, abs=1e-9)
    assert float(value("kl", alike_NK, mild_NK)) > 0.1
    each_N1 = torch.linspace(0.1, 0.9, 6, dtype=torch.float64)[:, None]
    differing_NK = (each_N1 * teacher_NK + (1 - each_N1) / 5).log()
    inter, intra = (
        float(value({"kind": "dist", "beta": beta, "gamma": 1 - beta}, differing_NK, mild_NK))
        for beta in (1, 0)
    )
    assert inter == pytest.approx(0, abs=1e-9)
    assert intra > 0.01


@pytest.mark.parametrize("how", ["kl", "dist", "dkd"])
def test_the_gradient_keeps_its_size_at_high_temperatures(how: str) -> None:
    sizes = [float(gradient(how, STUDENT_NK, TEACHER_NK, one).norm()) for one in (20.0, 100.0, 1000.0)]
    assert sizes[0] == pytest.approx(sizes[2], rel=0.25)
    assert sizes[1] == pytest.approx(sizes[2], rel=0.05)


def test_the_limit_of_the_kl_is_half_the_mse() -> None:
    """Hinton et al. 2015, section 2.1: for logits whose means agree."""
    student_NK = STUDENT_NK - STUDENT_NK.mean(1, keepdim=True) + TEACHER_NK.mean(1, keepdim=True)
    high = gradient("kl", student_NK, TEACHER_NK, 1e4)
    assert torch.allclose(high, gradient("mse", student_NK, TEACHER_NK) / 2, atol=1e-3)


EXTREMES = {
    "far": torch.tensor([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4], [1e4, 1e4, 1e4]]),
    "equal": torch.zeros(3, 3),
    "ordinary": torch.tensor([[2.0, -1.0, 0.0], [-3.0, 1.0, 1.0], [5.0, 1.0, -4.0]]),
}


@pytest.mark.parametrize("how", ALL, ids=str)
@pytest.mark.parametrize("student", EXTREMES)
@pytest.mark.parametrize("teacher", EXTREMES)
def test_extreme_and_equal_logits_give_finite_numbers(how: Any, student: str, teacher: str) -> None:
    for temperature in (1.0, 20.0):
        given = (how, EXTREMES[student], EXTREMES[teacher], temperature, mixture(3, 3))
        assert value(*given).isfinite()
        found = gradient(*given)
        assert found.dtype == torch.float32
        assert found.isfinite().all()


@pytest.mark.parametrize("how", ["dist", KL_Z, DKD_Z], ids=str)
def test_a_student_whose_logits_are_equal_is_not_thrown_far(how: Any) -> None:
    """As of a network whose last layer starts at zero: a z-score jumps there."""
    found = gradient(how, torch.zeros(6, 5), TEACHER_NK.float(), 20.0)
    assert 0 < float(found.norm()) < 500


def test_a_class_that_does_not_vary_teaches_nothing() -> None:
    teacher_NK = logits_of([[1, 1, 1], [1, 1, 1]])
    assert float(value("dist", logits(2, 3), teacher_NK)) == pytest.approx(4)
    assert gradient("dist", logits(2, 3), teacher_NK).abs().max() < 1e-9


@pytest.mark.parametrize("how", ALL, ids=str)
def test_a_batch_counts_by_its_mean(how: Any) -> None:
    """Twice the same images: the same loss, so that the learning rate means the same for every batch."""
    once = value(how, STUDENT_NK, TEACHER_NK, 4.0, mixture(6, 5))
    double = mixture(6, 5)
    double = Mixture(*(torch.cat([one, one]) for one in (double.own_N, double.partner_N, double.share_N)))
    twice = value(how, STUDENT_NK.repeat(2, 1), TEACHER_NK.repeat(2, 1), 4.0, double)
    assert float(twice) == pytest.approx(float(once))
