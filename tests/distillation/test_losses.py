"""Each loss, against values worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from shown import MIXTURE, gradient, logits_of, value

from proxykd.distillation.losses import Mixture

UNIFORM_NK = logits_of([[1, 1], [1, 1]])
TEACHER_NK = logits_of([[3, 1], [1, 1]])


def test_kl_by_hand() -> None:
    # (3/4, 1/4) from (1/2, 1/2): 3/4 ln 3/2 + 1/4 ln 1/2. The second image adds nothing to the mean.
    by_hand = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert float(value("kl", UNIFORM_NK, TEACHER_NK)) == pytest.approx(by_hand / 2)
    # At T = 2 the teacher's logits are halved: shares of sqrt(3) to 1, and the loss has the factor 4.
    share = math.sqrt(3) / (1 + math.sqrt(3))
    warm = share * math.log(2 * share) + (1 - share) * math.log(2 * (1 - share))
    assert float(value("kl", UNIFORM_NK, TEACHER_NK, 2.0)) == pytest.approx(4 * warm / 2)


def test_it_is_the_teachers_distribution_that_weighs() -> None:
    backwards = 0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25)
    assert float(value("kl", TEACHER_NK, UNIFORM_NK)) == pytest.approx(backwards / 2)


def test_standardised_kl_by_hand() -> None:
    # (4, 0, -4) has mean 0 and variance 32 / 3: z-scores (1, 0, -1) sqrt(3 / 2).
    # (0, 0, 3) has mean 1 and variance 2: z-scores (-1, -1, 2) / sqrt(2). All halved by T = 2.
    teacher_NK = torch.tensor([[4.0, 0.0, -4.0]], dtype=torch.float64)
    student_NK = torch.tensor([[0.0, 0.0, 3.0]], dtype=torch.float64)
    t = [math.exp(math.sqrt(1.5) * z / 2) for z in (1, 0, -1)]
    s = [math.exp(z / math.sqrt(2) / 2) for z in (-1, -1, 2)]
    by_hand = sum(
        a / sum(t) * (math.log(a / sum(t)) - math.log(b / sum(s))) for a, b in zip(t, s, strict=True)
    )
    found = value({"kind": "kl", "standardise": True}, student_NK, teacher_NK, 2.0)
    assert float(found) == pytest.approx(4 * by_hand)


def test_argmax_of_mixed_by_hand() -> None:
    # The teacher's classes are 0 and 1, which the student gives 2/4 and 1/5.
    student_NK, teacher_NK = logits_of([[2, 1, 1], [1, 1, 3]]), logits_of([[9, 2, 5], [3, 4, 3]])
    for temperature in (1.0, 20.0):
        found = value("argmax_of_mixed", student_NK, teacher_NK, temperature)
        assert float(found) == pytest.approx((math.log(2) + math.log(5)) / 2)


def test_mixture_of_argmaxes_by_hand() -> None:
    # A quarter of class 0, which the student gives 2/4, with class 1, to which it gives 1/4; all of class 2,
    # to which it gives 3/5. What the teacher says of the mixed view, class 2 and class 1, plays no part.
    student_NK, teacher_NK = logits_of([[2, 1, 1], [1, 1, 3]]), logits_of([[1, 2, 5], [3, 4, 3]])
    by_hand = (0.25 * math.log(2) + 0.75 * math.log(4) + math.log(5 / 3)) / 2
    for temperature in (1.0, 20.0):
        found = value("mixture_of_argmaxes", student_NK, teacher_NK, temperature, MIXTURE)
        assert float(found) == pytest.approx(by_hand)


def test_mse_by_hand() -> None:
    student_NK = torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, -1.0]])
    teacher_NK = torch.tensor([[1.0, 0.0, 6.0], [2.0, 0.0, 0.0]])
    # 0 + 4 + 9 and 4 + 0 + 1: 18 over two images of three classes.
    for temperature in (1.0, 20.0):
        assert float(value("mse", student_NK, teacher_NK, temperature)) == pytest.approx(3)


def test_dist_by_hand() -> None:
    student_NK, teacher_NK = logits_of([[3, 2, 1], [1, 3, 2]]), logits_of([[2, 1, 1], [1, 1, 2]])
    # Over classes, less the means: (2, -1, -1) / 12 and (1, 0, -1) / 6 correlate with 3 / sqrt(6 * 2);
    # (-1, -1, 2) / 12 and (-1, 1, 0) / 6 with 0.
    inter = (math.sqrt(3) / 2 + 0) / 2
    # Over the batch: class 0 falls and class 2 rises for both; class 1 stays for the teacher.
    intra = (1 + 0 + 1) / 3
    for beta, gamma in ((1.0, 0.0), (0.0, 1.0), (3.0, 5.0)):
        found = value({"kind": "dist", "beta": beta, "gamma": gamma}, student_NK, teacher_NK)
        assert float(found) == pytest.approx(beta * (1 - inter) + gamma * (1 - intra))
    by_default = value("dist", 20 * student_NK, 20 * teacher_NK, 20.0)
    assert float(by_default) == pytest.approx(2 * (1 - inter) + 2 * (1 - intra))


def test_dkd_by_hand() -> None:
    shares = [[2, 1, 1], [1, 4, 1]], [[1, 1, 2], [1, 1, 1]]
    # Image 1, class 0: (1/2, 1/2) from (1/4, 3/4); the others (1/2, 1/2) from (1/3, 2/3).
    target = 0.5 * math.log(2) + 0.5 * math.log(2 / 3)
    others = 0.5 * math.log(3 / 2) + 0.5 * math.log(3 / 4)
    # Image 2, class 1: (2/3, 1/3) from (1/3, 2/3); the others (1/2, 1/2) from the same.
    target += 2 / 3 * math.log(2) + 1 / 3 * math.log(1 / 2)
    for alpha, beta in ((1.0, 0.0), (0.0, 1.0), (3.0, 5.0)):
        for temperature in (1.0, 4.0):
            teacher_NK, student_NK = (logits_of(one, temperature) for one in shares)
            how: dict[str, object] = {"kind": "dkd", "alpha": alpha, "beta": beta}
            by_hand = temperature**2 * (alpha * target + beta * others) / 2
            assert float(value(how, student_NK, teacher_NK, temperature)) == pytest.approx(by_hand)
    teacher_NK, student_NK = (logits_of(one) for one in shares)
    assert float(value("dkd", student_NK, teacher_NK)) == pytest.approx((target + 8 * others) / 2)


def test_dkd_is_the_kl_with_the_weight_that_the_kl_gives_the_others() -> None:
    student_NK, teacher_NK = logits_of([[1, 5, 2, 4]]), logits_of([[3, 2, 4, 1]])
    how: dict[str, object] = {"kind": "dkd", "alpha": 1, "beta": 1 - 4 / 10}
    assert float(value(how, student_NK, teacher_NK)) == pytest.approx(
        float(value("kl", student_NK, teacher_NK))
    )


def test_of_two_classes_dkd_is_the_kl() -> None:
    assert float(value("dkd", UNIFORM_NK, TEACHER_NK, 3.0)) == pytest.approx(
        float(value("kl", UNIFORM_NK, TEACHER_NK, 3.0))
    )


def test_the_two_hard_labels_differ_where_the_mixed_view_looks_like_a_third_class() -> None:
    student_NK = torch.zeros(1, 3, dtype=torch.float64)
    teacher_NK = logits_of([[1, 1, 5]])
    halves = Mixture(torch.tensor([0]), torch.tensor([1]), torch.tensor([0.5]))
    # Softmax less label: (1, 1, 1) / 3 less (0, 0, 1), and less (1, 1, 0) / 2.
    third = gradient("argmax_of_mixed", student_NK, teacher_NK)
    both = gradient("mixture_of_argmaxes", student_NK, teacher_NK, 1.0, halves)
    assert third[0].tolist() == pytest.approx([1 / 3, 1 / 3, -2 / 3])
    assert both[0].tolist() == pytest.approx([-1 / 6, -1 / 6, 1 / 3])
