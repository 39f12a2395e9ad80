"""Agreement, KL, calibration and means over seeds, against values worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from proxykd.errors import UserError
from proxykd.evaluation.experiment import Images, evaluate, outputs, summarise
from proxykd.evaluation.metrics import calibration_error, compare, kl, labelled, over_seeds
from proxykd.networks.outputs import log_softmax, logits_of, softmax
from trained import digit_images, digit_teacher


def logits(*shares: tuple[float, ...]) -> np.ndarray:
    return np.log(np.array(shares))


def test_kl_by_hand() -> None:
    teacher_NK, student_NK = logits((0.75, 0.25), (0.5, 0.5)), logits((0.5, 0.5), (0.5, 0.5))
    by_hand = (0.75 * math.log(1.5) + 0.25 * math.log(0.5)) / 2
    assert kl(teacher_NK, student_NK) == pytest.approx(by_hand)
    assert kl(teacher_NK + 100, teacher_NK - 7) == pytest.approx(0, abs=1e-12)
    # One that is as sure as can be of the wrong class: finite, and the gap itself.
    assert kl(np.array([[2000.0, 0]]), np.array([[0.0, 2000]])) == pytest.approx(2000)


def test_softmax_and_its_logarithm() -> None:
    logits_NK = np.array([[0.0, math.log(3)], [1e4, -1e4]], np.float32)
    assert softmax(logits_NK) == pytest.approx(np.array([[0.25, 0.75], [1, 0]]))
    assert log_softmax(logits_NK)[1].tolist() == [0, -2e4]


def test_calibration_by_hand() -> None:
    # Ten outputs of 0.8 of which six are right, and ten of 0.6 of which six are.
    logits_NK = logits(*[(0.8, 0.2)] * 10, *[(0.6, 0.4)] * 10)
    truth_N = np.array(([0] * 6 + [1] * 4) * 2)
    assert calibration_error(logits_NK, truth_N, 15) == pytest.approx(0.1)
    # In one bin the errors cancel in part: 0.7 on average against 0.6.
    assert calibration_error(logits_NK, truth_N, 2) == pytest.approx(0.1)
    mixed_N = np.array([0] * 8 + [1] * 2 + [0] * 4 + [1] * 6)
    assert calibration_error(logits_NK, mixed_N, 15) == pytest.approx(0.5 * 0 + 0.5 * 0.2)
    assert calibration_error(np.array([[1e3, 0.0]]), np.array([0]), 15) == 0


def test_agreement_by_hand() -> None:
    teacher_NK = logits((0.9, 0.1), (0.9, 0.1), (0.2, 0.8), (0.2, 0.8))
    student_NK = logits((0.6, 0.4), (0.4, 0.6), (0.4, 0.6), (0.1, 0.9))
    found = compare(teacher_NK, student_NK, 15)
    assert found["agreement"] == 0.75
    assert set(found) == {"agreement", "kl", "calibration_error"}


def test_accuracy_of_each_class_sums_to_the_accuracy() -> None:
    images_NHWC, labels_N = digit_images("test")
    logits_NK = logits_of(digit_teacher(), images_NHWC, "cpu")
    found = labelled(logits_NK, labels_N, 15)
    counts_K = np.bincount(labels_N, minlength=10)
    assert np.dot(found["by_class"], counts_K) / counts_K.sum() == pytest.approx(found["accuracy"])
    assert found["accuracy"] > 0.9
    assert labelled(logits_NK[labels_N != 3], labels_N[labels_N != 3], 15)["by_class"][3] is None


def test_one_seed_has_no_deviation() -> None:
    assert over_seeds([0.5]) == {"mean": 0.5, "std": None, "n": 1}
    assert over_seeds([1.0, 2.0, 3.0]) == {"mean": 2.0, "std": 1.0, "n": 3}


SCORES = [{"histogram": [10, 0, 30]}, {"histogram": [0, 10, 10]}]
SELECTIONS = [{"histogram": [5, 5, 5], "shortfall": {}}]


def measured(images: dict[str, Images], shift: float = 0.0) -> dict[str, Any]:
    said = outputs(digit_teacher(), images, "cpu")
    student = {name: values + shift * np.eye(10)[0] for name, values in said.items()}
    return evaluate(said, student, images, 15) | {"cost": {}}


def test_a_teacher_agrees_with_itself() -> None:
    images = {
        "heldout": Images(digit_images("validation")[0], None),
        "labelled": Images(*digit_images("test")),
    }
    one = measured(images)
    assert one["fidelity"]["labelled"]["agreement"] == one["fidelity"]["heldout"]["agreement"] == 1
    assert one["fidelity"]["heldout"]["kl"] == pytest.approx(0, abs=1e-12)
    assert one["teacher"] == one["student"]
    summary = summarise([one, measured(images, shift=100)], SCORES, SELECTIONS)
    assert (summary["labels"], summary["fidelity_on"]) == (True, "labelled")
    assert summary["accuracy"]["n"] == 2
    # The other student says 0 to everything: right for one class, wrong for all others.
    assert summary["by_class"][0]["mean"] == pytest.approx((1 + one["student"]["by_class"][0]) / 2)
    assert summary["by_class"][1]["mean"] == pytest.approx(one["student"]["by_class"][1] / 2)
    assert summary["classes"]["pool"]["histogram"] == [10, 10, 40]


def test_without_labels_there_is_no_accuracy() -> None:
    summary = summarise([measured({"heldout": Images(digit_images("test")[0], None)})], SCORES, SELECTIONS)
    assert summary["labels"] is False
    assert summary["accuracy"] is summary["calibration_error"] is summary["by_class"] is None
    assert summary["teacher"] is None
    assert summary["fidelity_on"] == "heldout"
    assert summary["fidelity"]["heldout"]["agreement"] == {"mean": 1, "std": None, "n": 1}


def test_images_of_another_size_are_refused() -> None:
    with pytest.raises(UserError, match="The labelled images are 9x9x1 and the network takes 8x8x1"):
        outputs(digit_teacher(), {"labelled": Images(np.zeros((2, 9, 9, 1), np.uint8), None)}, "cpu")
